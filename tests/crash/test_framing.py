"""Broken WebSocket framing (RFC 6455): the connection that breaks it is closed, and nobody else notices."""

import asyncio
import os
import random
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.daemon import Daemon
from conformance.people import World

pytestmark = pytest.mark.anyio
DEADLINE_S = 15
PING = b'{"type":"ping","request_id":"p"}'


def frame(payload: bytes, *, opcode: int = 1, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """One frame as a client sends it (RFC 6455, section 5.2), or one that breaks a rule on purpose."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 1 << 16:
        head += struct.pack("!BH", mask_bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", mask_bit | 127, len(payload))
    if not masked:
        return head + payload
    mask = b"\x5a\xa5\x3c\xc3"
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


# What is sent, and the close codes that fit: 1002 a broken rule, 1003 no such data, 1007 not UTF-8, 1009 too large.
BROKEN: dict[str, tuple[bytes, set[int]]] = {
    "no mask": (frame(PING, masked=False), {1002}),
    "reserved opcode 3": (frame(PING, opcode=3), {1002}),
    "reserved opcode 11": (frame(b"", opcode=11), {1002}),
    "reserved bit 1": (frame(PING, rsv=4), {1002}),
    "reserved bit 3": (frame(PING, rsv=1), {1002}),
    "a long ping": (frame(b"x" * 126, opcode=9), {1002}),
    "a ping in pieces": (frame(b"x", opcode=9, fin=False), {1002}),
    "a close in pieces": (frame(struct.pack("!H", 1000), opcode=8, fin=False), {1002}),
    "a continuation of nothing": (frame(PING, opcode=0), {1002}),
    "a message within a message": (frame(PING, fin=False) + frame(PING), {1002}),
    "half a close code": (frame(b"\x03", opcode=8), {1002}),
    "a close code that is none": (frame(struct.pack("!H", 1005), opcode=8), {1002}),
    "a close reason that is not UTF-8": (frame(struct.pack("!H", 1000) + b"\xff", opcode=8), {1002, 1007}),
    "text that is not UTF-8": (frame(b'{"type":"\xc3\x28"}'), {1007}),
    "a character cut in two": (frame(b'{"type":"\xc3"}'), {1007}),
    "a surrogate in UTF-8": (frame(b'{"type":"\xed\xa0\x80"}'), {1007}),
    "binary": (frame(PING, opcode=2), {1003}),
    "binary in pieces": (frame(b"x", opcode=2, fin=False) + frame(b"y", opcode=0), {1003}),
    "a length of 2 to the 62": (bytes([0x81, 0xFF]) + struct.pack("!Q", 1 << 62) + b"mask", {1009, 1002}),
    "a length of 2 to the 63": (bytes([0x81, 0xFF]) + struct.pack("!Q", 1 << 63) + b"mask", {1002, 1009}),
    "pieces without end": (frame(b" " * 60_000, fin=False) + frame(b" " * 60_000, opcode=0, fin=False) * 3, {1009}),
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    home: Path = tmp_path_factory.mktemp("framing") / "daemon"
    running = Daemon(home).init().start()
    yield running
    assert running.stop() == 0
    assert running.faults() == []


class Wire:
    """The bytes of one connection after the opening handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame of the server, which masks nothing and breaks no message up."""
        async with asyncio.timeout(DEADLINE_S):
            first, second = await self._reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", await self._reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
            assert not second & 0x80, "a server never masks"
            return first & 0x0F, await self._reader.readexactly(length)

    async def close_code(self) -> int | None:
        """The code with which the server closes, or None where it just ends the connection."""
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == 8:
                    return int.from_bytes(payload[:2], "big") if payload else 1005
        except (asyncio.IncompleteReadError, ConnectionError):
            return None


@asynccontextmanager
async def opened(daemon: Daemon) -> AsyncIterator[Wire]:
    """A connection after its opening handshake and `hello`."""
    address = urlsplit(daemon.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=daemon.tls())
    try:
        writer.write(
            f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: msgd.v1\r\n\r\n".encode()
        )
        async with asyncio.timeout(DEADLINE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        # RFC 6455, section 1.3: the answer to the sample nonce.
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        wire = Wire(reader, writer)
        opcode, payload = await wire.frame()
        assert (opcode, b'"hello"' in payload) == (1, True)
        yield wire
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(("raw", "codes"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_rule_closes_the_connection(daemon: Daemon, raw: bytes, codes: set[int]) -> None:
    async with World(daemon) as world:
        witness = await world.connect()
        async with opened(daemon) as wire:
            wire.writer.write(raw)
            assert await wire.close_code() in codes
        await witness.barrier()


async def test_a_message_byte_by_byte_with_pings_between(daemon: Daemon) -> None:
    async with opened(daemon) as wire:
        for place in range(len(PING)):
            opcode = 1 if place == 0 else 0
            raw = frame(PING[place : place + 1], opcode=opcode, fin=place == len(PING) - 1) + frame(b"?", opcode=9)
            for byte in raw:
                wire.writer.write(bytes([byte]))
                await wire.writer.drain()
        pongs = 0
        while True:
            opcode, payload = await wire.frame()
            if opcode == 10:
                assert payload == b"?"
                pongs += 1
            else:
                assert b'"pong"' in payload
                break
        while pongs < len(PING):
            opcode, payload = await wire.frame()
            assert (opcode, payload) == (10, b"?")
            pongs += 1


async def test_a_close_is_answered_with_its_code(daemon: Daemon) -> None:
    async with opened(daemon) as wire:
        wire.writer.write(frame(struct.pack("!H", 1000) + b"good night", opcode=8))
        assert await wire.close_code() == 1000


async def test_noise_after_the_handshake(daemon: Daemon) -> None:
    seed = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    chance = random.Random(seed)
    async with World(daemon) as world:
        witness = await world.connect()
        for _ in range(150):
            async with opened(daemon) as wire:
                wire.writer.write(chance.randbytes(chance.choice((1, 2, 6, 14, 200, 5000))))
                if chance.random() < 0.5:
                    wire.writer.write(frame(chance.randbytes(chance.randrange(100)), opcode=chance.randrange(16)))
        await witness.barrier()
    assert daemon.is_running, f"seed {seed}"


async def test_noise_instead_of_a_handshake(daemon: Daemon) -> None:
    address = urlsplit(daemon.url)
    lines = (
        *(b"GET / HTTP/1.1\r\n\r\n", b"GET /v1/ws HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /v1/ws HTTP/1.1\r\n\r\n"),
        *(b"\0" * 1000, b"GET " + b"/" * 100_000, b"GET /v1/ws HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, b""),
    )
    async with World(daemon) as world:
        witness = await world.connect()
        for secure in (True, False):
            for line in lines:
                context = daemon.tls() if secure else None
                _, writer = await asyncio.open_connection(address.hostname, address.port, ssl=context)
                writer.write(line)
                writer.transport.close()
        await witness.barrier()
    assert daemon.is_running
