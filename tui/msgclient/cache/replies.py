"""Replies that say how things stand now: written where they come in the stream, so that no later event is undone."""

import msgwire

from ..views import Account
from .database import Tables
from .people import ContactRow

AsOfNow = msgwire.Contacts | msgwire.Contact | msgwire.ConversationsPage
"""A reply of one of these is older than the next event and newer than the one before it."""


def contact_row(entry: msgwire.ContactEntry | msgwire.Contact) -> ContactRow:
    """What is stored of a contact."""
    return ContactRow(entry.uid, entry.login, entry.state, entry.since, entry.note)


def store_contacts(tables: Tables, reply: msgwire.Contacts | msgwire.Contact) -> list[ContactRow]:
    """Store a contact, or the whole list; returns what changed."""
    if isinstance(reply, msgwire.Contacts):
        return tables.people.replace([contact_row(entry) for entry in reply.contacts])
    row = contact_row(reply)
    return [row] if tables.people.put(row) else []


def store_conversations(tables: Tables, reply: msgwire.ConversationsPage, me: Account) -> list[str]:
    """Store unread counts and positions; returns the peers.

    The newest messages are stored only while the cache has no past. Later ones come as events in their turn, and are
    not put before those.
    """
    is_filled = tables.meta.is_filled
    for conversation in reply.conversations:
        last = conversation.last
        at = last.sent_at if isinstance(last, msgwire.MessageItem) else last.started_at
        tables.conversations.put(conversation, at)
        if not is_filled:
            store_item(tables, last, conversation.peer, me)
    return [conversation.peer for conversation in reply.conversations]


def store_item(tables: Tables, item: msgwire.Item, peer: str, me: Account) -> None:
    """Store an item of a conversation's history."""
    if isinstance(item, msgwire.CallItem):
        tables.messages.put_call(item, me, tables.conversations.login(peer))
        tables.conversations.touch(peer, "", item.started_at)
    else:
        tables.messages.put(item, me.uid)
        tables.conversations.touch(peer, "" if item.sender == me.uid else item.from_login, item.sent_at)
