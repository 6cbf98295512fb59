"""A server in a few pages: it keeps the contract's promises about text, in memory, and can be told to fail."""

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

import msgwire

EPOCH_MS = 1_700_000_000_000


class Connection(Protocol):
    """What the model needs of a connection."""

    account: "Mailbox | None"

    def say(self, frame: msgwire.ServerFrame) -> None: ...

    def push_events(self) -> None: ...


@dataclass
class Device:
    device_id: str
    cursor: int
    refresh_token: str = ""
    access_token: str = ""
    is_revoked: bool = False


@dataclass
class Mailbox:
    uid: str
    login: str
    password: str
    events: list[msgwire.AnyEvent] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)
    sent: dict[str, tuple[msgwire.Send, msgwire.Sent]] = field(default_factory=dict)
    read_up_to: dict[str, str] = field(default_factory=dict)
    delivered_up_to: dict[str, str] = field(default_factory=dict)
    my_read_up_to: dict[str, str] = field(default_factory=dict)


class ModelServer:
    """Accounts, mailboxes and messages. `connect` gives one connection; nothing here waits."""

    def __init__(self, *, window: int = 64, token_life_ms: int = 3_600_000) -> None:
        self.window = window
        self.token_life_ms = token_life_ms
        self.now_ms = EPOCH_MS
        self.accounts: dict[str, Mailbox] = {}
        self.items: list[msgwire.MessageItem] = []
        self.connections: list[Connection] = []
        self.refusals: dict[str, list[msgwire.Error]] = {}  # by frame type: what the next ones get
        self.asked: list[msgwire.ClientFrame] = []
        self._numbers = itertools.count(1)

    def register(self, login: str, password: str = "a good password") -> Mailbox:
        account = Mailbox(str(uuid.UUID(int=next(self._numbers))), login, password)
        self.accounts[account.uid] = account
        return account

    def find(self, ref: str) -> Mailbox | None:
        return self.accounts.get(ref) or next((a for a in self.accounts.values() if a.login == ref), None)

    def add_device(self, account: Mailbox) -> Device:
        cursor = max((device.cursor for device in account.devices.values()), default=0)
        device = Device(f"device-{next(self._numbers)}", cursor)
        account.devices[device.device_id] = device
        return device

    def tokens(self, account: Mailbox, device: Device) -> msgwire.SessionTokens:
        device.refresh_token = f"refresh-{next(self._numbers)}"
        device.access_token = f"access-{next(self._numbers)}"
        return msgwire.SessionTokens(
            uid=account.uid,
            login=account.login,
            device_id=device.device_id,
            access_token=device.access_token,
            access_expires_at=2**42 if self.token_life_ms else 0,
            refresh_token=device.refresh_token,
            refresh_expires_at=2**42,
        )

    def device_by(self, name: str, token: str) -> tuple[Mailbox, Device] | None:
        for account in self.accounts.values():
            for device in account.devices.values():
                if getattr(device, name) == token and not device.is_revoked:
                    return account, device
        return None

    def post(
        self,
        sender: Mailbox,
        to: Mailbox,
        text: str,
        client_message_id: str | None = None,
        reply_to: str | None = None,
        by: "Connection | None" = None,
    ) -> tuple[msgwire.MessageItem, int]:
        """Store a message and give it to both mailboxes; returns it and its seq in the sender's."""
        self.now_ms += 1
        number = len(self.items) + 1
        item = msgwire.MessageItem(
            message_id=f"m{number:08}",
            client_message_id=client_message_id or f"c{number}",
            sender=sender.uid,
            from_login=sender.login,
            to=to.uid,
            text=text,
            sent_at=self.now_ms,
            reply_to=reply_to,
        )
        self.items.append(item)
        event = msgspec.convert({**msgspec.to_builtins(item), "kind": "message"}, msgwire.MessageEvent)
        seq = self.happen(sender, event, by)
        if to is not sender:
            self.happen(to, event)
        return item, seq

    def happen(self, account: Mailbox, event: msgwire.AnyEvent, by: "Connection | None" = None) -> int:
        account.events.append(event)
        for connection in self.connections:
            if connection is not by:
                connection.push_events()
        return len(account.events)

    def push(self, account: Mailbox, frame: msgwire.ServerFrame) -> None:
        for connection in self.connections:
            if connection.account is account:
                connection.say(frame)

    def conversation(self, one: str, other: str) -> list[msgwire.MessageItem]:
        return [item for item in self.items if {item.sender, item.to} == {one, other}]
