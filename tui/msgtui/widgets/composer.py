"""Where one writes: several lines, Enter sends, a draft that is kept, `/` commands that complete."""

from typing import ClassVar

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from msgtui.commands import completed
from msgtui.safe_text import for_editing


class Composer(TextArea):
    """A text area that grows with its text, up to a third of the screen."""

    DEFAULT_CSS = """
    Composer {
        height: auto;
        min-height: 1;
        max-height: 33vh;
        border: none;
        padding: 0 1;
        background: $surface;
        scrollbar-size-vertical: 1;
    }
    Composer:focus { border: none; background: $surface; }
    """
    # Not bindings: those with priority would overtake the letters that were typed before them.
    KEYS: ClassVar[dict[str, str]] = {
        "enter": "send",
        "alt+enter": "newline",
        "shift+enter": "newline",
        "ctrl+j": "newline",
        "tab": "complete",
        "pageup": "scroll_timeline(-1)",
        "pagedown": "scroll_timeline(1)",
        "escape": "cancel",
    }

    class Submitted(Message):
        """Enter was pressed on a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class WentUp(Message):
        """Up was pressed in an empty composer: the person means the messages above."""

    class Paged(Message):
        """The person reads on while writing; `pages` is -1 for up, 1 for down."""

        def __init__(self, pages: int) -> None:
            super().__init__()
            self.pages = pages

    class Cancelled(Message):
        """Escape was pressed."""

    def __init__(self, id: str) -> None:
        super().__init__(
            id=id, soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False, placeholder="Write a message"
        )
        # A blinking cursor costs a redraw twice a second, for ever, also over a slow line.
        self.cursor_blink = False

    def put(self, text: str) -> None:
        """Replace the text, with the cursor at its end."""
        self.load_text(for_editing(text))
        self.move_cursor(self.document.end)

    def action_send(self) -> None:
        """Hand the text over; the screen empties the composer when it has taken it."""
        if self.text.strip():
            self.post_message(self.Submitted(self.text))

    def action_newline(self) -> None:
        """Break the line."""
        self.insert("\n")

    def action_complete(self) -> None:
        """Complete a command; without one, go to the next widget."""
        command = completed(self.text)
        if command is None:
            self.screen.focus_next()
        else:
            self.put(command)

    def action_scroll_timeline(self, pages: int) -> None:
        """Scroll what is read, not what is written."""
        self.post_message(self.Paged(pages))

    def action_cancel(self) -> None:
        """Leave what is under way."""
        self.post_message(self.Cancelled())

    def action_cursor_up(self, select: bool = False) -> None:
        """Up in an empty composer selects the newest message."""
        if not self.text and not select:
            self.post_message(self.WentUp())
        else:
            super().action_cursor_up(select)

    async def _on_key(self, event: events.Key) -> None:
        action = self.KEYS.get(event.key)
        if action is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(action)

    async def _on_paste(self, event: events.Paste) -> None:
        # A clipboard may hold anything, and an editor shows what it holds.
        event.prevent_default()
        await super()._on_paste(events.Paste(for_editing(event.text)))
