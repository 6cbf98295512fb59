import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
import trio.lowlevel

from msgd.store import commands
from msgd.store.interface import Committed, Outcome, StoreError, Unavailable
from msgd.store.sqlite import SqliteStore
from msgd.store.sqlite.handlers import HANDLERS
from msgd.store.sqlite.tail import Tail
from msgd.store.sqlite.turn import Turn

from ..contract.stage import Place, Stage

pytestmark = pytest.mark.trio


class Noted:
    def __init__(self) -> None:
        self.batches: list[int] = []
        self.failures = 0

    def committed(self, commands: int, seconds: float) -> None:
        assert seconds >= 0
        self.batches.append(commands)

    def commit_failed(self) -> None:
        self.failures += 1


def broken_after_writing(turn: Turn, command: Any) -> None:
    turn.db.execute("INSERT INTO audit(at, actor, origin, action, target, detail) VALUES (1, '', '', 'half', '', '')")
    raise ZeroDivisionError


async def test_a_command_that_breaks_fails_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HANDLERS, commands.SetPresence, broken_after_writing)
    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        outcomes: list[Outcome] = []

        def send(key: str) -> None:
            command = commands.SendMessage(
                at=stage.clock.tick(), sender=ann.account, receiver=bob.account, text=key, client_message_id=key
            )
            stage.store.submit(command, outcomes.append)

        send("a")
        send("b")
        stage.store.submit(commands.SetPresence(at=1, account=ann.account, status="away", text=None), outcomes.append)
        send("b")
        send("c")
        await stage.store.writable()
        assert [type(outcome) for outcome in outcomes] == [Committed, Committed, StoreError, Committed, Committed]
        assert [event.seq for event in await stage.mailbox(bob)] == [1, 2, 3]
        assert [event.seq for event in stage.heard_by(bob.account)] == [1, 2, 3]
        assert await stage.texts(ann, bob) == ["a", "b", "c"]
        assert await stage.store.audit(before=None, limit=5) == []


async def test_text_that_is_no_unicode_fails_alone(place: Place) -> None:
    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        fields = {"sender": ann.account, "receiver": bob.account, "client_message_id": "k"}
        with pytest.raises(StoreError) as caught:
            await stage.commit(commands.SendMessage, text="\ud800", **fields)
        assert "\ud800" not in str(caught.value)
        assert (await stage.send(ann, bob, "fine", client_message_id="k")).seq == 1


