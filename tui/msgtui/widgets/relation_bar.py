"""Above the composer: what stands between two people, and the buttons that change it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static

from msgclient import ContactView
from msgtui.safe_text import safe, safe_line

Choice = tuple[str, str]
"""The id of an action, and the word on its button."""


class RelationBar(Vertical):
    """Shown while the other is no contact: a request to answer, an answer to wait for, a block to take back."""

    DEFAULT_CSS = """
    RelationBar {
        height: auto;
        padding: 0 1;
        background: $warning 20%;
        display: none;
    }
    RelationBar Static { height: auto; max-height: 3; }
    RelationBar Horizontal { height: 1; }
    RelationBar.-brief { layout: horizontal; }
    RelationBar.-brief Static { width: 1fr; }
    RelationBar.-brief Horizontal { width: auto; }
    RelationBar.-brief Button { margin: 0 0 0 1; }
    RelationBar Button { margin-right: 1; min-width: 0; padding: 0 1; background: $panel; }
    """
    _CHOICES: ClassVar[dict[str, tuple[Choice, ...]]] = {
        "pending": (("accept", "Accept"), ("decline", "Decline"), ("block", "Block")),
        "requested": (("remove", "Take back"),),
        "blocked": (("unblock", "Unblock"),),
        "none": (("add", "Request contact"),),
    }

    class Chosen(Message):
        """A button was pressed."""

        def __init__(self, action_id: str) -> None:
            super().__init__()
            self.action_id = action_id

    def compose(self) -> ComposeResult:
        """Words, and every button there is."""
        yield Static(id="relation-words")
        with Horizontal():
            for choices in self._CHOICES.values():
                for action_id, word in choices:
                    yield Button(word, id=f"relation-{action_id}", compact=True)

    def show(self, login: str, contact: ContactView | None) -> None:
        """Show what stands between the account and somebody."""
        state = contact.state if contact is not None else "none"
        self.display = state in self._CHOICES
        if not self.display:
            return
        # One button stands beside the words, three stand below a note.
        self.set_class(len(self._CHOICES[state]) == 1, "-brief")
        wanted = {action_id for action_id, _ in self._CHOICES[state]}
        for button in self.query(Button):
            button.display = (button.id or "").removeprefix("relation-") in wanted
        self.query_one("#relation-words", Static).update(self._words(state, safe(login), contact))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Hand the choice over."""
        event.stop()
        self.post_message(self.Chosen((event.button.id or "").removeprefix("relation-")))

    @staticmethod
    def _words(state: str, login: str, contact: ContactView | None) -> Content:
        name = (login, "bold")
        match state:
            case "pending":
                note = contact.note if contact is not None else None
                if note:
                    return Content.assemble(name, " wants to be your contact: ", (safe_line(note).text, "italic"))
                return Content.assemble(name, " wants to be your contact.")
            case "requested":
                return Content("They have not answered yet.")
            case "blocked":
                return Content("You have blocked them.")
        return Content("You are no contacts yet.")
