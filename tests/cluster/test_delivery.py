"""From the commit to the devices, with live offers lost, windows full and readers slow: each event once, in order."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import msgspec
import pytest
import trio

from msgd.bus import MailboxHint
from msgd.core.stream import Stream
from msgd.delivery import RECEIPT_TICK_S, SWEEP_S, Delivery
from msgd.metrics import Metrics
from msgd.people import Here, Online, Person
from msgd.store.commands import MoveCursor
from msgd.store.interface import Committed, StoredEvent, Unavailable
from msgwire import MessageEvent

JULIET = Person(1, "uid-juliet", "juliet")
ROMEO = Person(2, "uid-romeo", "romeo")
HIGH_WATER = 10_000


class Mailbox:
    """A store of one mailbox; `failures` says how many reads fail first."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.cursors: list[MoveCursor] = []
        self.reads = 0
        self.failures = 0

    def add(self, text: str = "a line") -> StoredEvent:
        seq = len(self.events) + 1
        body = MessageEvent(
            message_id=f"m{seq:04}",
            client_message_id=str(seq),
            sender=ROMEO.uid,
            from_login="romeo",
            to=JULIET.uid,
            text=text,
            sent_at=0,
        )
        self.events.append(StoredEvent(JULIET.account, seq, 0, body))
        return self.events[-1]

    async def mailbox_after(self, wanted: Mapping[int, int], limit: int) -> Sequence[StoredEvent]:
        await trio.lowlevel.checkpoint()
        self.reads += 1
        if self.failures:
            self.failures -= 1
            raise Unavailable
        return self.events[wanted[JULIET.account] :][:limit]

    async def heads(self, accounts: Collection[int]) -> Mapping[int, int]:
        await trio.lowlevel.checkpoint()
        return dict.fromkeys(accounts, len(self.events))

    def submit(self, command: MoveCursor, done: Any) -> None:
        self.cursors.append(command)
        done(Committed(command.seq))


class Wire:
    """A connection that keeps what it is given, as slow as it is told to be."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.queued_bytes = 0
        self.is_slow = False
        self._drained = trio.Event()
        self.arrived = trio.lowlevel.ParkingLot()

    def send(self, frame: bytes) -> None:
        self.frames.append(msgspec.json.decode(frame))
        if self.is_slow:
            self.queued_bytes += len(frame)
        self.arrived.unpark_all()

    def drain(self) -> None:
        self.queued_bytes = 0
        self._drained.set()
        self._drained = trio.Event()

    async def wait_drained(self) -> None:
        await self._drained.wait()

    def seqs(self) -> list[int]:
        return [frame["seq"] for frame in self.frames if frame["type"] == "event"]

    async def until(self, count: int) -> None:
        with trio.fail_after(60):
            while len(self.seqs()) < count:
                await self.arrived.park()


class Phone:
    """As much of a link as delivery looks at."""

    def __init__(self, connection: Wire, stream: Stream | None = None) -> None:
        self.connection = connection
        self.stream = stream
        self.device_id = "phone"
        self.account = JULIET.account


class Stage:
    """Juliet's phone on a delivery over a mailbox."""

    def __init__(self, nursery: trio.Nursery, window: int = 4) -> None:
        self.mailbox = Mailbox()
        self.online = Online()
        self.delivery = Delivery(cast("Any", self.mailbox), self.online, Metrics(), nursery, HIGH_WATER)
        self.here = Here(JULIET, 0, set(), set())
        self.online.add(self.here)
        self.wire = Wire()
        self.link = cast("Any", Phone(self.wire, Stream(0, 0, window)))
        self.here.links.append(self.link)
        nursery.start_soon(self.delivery.run_pusher)
        nursery.start_soon(self.delivery.run_ticks)
        nursery.start_soon(self.delivery.run_sweep)

    def commit(self, count: int = 1, text: str = "a line") -> None:
        for _ in range(count):
            self.delivery.on_commit([self.mailbox.add(text)])

    def ack(self) -> None:
        self.delivery.acknowledge(self.link, self.here, self.link.stream.last)


@pytest.mark.trio
async def test_who_is_caught_up_gets_events_without_a_read(nursery: trio.Nursery) -> None:
    stage = Stage(nursery)
    stage.commit(3)
    assert stage.wire.seqs() == [1, 2, 3]
    assert stage.mailbox.reads == 0


@pytest.mark.trio
async def test_a_full_window_stops_the_pushes_and_acknowledging_starts_them_again(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, window=4)
    stage.commit(10)
    assert stage.wire.seqs() == [1, 2, 3, 4]
    for count in (8, 10):
        stage.ack()
        await stage.wire.until(count)
    assert stage.wire.seqs() == list(range(1, 11))


@pytest.mark.trio
async def test_with_every_live_offer_lost_the_sweep_finds_all(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, window=100)
    for _ in range(20):
        stage.mailbox.add()
    await trio.sleep(SWEEP_S * 1.5)
    assert stage.wire.seqs() == list(range(1, 21))


@pytest.mark.trio
async def test_a_hint_wakes_the_pusher(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage(nursery, window=100)
    for _ in range(5):
        stage.mailbox.add()
    stage.delivery.on_hint(MailboxHint(JULIET.account, 5))
    await stage.wire.until(5)
    stage.delivery.on_hint(MailboxHint(99, 5))
    assert stage.wire.seqs() == [1, 2, 3, 4, 5]


@pytest.mark.trio
async def test_a_lost_offer_is_made_good_before_what_comes_after_it(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, window=100)
    stage.commit()
    stage.mailbox.add()
    stage.commit()
    await stage.wire.until(3)
    assert stage.wire.seqs() == [1, 2, 3]


@pytest.mark.trio
async def test_a_store_that_cannot_be_read_is_asked_again(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, window=100)
    stage.mailbox.failures = 3
    stage.mailbox.add()
    stage.delivery.on_hint(MailboxHint(JULIET.account, 1))
    await stage.wire.until(1)
    assert stage.mailbox.reads == 4


@pytest.mark.trio
async def test_a_connection_with_enough_to_write_gets_no_more_until_it_has_drained(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, window=1000)
    stage.wire.is_slow = True
    stage.commit(50, text="x" * 1000)
    await trio.testing.wait_all_tasks_blocked()
    so_far = len(stage.wire.seqs())
    assert stage.wire.queued_bytes < HIGH_WATER + 2000
    assert so_far < 50
    stage.wire.is_slow = False
    stage.wire.drain()
    await stage.wire.until(50)
    assert stage.wire.seqs() == list(range(1, 51))


@pytest.mark.trio
async def test_acknowledging_tells_the_sender_once_a_tick_and_moves_the_cursor_once(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, window=100)
    romeo = Here(ROMEO, 0, set(), set())
    phone = Wire()
    romeo.links.append(cast("Any", Phone(phone)))
    stage.online.add(romeo)
    for _ in range(10):
        stage.commit()
        stage.ack()
    await trio.sleep(RECEIPT_TICK_S * 2)
    assert phone.frames == [{"type": "receipt", "peer": JULIET.uid, "delivered_up_to": "m0010"}]
    assert [command.seq for command in stage.mailbox.cursors] == [10]


@pytest.mark.trio
async def test_what_another_device_has_acknowledged_is_no_news_to_the_sender(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, window=100)
    romeo = Here(ROMEO, 0, set(), set())
    phone = Wire()
    romeo.links.append(cast("Any", Phone(phone)))
    stage.online.add(romeo)
    stage.commit()
    stage.here.delivered = 1
    stage.ack()
    await trio.sleep(RECEIPT_TICK_S * 2)
    assert phone.frames == []
