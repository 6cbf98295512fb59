"""Keeps a call's sound alive: devices by name, switched at any time, missed when they fail, found again.

While a device is missing, silence takes its place within a second, so that the network side goes on as it was.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from .devices import Capture, NoSound, Playback, SilentCapture, SilentPlayback, Sink, Source

_LOOK_S = 0.2
_RETRY_S = 1.0


class Sounds(Protocol):
    """Where devices come from: the machine's cards, files, or Echo."""

    def capture(self, name: str | None) -> Capture:
        """A microphone, not yet started."""

    def playback(self, name: str | None) -> Playback:
        """A speaker, not yet started."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A direction fails, or works again: `direction` is `input` or `output`, `sentence` None when it works."""

    direction: Literal["input", "output"]
    sentence: str | None


C = TypeVar("C", Sink, Source)
C_contra = TypeVar("C_contra", Sink, Source, contravariant=True)


class _Device(Protocol[C_contra]):
    name: str | None

    def start(self, callback: C_contra, /) -> None: ...

    def is_alive(self, now_s: float) -> bool: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Direction(Generic[C]):
    """One of the two directions: what is wanted, what is in use."""

    label: Literal["input", "output"]
    make: Callable[[str | None], _Device[C]]
    make_silent: Callable[[], _Device[C]]
    callback: C
    wanted: str | None = None
    device: _Device[C] | None = None
    is_substitute: bool = False
    trouble: str | None = None
    is_needed: bool = False
    is_stale: bool = False
    retry_at_s: float = 0.0

    def needs_opening(self, now_s: float) -> bool:
        """Whether nothing is open, or the wrong thing, or what is open has died."""
        if self.device is None or self.is_stale:
            return True
        return now_s >= self.retry_at_s if self.is_substitute else not self.device.is_alive(now_s)

    async def open(self) -> str | None:
        """Use what is wanted, else silence; returns what is wrong."""
        await self.close()
        self.is_stale = False
        try:
            wanted = self.make(self.wanted)
            # A worker thread, because a sound server may take its time.
            await asyncio.to_thread(wanted.start, self.callback)
        except NoSound as trouble:
            self.device = self.make_silent()
            self.device.start(self.callback)
            self.is_substitute = True
            self.retry_at_s = time.monotonic() + _RETRY_S
            return str(trouble)
        self.device = wanted
        self.is_substitute = False
        return None

    async def close(self) -> None:
        device, self.device = self.device, None
        if device is not None:
            await asyncio.to_thread(device.close)


class Keeper:
    """Both directions of a call's sound.

    Args:
        sounds: where devices come from.
        sink: takes what the microphone hears.
        source: gives what the speaker plays.
        on_trouble: told when a direction fails, and when it works again.
    """

    def __init__(self, sounds: Sounds, sink: Sink, source: Source, on_trouble: Callable[[Trouble], None]) -> None:
        self._input: _Direction[Sink] = _Direction("input", sounds.capture, SilentCapture, sink)
        self._output: _Direction[Source] = _Direction("output", sounds.playback, SilentPlayback, source)
        self._on_trouble = on_trouble
        self._change = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    def need(self, *, capture: bool, playback: bool) -> None:
        """Open and close directions. What cannot be opened is replaced by silence, and told. Returns at once."""
        self._input.is_needed, self._output.is_needed = capture, playback
        self._changed()

    def use(self, capture: str | None, playback: str | None) -> None:
        """Switch to other devices, by name; None is the default one. During a call it is heard at once."""
        for direction, name in ((self._input, capture), (self._output, playback)):
            if direction.wanted != name:
                direction.wanted = name
                direction.is_stale = True
        self._changed()

    async def close(self) -> None:
        """Close both directions for good."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        for direction in self._directions():
            await direction.close()

    def _directions(self) -> Iterator["_Direction[Sink] | _Direction[Source]"]:
        yield self._input
        yield self._output

    def _changed(self) -> None:
        self._change.set()
        if self._watch is None:
            self._watch = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            self._change.clear()
            await asyncio.gather(*(self._tend(direction) for direction in self._directions()))
            try:
                async with asyncio.timeout(_LOOK_S if self._is_busy() else None):
                    await self._change.wait()
            except TimeoutError:
                pass

    def _is_busy(self) -> bool:
        return any(direction.is_needed for direction in self._directions())

    async def _tend(self, direction: "_Direction[Sink] | _Direction[Source]") -> None:
        if not direction.is_needed:
            await direction.close()
            self._tell(direction, None)
        elif direction.needs_opening(time.monotonic()):
            self._tell(direction, await direction.open())

    def _tell(self, direction: "_Direction[Sink] | _Direction[Source]", trouble: str | None) -> None:
        if trouble != direction.trouble:
            direction.trouble = trouble
            self._on_trouble(Trouble(direction.label, trouble))
