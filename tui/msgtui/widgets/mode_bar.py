"""Above the composer: that what is written changes a message, or answers one."""

from textual.content import Content
from textual.widgets import Static

from msgclient import LocalMessage
from msgtui.safe_text import safe, safe_line


class ModeBar(Static):
    """One line; gone while one simply writes."""

    DEFAULT_CSS = """
    ModeBar {
        height: 1;
        padding: 0 1;
        background: $primary 20%;
        color: $foreground;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        display: none;
    }
    """

    def show_edit(self) -> None:
        """An own message is being changed."""
        self._show(Content.assemble(("Editing", "bold"), "  Enter saves, Esc leaves it as it was"))

    def show_reply(self, message: LocalMessage) -> None:
        """A message is being answered."""
        who = "yourself" if message.outgoing else safe(message.sender_login)
        words = safe_line(message.text, 200).text
        self._show(Content.assemble(("Answering ", "bold"), (who, "bold"), f" (Esc cancels): {words}"))

    def hide(self) -> None:
        """One simply writes."""
        self.display = False

    def _show(self, content: Content) -> None:
        self.update(content)
        self.display = True
