"""Who stands in the list on the left, and in which order: requests, conversations, then the other contacts. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from msgclient import ContactView, ConversationView, LocalMessage

from .safe_text import safe, safe_line
from .timeline.marks import MARKS
from .timeline.painter import call_words

PRESENCE: dict[str, tuple[str, str]] = {
    "online": ("●", "online"),
    "away": ("◐", "away"),
    "dnd": ("⊘", "do not disturb"),
    "offline": ("○", "offline"),
}
"""A sign and words for each status; the signs differ in shape, so that no color is needed."""


class RowKind(Enum):
    """What a row stands for."""

    REQUEST = "request"
    CONVERSATION = "conversation"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the list.

    Attributes:
        status: a key of `PRESENCE`, or empty where there is no presence to know of.
        preview: the last message, a draft, or what the row is for; safe to show.
        at: UTC epoch ms of the last message; None where there is none.
    """

    kind: RowKind
    uid: str
    login: str
    status: str
    preview: str
    at: int | None = None
    unread: int = 0
    is_draft: bool = False


class Roster:
    """Conversations and contacts by uid, and the rows that follow from them."""

    def __init__(self) -> None:
        self._conversations: dict[str, ConversationView] = {}
        self._contacts: dict[str, ContactView] = {}
        self._strangers: dict[str, str] = {}

    def load(self, conversations: Iterable[ConversationView], contacts: Iterable[ContactView]) -> None:
        """Replace everything."""
        self._conversations = {view.peer: view for view in conversations}
        self._contacts = {view.uid: view for view in contacts}

    def put_conversation(self, view: ConversationView | None) -> None:
        """A conversation is new or has changed."""
        if view is not None:
            self._conversations[view.peer] = view

    def put_contact(self, view: ContactView) -> None:
        """A contact is new or has changed; the state `none` ends it."""
        if view.state == "none":
            self._contacts.pop(view.uid, None)
        else:
            self._contacts[view.uid] = view

    def met(self, uid: str, login: str) -> None:
        """Somebody was found who is neither a contact nor in a conversation yet."""
        self._strangers[uid] = login

    def conversation(self, uid: str) -> ConversationView | None:
        """The conversation with an account."""
        return self._conversations.get(uid)

    def contact(self, uid: str) -> ContactView | None:
        """The contact of an account."""
        return self._contacts.get(uid)

    def login(self, uid: str) -> str:
        """The login of an account, or a word where it is not known yet."""
        contact, conversation = self._contacts.get(uid), self._conversations.get(uid)
        login = (contact.login if contact else "") or (conversation.login if conversation else "")
        return login or self._strangers.get(uid) or "somebody"

    def uid_of(self, login: str) -> str | None:
        """The account of a login that is known here, without regard to case."""
        wanted = login.casefold()
        for view in self._contacts.values():
            if view.login.casefold() == wanted:
                return view.uid
        return next((view.peer for view in self._conversations.values() if view.login.casefold() == wanted), None)

    @property
    def unread(self) -> int:
        """Unread messages in all."""
        return sum(view.unread for view in self._conversations.values())

    def rows(self, open_uid: str | None = None) -> list[Row]:
        """All rows, in the order in which they are shown. The draft of the open one stands in the composer."""
        requests = [view for view in self._contacts.values() if view.state == "pending"]
        requests.sort(key=lambda view: -view.since)
        asking = {view.uid for view in requests}
        talks = [view for view in self._conversations.values() if view.peer not in asking and _is_shown(view)]
        talks.sort(key=lambda view: (-(view.last.sent_at if view.last else 0), view.login))
        talking = {view.peer for view in talks}
        others = [view for view in self._contacts.values() if view.uid not in asking | talking]
        others.sort(key=lambda view: (_ORDER.get(view.state, 9), view.login))
        return [
            *(self._request(view) for view in requests),
            *(self._conversation(view, view.peer == open_uid) for view in talks),
            *(self._contact(view) for view in others),
        ]

    def _request(self, view: ContactView) -> Row:
        note = safe_line(view.note, 200).text if view.note else "wants to be your contact"
        return Row(RowKind.REQUEST, view.uid, safe(view.login), "", note, view.since)

    def _conversation(self, view: ConversationView, is_open: bool) -> Row:
        contact = self._contacts.get(view.peer)
        draft = "" if is_open else view.draft.strip()
        return Row(
            RowKind.CONVERSATION,
            view.peer,
            safe(self.login(view.peer)),
            contact.status if contact is not None and contact.state == "accepted" else "",
            safe_line(draft, 200).text if draft else preview(view.last),
            view.last.sent_at if view.last else None,
            view.unread,
            bool(draft),
        )

    def _contact(self, view: ContactView) -> Row:
        words = {"requested": "has not answered yet", "blocked": "blocked", "accepted": "say hello"}
        status = view.status if view.state == "accepted" else ""
        return Row(RowKind.CONTACT, view.uid, safe(view.login), status, words.get(view.state, ""))


_ORDER = {"accepted": 0, "requested": 1, "blocked": 2}


def _is_shown(view: ConversationView) -> bool:
    return view.last is not None or bool(view.draft.strip())


def preview(message: LocalMessage | None) -> str:
    """One line that stands for a message."""
    if message is None:
        return ""
    if message.call is not None:
        return f"☎ {call_words(message.call)}"
    if message.deleted:
        return "message deleted"
    text = safe_line(message.text, 200).text
    return f"{MARKS[message.state]} {text}" if message.outgoing else text
