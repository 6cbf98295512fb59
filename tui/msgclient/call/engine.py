"""The call engine's process: commands in, reports out, until the client is gone.

Nothing that a C library writes reaches the terminal: file descriptors 1 and 2 lead nowhere, and the reports travel on a
copy of the first that only this module has. There is no log, because what could be logged here is private.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

from .certificate import IdentityUnreadable, fingerprint_of, load_or_make
from .devices import NoSound
from .media import Media
from .messages import (
    Broken,
    CardSound,
    Close,
    Command,
    Configure,
    Deafen,
    Hold,
    Levels,
    ListDevices,
    Messages,
    MicCheck,
    Mute,
    Open,
    Ping,
    PipeBroken,
    Pong,
    Probe,
    Ready,
    Remote,
    RemoteCandidate,
    Report,
    Ring,
    Stats,
    UseDevices,
    Volume,
    encode,
)
from .rtc import prepare_library
from .sounds import list_devices, sounds_of

_READ_BYTES = 65_536
_SOFT_BACKLOG_BYTES = 65_536
"""Past this the client is busy, and gets no more of what it will get again in a second."""
_HARD_BACKLOG_BYTES = 4_194_304
"""Past this it is gone in all but name."""
_FAREWELL_S = 1.0


class Outlet:
    """Where reports go. It never waits: a client that does not read loses meters first, and its engine at last."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def __call__(self, report: Report) -> None:
        """Send a report."""
        backlog = self._transport.get_write_buffer_size()
        if backlog > _HARD_BACKLOG_BYTES:
            self._transport.abort()
        elif backlog < _SOFT_BACKLOG_BYTES or not isinstance(report, Levels | Stats):
            self._transport.write(encode(report))


class Engine:
    """Carries out commands. `report` takes what the client has to know."""

    def __init__(self, report: Outlet) -> None:
        self._report = report
        self._media: Media | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, command: Command) -> None:
        """Carry a command out, or begin to; before `Configure` nothing but a ping is answered."""
        if isinstance(command, Ping):
            self._report(Pong(number=command.number))
        elif isinstance(command, Configure):
            self._configure(command)
        elif self._media is not None:
            self._control(self._media, command)

    async def end(self) -> None:
        """Close the call, so that the other side knows at once."""
        for task in self._tasks:
            task.cancel()
        if self._media is not None:
            await self._media.end()

    def _configure(self, command: Configure) -> None:
        try:
            identity = load_or_make(Path(command.identity_file))
            sounds = sounds_of(command.sound)
        except (IdentityUnreadable, NoSound) as error:
            self._report(Broken(sentence=str(error)))
            return
        except OSError as error:
            self._report(Broken(sentence=f"{command.identity_file}: {error.strerror}."))
            return
        cancels_echo = isinstance(command.sound, CardSound) and command.sound.echo_cancellation
        self._media = Media(identity, sounds, self._report, cancels_echo=cancels_echo)
        if isinstance(command.sound, CardSound):
            self._media.keeper.use(command.sound.capture, command.sound.playback)
        self._report(Ready(fingerprint=fingerprint_of(identity).hex()))

    def _control(self, media: Media, command: Command) -> None:
        match command:
            case Probe():
                self._start(media.probe(command))
            case Open():
                media.open(command)
            case Remote() | RemoteCandidate():
                media.post(command)
            case Hold():
                media.hold(command)
            case Mute():
                media.talk.is_muted = command.on
            case Deafen():
                media.listen.is_deafened = command.on
            case Volume():
                media.listen.volume_percent = command.percent
            case UseDevices():
                media.keeper.use(command.capture, command.playback)
            case ListDevices():
                self._start(self._list_devices())
            case Ring():
                media.ring(command)
            case MicCheck():
                media.check_microphone(command.seconds)
            case Close():
                media.close()

    async def _list_devices(self) -> None:
        self._report(await asyncio.to_thread(list_devices))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def serve(reading: int, writing: int) -> None:
    """Serve a client over two file descriptors until it closes its end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_READ_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0))
    transport, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(writing, "wb", 0))
    engine = Engine(Outlet(transport))
    messages = Messages(Command)
    try:
        while data := await reader.read(_READ_BYTES):
            for command in messages.feed(data):
                engine.handle(cast(Command, command))
    except (OSError, PipeBroken):
        pass  # the client is gone, or out of its mind
    finally:
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await engine.end()
        except TimeoutError:
            pass
        transport.abort()


def main() -> None:
    """Run the engine on this process's standard input and output."""
    reading, writing = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    sys.stdin = sys.stdout = sys.stderr = None
    # Ctrl-C is for the client; it closes the pipe when it goes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # aiortc and aioice would log descriptions and addresses.
    logging.disable(logging.CRITICAL)
    prepare_library()
    if sys.platform.startswith("linux"):
        from .soundcard import silence_alsa  # noqa: PLC0415 - only where there is ALSA

        silence_alsa()
    # What is loaded now stays: no collector needs to walk through it in the middle of a word.
    gc.collect()
    gc.freeze()
    asyncio.run(serve(reading, writing))
    # Threads of a sound server that hangs must not hold the process.
    os._exit(0)
