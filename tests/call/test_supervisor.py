"""The engine's process and who watches it: crash, stall, nonsense, and a parent that dies."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from msgclient.call import messages, supervisor
from msgclient.call.messages import Configure, EchoSound, Messages, Ping, Pong, Ready, Report, encode
from msgclient.call.supervisor import ENGINE, Supervisor

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Watch:
    """A supervisor in a task, and what it tells."""

    def __init__(self, folder: Path, command: tuple[str, ...]) -> None:
        self.reports: list[Report] = []
        self.stops: list[str] = []
        configure = Configure(identity_file=str(folder / "identity.pem"), sound=EchoSound())
        self.supervisor = Supervisor(configure, self.reports.append, self.stops.append, command=command)


async def until(done: Callable[[], bool], seconds: float = 20) -> None:
    with anyio.fail_after(seconds):
        while not done():  # noqa: ASYNC110 - what is waited for happens in another process
            await anyio.sleep(0.01)


def pretend(body: str) -> tuple[str, ...]:
    """An engine that is ready and then does what the body says."""
    start = """
        import os, sys, time
        from msgclient.call.messages import *
        def say(message):
            sys.stdout.buffer.write(encode(message)); sys.stdout.buffer.flush()
        say(Ready(fingerprint="00"))
    """
    return (sys.executable, "-c", textwrap.dedent(start) + textwrap.dedent(body))


async def test_an_engine_that_crashes_is_started_again(tmp_path: Path) -> None:
    watch = Watch(tmp_path, pretend("time.sleep(0.1); os._exit(3)"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.supervisor.run)
        await until(lambda: watch.supervisor.starts == 2)
        assert watch.stops == ["The call engine has stopped."]
        tasks.cancel_scope.cancel()


async def test_an_engine_that_talks_nonsense_is_ended(tmp_path: Path) -> None:
    watch = Watch(tmp_path, pretend("sys.stdout.buffer.write(b'Z' * 100); sys.stdout.flush(); time.sleep(60)"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.supervisor.run)
        await until(lambda: bool(watch.stops))
        tasks.cancel_scope.cancel()


async def test_an_engine_that_stalls_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PING_S", 0.05)
    watch = Watch(tmp_path, pretend("time.sleep(60)"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.supervisor.run)
        await until(lambda: bool(watch.stops))
        tasks.cancel_scope.cancel()


async def test_an_engine_that_does_not_read_takes_nothing_down(tmp_path: Path) -> None:
    watch = Watch(tmp_path, pretend("time.sleep(60)"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.supervisor.run)
        await until(lambda: watch.supervisor.is_ready)
        for _ in range(10_000):
            watch.supervisor.send(messages.Remote(epoch=0, kind="offer", sdp="x" * 1000))
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_what_cannot_be_started_is_told_of(tmp_path: Path) -> None:
    watch = Watch(tmp_path, (str(tmp_path / "missing"),))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.supervisor.run)
        await until(lambda: bool(watch.stops))
        assert watch.stops[0] == "The call engine cannot be started."
        tasks.cancel_scope.cancel()


async def test_the_engine_starts_answers_and_ends_with_its_client(tmp_path: Path) -> None:
    watch = Watch(tmp_path, ENGINE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.supervisor.run)
        await until(lambda: watch.supervisor.is_ready, 40)
        ready = watch.reports[0]
        assert isinstance(ready, Ready)
        assert len(ready.fingerprint) == 64
        pid = watch.supervisor.pid
        assert pid is not None
        tasks.cancel_scope.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_damaged_certificate_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "identity.pem").write_text("damaged")
    watch = Watch(tmp_path, ENGINE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.supervisor.run)
        await until(lambda: bool(watch.reports), 40)
        assert isinstance(watch.reports[0], messages.Broken)
        assert "identity.pem" in watch.reports[0].sentence
        tasks.cancel_scope.cancel()


def start_engine() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(list(ENGINE), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_engine_writes_nothing_but_messages(tmp_path: Path) -> None:
    engine = start_engine()
    assert engine.stdin is not None
    sound = messages.CardSound(capture="no such card")
    for command in (
        Configure(identity_file=str(tmp_path / "identity.pem"), sound=sound),
        messages.ListDevices(),
        messages.Ring(tone="ringing"),
        messages.Open(epoch=0, offers=True, ice_servers=[]),
        messages.Remote(epoch=0, kind="answer", sdp="nonsense"),
        Ping(number=1),
    ):
        engine.stdin.write(encode(command))
    engine.stdin.flush()
    time.sleep(3)
    out, err = engine.communicate(timeout=30)
    reports = Messages(Report).feed(out)
    assert err == b""
    assert Pong(number=1) in reports
    assert any(isinstance(report, messages.Devices) for report in reports)
    assert any(isinstance(report, messages.SoundTrouble | messages.Described) for report in reports)


def test_the_engine_ends_when_its_client_is_killed(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        "from msgclient.call.supervisor import ENGINE\n"
        "pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'start_new_session': True}\n"
        "child = subprocess.Popen(list(ENGINE), **pipes)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while _lives(pid):
        assert time.monotonic() < end, "the engine outlives its client"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ctrl_c_is_for_the_client(tmp_path: Path) -> None:
    engine = start_engine()
    assert engine.stdin is not None
    assert engine.stdout is not None
    engine.stdin.write(encode(Configure(identity_file=str(tmp_path / "identity.pem"), sound=EchoSound())))
    engine.stdin.flush()
    engine.stdout.read(1)
    engine.send_signal(signal.SIGINT)
    engine.stdin.write(encode(Ping(number=5)))
    out, _ = engine.communicate(timeout=30)
    assert out.endswith(encode(Pong(number=5)))
