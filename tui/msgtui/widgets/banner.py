"""A line over the timeline that cannot be overlooked: offline, and what that means."""

from textual.content import Content
from textual.widgets import Static

from msgtui.connection import Shown


class Banner(Static):
    """Shown while the connection has something to say; a sentence of the state."""

    DEFAULT_CSS = """
    Banner {
        height: auto;
        max-height: 3;
        padding: 0 1;
        background: $warning 25%;
        color: $foreground;
        display: none;
    }
    Banner.-stopped { background: $error 30%; }
    """

    def show(self, state: Shown) -> None:
        """Show what a state has to say."""
        self.display = bool(state.sentence)
        self.set_class(state.kind == "stopped", "-stopped")
        if state.sentence:
            label = "Offline" if state.kind == "offline" else "Not connected"
            self.update(Content.assemble((f"{label}. ", "bold"), state.sentence))
