import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from msgd.store.sqlite import SqliteStore
from msgwire import MessageEvent

from .appender import PEOPLE

HERE = Path(__file__).parent
SAMPLES = 25

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc to build the shim")


class Cut:
    """An appender under the shim; `samples` gives what power cuts at random instants leave of its store."""

    def __init__(self, folder: Path, broken: str = "nothing") -> None:
        self.live, self.copies, self.folder = folder / "live", folder / "copies", folder
        self.acknowledged = folder / "acknowledged"
        self.live.mkdir()
        self.copies.mkdir()
        shim = folder / "synced.so"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O1", "-o", shim, HERE / "synced.c", "-ldl", "-lpthread"], check=True
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "store.power_cut.appender", self.live / "store.db", self.acknowledged, broken],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), *sys.path]),
                "LD_PRELOAD": str(shim),
                "SYNCED_COPY": str(self.copies),
            },
        )

    def samples(self, count: int) -> Iterator[tuple[Path, list[str]]]:
        chance = random.Random(7)
        self._wait_for_acknowledgments()
        for number in range(count):
            time.sleep(chance.uniform(0.005, 0.08))
            sample = self.folder / f"cut-{number}"
            os.kill(self.process.pid, signal.SIGSTOP)
            os.waitpid(self.process.pid, os.WUNTRACED)
            shutil.copytree(self.copies, sample)
            lines = self.acknowledged.read_text().splitlines()
            os.kill(self.process.pid, signal.SIGCONT)
            yield sample, lines

    def _wait_for_acknowledgments(self) -> None:
        end = time.monotonic() + 60
        while not self.acknowledged.exists() or self.acknowledged.stat().st_size < 5_000:
            assert self.process.poll() is None, "the appender ended by itself"
            assert time.monotonic() < end, "the appender acknowledged nothing"
            time.sleep(0.01)

    def kill(self) -> list[str]:
        self.process.kill()
        self.process.wait()
        return self.acknowledged.read_text().splitlines()


@pytest.fixture
def cut(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cut]:
    with closing(Closing(Cut(tmp_path, getattr(request, "param", "nothing")))) as closed:
        yield closed.cut


class Closing:
    def __init__(self, cut: Cut) -> None:
        self.cut = cut

    def close(self) -> None:
        self.cut.kill()


def lost(folder: Path, lines: list[str]) -> list[str]:
    """What was acknowledged but is not there; asserts that the rest is whole."""
    missing: list[str] = []
    for name in folder.glob("*.part"):
        name.unlink()

    async def look() -> None:
        store = SqliteStore(folder / "store.db", clock=lambda: 0)
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run, lambda _: None)
            there: list[dict[int, Any]] = []
            for number in range(PEOPLE):
                account = await store.account_by_login(f"p{number}")
                if account is None:
                    there.append({})
                    continue
                events = await store.mailbox_after({account.account: 0}, 10**6)
                heads = await store.heads([account.account])
                assert [event.seq for event in events] == list(range(1, heads[account.account] + 1))
                there.append({event.seq: event.body for event in events})
            times = [Counter(getattr(body, "message_id", "") for body in bodies.values()) for bodies in there]
            for line in lines:
                sender, receiver, seq, message_id, text = line.split(" ", 4)
                body = there[int(sender)].get(int(seq))
                if not isinstance(body, MessageEvent) or (body.message_id, body.text) != (message_id, text):
                    missing.append(line)
                    continue
                assert times[int(receiver)][message_id] == 1
            nursery.cancel_scope.cancel()

    trio.run(look)
    return missing


def test_a_power_cut_takes_nothing_that_was_acknowledged(cut: Cut) -> None:
    sizes = []
    for sample, lines in cut.samples(SAMPLES):
        assert lost(sample, lines) == []
        sizes.append(len(lines))
    assert sizes[-1] > sizes[0], "the appender went on between the cuts"
    lines = cut.kill()
    assert lost(cut.live, lines) == [], "nor does kill -9"
    assert (cut.live / "store.db").stat().st_size > 200_000, "checkpoints were among what was cut"


@pytest.mark.parametrize("cut", ["unsynced", "early"], indirect=True)
def test_the_test_notices_a_store_that_acknowledges_too_early(cut: Cut) -> None:
    assert any(lost(sample, lines) for sample, lines in cut.samples(5))
