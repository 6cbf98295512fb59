"""A full disk under load: no acknowledgment without durability, a clear error, red readiness, and a way back."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.daemon import Daemon
from conformance.people import World

from .ledger import Ledger
from .load import Writer, broken_promises, everybody, reconnect

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(300)]
DISK_MIB = 48


@dataclass
class Disk:
    """A daemon's disk that can be filled and emptied while it runs."""

    daemon: Daemon
    fill: Callable[[], None]
    empty: Callable[[], None]


@pytest.fixture(params=["tmpfs", "file size"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A small file system where one can be mounted, and a limit on the size of files everywhere."""
    home = tmp_path / "disk"
    settings = {"MSGD_LIMITS__MAX_MAILBOX": "1000000", "MSGD_STORE__MIN_FREE_MIB": "0"}
    daemon = Daemon(home, settings)
    if request.param == "file size":
        yield Disk(daemon, lambda: daemon.limit_file_size(0), lambda: daemon.limit_file_size(-1))
        daemon.kill()
        return
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "msgd-test", str(home)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root only")
    ballast = home / "ballast"
    try:
        yield Disk(daemon, lambda: fill(ballast), ballast.unlink)
    finally:
        daemon.kill()
        subprocess.run(["umount", str(home)], check=True)


def fill(ballast: Path) -> None:
    """Take every byte that is left."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            while True:
                try:
                    file.write(bytes(size))
                except OSError:
                    break
        os.fsync(file.fileno())


async def test_a_full_disk_loses_nothing_and_passes(disk: Disk) -> None:
    daemon = disk.daemon.init().start()
    ledger = Ledger()
    async with World(daemon) as world:
        people = await world.people(*(f"writer{each}" for each in range(3)))
        writers = everybody(people, ledger)
        await reconnect(writers)
        reader = await people[0].device("a reader")
        load = [asyncio.create_task(writer.write_until_lost()) for writer in writers]
        await until(lambda: min(writer.promised for writer in writers) > 50, load)
        assert daemon.http("/readyz")[0] == 200

        disk.fill()
        await until(lambda: min(writer.refused for writer in writers) > 3, load)
        assert daemon.http("/readyz")[0] == 503
        assert daemon.http("/healthz")[0] == 200
        page = await reader.ask("history", peer=people[1].uid, limit=10)
        assert len(page["items"]) == 10

        disk.empty()
        promised = [writer.promised for writer in writers]
        await until(lambda: all(now.promised > then + 20 for now, then in zip(writers, promised, strict=True)), load)
        assert daemon.http("/readyz")[0] == 200
        assert not await ended_faults(writers, load, daemon, ledger)


async def ended_faults(
    writers: list[Writer], load: list["asyncio.Task[None]"], daemon: Daemon, ledger: Ledger
) -> list[str]:
    """Kill the daemon under the load, and compare what it has after a restart with what it promised."""
    daemon.kill()
    await asyncio.gather(*load)
    daemon.start()
    await reconnect(writers)
    await asyncio.gather(*(writer.settle() for writer in writers))
    return [*await broken_promises([writer.person for writer in writers], ledger), *daemon.faults()]


async def until(reached: Callable[[], bool], load: list["asyncio.Task[None]"], within_s: float = 60) -> None:
    """Wait until the load has brought something about; a writer that fails meanwhile fails the test."""
    async with asyncio.timeout(within_s):
        while not reached():
            for task in load:
                if task.done():
                    task.result()
                    raise AssertionError("a writer lost its connection")
            await asyncio.sleep(0.02)
