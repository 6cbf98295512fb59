"""The server's half of RFC 6455 framing as a pure core: bytes in, messages and control frames out.

`FrameReader` takes whatever the socket gave and returns what is complete; it never waits, sends or keeps time.
Complete, unfragmented text frames, which are nearly all that a chat server sees, go through a short loop of their own;
everything else takes the strict path below it, which cites the clause of RFC 6455 that it enforces.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

try:
    from websockets.speedups import apply_mask
except ImportError:  # that wheel may be built without its C module

    def apply_mask(data: bytes, mask: bytes, /) -> bytes:  # type: ignore[misc]  # the C signature takes any buffer
        """XOR `data` with the four bytes of `mask`, repeated (RFC 6455 section 5.3)."""
        size = len(data)
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
        return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")


CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

FIN: Final = 0x80
MASKED: Final = 0x80
MAX_CONTROL_BYTES: Final = 125
NO_CODE: Final = 1005
"""The code of a close frame that carries none (RFC 6455 section 7.1.5)."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping frame, to be answered with a pong of the same payload (RFC 6455 section 5.5.2)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """A pong frame: a sign of life and nothing more."""


@dataclass(frozen=True, slots=True)
class Close:
    """A close frame. `code` is 1005 when the peer gave none; nothing after this frame is read."""

    code: int


@dataclass(frozen=True, slots=True)
class Violation:
    """What the peer did must end the connection with `code`; nothing after it is read (RFC 6455 section 7.1.7)."""

    code: int
    reason: str


Item: TypeAlias = bytes | Ping | Pong | Close | Violation
"""What the wire carried: the payload of a text message (valid UTF-8), or one of the rare frames."""


def _protocol_error(reason: str) -> Violation:
    return Violation(1002, reason)


class FrameReader:
    """Turns the bytes of one client into items, in the order in which they came.

    Args:
        max_message_bytes: the greatest payload of a message, all its fragments together. A frame that says in its
            header that it will pass this bound is refused before its payload is waited for.
    """

    __slots__ = ("_buffer", "_ended", "_message", "_need", "max_message_bytes")

    def __init__(self, max_message_bytes: int) -> None:
        self.max_message_bytes = max_message_bytes
        self._buffer: bytearray | None = None  # the start of a frame whose end has not come
        self._need = 0  # bytes that the buffer must hold before another look is worth it
        self._message: bytearray | None = None  # the fragments of a message so far
        self._ended = False

    @property
    def buffered_bytes(self) -> int:
        """Bytes held back, waiting for the rest of their frame or message."""
        return len(self._buffer or b"") + len(self._message or b"")

    def feed(self, data: bytes) -> Sequence[Item]:
        """Return every item that `data` completes; a `Close` or a `Violation` is always the last one ever."""
        if self._buffer is not None:
            self._buffer += data
            if len(self._buffer) < self._need:
                return ()
            data = bytes(self._buffer)
            self._buffer = None
        if self._ended:
            return ()
        items: list[Item] = []
        at = 0
        end = len(data)
        limit = self.max_message_bytes
        while end - at >= 6:
            size = data[at + 1] - MASKED
            if data[at] != FIN | TEXT or size < 0 or self._message is not None:
                at = self._strict(data, at, end, items)
                if at < 0:
                    return items
                continue
            if size < 126:
                start = at + 6
            elif size == 126 and end - at >= 8:
                size = data[at + 2] << 8 | data[at + 3]
                start = at + 8
                if size < 126:
                    items.append(_protocol_error("length not in its shortest form"))
                    return self._end(items)
            else:
                at = self._strict(data, at, end, items)
                if at < 0:
                    return items
                continue
            if size > limit:
                items.append(Violation(1009, "message too large"))
                return self._end(items)
            stop = start + size
            if stop > end:
                self._keep(data, at, stop - at)
                return items
            payload = apply_mask(data[start:stop], data[start - 4 : start])
            at = stop
            if not payload.isascii() and not _is_utf8(payload):
                items.append(Violation(1007, "text is not UTF-8"))
                return self._end(items)
            items.append(payload)
        if at < end:
            self._strict(data, at, end, items)
        return items

    def _keep(self, data: bytes, at: int, need: int) -> None:
        """Hold the incomplete frame that starts at `at` back until `need` bytes of it are there."""
        self._buffer = bytearray(memoryview(data)[at:])
        self._need = need

    def _end(self, items: list[Item]) -> list[Item]:
        """Read nothing more from this peer."""
        self._ended = True
        self._buffer = self._message = None
        return items

    def _strict(self, data: bytes, at: int, end: int, items: list[Item]) -> int:
        """Take one frame of any kind at `at`; return where the next one starts, or -1 when there is no more to take."""
        if end - at < 2:
            self._keep(data, at, 2)
            return -1
        first = data[at]
        size = data[at + 1] & 0x7F
        violation = self._refuse_header(first, data[at + 1])
        if violation is not None:
            items.append(violation)
            self._end(items)
            return -1
        head = 6
        if size >= 126:
            wide = 2 if size == 126 else 8
            head += wide
            if end - at < 2 + wide:
                self._keep(data, at, 2 + wide)
                return -1
            size = int.from_bytes(data[at + 2 : at + 2 + wide], "big")
            # Section 5.2: the shortest encoding must be used, and the highest bit of eight bytes is 0.
            if size < (126 if wide == 2 else 1 << 16) or size >> 63:
                items.append(_protocol_error("length not in its shortest form"))
                self._end(items)
                return -1
        opcode = first & 0x0F
        if opcode < CLOSE and size + len(self._message or b"") > self.max_message_bytes:
            items.append(Violation(1009, "message too large"))
            self._end(items)
            return -1
        stop = at + head + size
        if stop > end:
            self._keep(data, at, stop - at)
            return -1
        start = at + head
        payload = apply_mask(data[start:stop], data[start - 4 : start])
        if opcode >= CLOSE:
            self._control(opcode, payload, items)
        else:
            self._data(first, payload, items)
        return -1 if self._ended else stop

    def _refuse_header(self, first: int, second: int) -> Violation | None:
        """Check the two bytes that open a frame; None when it may go on."""
        opcode = first & 0x0F
        if first & 0x70:
            return _protocol_error("reserved bit set")  # section 5.2: no extension was negotiated
        if opcode not in {CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG}:
            return _protocol_error("unknown opcode")  # section 5.2
        if not second & MASKED:
            return _protocol_error("frame not masked")  # section 5.1
        if opcode >= CLOSE:
            if not first & FIN:
                return _protocol_error("fragmented control frame")  # section 5.4
            if second & 0x7F > MAX_CONTROL_BYTES:
                return _protocol_error("control frame too long")  # section 5.5
        elif opcode == CONTINUATION:
            if self._message is None:
                return _protocol_error("continuation of nothing")  # section 5.4
        elif self._message is not None:
            return _protocol_error("message inside a message")  # section 5.4
        elif opcode == BINARY:
            return Violation(1003, "binary is not accepted")
        return None

    def _data(self, first: int, payload: bytes, items: list[Item]) -> None:
        """Add a fragment of a text message, and give the message out when it was the last (section 5.4)."""
        if self._message is None:
            self._message = bytearray(payload)
        else:
            self._message += payload
        if not first & FIN:
            return
        message = bytes(self._message)
        self._message = None
        if message.isascii() or _is_utf8(message):
            items.append(message)
        else:
            items.append(Violation(1007, "text is not UTF-8"))  # section 8.1
            self._end(items)

    def _control(self, opcode: int, payload: bytes, items: list[Item]) -> None:
        if opcode == PING:
            items.append(Ping(payload))
        elif opcode == PONG:
            items.append(Pong())
        else:
            items.append(_read_close(payload))
            self._end(items)


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_close(payload: bytes) -> Close | Violation:
    """Read the body of a close frame (sections 5.5.1 and 7.4)."""
    if not payload:
        return Close(NO_CODE)
    if len(payload) == 1:
        return _protocol_error("close code cut short")
    code = int.from_bytes(payload[:2], "big")
    # Section 7.4.2, and the codes that IANA has registered since: 1012 to 1014.
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        return _protocol_error("close code not allowed")
    if not _is_utf8(payload[2:]):
        return Violation(1007, "close reason is not UTF-8")
    return Close(code)


_SHORT_HEADERS: Final = tuple(bytes((FIN | TEXT, size)) for size in range(126))
_pack_medium = struct.Struct("!BBH").pack
_pack_long = struct.Struct("!BBQ").pack


def text_frame(payload: bytes) -> bytes:
    """Return one text message as one unmasked frame (sections 5.1 and 5.2)."""
    size = len(payload)
    if size < 126:
        return _SHORT_HEADERS[size] + payload
    if size < 1 << 16:
        return _pack_medium(FIN | TEXT, 126, size) + payload
    return _pack_long(FIN | TEXT, 127, size) + payload


def control_frame(opcode: int, payload: bytes = b"") -> bytes:
    """Return a control frame; the payload may have at most 125 bytes (section 5.5)."""
    assert len(payload) <= MAX_CONTROL_BYTES
    return bytes((FIN | opcode, len(payload))) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """Return a close frame; a code that must not travel (1005, 1006) makes an empty one (section 7.4.1).

    `reason` is cut, at a character, to the 123 bytes that fit.
    """
    if code in {NO_CODE, 1006}:
        return control_frame(CLOSE)
    text = reason.encode()[: MAX_CONTROL_BYTES - 2].decode(errors="ignore").encode()
    return control_frame(CLOSE, code.to_bytes(2, "big") + text)