async def test_what_breaks_after_the_commit_neither_refuses_nor_repeats_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Tail.committed
    calls: list[int] = []

    def break_once(tail: Tail, *args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        real(tail, *args)

    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        monkeypatch.setattr(Tail, "committed", break_once)
        assert (await stage.send(ann, bob, "once", client_message_id="k")).seq == 1
        assert (await stage.send(ann, bob, "once", client_message_id="k")).duplicate
        assert (await stage.send(ann, bob, "twice")).seq == 2
        assert await stage.texts(bob, ann) == ["once", "twice"]


async def test_storage_that_fails_among_commands_carried_out_alone_spares_those_before(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    full = sqlite3.OperationalError("disk full")
    full.sqlite_errorcode, full.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
    errors: list[Exception] = [ZeroDivisionError(), full]

    def break_then_fail(turn: Turn, command: Any) -> None:
        raise errors.pop(0)

    monkeypatch.setitem(HANDLERS, commands.SetPresence, break_then_fail)
    monkeypatch.setitem(HANDLERS, commands.TouchDevice, lambda turn, command: gate.wait(10))
    async with place.open() as stage:
        ann = await stage.person("ann")
        outcomes: list[Outcome] = []
        line = {"actor": "a", "origin": "o", "target": "t"}
        stage.store.submit(commands.TouchDevice(at=1, device_id="?"), lambda _: None)
        while stage.store.queue_depth:  # type: ignore[attr-defined]  # the engine's own
            await trio.lowlevel.checkpoint()
        stage.store.submit(commands.AppendAudit(at=1, action="kept", **line), outcomes.append)
        stage.store.submit(commands.SetPresence(at=1, account=ann.account, status="away", text=None), outcomes.append)
        stage.store.submit(commands.AppendAudit(at=1, action="refused", **line), outcomes.append)
        gate.set()
        while len(outcomes) < 3:  # noqa: ASYNC110 - outcomes are counted as they come
            await trio.sleep(0.01)
        assert [type(outcome) for outcome in outcomes] == [Committed, Unavailable, Unavailable]
        assert await stage.store.writable(), "the next command tries again"
        assert [row.action for row in await stage.store.audit(before=None, limit=5)] == ["kept"]


@contextmanager
def no_file_may_grow_past(limit_bytes: int) -> Iterator[None]:
    """What a full disk looks like to SQLite: a write fails (EFBIG; Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_acknowledges_nothing_and_heals_by_itself(place: Place) -> None:
    noted = Noted()
    store = SqliteStore(place.path / "full.db", clock=place.clock, observer=noted)
    stage = Stage(store, place.clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run, stage.on_commit)
        ann, bob = await stage.person("ann"), await stage.person("bob")
        kept = [(await stage.send(ann, bob, "x" * 1000)).seq for _ in range(20)]
        assert await store.writable()
        heard = len(stage.heard)
        with no_file_may_grow_past(store.file.size()):
            refused = 0
            while not refused or await store.writable():
                try:
                    kept.append((await stage.send(ann, bob, "y" * 10_000)).seq)
                except Unavailable:
                    refused += 1
                assert len(kept) < 1000
            heard = len(stage.heard)
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await stage.send(ann, bob, "z" * 10_000)
            assert len(stage.heard) == heard
            assert [event.seq for event in await stage.mailbox(bob)] == kept, "what was acknowledged can be read"
        with trio.fail_after(10):
            while not await store.writable():  # noqa: ASYNC110 - healing is seen by asking alone
                await trio.sleep(0.05)
        kept.append((await stage.send(ann, bob, "again")).seq)
        assert kept == list(range(1, len(kept) + 1))
        assert noted.failures >= refused
        nursery.cancel_scope.cancel()
    async with place.open() as stage:
        pass
    again = SqliteStore(place.path / "full.db", clock=place.clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(again.run, lambda _: None)
        assert [event.seq for event in await again.mailbox_after({bob.account: 0}, 10_000)] == kept
        nursery.cancel_scope.cancel()


async def test_past_the_bound_of_the_queue_commands_are_refused_at_once(place: Place) -> None:
    store = SqliteStore(place.path / "small.db", clock=place.clock, queue_max=3)
    outcomes: list[Outcome] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run, lambda _: None)
        for _ in range(2000):
            store.submit(commands.TouchDevice(at=1, device_id="?"), outcomes.append)
        assert any(isinstance(outcome, Unavailable) for outcome in outcomes)
        assert store.queue_depth <= 3
        nursery.cancel_scope.cancel()
    assert len(outcomes) == 2000


async def test_batches_form_while_a_commit_is_in_flight(place: Place) -> None:
    noted = Noted()
    store = SqliteStore(place.path / "batches.db", clock=place.clock, observer=noted, batch_max=50)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run, lambda _: None)
        for _ in range(500):
            store.submit(commands.TouchDevice(at=1, device_id="?"), lambda _: None)
        assert await store.writable()
        nursery.cancel_scope.cancel()
    assert sum(noted.batches) == 501
    assert max(noted.batches) == 50


async def test_a_defect_of_the_writer_itself_ends_the_store_and_leaves_nobody_waiting(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(store: SqliteStore, outcomes: list[Exception]) -> None:
        try:
            await store.append(commands.TouchDevice(at=1, device_id="?"))
        except StoreError as error:
            outcomes.append(error)

    outcomes: list[Exception] = []
    store = SqliteStore(place.path / "broken.db", clock=place.clock)

    async def break_it() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run, lambda _: None)
            monkeypatch.setattr("msgd.store.sqlite.writer.Writer._serve", _raise)
            with trio.CancelScope(shield=True):
                await ask(store, outcomes)

    with pytest.raises(BaseExceptionGroup) as caught:
        await break_it()
    assert caught.group_contains(LookupError)
    assert [type(error) for error in outcomes] == [StoreError]


def _raise(*_: object) -> None:
    raise LookupError
