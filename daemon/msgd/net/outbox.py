"""What waits to be sent on one connection, and how it becomes WebSocket messages."""

from typing import Final

from msgd.net.frames import text_frame

COALESCED_BYTES: Final = 64 * 1024
"""The greatest payload of a message that carries several frames; a longer frame travels alone."""
MAX_CONTROLS: Final = 16
"""Pings and pongs that may wait; past it the oldest go, as RFC 6455 section 5.5.3 allows for pongs."""


class Outbox:
    """Frames in order, control frames ahead of them, the close frame behind. Pure: it gives bytes, and sends none.

    Several frames become one JSON array in one text message, up to `COALESCED_BYTES`.
    """

    __slots__ = ("_controls", "_frames", "_last", "_refused", "frames_taken", "queued_bytes")

    def __init__(self) -> None:
        self.queued_bytes = 0
        """Bytes of frames not taken, and of encoded bytes given back."""
        self.frames_taken = 0
        """How many frames the latest `take` carried."""
        self._frames: list[bytes] = []
        self._controls: list[bytes] | None = None
        self._last: bytes | None = None
        self._refused = b""

    def put(self, frame: bytes) -> int:
        """Queue one JSON object; return how many bytes are queued with it."""
        self._frames.append(frame)
        self.queued_bytes += len(frame)
        return self.queued_bytes

    def put_control(self, frame: bytes) -> None:
        """Queue an encoded ping or pong."""
        if self._controls is None:
            self._controls = []
        self._controls.append(frame)
        del self._controls[:-MAX_CONTROLS]

    def finish(self, close_frame: bytes) -> None:
        """Queue the encoded close frame; nothing may be put after it."""
        self._last = close_frame

    def take(self) -> bytes:
        """Return the next bytes for the wire, empty when nothing waits."""
        self.frames_taken = 0
        if self._refused:
            data = self._refused
            self._refused = b""
            self.queued_bytes -= len(data)
            return data
        if self._controls is not None:
            data = b"".join(self._controls)
            self._controls = None
            return data
        frames = self._frames
        if len(frames) == 1:
            frame = frames.pop()
            self.frames_taken = 1
            self.queued_bytes -= len(frame)
            return text_frame(frame)
        if frames:
            return self._coalesce(frames)
        data = self._last or b""
        self._last = None
        return data

    def give_back(self, rest: bytes) -> None:
        """Keep what the kernel did not take; the next `take` returns just these bytes."""
        self._refused = rest
        self.queued_bytes += len(rest)

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()
        self._controls = self._last = None
        self._refused = b""
        self.queued_bytes = 0

    def _coalesce(self, frames: list[bytes]) -> bytes:
        room = COALESCED_BYTES - 1  # the brackets and the commas are one byte more than there are frames
        count = size = 0
        for frame in frames:
            room -= len(frame) + 1
            if room < 0 and count:
                break
            size += len(frame)
            count += 1
        if count == len(frames):
            payload = b"[" + b",".join(frames) + b"]"
        else:
            payload = frames[0] if count == 1 else b"[" + b",".join(frames[:count]) + b"]"
        del frames[:count]
        self.frames_taken = count
        self.queued_bytes -= size
        return text_frame(payload)
