"""What is known of somebody."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

import msgwire
from msgclient import ContactView
from msgtui.roster import PRESENCE
from msgtui.safe_text import safe, safe_line
from msgtui.times import Calendar

_STATES = {
    "none": "no contact of yours: /add requests it",
    "requested": "has not answered your request; /remove takes it back",
    "pending": "wants to be your contact: /accept or /decline",
    "accepted": "a contact of yours",
    "blocked": "blocked; /unblock takes it back",
}


class PersonScreen(ModalScreen[None]):
    """A small page; any of Escape, Enter and Q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", show=False)]
    DEFAULT_CSS = """
    PersonScreen { align: center middle; }
    PersonScreen > Vertical { width: 60; max-width: 96%; height: auto; padding: 1 2; background: $panel; }
    PersonScreen #login { text-style: bold; margin-bottom: 1; }
    PersonScreen #hint { margin-top: 1; color: $foreground-muted; }
    """

    def __init__(self, user: msgwire.User, contact: ContactView | None, calendar: Calendar, now_ms: int) -> None:
        super().__init__()
        self._user = user
        self._contact = contact
        self._calendar = calendar
        self._now_ms = now_ms

    def compose(self) -> ComposeResult:
        """Lines of a label and what it says."""
        user, contact = self._user, self._contact
        sign, words = PRESENCE.get(user.status, PRESENCE["offline"])
        if user.status == "offline" and user.last_seen_at is not None:
            words = f"last seen {self._calendar.ago(user.last_seen_at, self._now_ms)}"
        lines = [("Status", f"{sign} {words}"), ("Contact", _STATES.get(user.contact, safe(user.contact)))]
        if contact is not None and contact.status_text:
            lines.append(("Says", safe_line(contact.status_text).text))
        if contact is not None and contact.note:
            lines.append(("Note", safe_line(contact.note).text))
        lines += [("Account", f"since {self._calendar.full(user.created_at)}"), ("Id", safe(user.uid))]
        with Vertical():
            yield Static(safe(user.login), id="login", markup=False)
            yield Static(
                Content("\n").join(
                    Content.assemble((f"{label:<9}", "$foreground-muted"), words) for label, words in lines
                )
            )
            yield Static("Esc closes", id="hint", markup=False)
