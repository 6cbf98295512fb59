"""Two call engines of the client in two namespaces, joined as the client's processes would join them."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from msgbench.calls.netns import Namespace
from msgbench.calls.processes import cpu_of, environment
from msgbench.faults import Unusable
from msgclient.call import messages

READY_S = 60.0
"""Loading takes a second on a machine of one's own, and many on one that is shared."""

_WRITE_S = 1.0
"""How long the end of a recording takes to be written; an engine whose pipe is closed does not wait for it."""

R = TypeVar("R", bound=messages.Report)


class Engine:
    """One engine in a namespace. Reports are kept with the time at which they came, in monotonic seconds.

    Args:
        name: for failures. folder: where its certificate goes. play, record: the files that it speaks and writes.
        authority: the file of a CA that it trusts beside none.
    """

    def __init__(
        self,
        name: str,
        namespace: Namespace,
        folder: Path,
        *,
        play: Path | None = None,
        record: Path | None = None,
        authority: Path | None = None,
    ) -> None:
        self.name = name
        self.reports: list[tuple[float, messages.Report]] = []
        self.forward: Callable[[messages.Report], None] = lambda _report: None
        self._news = threading.Condition()
        self._is_over = False
        self._records = record is not None
        trust = {} if authority is None else {"SSL_CERT_FILE": str(authority)}
        self.process = subprocess.Popen(
            namespace.command(sys.executable, "-P", "-m", "msgclient.call"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(trust),
        )
        threading.Thread(target=self._read, daemon=True).start()
        sound = messages.FileSound(
            play=None if play is None else str(play), record=None if record is None else str(record)
        )
        self.send(messages.Configure(identity_file=str(folder / f"{name}.pem"), sound=sound))

    def send(self, command: messages.Command) -> None:
        """Tell it."""
        assert self.process.stdin is not None
        self.process.stdin.write(messages.encode(command))
        self.process.stdin.flush()

    def wait(self, kind: type[R], timeout_s: float, wanted: Callable[[R], bool] = lambda _report: True) -> R:
        """The first report of a kind that is wanted. Raises `Unusable` when it does not come."""
        return self.wait_timed(kind, timeout_s, wanted)[1]

    def wait_timed(
        self, kind: type[R], timeout_s: float, wanted: Callable[[R], bool] = lambda _report: True
    ) -> tuple[float, R]:
        """As `wait`, with the time at which it came."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                for at_s, report in self.reports:
                    if isinstance(report, kind) and wanted(report):
                        return at_s, report
                left_s = deadline - time.monotonic()
                if self._is_over or left_s <= 0:
                    kinds = [type(report).__name__ for _, report in self.reports]
                    raise Unusable(f"{self.name}: no {kind.__name__} within {timeout_s:g} s; it said {kinds[-20:]}")
                self._news.wait(left_s)

    def all(self, kind: type[R]) -> list[R]:
        """All reports of a kind so far."""
        with self._news:
            return [report for _, report in self.reports if isinstance(report, kind)]

    def cpu_s(self) -> float:
        """CPU time so far, in seconds."""
        return cpu_of(self.process.pid)

    def end(self) -> None:
        """Hang up and close its pipe, as a client that goes; kill it where that does not end it."""
        assert self.process.stdin is not None
        try:
            self.send(messages.Close())
            if self._records:
                time.sleep(_WRITE_S)
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended by itself
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        parser = messages.Messages(messages.Report)
        with self.process.stdout as pipe:
            while data := pipe.read1(65_536):  # type: ignore[attr-defined]  # a pipe opened by Popen is buffered
                for message in parser.feed(data):
                    report = cast(messages.Report, message)
                    with self._news:
                        self.reports.append((time.monotonic(), report))
                        self._news.notify_all()
                    self.forward(report)
        with self._news:
            self._is_over = True
            self._news.notify_all()


def join(caller: Engine, callee: Engine) -> None:
    """Carry descriptions and candidates between the two, as the daemon does."""
    for one, other in ((caller, callee), (callee, caller)):
        one.forward = _carrier(other)


def _carrier(other: Engine) -> Callable[[messages.Report], None]:
    def carry(report: messages.Report) -> None:
        if isinstance(report, messages.Described):
            other.send(messages.Remote(epoch=report.epoch, kind=report.kind, sdp=report.sdp))
        elif isinstance(report, messages.Found):
            other.send(messages.RemoteCandidate(epoch=report.epoch, candidate=report.candidate))

    return carry


def dial(
    caller: Engine,
    callee: Engine,
    servers: tuple[list[messages.IceServer], list[messages.IceServer]] = ([], []),
    *,
    epoch: int = 0,
    relay_only: bool = False,
) -> float:
    """Let one call the other; when it began, in monotonic seconds."""
    began_s = time.monotonic()
    for engine, ice_servers in ((callee, servers[1]), (caller, servers[0])):
        engine.send(messages.Open(epoch=epoch, offers=engine is caller, ice_servers=ice_servers, relay_only=relay_only))
    return began_s


def wait_ready(*engines: Engine) -> None:
    """Wait until engines can place calls."""
    for engine in engines:
        engine.wait(messages.Ready, READY_S)
