"""Starts the call engine, watches over it, and starts it again: the client's end of the pipe.

The engine is a process of its own, so that neither side can take the other down: a crash in a codec costs a call and no
conversation, and a busy screen costs no sound. On asyncio and on trio.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import cast

import anyio
from anyio.abc import Process

from .messages import Broken, Command, Configure, Messages, Ping, PipeBroken, Pong, Ready, Report, encode

_PING_S = 2.0
_MAX_UNANSWERED = 5
"""An engine that has let so many questions pass is not coming back."""
_STARTING_S = 30.0
"""How long it may take to start; on a busy machine loading it takes seconds."""
_FAREWELL_S = 2.0
_MAX_QUEUED = 512
_STEADY_S = 60.0
"""After so long, a crash is the first again."""
_DELAYS_S = (0.2, 1.0, 3.0, 10.0, 30.0)

# -P: what lies in the person's current folder is no part of the engine.
ENGINE = (sys.executable, "-P", "-m", "msgclient.call")


class Supervisor:
    """Keeps one engine running. `run` it in a task.

    Args:
        configure: what the engine is told first.
        on_report: takes what it says, `Ready` at each start included.
        on_stopped: told that it has ended, with a sentence; it will be started again.
        command: what to start.
    """

    def __init__(
        self,
        configure: Configure,
        on_report: Callable[[Report], None],
        on_stopped: Callable[[str], None],
        *,
        command: Sequence[str] = ENGINE,
    ) -> None:
        self._configure = configure
        self._on_report = on_report
        self._on_stopped = on_stopped
        self._command = command
        self._queue: list[Command] = []
        self._work = anyio.Event()
        self._is_ready = False
        self._unanswered = 0
        self.starts = 0
        self.pid: int | None = None

    @property
    def is_ready(self) -> bool:
        """Whether calls can be placed now."""
        return self._is_ready

    def send(self, command: Command) -> None:
        """Tell the engine something, in order; while it is not running, it is dropped. Never waits."""
        if not self._is_ready:
            return
        if len(self._queue) >= _MAX_QUEUED:
            # It does not read: the watch will find out.
            return
        self._queue.append(command)
        self._work.set()

    async def run(self) -> None:
        """Start it, and start it again, until cancelled."""
        crashes = 0
        while True:
            started_s = anyio.current_time()
            try:
                sentence = await self._live()
            except OSError:
                sentence = "The call engine cannot be started."
            self._is_ready = False
            self._on_stopped(sentence)
            crashes = 0 if anyio.current_time() - started_s > _STEADY_S else crashes + 1
            await anyio.sleep(_DELAYS_S[min(crashes, len(_DELAYS_S) - 1)])

    async def _live(self) -> str:
        """One engine's life; returns how it ended."""
        process = await anyio.open_process(
            list(self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C and Ctrl-Z in the terminal are meant for the client.
            start_new_session=True,
        )
        self.starts += 1
        self.pid = process.pid
        self._queue = []
        self._unanswered = 0
        sentence = "The call engine has stopped."
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write, process)
                tasks.start_soon(self._watch, process)
                sentence = await self._read(process) or sentence
                tasks.cancel_scope.cancel()
        finally:
            self._is_ready = False
            self.pid = None
            with anyio.CancelScope(shield=True):
                await _dismiss(process)
        return sentence

    async def _read(self, process: Process) -> str | None:
        assert process.stdout is not None, "it was started with a pipe"
        messages = Messages(Report)
        sentence = None
        try:
            async for data in process.stdout:
                self._unanswered = 0
                for message in messages.feed(data):
                    report = cast(Report, message)
                    match report:
                        case Pong():
                            continue
                        case Ready():
                            self._is_ready = True
                        case Broken():
                            sentence = report.sentence
                    self._on_report(report)
        except (anyio.BrokenResourceError, PipeBroken):
            pass
        return sentence

    async def _write(self, process: Process) -> None:
        assert process.stdin is not None, "it was started with a pipe"
        try:
            await process.stdin.send(encode(self._configure))
            while True:
                if not self._queue:
                    self._work = anyio.Event()
                    await self._work.wait()
                queued, self._queue = self._queue, []
                await process.stdin.send(b"".join(encode(command) for command in queued))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # the reader sees it too

    async def _watch(self, process: Process) -> None:
        """End an engine that has stopped answering."""
        beats = 0
        while self._unanswered < _MAX_UNANSWERED and (self._is_ready or beats * _PING_S < _STARTING_S):
            beats += 1
            if self._is_ready:
                # Counted, not measured: a client that was stopped itself would blame the engine for its own sleep.
                self._unanswered += 1
                self.send(Ping(number=beats))
            await anyio.sleep(_PING_S)
        process.kill()


async def _dismiss(process: Process) -> None:
    """Close the pipe, which ends an engine in good order; one that does not go is killed."""
    try:
        if process.stdin is not None:
            await process.stdin.aclose()
        with anyio.move_on_after(_FAREWELL_S):
            await process.wait()
        if process.returncode is None:
            process.kill()
    except ProcessLookupError:
        pass
    await process.aclose()
