"""msgctl as a process would run it, on a server of its own, with its daemon stopped or running."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from msgctl.main import run
from msgd.admin.context import AdminContext, CutReason, LiveReport
from msgd.admin.server import serve_admin
from msgd.auth.passwords import Passwords
from msgd.clock import epoch_ms
from msgd.config import Settings, load
from msgd.store.configured import open_store

PASSWORD = "correct horse battery"


class Outcome(NamedTuple):
    """What a run of msgctl left."""

    code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        code: str = json.loads(self.stderr.splitlines()[-1])["error"]["code"]
        return code


Ctl = Callable[..., Outcome]


class StillDaemon:
    """A running daemon to which nobody is connected."""

    def __init__(self) -> None:
        self.cuts: list[CutReason] = []

    def report(self) -> LiveReport:
        return LiveReport(
            url="wss://127.0.0.1:7555/v1/ws", started_at=epoch_ms(), connections=0, sessions=0, queue_depth=0
        )

    def connections_of(self, account: int) -> int:
        return 0

    def cut(self, account: int, reason: CutReason) -> int:
        self.cuts.append(reason)
        return 0


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of whoever runs the tests, cheap hashes, and a working directory without a configuration."""
    for name in [name for name in os.environ if name.startswith("MSGD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MSGD_AUTH__ARGON2_TIME", "1")
    monkeypatch.setenv("MSGD_AUTH__ARGON2_MEMORY_KIB", "64")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ctl(capfd: pytest.CaptureFixture[str]) -> Ctl:
    """Run msgctl; without a terminal, with JSON where nothing else is said."""

    def call(*words: str, stdin: str = "", output: str = "json") -> Outcome:
        capfd.readouterr()
        reader, writer = os.pipe()
        os.write(writer, stdin.encode())
        os.close(writer)
        with os.fdopen(reader) as given, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", given)
            code = run(["--output", output, *words])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def home(ctl: Ctl, tmp_path: Path) -> Path:
    """A new server, never started."""
    home = tmp_path / "server"
    made = ctl("init", "--dir", str(home), "--listen", "127.0.0.1:0", "--registration", "open", "--yes")
    assert made.code == 0, made.stderr
    return home


@pytest.fixture
def at(ctl: Ctl, home: Path) -> Ctl:
    """Run msgctl on that server."""

    def call(*words: str, **options: Any) -> Outcome:
        return ctl("--config", str(home / "msgd.toml"), *words, **options)

    return call


@pytest.fixture(params=["stopped", "running"])
def either(request: pytest.FixtureRequest) -> str:
    """Make a test run twice: with the daemon stopped, and with its admin socket open."""
    if request.param == "running":
        request.getfixturevalue("daemon")
    way: str = request.param
    return way


@pytest.fixture
def daemon(home: Path) -> Iterator[StillDaemon]:
    """The admin socket and the store of a running daemon, in a thread of their own."""
    settings = load(home / "msgd.toml", os.environ)
    live = StillDaemon()
    started = threading.Event()
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        await _serve(settings, live, started, stop)

    thread = threading.Thread(target=partial(trio.run, serve))
    thread.start()
    assert started.wait(10), "the admin socket did not open"
    yield live
    stop[0]()
    thread.join(10)
    assert not thread.is_alive()


async def _serve(
    settings: Settings, live: StillDaemon, started: threading.Event, stop: list[Callable[[], None]]
) -> None:
    store = open_store(settings)
    context = AdminContext(store=store, settings=settings, passwords=Passwords(settings.auth), live=live)
    async with trio.open_nursery() as base:
        await base.start(store.run, lambda _events: None)
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_admin, context, settings.admin))
            token = trio.lowlevel.current_trio_token()
            stop.append(lambda: token.run_sync_soon(nursery.cancel_scope.cancel))
            started.set()
            await trio.sleep_forever()
        base.cancel_scope.cancel()
