"""One side of a call with aiortc as it comes, to compare with: its Opus settings, its jitter buffer, a plain player.

Run as a program it speaks and records like the real client. Lines of JSON on standard input and output carry the
description of each side and the word `connected`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from msgbench.calls import speech

_FRAME = speech.RATE // 50
_AHEAD = 3
"""Frames that the player keeps before it begins, as any player does that wants no gaps."""


class Speaker(MediaStreamTrack):
    """Says what is in a file, in real time, once `begin` is called; silence before and after."""

    kind = "audio"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._sound = (speech.read(path) * 32767).astype("<i2")
        self._at: int | None = None
        self._sent = 0
        self._start_s = time.monotonic()

    def begin(self) -> None:
        """Speak from the next frame on."""
        self._at = 0

    async def recv(self) -> "av.AudioFrame":
        """The next 20 ms."""
        await asyncio.sleep(self._start_s + self._sent * 0.02 - time.monotonic())
        samples = np.zeros(_FRAME, dtype="<i2")
        if self._at is not None:
            part = self._sound[self._at : self._at + _FRAME]
            samples[: len(part)] = part
            self._at += _FRAME
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = speech.RATE, self._sent * _FRAME, Fraction(1, speech.RATE)
        self._sent += 1
        return frame


class Listener:
    """Plays what comes, 20 ms at a time, into memory; silence where nothing is there."""

    def __init__(self) -> None:
        self._waiting: deque[np.ndarray[tuple[int], np.dtype[np.int16]]] = deque(maxlen=100)
        self._is_playing = False

    async def take(self, track: MediaStreamTrack) -> None:
        """Decode what a track brings until it ends."""
        to_mono = av.AudioResampler(format="s16", layout="mono", rate=speech.RATE)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, av.AudioFrame)
            for mono in to_mono.resample(frame):
                self._waiting.append(mono.to_ndarray()[0].astype(np.int16))

    async def record(self, seconds: float) -> speech.Sound:
        """Play for so long."""
        heard, start_s = [], time.monotonic()
        for n in range(round(seconds * 50)):
            await asyncio.sleep(start_s + n * 0.02 - time.monotonic())
            self._is_playing = self._is_playing or len(self._waiting) >= _AHEAD
            if self._is_playing and self._waiting:
                heard.append(self._waiting.popleft())
            else:
                heard.append(np.zeros(_FRAME, dtype=np.int16))
        return np.concatenate(heard).astype(np.float64) / 32768


async def _read_line() -> dict[str, str]:
    found: dict[str, str] = json.loads(await asyncio.to_thread(sys.stdin.readline))
    return found


def _say(**fields: str) -> None:
    print(json.dumps(fields), flush=True)


async def _call(offers: bool, play: Path, record: Path, seconds: float) -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    speaker, listener = Speaker(play), Listener()
    connected = asyncio.Event()
    takers: list[asyncio.Task[None]] = []
    connection.addTrack(speaker)
    connection.on("track", lambda track: takers.append(asyncio.create_task(listener.take(track))))
    connection.on(
        "connectionstatechange", lambda: connected.set() if connection.connectionState == "connected" else None
    )
    if not offers:
        await connection.setRemoteDescription(RTCSessionDescription(**await _read_line()))
    await connection.setLocalDescription()
    _say(sdp=connection.localDescription.sdp, type=connection.localDescription.type)
    if offers:
        await connection.setRemoteDescription(RTCSessionDescription(**await _read_line()))
    await connected.wait()
    _say(event="connected")
    await _read_line()
    speaker.begin()
    speech.write(record, await listener.record(seconds))
    await connection.close()
    await asyncio.gather(*takers)


def main() -> None:
    """Call once; the options are those of the real client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offer", action="store_true")
    parser.add_argument("--play", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--duration", type=float, required=True)
    options = parser.parse_args()
    asyncio.run(_call(options.offer, options.play, options.record, options.duration))


if __name__ == "__main__":
    main()
