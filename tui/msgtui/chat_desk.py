"""The desk of `msgtui.desk` on the chat screen: what actions may do there."""

from typing import TYPE_CHECKING

from textual.app import App

from msgclient import Client, LocalMessage

from .desk import Refused
from .roster import Roster
from .screens.confirm import ConfirmScreen
from .times import Calendar

if TYPE_CHECKING:
    from .screens.chat import ChatScreen


class ChatDesk:
    """Passes everything on to the screen and its parts."""

    def __init__(self, screen: "ChatScreen", client: Client) -> None:
        self._screen = screen
        self.client = client

    @property
    def app(self) -> App[object]:
        """The program."""
        return self._screen.app

    @property
    def roster(self) -> Roster:
        """People and conversations as they are shown."""
        return self._screen.roster

    @property
    def calendar(self) -> Calendar:
        """The time zone."""
        return self._screen.calendar

    def now_ms(self) -> int:
        """The present."""
        return self._screen.now_ms()

    @property
    def peer(self) -> str | None:
        """Whose conversation is open."""
        return self._screen.reader.peer

    def need_peer(self) -> str:
        """Whose conversation is open; raises `Refused` when none is."""
        if self.peer is not None:
            return self.peer
        pointed = self._screen.people.cursor
        if self._screen.focused is self._screen.people and pointed is not None:
            return pointed
        raise Refused("Say who: type a login after the command, or open a conversation first.")

    def open(self, uid: str, at_message: str | None = None) -> None:
        """Open a conversation."""
        self._screen.open(uid, at_message)

    def close(self) -> None:
        """Back to the list."""
        self._screen.close()

    def step(self, rows: int) -> None:
        """Open the conversation so many rows away."""
        self._open_and_write(self._screen.people.neighbor(rows))

    def open_next_unread(self) -> None:
        """Open the next unread conversation."""
        uid = self._screen.people.next_unread()
        if uid is None:
            self.tell("Everything is read.")
        self._open_and_write(uid)

    def tell(self, words: str) -> None:
        """Say that something was done."""
        self._screen.notify(words, markup=False, timeout=4)

    async def ask(self, question: str, yes: str) -> bool:
        """Ask before something that cannot be undone."""
        return await self.app.push_screen_wait(ConfirmScreen(question, yes))

    def selected(self) -> LocalMessage:
        """The selected message."""
        message = self._screen.timeline.selected_message()
        if message is None:
            raise Refused("Select a message first: press ↑ in the empty composer.")
        return message

    def last_own(self) -> LocalMessage:
        """The selected message, or the newest own one."""
        message = self._screen.timeline.selected_message()
        if message is not None:
            return message
        for message in reversed(self._screen.timeline.window.messages):
            if message.outgoing and message.call is None and not message.deleted:
                return message
        raise Refused("There is no message of yours here.")

    def start_edit(self, message: LocalMessage) -> None:
        """Put an own message into the composer."""
        self._screen.writing.start_edit(message)

    def start_reply(self, message: LocalMessage) -> None:
        """Answer a message with what is written next."""
        self._screen.writing.start_reply(message)

    def to_end(self) -> None:
        """Show the newest messages."""
        self._screen.reader.to_end()

    def write(self) -> None:
        """Put the focus into the composer."""
        self._screen.call_after_refresh(self._screen.composer.focus)

    def _open_and_write(self, uid: str | None) -> None:
        if uid is not None:
            self._screen.open(uid)
            self.write()
