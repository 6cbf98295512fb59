"""What every bus has to keep: never block, lose rather than grow, and say when something was lost."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from msgd.bus import Bus, CutHint, Hint, LocalBus, MailboxHint, PushHint

NODE = "local"
BUSES: dict[str, Callable[[int], Bus]] = {"local": LocalBus}
"""Each implementation, by a factory that takes its bound; a further one is a row here."""


class Heard:
    """Collects what a bus delivers; `wait` returns once so much has come."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []
        self.resyncs = 0
        self._lot = trio.lowlevel.ParkingLot()

    def on_hint(self, hint: Hint) -> None:
        self.hints.append(hint)
        self._lot.unpark_all()

    def on_resync(self) -> None:
        self.resyncs += 1
        self._lot.unpark_all()

    async def wait(self, enough: Callable[["Heard"], bool]) -> None:
        with trio.fail_after(5):
            while not enough(self):
                await self._lot.park()


@asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[Heard]:
    heard = Heard()
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run, heard.on_hint, heard.on_resync)
        yield heard
        nursery.cancel_scope.cancel()


@pytest.fixture(params=BUSES)
def make(request: pytest.FixtureRequest) -> Callable[[int], Bus]:
    return BUSES[request.param]


@pytest.mark.trio
async def test_every_kind_of_hint_arrives_as_it_was_sent(make: Callable[[int], Bus]) -> None:
    hints = [MailboxHint(1, 7), PushHint(2, b"{}", "phone"), PushHint(2, b"{}"), CutHint(3, 4403)]
    async with running(bus := make(100)) as heard:
        for hint in hints:
            bus.hint(NODE, hint)
        await heard.wait(lambda heard: len(heard.hints) == len(hints))
    assert sorted(map(repr, heard.hints)) == sorted(map(repr, hints))
    assert heard.resyncs == 0


@pytest.mark.trio
async def test_hints_of_one_mailbox_may_become_one_and_the_newest_counts(make: Callable[[int], Bus]) -> None:
    async with running(bus := make(100)) as heard:
        for seq in (1, 3, 2):
            bus.hint(NODE, MailboxHint(1, seq))
        await heard.wait(lambda heard: MailboxHint(1, 3) in heard.hints)
    assert len(heard.hints) <= 3


@pytest.mark.trio
async def test_pushes_of_one_node_keep_their_order(make: Callable[[int], Bus]) -> None:
    hints = [PushHint(1, str(number).encode()) for number in range(50)]
    async with running(bus := make(100)) as heard:
        for hint in hints:
            bus.hint(NODE, hint)
        await heard.wait(lambda heard: len(heard.hints) == 50)
    assert heard.hints == hints


@pytest.mark.trio
async def test_past_its_bound_it_drops_and_asks_for_a_resync(make: Callable[[int], Bus]) -> None:
    bus = make(10)
    for account in range(1000):
        bus.hint(NODE, MailboxHint(account, 1))
    async with running(bus) as heard:
        await heard.wait(lambda heard: heard.resyncs == 1)
    assert len(heard.hints) <= 10


@pytest.mark.trio
async def test_what_was_hinted_before_it_ran_is_not_lost_silently(make: Callable[[int], Bus]) -> None:
    bus = make(10)
    bus.hint(NODE, MailboxHint(1, 1))
    async with running(bus) as heard:
        await heard.wait(lambda heard: heard.hints == [MailboxHint(1, 1)] or heard.resyncs > 0)
