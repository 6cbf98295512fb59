"""TLS on loopback: the same messages, every way a handshake fails, and new certificates without a restart."""

import ssl
import warnings
from pathlib import Path

import pytest
import trio
import trio.testing
import trustme

from msgd.net.tls import make_ssl_context

from .conftest import StartDoor
from .door import request
from .rig import close, closing, masked, settle

pytestmark = pytest.mark.trio


@pytest.mark.parametrize("size", [2, 16_383, 16_384, 16_385, 65_536, 131_072])
async def test_messages_larger_and_smaller_than_a_record_pass_both_ways(open_door: StartDoor, size: int) -> None:
    door = await open_door(tls=True)
    client, peer = await door.enter()
    text = b"x" * size
    await client.stream.send_all(masked(text))
    assert await client.message() == text
    assert peer.messages == [text]


async def test_many_records_that_come_at_once_are_all_read(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    client, peer = await door.enter()
    peer.on_message = lambda _: None
    for number in range(500):
        await client.stream.send_all(masked(b"%d" % number))
    while len(peer.messages) < 500:
        await settle()
    assert peer.messages == [b"%d" % number for number in range(500)]


async def test_a_frame_may_span_records_and_a_record_frames(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    client, peer = await door.enter()
    data = masked("one") + masked("two") + masked("x" * 40_000) + masked("three")
    for start in range(0, len(data), 7000):
        await client.stream.send_all(data[start : start + 7000])
    while len(peer.messages) < 4:
        await settle()
    assert peer.messages == [b"one", b"two", b"x" * 40_000, b"three"]


async def test_frames_in_the_same_record_as_the_request_are_not_lost(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    client = await door.connect()
    await client.shake_hands(request() + masked("x" * 15_000) + masked("last"))
    assert door.peers[0].messages == [b"x" * 15_000, b"last"]


async def test_a_slow_reader_gets_every_byte_in_order(open_door: StartDoor) -> None:
    door = await open_door(tls=True, outbox_bytes=8 << 20)
    client, peer = await door.enter()
    sent = []
    for number in range(60):
        sent.append(b"%02d" % number * 50_000)
        peer.connection.send(sent[-1])
        await settle()
    assert peer.connection.queued_bytes > 0
    assert [await client.message() for _ in range(60)] == sent
    await settle()
    assert peer.connection.queued_bytes == 0


async def test_a_stuck_reader_is_cut_off(open_door: StartDoor, mock_clock: trio.testing.MockClock) -> None:
    door = await open_door(tls=True, outbox_bytes=16 << 20)
    _, peer = await door.enter()
    peer.connection.send(b"x" * (12 << 20))
    await settle()
    mock_clock.jump(21)
    await peer.over.wait()
    assert peer.codes == [1006]
    assert door.counters.write_deadlines == 1


async def test_the_end_is_told_by_tls_too(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    client, peer = await door.enter()
    strict = client.stream
    assert isinstance(strict, trio.SSLStream)
    strict._https_compatible = False  # an end without close_notify is an error from here on
    await strict.send_all(close(1000))
    heard = b""
    while part := await strict.receive_some():
        heard += part
    assert closing(heard) == 1000
    assert peer.codes == [1000]


async def test_a_violation_is_answered_before_the_end(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    client, peer = await door.enter()
    await client.stream.send_all(masked("x", rsv=4) + masked("y" * 100_000))
    assert closing(await client.to_the_end()) == 1002
    await trio.aclose_forcefully(client.stream)
    await peer.over.wait()
    assert peer.codes == [1002]


async def test_a_client_that_breaks_off_is_1006(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    client, peer = await door.enter()
    await trio.aclose_forcefully(client.stream)
    await peer.over.wait()
    assert peer.codes == [1006]


@pytest.mark.parametrize("data", [b"GET /v1/ws HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", bytes(2000)])
async def test_what_is_not_tls_ends_that_socket_alone(open_door: StartDoor, data: bytes) -> None:
    door = await open_door(tls=True)
    plain = await door.connect(tls=False)
    await plain.stream.send_all(data)
    await plain.to_the_end()
    assert door.counters.refused == {"tls": 1}
    assert door.log.lines == []
    await door.enter()


async def test_a_client_that_goes_away_during_the_handshake_is_forgotten(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    for data in (b"", b"\x16\x03\x01"):
        plain = await door.connect(tls=False)
        await plain.stream.send_all(data)
        await settle()
        await plain.stream.aclose()
    await settle()
    assert door.counters.refused == {"tls": 2}
    assert door.counters.pending_handshakes == 0


async def test_a_tls_handshake_that_stalls_runs_out_of_time_and_delays_nobody(
    open_door: StartDoor, mock_clock: trio.testing.MockClock
) -> None:
    door = await open_door(tls=True)
    stalled = await door.connect(tls=False)
    await stalled.stream.send_all(b"\x16\x03\x01")
    await settle()
    await door.enter()
    mock_clock.jump(11)
    assert await stalled.to_the_end() == b""
    assert door.counters.refused == {"timeout": 1}


async def test_tls_1_1_is_refused(open_door: StartDoor) -> None:
    door = await open_door(tls=True)
    client = await door.connect()
    assert isinstance(client.stream, trio.SSLStream)
    context = door.client_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the version is old, which is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    old = trio.SSLStream(client.stream.transport_stream, context, server_hostname="127.0.0.1")
    with pytest.raises(trio.BrokenResourceError):
        await old.do_handshake()
    await settle()
    assert door.counters.refused == {"tls": 1}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_of_tls_carry_messages(open_door: StartDoor, version: ssl.TLSVersion) -> None:
    door = await open_door(tls=True)
    client = await door.connect()
    assert isinstance(client.stream, trio.SSLStream)
    context = door.client_context()
    context.minimum_version = context.maximum_version = version
    client.stream = trio.SSLStream(
        client.stream.transport_stream, context, server_hostname="127.0.0.1", https_compatible=True
    )
    await client.shake_hands()
    await client.stream.send_all(masked("{}"))
    assert await client.message() == b"{}"


async def test_a_new_certificate_is_for_newcomers_and_leaves_the_others_alone(
    open_door: StartDoor, authority: trustme.CA, tmp_path: Path
) -> None:
    door = await open_door(tls=True)
    before, _ = await door.enter()
    renewed = tmp_path / "renewed.pem"
    authority.issue_cert("127.0.0.1", common_name="renewed").private_key_and_cert_chain_pem.write_to_path(str(renewed))
    assert door.tls is not None
    door.tls.context = make_ssl_context(renewed, renewed)
    after, _ = await door.enter()
    names = []
    for client in (before, after):
        await client.stream.send_all(masked("{}"))
        assert await client.message() == b"{}"
        assert isinstance(client.stream, trio.SSLStream)
        names.append(dict(entry[0] for entry in client.stream.getpeercert()["subject"]).get("commonName"))
    assert names[1] == "renewed"
    assert names[0] != "renewed"


async def test_a_certificate_that_cannot_be_used_is_an_error(certificate: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(str(other))
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        make_ssl_context(certificate, other)
    with pytest.raises(ssl.SSLError):
        make_ssl_context(broken, broken)
    with pytest.raises(FileNotFoundError):
        make_ssl_context(tmp_path / "missing.pem", certificate)
