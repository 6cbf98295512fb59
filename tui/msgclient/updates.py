"""What has changed, as a bounded stream: an update that is still unread is replaced by a newer one of the same key."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import msgwire

from .cache import Applied, Tables
from .presence import Presences
from .state import ConnectionState
from .views import ContactView, LocalMessage


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The connection has a new state."""

    state: ConnectionState


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """A message is new, or has a new state, text or place. `message.local_id` tells which."""

    peer: str
    message: LocalMessage


@dataclass(frozen=True, slots=True)
class MessageRemoved:
    """A message that never left this device was discarded."""

    peer: str
    local_id: int


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """Unread count, last message, draft or read position changed; read it again from `Client.conversation`."""

    peer: str


@dataclass(frozen=True, slots=True)
class ReceiptChanged:
    """Own messages up to these ids are delivered or read."""

    peer: str
    delivered_up_to: str | None
    read_up_to: str | None


@dataclass(frozen=True, slots=True)
class ContactChanged:
    """A contact has a new state, or is new."""

    contact: ContactView


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """A contact came, went or changed the status."""

    contact: ContactView


@dataclass(frozen=True, slots=True)
class TypingChanged:
    """The peer types, or has stopped."""

    peer: str
    active: bool


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """A device of this account was added or revoked."""

    device_id: str
    name: str
    action: str


CallFrame = (
    msgwire.IncomingCall
    | msgwire.CallAccepted
    | msgwire.CallTaken
    | msgwire.CallEnded
    | msgwire.Offer
    | msgwire.Answer
    | msgwire.CandidatePush
    | msgwire.ReadyCall
)


@dataclass(frozen=True, slots=True)
class CallSignal:
    """A frame of call signaling; `ReadyCall` for a call that may go on after a reconnect. Never coalesced."""

    frame: CallFrame


@dataclass(frozen=True, slots=True)
class Resync:
    """More changed than the stream holds: read everything that is shown again from the cache."""


Update = (
    ConnectionChanged
    | MessageChanged
    | MessageRemoved
    | ConversationChanged
    | ReceiptChanged
    | ContactChanged
    | PresenceChanged
    | TypingChanged
    | DeviceChanged
    | CallSignal
    | Resync
)

KEYS: dict[type[Any], Any] = {
    ConnectionChanged: lambda _: (),
    MessageChanged: lambda update: (update.message.local_id,),
    MessageRemoved: lambda update: (update.local_id,),
    ConversationChanged: lambda update: (update.peer,),
    ReceiptChanged: lambda update: (update.peer,),
    ContactChanged: lambda update: (update.contact.uid,),
    PresenceChanged: lambda update: (update.contact.uid,),
    TypingChanged: lambda update: (update.peer,),
    DeviceChanged: lambda update: (update.device_id,),
    Resync: lambda _: (),
}
"""What makes two updates of one type replace each other; a type without a row never does."""


class UpdateQueue:
    """A bounded queue that coalesces by key. When it would overflow, `Resync` takes the place of what it held.

    Call signals are kept apart, because nothing can be read again for them; past the bound the oldest is dropped.
    """

    def __init__(self, max_updates: int = 1024) -> None:
        self._max_updates = max_updates
        self._updates: OrderedDict[Hashable, Update] = OrderedDict()
        self._unkeyed = 0
        self.overflows = 0

    def __len__(self) -> int:
        return len(self._updates)

    def put(self, update: Update) -> None:
        """Add an update. A replaced one keeps its place in the line, so no key can starve."""
        key = KEYS.get(type(update))
        if key is None:
            self._unkeyed += 1
            self._updates[CallSignal, self._unkeyed] = update
        else:
            self._updates[type(update), *key(update)] = update
        if len(self._updates) > self._max_updates:
            self._overflow()

    def get(self) -> Update:
        """Take the oldest update; raises `LookupError` when there is none."""
        return self._updates.popitem(last=False)[1]

    def _overflow(self) -> None:
        self.overflows += 1
        signals = [(key, update) for key, update in self._updates.items() if isinstance(update, CallSignal)]
        state = self._updates.get((ConnectionChanged,))
        self._updates.clear()
        self._updates[Resync,] = Resync()
        if state is not None:
            self._updates[ConnectionChanged,] = state
        self._updates.update(signals[-(self._max_updates // 2) :])


def updates_of(applied: Applied, tables: Tables, presences: Presences) -> Iterator[Update]:
    """What listeners are told of a write to the cache."""
    for message in applied.message_views:
        yield MessageChanged(message.peer, message)
    for peer in applied.conversations:
        yield ConversationChanged(peer)
    for peer in applied.receipts:
        view = tables.conversations.get(peer)
        if view is not None:
            yield ReceiptChanged(peer, view.delivered_up_to, view.read_up_to)
    for row in applied.contacts.values():
        yield ContactChanged(presences.view(row))
    for device in applied.devices:
        yield DeviceChanged(device.device_id, device.name, device.action)
