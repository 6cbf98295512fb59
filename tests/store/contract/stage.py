"""A running store under test, and short words for what tests do with it."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from msgd.store import commands
from msgd.store.commands import AccountId, Command
from msgd.store.interface import AccountRow, Committed, DeviceRow, Rejected, SentRow, Store, StoredEvent
from msgd.store.sqlite import Keep, Pace, SqliteStore, StoreLimits


class Clock:
    """UTC epoch ms that only tests move."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def tick(self, ms: int = 1) -> int:
        self.now += ms
        return self.now


@dataclass
class Place:
    """Where a store keeps its state: opened again, it is the same store."""

    make: Callable[..., Store]
    path: Path
    clock: Clock = field(default_factory=Clock)

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator["Stage"]:
        store = self.make(self.path, clock=self.clock, **options)
        stage = Stage(store, self.clock)
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run, stage.on_commit)
            yield stage
            nursery.cancel_scope.cancel()


def _sqlite(path: Path, *, clock: Clock, keep: Keep | None = None, pace: Pace | None = None, **limits: Any) -> Store:
    return SqliteStore(path / "store.sqlite3", clock=clock, keep=keep, pace=pace, limits=StoreLimits(**limits))


EAGER = Pace(quiet_s=0.001, run_min=1, run_max=3, slice_entries=1, words_messages=1, wal_frames_max=20)
"""Between any two commands some slices of a run: what is half indexed must look like what is not, or is."""

FACTORIES: dict[str, Callable[..., Store]] = {"sqlite": _sqlite, "sqlite-eager": partial(_sqlite, pace=EAGER)}


class Stage:
    """The store and what was heard of it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.heard: list[StoredEvent] = []
        self.journal: list[object] = []
        self._keys = 0

    def on_commit(self, events: Sequence[StoredEvent]) -> None:
        self.heard.extend(events)
        self.journal.append([(event.account, event.seq) for event in events])

    async def do(self, command: type[Command], **fields: Any) -> Any:
        return (await self.commit(command, **fields)).result

    async def commit(self, command: type[Command], **fields: Any) -> Committed:
        return await self.store.append(command(at=fields.pop("at", None) or self.clock.tick(), **fields))

    async def refused(self, code: str, command: type[Command], **fields: Any) -> Rejected:
        with pytest.raises(Rejected) as caught:
            await self.commit(command, **fields)
        assert caught.value.code == code
        return caught.value

    async def person(self, login: str, **fields: Any) -> AccountRow:
        row: AccountRow = await self.do(
            commands.CreateAccount, uid=fields.pop("uid", str(uuid.uuid4())), login=login, password_hash="$h", **fields
        )
        return row

    async def device(self, person: AccountRow, name: str = "phone") -> DeviceRow:
        device_id = str(uuid.uuid4())
        row: DeviceRow = await self.do(
            commands.CreateDevice,
            account=person.account,
            device_id=device_id,
            name=name,
            refresh_hash=token(device_id),
            refresh_expires_at=self.clock.now + 1_000_000,
        )
        return row

    async def send(self, sender: AccountRow, receiver: AccountRow, text: str, **fields: Any) -> SentRow:
        self._keys += 1
        fields.setdefault("client_message_id", f"key-{self.clock.now}-{self._keys}")
        row: SentRow = await self.do(
            commands.SendMessage, sender=sender.account, receiver=receiver.account, text=text, **fields
        )
        return row

    async def contact(self, one: AccountRow, other: AccountRow, action: str, **fields: Any) -> Any:
        return await self.do(commands.ChangeContact, account=one.account, peer=other.account, action=action, **fields)

    async def ack(self, device: DeviceRow, seq: int) -> int:
        cursor: int = await self.do(commands.MoveCursor, account=device.account, device_id=device.device_id, seq=seq)
        return cursor

    async def mailbox(self, person: AccountRow, after: int = 0) -> Sequence[StoredEvent]:
        return await self.store.mailbox_after({person.account: after}, 1000)

    async def texts(self, one: AccountRow, other: AccountRow) -> list[str]:
        page = await self.store.history(one.account, other.account, before=None, after=None, limit=200)
        return [item.text for item in page.items]

    def heard_by(self, account: AccountId) -> list[StoredEvent]:
        return [event for event in self.heard if event.account == account]


def token(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
