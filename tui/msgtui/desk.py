"""What an action may use of the screen that runs it."""

from typing import Protocol

from textual.app import App

from msgclient import Client, LocalMessage

from .roster import Roster
from .times import Calendar


class Refused(Exception):
    """An action cannot be done as things stand; the text is a sentence that says why and what to do."""


class Desk(Protocol):
    """The chat screen, as actions see it. Actions raise `Refused` and the SDK's `ClientError`; the screen tells."""

    @property
    def client(self) -> Client:
        """The SDK."""

    @property
    def app(self) -> App[object]:
        """The program."""

    @property
    def roster(self) -> Roster:
        """People and conversations as they are shown."""

    @property
    def calendar(self) -> Calendar:
        """The time zone."""

    def now_ms(self) -> int:
        """The present, UTC epoch ms."""

    @property
    def peer(self) -> str | None:
        """Whose conversation is open, by uid."""

    def need_peer(self) -> str:
        """Whose conversation is open; raises `Refused` when none is."""

    def open(self, uid: str, at_message: str | None = None) -> None:
        """Open a conversation, at its end or at a message of that id."""

    def close(self) -> None:
        """Leave the conversation, or on a narrow terminal go back to the list."""

    def step(self, rows: int) -> None:
        """Open the conversation that stands so many rows from the open one."""

    def open_next_unread(self) -> None:
        """Open the next conversation with something unread."""

    def tell(self, words: str) -> None:
        """Say that something was done."""

    async def ask(self, question: str, yes: str) -> bool:
        """Ask before something that cannot be undone; `yes` is the word on the button."""

    def selected(self) -> LocalMessage:
        """The selected message; raises `Refused` when there is none."""

    def last_own(self) -> LocalMessage:
        """The selected message, or the newest one of this account; raises `Refused` when there is none."""

    def start_edit(self, message: LocalMessage) -> None:
        """Put a message of this account into the composer."""

    def start_reply(self, message: LocalMessage) -> None:
        """Answer a message with what is written next."""

    def to_end(self) -> None:
        """Show the newest messages."""

    def write(self) -> None:
        """Put the focus into the composer."""
