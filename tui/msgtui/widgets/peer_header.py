"""Above the timeline: who it is, and whether they are there."""

from textual.content import Content
from textual.widgets import Static

from msgclient import ContactView
from msgtui.roster import PRESENCE
from msgtui.safe_text import safe, safe_line
from msgtui.times import Calendar

_COLORS = {"online": "$text-success", "away": "$text-warning", "dnd": "$text-error", "offline": "$foreground-muted"}
_STATES = {
    "requested": "has not accepted your request yet",
    "pending": "wants to be your contact",
    "blocked": "blocked",
    "none": "no contact of yours",
}


class PeerHeader(Static):
    """One line: presence sign, login, status, what they say of it, typing."""

    DEFAULT_CSS = """
    PeerHeader {
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $foreground;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def show(self, login: str, contact: ContactView | None, is_typing: bool, calendar: Calendar, now_ms: int) -> None:
        """Show somebody. Without a contact nothing is known of their presence."""
        state = contact.state if contact is not None else "none"
        name = (safe(login), "bold")
        if contact is None or state != "accepted":
            self.update(
                Content.assemble(("· ", "$foreground-muted"), name, (f"  {_STATES[state]}", "$foreground-muted"))
            )
            return
        sign, words = PRESENCE.get(contact.status, PRESENCE["offline"])
        if contact.status == "offline" and contact.last_seen_at is not None:
            words = f"last seen {calendar.ago(contact.last_seen_at, now_ms)}"
        if contact.status_text:
            words += f" · {safe_line(contact.status_text, 120).text}"
        if is_typing:
            words = "is typing…"
        color = _COLORS.get(contact.status, "$foreground-muted")
        self.update(Content.assemble((f"{sign} ", color), name, (f"  {words}", "$foreground-muted")))

    def show_nobody(self) -> None:
        """No conversation is open."""
        self.update(Content.styled("msgd", "bold"))
