"""The call that the engine carries: its connections, one after the other, and the sound that goes through them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from aiortc import RTCCertificate

from . import echo_cancel, tones
from .bitrate import Setting
from .connection import Connection, local_addresses
from .keeper import Keeper, Sounds, Trouble
from .listen import Listen
from .messages import (
    EchoHint,
    Hold,
    Levels,
    MicChecked,
    Open,
    Probe,
    Remote,
    RemoteCandidate,
    Report,
    Ring,
    SoundTrouble,
)
from .opus import FRAME_BYTES, SAMPLE_RATE
from .sounds import EchoSounds
from .talk import Talk
from .turn_choice import Chooser

_NOTHING = b"\xf8"
"""A packet of 20 ms in which nothing was sent (RFC 6716 section 3.1)."""
_BEFORE_SAMPLES = 10 * SAMPLE_RATE
_LEVELS_S = 0.1
_MAX_MIC_CHECK_S = 60.0
_MIC_DELAY_FRAMES = 50


class Media:
    """All of a call that is not decided elsewhere.

    Args:
        identity: the device's certificate.
        sounds: where devices come from.
        report: takes what the client has to know.
        cancels_echo: whether sound comes back from a loudspeaker, so that it is worth taking out.
    """

    def __init__(
        self, identity: RTCCertificate, sounds: Sounds, report: Callable[[Report], None], *, cancels_echo: bool
    ) -> None:
        self.chooser = Chooser(time.monotonic)
        self._identity = identity
        self._sounds = sounds
        self._report = report
        self._cancels_echo = cancels_echo
        self._loop = asyncio.get_running_loop()
        self.talk = Talk(self._packet)
        self.listen = Listen()
        self.keeper = Keeper(sounds, self.talk.capture, self.listen.play, self._trouble)
        self._connections: dict[int, Connection] = {}
        self._current: Connection | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._meters: asyncio.Task[None] | None = None
        self._check: asyncio.Task[None] | None = None
        self._rings = False
        self._held = False

    # What the client asks for.

    async def probe(self, command: Probe) -> None:
        """Find out which servers answer, ahead of the call."""
        await self.chooser.choose(command.ice_servers, local_addresses())

    def open(self, command: Open) -> None:
        """Make the connection of an epoch; one of the same epoch gives way to it, older ones stay until it is open."""
        self._stop_check()
        replaced = self._connections.pop(command.epoch, None)
        if replaced is not None:
            self._close_later(replaced)
        self._held = command.held
        connection = Connection(
            command,
            self._identity,
            self.chooser,
            report=self._report,
            on_open=self._opened,
            on_setting=self._set_rate,
        )
        self._connections[command.epoch] = connection
        connection.start()

    def post(self, step: Remote | RemoteCandidate) -> None:
        """Something from the other side; of an epoch that is gone it is dropped."""
        connection = self._connections.get(step.epoch)
        if connection is not None:
            connection.post(step)

    def hold(self, command: Hold) -> None:
        """Hold or resume."""
        self._held = command.held
        if self._connections:
            self._connections[max(self._connections)].post(command)

    def ring(self, command: Ring) -> None:
        """Play a tone, or none."""
        tone = {"ringing": tones.ringing, "ringback": tones.ringback}.get(command.tone or "")
        self._rings = tone is not None
        self.listen.ring(None if tone is None else tone())
        self._need_devices()

    def check_microphone(self, seconds: float) -> None:
        """Let the person hear the microphone; not during a call."""
        if not self._connections and self._check is None:
            self._check = asyncio.create_task(self._check_microphone(min(seconds, _MAX_MIC_CHECK_S)))

    def close(self) -> None:
        """The call is over. The engine waits for the next."""
        self._stop_check()
        self.talk.is_sending = False
        self._current = self.listen.buffer = None
        self._rings = False
        self.listen.ring(None)
        connections = list(self._connections.values())
        self._connections.clear()
        self._stop_meters()
        self._need_devices()
        self.talk.canceller = self.listen.canceller = None
        for connection in connections:
            self._close_later(connection)

    async def end(self) -> None:
        """The engine stops."""
        self.close()
        await asyncio.gather(*self._closing)
        await self.keeper.close()

    # What the connections tell.

    def _opened(self, connection: Connection) -> None:
        is_first = self._current is None
        self._current = connection
        self.listen.buffer = connection.buffer
        # The other side waits for sound, and a sound card takes its time. Far before the stream, so that the other
        # side's buffer does not measure the network by it.
        connection.send(self.talk.timestamp - _BEFORE_SAMPLES, _NOTHING)
        if is_first:
            self._begin_talking()
        self.talk.is_sending = True
        for epoch in [epoch for epoch in self._connections if epoch < connection.epoch]:
            self._close_later(self._connections.pop(epoch))

    def _begin_talking(self) -> None:
        if isinstance(self._sounds, EchoSounds):
            self._sounds.echo.begin()
        canceller = echo_cancel.load() if self._cancels_echo else None
        self.talk.canceller = self.listen.canceller = canceller
        if self._cancels_echo:
            self._report(EchoHint(cancels=canceller is not None))
        self._need_devices()
        self._start_meters()

    def _packet(self, timestamp: int, packet: bytes) -> None:
        """A packet is made; in the capture thread."""
        self._loop.call_soon_threadsafe(self._send, timestamp, packet)

    def _send(self, timestamp: int, packet: bytes) -> None:
        # While a new connection is on its way, whoever is reached by the old one still hears.
        for connection in self._connections.values():
            connection.send(timestamp, packet)

    def _set_rate(self, setting: Setting) -> None:
        self.talk.set_rate(setting)

    def _close_later(self, connection: Connection) -> None:
        task = asyncio.create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # Sound.

    def _need_devices(self) -> None:
        in_use = self._current is not None or self._check is not None
        self.keeper.need(capture=in_use, playback=in_use or self._rings)

    def _trouble(self, trouble: Trouble) -> None:
        self._report(SoundTrouble(direction=trouble.direction, sentence=trouble.sentence))

    def _start_meters(self) -> None:
        if self._meters is None:
            self._meters = asyncio.create_task(self._run_meters())

    def _stop_meters(self) -> None:
        if self._meters is not None:
            self._meters.cancel()
            self._meters = None

    async def _run_meters(self) -> None:
        while True:
            await asyncio.sleep(_LEVELS_S)
            self._report(Levels(near=self.talk.take_level(), far=self.listen.take_level()))

    async def _check_microphone(self, seconds: float) -> None:
        delay = _Delay()
        loudest = 0
        self.talk.monitor, self.listen.buffer = delay.put, delay
        self._need_devices()
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            await asyncio.sleep(_LEVELS_S)
            near = self.talk.take_level()
            loudest = max(loudest, near)
            self._report(Levels(near=near, far=self.listen.take_level()))
        self._stop_check()
        self._report(MicChecked(loudest=loudest))

    def _stop_check(self) -> None:
        check, self._check = self._check, None
        if check is None:
            return
        if check is not asyncio.current_task():
            check.cancel()
        self.talk.monitor = self.listen.buffer = None
        self._need_devices()


class _Delay:
    """The microphone, a second later. `put` and `pull` come from the threads of the two devices."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque([bytes(FRAME_BYTES)] * _MIC_DELAY_FRAMES, maxlen=2 * _MIC_DELAY_FRAMES)

    def put(self, frame: bytes) -> None:
        self._frames.append(frame)

    def pull(self) -> bytes:
        return self._frames.popleft() if self._frames else bytes(FRAME_BYTES)
