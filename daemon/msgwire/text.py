"""Frames of text: sending, history, search, receipts, read markers, typing."""

from typing import Annotated

import msgspec
from msgspec import Meta

from .types import (
    Base,
    CallId,
    ClientFrame,
    ClientMessageId,
    Direction,
    Login,
    MessageId,
    Millis,
    PageLimit,
    PeerRef,
    Reply,
    SentStatus,
    Seq,
    ServerFrame,
    Text,
    Uid,
)


class Send(ClientFrame, tag="send", kw_only=True):
    """Send a message. `sent` comes only when it is on stable storage."""

    to: PeerRef
    text: Text
    client_message_id: ClientMessageId
    reply_to: MessageId | None = None


class Sent(Reply, tag="sent", kw_only=True):
    """The message is on stable storage; `seq` is its place in the sender's own mailbox."""

    message_id: MessageId
    client_message_id: ClientMessageId
    at: Millis
    seq: Seq
    status: SentStatus


class History(ClientFrame, tag="history", kw_only=True):
    """Read a conversation: the newest page, or the one before or after a message."""

    peer: PeerRef
    before: MessageId | None = None
    after: MessageId | None = None
    limit: PageLimit | None = None


class SearchMessages(ClientFrame, tag="search_messages", kw_only=True):
    """Find messages by words, in one conversation or in all."""

    query: Annotated[str, Meta(min_length=1, max_length=256)]
    peer: PeerRef | None = None
    before: MessageId | None = None
    limit: PageLimit | None = None


class HistoryItem(Base, tag_field="kind", kw_only=True):
    """Something that stands in a conversation."""

    message_id: MessageId


class MessageItem(HistoryItem, tag="message", kw_only=True):
    """A message in a conversation. A deleted one has an empty text."""

    client_message_id: ClientMessageId
    sender: Uid = msgspec.field(name="from")
    from_login: Login
    to: Uid
    text: str
    sent_at: Millis
    reply_to: MessageId | None = None
    edited_at: Millis | None = None
    deleted: bool = False


class CallItem(HistoryItem, tag="call", kw_only=True):
    """A call that has ended, in a conversation."""

    call_id: CallId
    peer: Uid
    direction: Direction
    outcome: str
    started_at: Millis
    duration_ms: int


Item = MessageItem | CallItem


class HistoryPage(Reply, tag="history", kw_only=True):
    """A page of items, oldest first; `more` says whether there are further ones in the direction asked for."""

    items: list[Item]
    more: bool


class Conversations(ClientFrame, tag="conversations", kw_only=True):
    """List conversations, the most recent first; `before` is the last item's id of the page before."""

    limit: PageLimit | None = None
    before: MessageId | None = None


class Conversation(Base, kw_only=True):
    """One conversation at a glance."""

    peer: Uid
    login: Login
    last: Item
    unread: int
    delivered_up_to: MessageId | None = None
    read_up_to: MessageId | None = None
    my_read_up_to: MessageId | None = None


class ConversationsPage(Reply, tag="conversations", kw_only=True):
    """A page of conversations, the most recent first."""

    conversations: list[Conversation]
    more: bool = False


class Edit(ClientFrame, tag="edit", kw_only=True):
    """Change the text of one's own message."""

    message_id: MessageId
    text: Text


class Delete(ClientFrame, tag="delete", kw_only=True):
    """Delete one's own message, for both sides."""

    message_id: MessageId


class Read(ClientFrame, tag="read", kw_only=True):
    """Say that the person has read the conversation up to a message."""

    peer: PeerRef
    message_id: MessageId


class Typing(ClientFrame, tag="typing", kw_only=True):
    """Say that the person types, or has stopped."""

    to: PeerRef
    active: bool


class Ack(ClientFrame, tag="ack", kw_only=True):
    """Acknowledge every event up to `seq`; needs no reply."""

    seq: Seq


class Receipt(ServerFrame, tag="receipt", kw_only=True):
    """How far the messages to `peer` were delivered and read."""

    peer: Uid
    delivered_up_to: MessageId | None = None
    read_up_to: MessageId | None = None


class ReadMarker(ServerFrame, tag="read_marker", kw_only=True):
    """Another device of this account has read the conversation up to a message."""

    peer: Uid
    message_id: MessageId


class TypingPush(ServerFrame, tag="typing", kw_only=True):
    """The peer types, or has stopped."""

    sender: Uid = msgspec.field(name="from")
    active: bool
