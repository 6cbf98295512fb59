"""What the session gives out, written into the cache: events and cursor in one transaction, and what changed by it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgwire

from ..session import Accepted, Answered, Happened, Pushed, Refused
from ..views import Account, LocalMessage
from .database import Tables
from .people import ContactRow
from .replies import store_contacts, store_conversations

Lasting = Happened | Accepted | Refused | Answered | Pushed
"""The outputs of the session that may change the cache."""


@dataclass(slots=True)
class Applied:
    """What changed: local numbers of messages, and ids; each is read once, at the end of the transaction."""

    messages: dict[int, None] = field(default_factory=dict)
    conversations: dict[str, None] = field(default_factory=dict)
    contacts: dict[str, ContactRow] = field(default_factory=dict)
    receipts: dict[str, None] = field(default_factory=dict)
    devices: list[msgwire.DeviceEvent] = field(default_factory=list)
    inbox_grew: bool = False
    message_views: list[LocalMessage] = field(default_factory=list)

    def read_back(self, tables: Tables) -> None:
        """Read what changed, as it stands now."""
        self.message_views = [view for key in self.messages if (view := tables.messages.get(key)) is not None]


def apply(tables: Tables, outputs: Iterable[Lasting], me: Account, *, keeps_inbox: bool = False) -> Applied:
    """Write outputs of the session, and the cursor with them. An event that is stored already changes nothing."""
    applied = Applied()
    cursor = tables.meta.cursor or 0
    for output in outputs:
        match output:
            case Happened(seq, _, event):
                if seq <= cursor:
                    continue
                cursor = seq
                _event(tables, event, me, applied)
                if keeps_inbox and _is_for_bots(event, me):
                    tables.inbox.add(event)
                    applied.inbox_grew = True
            case Accepted(message, sent, takes_seq):
                _message(tables, _sent_item(message, sent, me), me, applied)
                if takes_seq:
                    cursor = max(cursor, sent.seq)
            case Refused(message, error):
                local_id = tables.messages.fail(message.client_message_id, error.code, error.message)
                if local_id is not None:
                    applied.messages[local_id] = None
            case Answered(_, msgwire.Contacts() | msgwire.Contact() as reply):
                applied.contacts.update((row.uid, row) for row in store_contacts(tables, reply))
            case Answered(_, msgwire.ConversationsPage() as reply):
                applied.conversations.update(dict.fromkeys(store_conversations(tables, reply, me)))
            case Pushed(msgwire.Receipt() as receipt):
                if tables.conversations.receipt(receipt.peer, receipt.delivered_up_to, receipt.read_up_to):
                    applied.receipts[receipt.peer] = None
            case Pushed(msgwire.ReadMarker() as marker):
                if tables.conversations.mark_read(marker.peer, marker.message_id, told=True):
                    applied.conversations[marker.peer] = None
    if cursor != tables.meta.cursor:
        tables.meta.set_cursor(cursor)
    applied.read_back(tables)
    return applied


def _is_for_bots(event: msgwire.AnyEvent, me: Account) -> bool:
    match event:
        case msgwire.MessageEvent():
            return event.sender != me.uid and not event.deleted
        case msgwire.ContactEvent():
            return event.state == "pending"
    return False


def _event(tables: Tables, event: msgwire.AnyEvent, me: Account, applied: Applied) -> None:
    match event:
        case msgwire.MessageEvent():
            _message(tables, msgwire.as_item(event), me, applied)
        case msgwire.MessageEdited():
            _changed(tables, tables.messages.edit(event.message_id, event.text, event.edited_at), applied)
        case msgwire.MessageDeleted():
            _changed(tables, tables.messages.delete(event.message_id), applied)
        case msgwire.CallEvent():
            login = tables.conversations.login(event.peer)
            local_id = tables.messages.put_call(msgwire.as_call_item(event), me, login)
            tables.conversations.touch(event.peer, "", event.started_at)
            applied.messages[local_id] = None
            applied.conversations[event.peer] = None
        case msgwire.ContactEvent():
            row = ContactRow(event.peer, event.login, event.state, event.since, event.note)
            if tables.people.put(row):
                applied.contacts[row.uid] = row
        case msgwire.DeviceEvent():
            applied.devices.append(event)


def _message(tables: Tables, item: msgwire.MessageItem, me: Account, applied: Applied) -> None:
    local_id = tables.messages.put(item, me.uid)
    incoming = item.sender != me.uid
    peer = item.sender if incoming else item.to
    tables.conversations.touch(peer, item.from_login if incoming else "", item.sent_at)
    if incoming and not item.deleted:
        tables.conversations.count_unread(peer, item.message_id)
    applied.messages[local_id] = None
    applied.conversations[peer] = None


def _changed(tables: Tables, local_id: int | None, applied: Applied) -> None:
    """An edit or a deletion of a message that is not cached is seen when its history is fetched."""
    message = None if local_id is None else tables.messages.get(local_id)
    if message is not None:
        applied.messages[message.local_id] = None
        applied.conversations[message.peer] = None


def _sent_item(message: msgwire.Send, sent: msgwire.Sent, me: Account) -> msgwire.MessageItem:
    return msgwire.MessageItem(
        message_id=sent.message_id,
        client_message_id=message.client_message_id,
        sender=me.uid,
        from_login=me.login,
        to=message.to,
        text=message.text,
        sent_at=sent.at,
        reply_to=message.reply_to,
    )
