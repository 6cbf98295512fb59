"""Durable events: what an account's mailbox holds, each under one `seq`."""

from typing import Literal

import msgspec

from .text import CallItem, MessageItem
from .types import (
    Base,
    CallId,
    ContactState,
    DeviceId,
    Direction,
    Login,
    MessageId,
    Millis,
    Seq,
    ServerFrame,
    Uid,
)

CallOutcome = Literal["answered", "missed", "declined", "busy", "failed", "cancelled"]


class EventBody(Base, tag_field="kind", kw_only=True):
    """What happened."""


class MessageEvent(EventBody, tag="message", kw_only=True):
    """A message to or from this account. One that was deleted meanwhile has an empty text and `deleted`."""

    message_id: MessageId
    client_message_id: str
    sender: Uid = msgspec.field(name="from")
    from_login: Login
    to: Uid
    text: str
    sent_at: Millis
    reply_to: MessageId | None = None
    edited_at: Millis | None = None
    deleted: bool = False


class MessageEdited(EventBody, tag="message_edited", kw_only=True):
    """A message of a conversation has a new text."""

    message_id: MessageId
    sender: Uid = msgspec.field(name="from")
    to: Uid
    text: str
    edited_at: Millis


class MessageDeleted(EventBody, tag="message_deleted", kw_only=True):
    """A message of a conversation was deleted by its sender."""

    message_id: MessageId
    sender: Uid = msgspec.field(name="from")
    to: Uid
    deleted_at: Millis


class CallEvent(EventBody, tag="call", kw_only=True):
    """A call has ended. `outcome` is as this account sees it."""

    message_id: MessageId
    call_id: CallId
    peer: Uid
    direction: Direction
    outcome: CallOutcome
    started_at: Millis
    duration_ms: int


class ContactEvent(EventBody, tag="contact", kw_only=True):
    """A contact's state changed."""

    peer: Uid
    login: Login
    state: ContactState
    since: Millis
    note: str | None = None


class DeviceEvent(EventBody, tag="device", kw_only=True):
    """A device of this account was added or revoked."""

    device_id: DeviceId
    name: str
    action: Literal["added", "revoked"]


AnyEvent = MessageEvent | MessageEdited | MessageDeleted | CallEvent | ContactEvent | DeviceEvent


class Event(ServerFrame, tag="event", kw_only=True):
    """One durable event. Acknowledge it with `ack`; ignore one whose `seq` is known already."""

    seq: Seq
    at: Millis
    event: AnyEvent


def as_item(event: MessageEvent) -> MessageItem:
    """The history item that stands for a message event."""
    return MessageItem(**{name: getattr(event, name) for name in MessageItem.__struct_fields__})


def as_call_item(event: CallEvent) -> CallItem:
    """The history item that stands for a call event."""
    return CallItem(**{name: getattr(event, name) for name in CallItem.__struct_fields__})
