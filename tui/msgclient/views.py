"""What the SDK shows of an account, its contacts, conversations and messages: values, without behavior."""

import enum
from dataclasses import dataclass, field

import msgwire


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in, and as which device."""

    uid: str
    login: str
    device_id: str


class MessageState(enum.StrEnum):
    """How far a message has come. The first five are of one's own messages."""

    QUEUED = "queued"  # in the outbox, on this disk
    SENT = "sent"  # on the server's stable storage
    DELIVERED = "delivered"  # a device of the receiver has it
    READ = "read"  # the receiver has read it
    FAILED = "failed"  # refused for good; `failure` says why
    RECEIVED = "received"  # somebody else's


@dataclass(frozen=True, slots=True)
class LocalMessage:
    """One message, or one call that has ended, as this device knows it.

    Attributes:
        local_id: this cache's own number, the same through all states.
        peer: uid of the other account of the conversation.
        message_id: the server's id; None while it is queued or failed.
        client_message_id: chosen by the sender; None for a call.
        sender: uid of who wrote it.
        text: as it came, to the byte; empty when deleted. It may hold control characters.
        sent_at: UTC epoch ms, by the server's clock once it is sent.
        failure: the error code, and `failure_text` its sentence, when the state is `failed`.
        call: the call, when this stands for one.
    """

    local_id: int
    peer: str
    message_id: str | None
    client_message_id: str | None
    sender: str
    sender_login: str
    outgoing: bool
    text: str = field(repr=False)
    sent_at: int
    state: MessageState
    reply_to: str | None = None
    edited_at: int | None = None
    deleted: bool = False
    failure: str | None = None
    failure_text: str | None = None
    call: msgwire.CallItem | None = None


@dataclass(frozen=True, slots=True)
class ConversationView:
    """One conversation at a glance.

    Attributes:
        peer: uid of the other account.
        last: the newest message, queued ones included; None when nothing is cached yet.
        unread: how many messages of the peer have not been read.
        delivered_up_to: newest own message that a device of the peer has; `read_up_to` likewise for read ones.
        my_read_up_to: newest message of the peer that has been read here or on another device.
        reaches_start: whether the cache holds the conversation from its first message.
        draft: what stands in the composer, as `Client.set_draft` left it.
    """

    peer: str
    login: str
    last: LocalMessage | None
    unread: int = 0
    delivered_up_to: str | None = None
    read_up_to: str | None = None
    my_read_up_to: str | None = None
    reaches_start: bool = False
    draft: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ContactView:
    """One entry of the contact list, with the presence last heard of.

    Attributes:
        state: `none`, `requested` (I asked), `pending` (they asked), `accepted` or `blocked`.
        status: `online`, `away`, `dnd` or `offline`; `offline` while this client is not connected.
        since: UTC epoch ms of the last change of state.
        last_seen_at: UTC epoch ms, where the server told.
    """

    uid: str
    login: str
    state: str
    status: str
    since: int
    note: str | None = field(default=None, repr=False)
    status_text: str | None = field(default=None, repr=False)
    last_seen_at: int | None = None


@dataclass(frozen=True, slots=True)
class SearchHits:
    """A page of a search for words: items, oldest first, and whether there are further ones."""

    items: list[msgwire.Item] = field(repr=False)
    more: bool
