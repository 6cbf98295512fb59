"""One connection on a running hub: messages, both closing handshakes, pausing, bounds and fences."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from msgd.net.connection import Connection
from msgd.net.frames import FrameReader
from msgd.net.outbox import COALESCED_BYTES

from .conftest import StartRig
from .rig import BINARY, CLOSE, PING, PONG, TEXT, Client, Recorder, Rig, close, closing, frames, header, masked, settle

pytestmark = pytest.mark.trio


async def test_messages_arrive_in_order_and_answers_leave(rig: Rig) -> None:
    connection, peer, client = rig.connect()
    peer.on_message = connection.send
    await client.say(masked('{"n":1}') + masked('{"n":2}'))
    assert peer.messages == [b'{"n":1}', b'{"n":2}']
    assert frames(client.heard()) == [(TEXT, b'[{"n":1},{"n":2}]')]


async def test_what_came_with_the_handshake_is_the_first_message(rig: Rig) -> None:
    _, peer, client = rig.connect(first=masked("early")[:4])
    await client.say(masked("early")[4:] + masked("next"))
    assert peer.messages == [b"early", b"next"]


async def test_sends_within_one_turn_are_one_message_whoever_makes_them(rig: Rig, nursery: trio.Nursery) -> None:
    connection, _, client = rig.connect()

    async def send(frame: bytes) -> None:
        connection.send(frame)

    for number in range(3):
        nursery.start_soon(send, b"%d" % number)
    await settle()
    ((opcode, payload),) = frames(client.heard())
    assert opcode == TEXT
    assert sorted(payload.strip(b"[]").split(b",")) == [b"0", b"1", b"2"]
    assert (rig.counters.messages_sent, rig.counters.frames_sent) == (1, 3)


async def test_a_ping_is_answered_with_its_payload_also_between_fragments(rig: Rig) -> None:
    _, peer, client = rig.connect()
    await client.say(masked("a", fin=False) + masked("p1", PING) + masked("b", 0) + masked("p2", PING))
    assert frames(client.heard()) == [(PONG, b"p1"), (PONG, b"p2")]
    assert peer.messages == [b"ab"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (header(2, masked=False) + b"hi", 1002),
        (masked("x", rsv=4), 1002),
        (masked("x", 5), 1002),
        (masked("x" * 126, PING), 1002),
        (masked("", CLOSE, fin=False), 1002),
        (masked(b"\x00", BINARY), 1003),
        (masked(b"\xff"), 1007),
        (header(131_073) + b"mask", 1009),
    ],
)
async def test_a_violation_is_answered_with_its_code_after_what_was_queued(rig: Rig, data: bytes, code: int) -> None:
    connection, peer, client = rig.connect()
    peer.on_message = connection.send
    await client.say(masked("{}") + data + masked("late"))
    heard = client.heard()
    assert [opcode for opcode, _ in frames(heard)] == [TEXT, CLOSE]
    assert closing(heard) == code
    assert client.at_end()  # our side is shut, so no client waits for more
    await client.say(b"noise that nobody looks at" * 1000)
    assert peer.codes == []
    client.sock.close()
    await settle()
    assert (peer.messages, peer.codes) == ([b"{}"], [code])
    assert rig.counters.closes == {str(code): 1}


async def test_a_violator_that_never_leaves_is_cut_off(rig: Rig, mock_clock: trio.testing.MockClock) -> None:
    _, peer, client = rig.connect()
    await client.say(masked("x", rsv=4))
    mock_clock.jump(6)
    await settle()
    assert peer.codes == [1002]


@pytest.mark.parametrize(("frame", "code", "echoed"), [(close(1001, b"away"), 1001, 1001), (close(), 1005, None)])
async def test_a_close_frame_is_echoed_behind_what_is_queued(
    rig: Rig, frame: bytes, code: int, echoed: int | None
) -> None:
    connection, peer, client = rig.connect()
    peer.on_message = connection.send
    await client.say(masked("{}") + frame)
    assert frames(client.heard()) == [(TEXT, b"{}"), (CLOSE, b"" if echoed is None else echoed.to_bytes(2, "big"))]
    assert client.at_end()
    assert peer.codes == [code]
    assert connection.closing


async def test_a_close_frame_and_the_end_of_the_stream_may_come_together(rig: Rig) -> None:
    _, peer, client = rig.connect()
    client.sock.sendall(masked("last words") + close(1000))
    client.sock.close()
    await settle()
    assert (peer.messages, peer.codes) == ([b"last words"], [1000])


async def test_close_sends_what_is_queued_and_waits_for_the_answer(rig: Rig) -> None:
    connection, peer, client = rig.connect()
    connection.send(b"{}")
    connection.close(1012, "retry_after_ms=100")
    connection.close(1000, "the first one counts")
    connection.send(b"lost")
    await settle()
    assert frames(client.heard()) == [(TEXT, b"{}"), (CLOSE, (1012).to_bytes(2, "big") + b"retry_after_ms=100")]
    assert peer.codes == []
    await client.say(masked("not delivered") + close(1012))
    assert (peer.messages, peer.codes) == ([], [1012])
    assert client.at_end()


async def test_a_peer_that_does_not_answer_our_close_is_cut_off(rig: Rig, mock_clock: trio.testing.MockClock) -> None:
    connection, peer, client = rig.connect()
    connection.close(4403, "disabled")
    await settle()
    mock_clock.jump(4.5)
    await client.say(masked("", PONG))
    assert peer.codes == []
    mock_clock.jump(1)
    await settle()
    assert peer.codes == [4403]


async def test_close_from_inside_a_message_ends_the_delivery(rig: Rig) -> None:
    connection, peer, client = rig.connect()
    peer.on_message = lambda _: connection.close(4401)
    await client.say(masked("one") + masked("two") + masked("three"))
    assert peer.messages == [b"one"]
    assert closing(client.heard()) == 4401


async def test_the_end_of_the_stream_without_a_close_frame_is_1006(rig: Rig) -> None:
    _, peer, client = rig.connect()
    client.sock.close()
    await settle()
    assert peer.codes == [1006]
    assert rig.counters.open_connections == 0


async def test_abort_is_at_once_but_never_inside_a_call_from_above(rig: Rig) -> None:
    connection, peer, client = rig.connect()
    seen: list[list[int | None]] = []

    def end(_: bytes) -> None:
        connection.abort()
        seen.append(list(peer.codes))
        connection.send(b"lost")

    peer.on_message = end
    await client.say(masked("one") + masked("two"))
    assert (peer.messages, seen, peer.codes) == ([b"one"], [[]], [1006])
    connection.abort()
    connection.close(1000)
    connection.pause()
    connection.resume()
    await settle()
    assert peer.codes == [1006]


async def test_an_exception_above_closes_that_connection_alone_and_tells_no_content(rig: Rig) -> None:
    def fail(payload: bytes) -> None:
        raise ValueError(payload.decode())

    _, peer, client = rig.connect()
    _, other, other_client = rig.connect()
    peer.on_message = fail
    await client.say(masked("secret words") + masked("two"))
    assert closing(client.heard()) == 1011
    assert peer.messages == [b"secret words"]
    assert rig.counters.peer_errors == 1
    ((level, event, fields),) = rig.log.lines
    assert (level, event, fields["conn"], fields["error"]) == ("error", "connection.peer_error", 1, "ValueError")
    assert "test_connection.py" in str(fields["place"])
    assert "secret" not in repr(rig.log.lines)
    await other_client.say(masked("still here"))
    assert other.messages == [b"still here"]


async def test_an_exception_in_closed_is_fenced(rig: Rig) -> None:
    class Fragile(Recorder):
        def closed(self, code: int | None) -> None:
            super().closed(code)
            raise RuntimeError

    connection, peer, _ = rig.connect()
    peer.__class__ = Fragile
    connection.abort()
    await settle()
    assert peer.codes == [1006]
    assert rig.counters.peer_errors == 1
    _, other, other_client = rig.connect()
    await other_client.say(masked("still here"))
    assert other.messages == [b"still here"]


async def test_a_peer_that_cannot_be_made_is_closed_with_1011(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Recorder, connection: Connection) -> None:
        raise RuntimeError

    monkeypatch.setattr(Recorder, "__init__", fail)
    with pytest.raises(IndexError):  # the rig has no peer to give back
        rig.connect(first=masked("early"))
    (client,) = (Client(sock) for sock in rig.clients)
    await settle()
    assert closing(client.heard()) == 1011
    client.sock.close()
    await settle()
    assert rig.counters.open_connections == 0


class TestPause:
    async def test_nothing_is_delivered_until_resume_and_then_everything_in_order(self, rig: Rig) -> None:
        connection, peer, client = rig.connect()
        connection.pause()
        await client.say(masked("one") + masked("two"))
        await client.say(masked("three"))
        assert peer.messages == []
        connection.resume()
        assert peer.messages == []  # never inside the call
        await client.say(masked("four"))
        assert peer.messages == [b"one", b"two", b"three", b"four"]

    async def test_pausing_inside_a_message_holds_the_rest_of_that_read(self, rig: Rig) -> None:
        connection, peer, client = rig.connect()
        peer.on_message = lambda _: connection.pause()
        await client.say(masked("one") + masked("two") + masked("three"))
        for delivered in (1, 2, 3):
            assert len(peer.messages) == delivered
            connection.resume()
            await settle()
        assert peer.messages == [b"one", b"two", b"three"]

    async def test_pings_are_answered_meanwhile(self, rig: Rig) -> None:
        connection, peer, client = rig.connect()
        connection.pause()
        await client.say(masked("one") + masked("p", PING))
        assert frames(client.heard()) == [(PONG, b"p")]
        assert peer.messages == []

    async def test_past_the_bound_the_socket_is_not_read(self, start_rig: StartRig) -> None:
        rig = await start_rig(input_buffer_bytes=10_000)
        connection, peer, client = rig.connect()
        connection.pause()
        for _ in range(20):
            await client.say(masked("x" * 1000))
        held = rig.counters.bytes_received
        assert 10_000 <= held <= 12_500
        await client.say(masked("p", PING))
        assert client.heard() == b""
        connection.resume()
        await settle()
        assert len(peer.messages) == 20
        assert frames(client.heard()) == [(PONG, b"p")]

    async def test_empty_messages_count_against_the_bound_too(self, start_rig: StartRig) -> None:
        rig = await start_rig(input_buffer_bytes=6_400)
        connection, peer, client = rig.connect()
        connection.pause()
        for _ in range(10):
            await client.say(masked("") * 50)
        assert rig.counters.bytes_received <= 150 * 6
        connection.resume()
        await settle()
        assert len(peer.messages) == 500

    async def test_a_close_frame_or_a_violation_waits_for_the_messages_before_it(self, rig: Rig) -> None:
        for frame, code in ((close(1000), 1000), (masked("x", rsv=4), 1002)):
            connection, peer, client = rig.connect()
            connection.pause()
            await client.say(masked("last words") + frame)
            assert client.heard() == b""
            connection.resume()
            await settle()
            assert peer.messages == [b"last words"]
            assert closing(client.heard()) == code

    async def test_messages_before_the_end_of_the_stream_are_delivered(self, rig: Rig) -> None:
        connection, peer, client = rig.connect()
        connection.pause()
        client.sock.sendall(masked("last words"))
        await settle()
        client.sock.shutdown(1)
        await settle()
        assert peer.codes == []
        connection.resume()
        await settle()
        assert (peer.messages, peer.codes) == ([b"last words"], [1006])

    async def test_a_paused_connection_whose_client_left_does_not_stay_for_ever(
        self, rig: Rig, mock_clock: trio.testing.MockClock
    ) -> None:
        connection, peer, client = rig.connect()
        connection.pause()
        client.sock.sendall(masked("last words"))
        await settle()
        client.sock.shutdown(1)
        await settle()
        mock_clock.jump(6)
        await settle()
        assert (peer.messages, peer.codes) == ([], [1006])

    async def test_close_while_paused_drops_what_is_held(self, rig: Rig) -> None:
        connection, peer, client = rig.connect()
        connection.pause()
        await client.say(masked("one"))
        connection.close(1000)
        connection.resume()
        await client.say(close(1000))
        assert (peer.messages, peer.codes) == ([], [1000])

    async def test_resume_and_pause_again_delivers_nothing(self, rig: Rig) -> None:
        connection, peer, client = rig.connect()
        connection.pause()
        await client.say(masked("one"))
        connection.resume()
        connection.pause()
        await settle()
        assert peer.messages == []

    async def test_silence_while_we_do_not_read_is_not_the_clients(
        self, start_rig: StartRig, mock_clock: trio.testing.MockClock
    ) -> None:
        rig = await start_rig(input_buffer_bytes=1000)
        connection, peer, client = rig.connect()
        connection.pause()
        await client.say(masked("x" * 1000))
        for _ in range(10):
            mock_clock.jump(30)
            await settle()
        assert (peer.codes, client.heard()) == ([], b"")
        connection.resume()
        await settle()
        mock_clock.jump(19)
        await settle()
        assert (peer.messages, peer.codes) == ([b"x" * 1000], [])


class TestOutbox:
    async def test_a_reader_that_is_slow_gets_everything(self, rig: Rig) -> None:
        connection, peer, client = rig.connect(send_buffer=4096)
        sent = b""
        for number in range(10):
            frame = b"%d" % number * 20_000
            sent += frame
            connection.send(frame)
            await settle()
        assert connection.queued_bytes > 0
        heard = b""
        while part := client.heard():
            heard += part
            await settle()
        assert connection.queued_bytes == 0
        got = b"".join(payload.strip(b"[]").replace(b",", b"") for _, payload in frames(heard))
        assert got == sent
        assert peer.codes == []
        assert rig.counters.largest_outbox_bytes >= 20_000

    async def test_overflow_aborts_and_is_counted(self, start_rig: StartRig) -> None:
        rig = await start_rig(outbox_bytes=100_000)
        connection, peer, _ = rig.connect(send_buffer=4096)
        for _ in range(30):
            connection.send(b"x" * 10_000)
            await settle()
        assert peer.codes == [1006]
        assert rig.counters.outbox_overflows == 1
        assert rig.counters.largest_outbox_bytes > 100_000
        assert connection.queued_bytes == 0
        assert rig.log.events() == ["connection.outbox_overflow"]

    async def test_overflow_within_one_turn_is_caught_too(self, start_rig: StartRig) -> None:
        rig = await start_rig(outbox_bytes=100_000)
        connection, peer, _ = rig.connect()
        for _ in range(1000):
            connection.send(b"x" * 1000)
        # One frame more than the bound at the most, whatever its size: see `Connection.send`.
        assert connection.queued_bytes <= 102_000
        await settle()
        assert peer.codes == [1006]
        assert rig.counters.outbox_overflows == 1

    async def test_one_frame_larger_than_the_bound_finds_room_in_an_empty_outbox(self, start_rig: StartRig) -> None:
        rig = await start_rig(outbox_bytes=1000)
        connection, peer, client = rig.connect()
        connection.send(b"x" * 5000)
        await settle()
        assert rig.counters.outbox_overflows == 0
        assert peer.codes == []
        assert [len(payload) for _, payload in frames(client.heard())] == [5000]

    async def test_a_stuck_reader_is_cut_off_at_the_write_deadline(
        self, rig: Rig, mock_clock: trio.testing.MockClock
    ) -> None:
        connection, peer, client = rig.connect(send_buffer=4096)
        connection.send(b"x" * 500_000)
        await settle()
        for _ in range(3):
            mock_clock.jump(6)
            await client.say(masked("talks, but does not read"))
        assert peer.codes == []
        mock_clock.jump(2.5)
        await settle()
        assert peer.codes == [1006]
        assert rig.counters.write_deadlines == 1
        assert rig.log.events() == ["connection.write_deadline"]

    async def test_a_reader_that_trickles_does_not_win_time_for_one_chunk(
        self, rig: Rig, mock_clock: trio.testing.MockClock
    ) -> None:
        connection, peer, client = rig.connect(send_buffer=4096)
        connection.send(b"x" * 900_000)
        await settle()
        for _ in range(4):
            mock_clock.jump(5.1)
            client.sock.recv(6000)
            await settle()
        assert peer.codes == [1006]

    async def test_a_reader_that_takes_each_chunk_in_time_is_kept(
        self, rig: Rig, mock_clock: trio.testing.MockClock
    ) -> None:
        connection, peer, client = rig.connect(send_buffer=4096)
        for _ in range(10):
            connection.send(b"x" * COALESCED_BYTES)
        await settle()
        heard = 0
        for _ in range(10):
            mock_clock.jump(10)
            wanted = heard + COALESCED_BYTES
            while heard < wanted:
                heard += len(client.sock.recv(wanted - heard))
                await settle()
            await client.say(masked("", PONG))
        assert peer.codes == []
        assert connection.queued_bytes < COALESCED_BYTES

    async def test_close_behind_a_stuck_reader_ends_at_the_write_deadline(
        self, rig: Rig, mock_clock: trio.testing.MockClock
    ) -> None:
        connection, peer, _ = rig.connect(send_buffer=4096)
        connection.send(b"x" * 500_000)
        await settle()
        connection.close(1012)
        await settle()
        mock_clock.jump(21)
        await settle()
        assert peer.codes == [1012]

    async def test_no_ping_follows_a_close_frame(self, start_rig: StartRig, mock_clock: trio.testing.MockClock) -> None:
        rig = await start_rig(ping_interval_s=5, write_deadline_s=100)
        connection, _, client = rig.connect(send_buffer=4096)
        connection.send(b"x" * 500_000)
        connection.close(1012)
        await settle()
        mock_clock.jump(6)
        await settle()
        heard = b""
        while part := client.heard():
            heard += part
            await settle()
        assert [opcode for opcode, _ in frames(heard)] == [TEXT, CLOSE]

    async def test_wait_drained(self, start_rig: StartRig, nursery: trio.Nursery) -> None:
        rig = await start_rig(outbox_bytes=400_000)
        connection, _, client = rig.connect(send_buffer=4096)
        await connection.wait_drained()
        connection.send(b"x" * 300_000)
        drained = trio.Event()

        async def wait() -> None:
            await connection.wait_drained()
            assert connection.queued_bytes < 100_000
            drained.set()

        nursery.start_soon(wait)
        await settle()
        assert not drained.is_set()
        while client.heard():
            await settle()
        assert drained.is_set()

    async def test_wait_drained_ends_with_the_connection(self, rig: Rig, nursery: trio.Nursery) -> None:
        connection, peer, _ = rig.connect(send_buffer=4096)
        connection.send(b"x" * 900_000)
        await settle()
        nursery.start_soon(connection.wait_drained)
        await settle()
        connection.abort()
        await connection.wait_drained()
        await settle()
        assert peer.codes == [1006]
        assert not nursery.child_tasks

    async def test_a_flood_of_pings_from_a_client_that_does_not_read_holds_no_memory(self, rig: Rig) -> None:
        connection, _, client = rig.connect(send_buffer=4096)
        for _ in range(50):
            await client.say(masked("x" * 125, PING) * 200)
        assert connection.queued_bytes < 10_000


class TestTime:
    async def test_a_silent_client_is_pinged_and_its_pong_keeps_it(
        self, rig: Rig, mock_clock: trio.testing.MockClock
    ) -> None:
        _, peer, client = rig.connect()
        for _ in range(10):
            mock_clock.jump(20.3)
            await settle()
            assert frames(client.heard()) == [(PING, b"")]
            await client.say(masked("", PONG))
        assert peer.codes == []
        assert rig.counters.pings_sent == 10

    async def test_a_half_open_connection_is_closed_with_4408_and_then_by_force(
        self, rig: Rig, mock_clock: trio.testing.MockClock
    ) -> None:
        _, peer, client = rig.connect()
        for _ in range(3):
            mock_clock.jump(20.25)
            await settle()
        assert [opcode for opcode, _ in frames(client.heard())] == [PING, PING, CLOSE]
        assert peer.codes == []
        mock_clock.jump(5.5)
        await settle()
        assert peer.codes == [4408]

    async def test_a_client_that_talks_is_not_pinged(self, rig: Rig, mock_clock: trio.testing.MockClock) -> None:
        _, _, client = rig.connect()
        for _ in range(10):
            mock_clock.jump(15)
            await client.say(masked("{}"))
        assert client.heard() == b""

    async def test_nothing_is_left_behind_by_a_connection_that_is_over(self, rig: Rig) -> None:
        _, peer, client = rig.connect()
        assert len(rig.hub.wheel) == 1
        client.sock.close()
        await settle()
        assert peer.codes == [1006]
        assert len(rig.hub.wheel) == 0
        assert rig.hub.connections == []


async def test_a_cancelled_hub_ends_every_connection_and_tells_each_peer(nursery: trio.Nursery) -> None:
    rig = Rig()
    peers: list[Recorder] = []
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as inner:
            await inner.start(rig.hub.run)
            peers = [rig.connect()[1] for _ in range(3)]
            await settle()
            scope.cancel()
    assert [peer.codes for peer in peers] == [[1006]] * 3
    assert rig.counters.open_connections == 0
    rig.close()


async def test_a_message_may_end_or_wake_any_other_connection(rig: Rig) -> None:
    first, first_peer, first_client = rig.connect()
    second, second_peer, second_client = rig.connect()
    actions: list[Callable[[bytes], None]] = [second.send, lambda _: second.abort()]

    def act(payload: bytes) -> None:
        actions.pop(0)(payload)

    first_peer.on_message = act
    second_client.sock.sendall(masked("in the same turn"))
    await first_client.say(masked("{}"))
    assert frames(second_client.heard()) == [(TEXT, b"{}")]
    second_client.sock.sendall(masked("in the same turn"))
    await first_client.say(masked("{}"))
    assert second_peer.codes == [1006]
    assert not first.closing


async def test_many_connections_take_turns(rig: Rig) -> None:
    made = [rig.connect() for _ in range(300)]  # more than are read in one turn
    for _, _, client in made:
        client.sock.sendall(masked("{}"))
    await settle()
    assert all(peer.messages == [b"{}"] for _, peer, _ in made)


async def test_a_connection_says_nothing_of_its_headers(rig: Rig) -> None:
    connection, _, _ = rig.connect()
    assert repr(connection) == "<Connection 1 open>"


async def test_writing_to_a_socket_that_broke_ends_the_connection(rig: Rig) -> None:
    connection, peer, client = rig.connect(send_buffer=4096)
    connection.send(b"x" * 100_000)
    await settle()
    connection.pause()
    client.sock.close()
    connection.send(b"{}")
    await settle()
    assert peer.codes == [1006]


async def test_a_reset_while_the_socket_is_not_read_ends_the_connection(start_rig: StartRig) -> None:
    rig = await start_rig(input_buffer_bytes=100)
    connection, peer, client = rig.connect()
    connection.pause()
    await client.say(masked("x" * 200))
    client.sock.close()
    await settle()
    assert peer.codes == [1006]
    assert peer.messages == []


async def test_a_fault_of_our_own_ends_one_connection_alone(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    _, peer, client = rig.connect()
    _, other, other_client = rig.connect()
    with monkeypatch.context() as patch:
        patch.setattr(FrameReader, "feed", fail)
        await client.say(masked("{}"))
    assert peer.codes == [1006]
    assert rig.counters.peer_errors == 1
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "flush", fail)
        rig.connect()[0].send(b"{}")
        await settle()
    await other_client.say(masked("still here"))
    assert other.messages == [b"still here"]
