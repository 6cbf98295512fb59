"""kill -9 under load: after each restart everything that was acknowledged is there, once, in order, at its place."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from conformance.daemon import Daemon
from conformance.people import World

from .ledger import Ledger
from .load import broken_promises, everybody, reconnect

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]
KILLS = int(os.environ.get("CRASH_KILLS", "50"))


async def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    chance = random.Random(seed)
    # A mailbox must not fill up while its only device is between two connections.
    daemon = Daemon(tmp_path / "killed", {"MSGD_LIMITS__MAX_MAILBOX": "1000000"}).init().start()
    ledger = Ledger()
    try:
        async with World(daemon) as world:
            people = await world.people(*(f"writer{each}" for each in range(4)))
            writers = everybody(people, ledger)
            for _ in range(KILLS):
                await reconnect(writers)
                load = [asyncio.create_task(writer.write_until_lost()) for writer in writers]
                await asyncio.sleep(chance.uniform(0.0, 0.4))
                daemon.kill()
                await asyncio.gather(*load)
                daemon.start()
            await reconnect(writers)
            await asyncio.gather(*(writer.settle() for writer in writers))
            faults = await broken_promises(people, ledger)
            promised = sum(letter.is_promised for letter in ledger.letters)
            assert not faults, f"seed {seed}, {len(faults)} broken promises: {faults[:20]}"
            assert promised == len(ledger.letters), f"seed {seed}: a retry has no answer"
            assert promised > KILLS * len(people), f"seed {seed}: only {promised} messages, that was no load"
    finally:
        daemon.kill()
    assert daemon.faults() == []
