"""The last line: the connection, what waits to be sent, and the keys that matter now."""

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.timer import Timer
from textual.widget import Widget

from msgclient import ConnectionState, Offline
from msgtui.connection import shown
from msgtui.hints import Hint
from msgtui.wrap import cell_len

_COLORS = {
    "online": "$text-success",
    "connecting": "$text-warning",
    "offline": "$text-warning",
    "stopped": "$text-error",
}


class StatusLine(Widget):
    """One line. Hints that do not fit are left out from the end."""

    DEFAULT_CSS = """
    StatusLine {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $foreground;
    }
    """

    def __init__(self, now_ms: Callable[[], int], id: str) -> None:
        super().__init__(id=id)
        self._now_ms = now_ms
        self._state: ConnectionState | None = None
        self._queued = 0
        self._hints: Sequence[Hint] = ()
        self._clock: Timer | None = None

    def on_mount(self) -> None:
        """A clock for the countdown; it stands still while there is none."""
        self._clock = self.set_interval(1.0, self.refresh, pause=True)
        self._wind()

    def show_state(self, state: ConnectionState, queued: int) -> None:
        """Show another state of the connection."""
        self._state, self._queued = state, queued
        self._wind()
        self.refresh()

    def show_hints(self, hints: Sequence[Hint]) -> None:
        """Show the keys that matter now, the most important first."""
        if hints != self._hints:
            self._hints = hints
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line."""
        return 1

    def render(self) -> Content:
        """The line."""
        parts: list[tuple[str, str]] = []
        if self._state is not None:
            state = shown(self._state, self._now_ms())
            parts.append((f"{state.sign} {state.words}", _COLORS[state.kind]))
        if self._queued:
            parts.append((f" · {self._queued} waiting", "$text-warning"))
        used = sum(cell_len(text) for text, _ in parts)
        hints: list[tuple[str, str]] = []
        room = self.content_size.width - used
        for key, words in self._hints:
            need = cell_len(key) + cell_len(words) + 3
            if need > room:
                break
            hints += [("  ", ""), (key, "bold $text-accent"), (f" {words}", "$foreground-muted")]
            room -= need
        return Content.assemble(*parts, " " * max(0, room), *hints)

    def _wind(self) -> None:
        if self._clock is None:
            return
        if isinstance(self._state, Offline) and self._state.retry_at is not None:
            self._clock.resume()
        else:
            self._clock.pause()
