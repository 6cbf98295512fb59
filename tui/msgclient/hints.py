"""Hints of the moment on a live connection: presence and typing, told to whoever listens, and forgotten with it."""

import math
from collections.abc import Iterable

import anyio

import msgwire

from .broadcast import Broadcast
from .cache import Tables
from .cache.replies import contact_row
from .presence import Presences, TypingPeers
from .session import Answered, Output, Pushed
from .updates import PresenceChanged, TypingChanged


class Hints:
    """What the server says of the moment. `run` it while the connection lives."""

    def __init__(self, reading: Tables, broadcast: Broadcast) -> None:
        self.presences = Presences()
        self.typing = TypingPeers()
        self._reading = reading
        self._broadcast = broadcast
        self._work = anyio.Event()

    def hear(self, outputs: Iterable[Output]) -> None:
        """Take the presence out of outputs; before they are stored, so that a new contact shows with its status."""
        for output in outputs:
            match output:
                case Pushed(msgwire.Presence() as push):
                    row = self._reading.people.get(push.uid)
                    if row is not None:
                        self.presences.heard(push)
                        self._broadcast.publish([PresenceChanged(self.presences.view(row))])
                case Pushed(msgwire.TypingPush() as push):
                    self.typed(push.sender, push.active)
                case Answered(_, msgwire.Contacts(contacts=entries)):
                    for entry in entries:
                        self.presences.listed(entry.uid, entry.status, entry.text)
                        self._broadcast.publish([PresenceChanged(self.presences.view(contact_row(entry)))])
                case Answered(_, msgwire.Contact() as contact):
                    self.presences.listed(contact.uid, contact.status)

    def typed(self, peer: str, active: bool) -> None:
        """The peer types, or has stopped."""
        if self.typing.heard(peer, active, anyio.current_time()):
            self._work.set()
            self._broadcast.publish([TypingChanged(peer, active)])

    async def run(self) -> None:
        """End the typing of those who do not say it again."""
        while True:
            self._work = anyio.Event()
            over = self.typing.ended(anyio.current_time())
            self._broadcast.publish(TypingChanged(peer, False) for peer in over)
            next_end = self.typing.next_end()
            with anyio.CancelScope(deadline=math.inf if next_end is None else next_end):
                await self._work.wait()

    def clear(self) -> None:
        """The connection has ended: nobody is known to be there or to type."""
        self.presences.clear()
        self._broadcast.publish(TypingChanged(peer, False) for peer in self.typing.clear())
