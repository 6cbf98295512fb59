"""A few cells over the end of the timeline: how many messages came while one reads further up."""

from textual.message import Message
from textual.widgets import Static


class NewBelow(Static):
    """`3 new ↓`; a click goes there."""

    DEFAULT_CSS = """
    NewBelow {
        layer: above;
        dock: bottom;
        width: 100%;
        height: 1;
        text-align: center;
        background: $accent 40%;
        color: $foreground;
        text-style: bold;
        display: none;
    }
    """

    class Clicked(Message):
        """The person wants to see them."""

    def show(self, count: int, follows: bool) -> None:
        """Show how many; nothing while the end is in view."""
        self.display = not follows
        self.update(f"{count} new ↓  Ctrl-End" if count else "↓ newer messages  Ctrl-End")

    def on_click(self) -> None:
        """Ask to go to the end."""
        self.post_message(self.Clicked())
