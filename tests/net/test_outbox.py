"""How queued frames become messages, and in which order everything leaves."""

import json

from msgd.net.frames import close_frame, control_frame, text_frame
from msgd.net.outbox import COALESCED_BYTES, MAX_CONTROLS, Outbox

from .rig import PING, PONG, TEXT, frames


def everything(outbox: Outbox) -> list[tuple[int, bytes]]:
    data = b""
    while part := outbox.take():
        data += part
    return frames(data)


def test_one_frame_goes_as_itself() -> None:
    outbox = Outbox()
    outbox.put(b'{"a":1}')
    assert everything(outbox) == [(TEXT, b'{"a":1}')]


def test_several_frames_go_as_one_array() -> None:
    outbox = Outbox()
    for number in range(3):
        outbox.put(b'{"n":%d}' % number)
    assert outbox.take() == text_frame(b'[{"n":0},{"n":1},{"n":2}]')
    assert outbox.frames_taken == 3
    assert outbox.queued_bytes == 0


def test_an_array_stays_within_its_bound_and_loses_nothing() -> None:
    outbox = Outbox()
    sent = [json.dumps({"n": number, "text": "x" * 1000}).encode() for number in range(200)]
    for frame in sent:
        outbox.put(frame)
    messages = [payload for _, payload in everything(outbox)]
    assert all(len(message) <= COALESCED_BYTES for message in messages)
    assert max(map(len, messages)) > COALESCED_BYTES - 1100
    got = [frame for message in messages for frame in json.loads(message)]
    assert got == [json.loads(frame) for frame in sent]


def test_the_bound_is_exact() -> None:
    outbox = Outbox()
    outbox.put(b"x" * (COALESCED_BYTES // 2 - 2))
    outbox.put(b"y" * (COALESCED_BYTES // 2 - 1))
    ((_, payload),) = everything(outbox)
    assert len(payload) == COALESCED_BYTES
    outbox.put(b"x" * (COALESCED_BYTES // 2 - 1))
    outbox.put(b"y" * (COALESCED_BYTES // 2 - 1))
    assert len(everything(outbox)) == 2


def test_a_frame_longer_than_an_array_may_be_travels_alone() -> None:
    outbox = Outbox()
    large = b"x" * (COALESCED_BYTES + 1)
    for frame in (b"{}", large, b"{}", b"{}"):
        outbox.put(frame)
    assert [payload for _, payload in everything(outbox)] == [b"{}", large, b"[{},{}]"]


def test_control_frames_go_first_and_the_close_frame_last() -> None:
    outbox = Outbox()
    outbox.put(b"{}")
    outbox.put_control(control_frame(PING))
    outbox.finish(close_frame(1000))
    assert [opcode for opcode, _ in everything(outbox)] == [PING, TEXT, 8]


def test_only_the_latest_control_frames_wait() -> None:
    outbox = Outbox()
    for number in range(1000):
        outbox.put_control(control_frame(PONG, b"%d" % number))
    got = everything(outbox)
    assert got == [(PONG, b"%d" % number) for number in range(1000 - MAX_CONTROLS, 1000)]


def test_what_is_given_back_comes_before_everything_else() -> None:
    outbox = Outbox()
    outbox.put(b'{"a":1}')
    data = outbox.take()
    outbox.give_back(data[3:])
    assert outbox.queued_bytes == len(data) - 3
    outbox.put_control(control_frame(PING))
    outbox.put(b"{}")
    assert outbox.take() == data[3:]
    assert outbox.queued_bytes == 2
    assert everything(outbox) == [(PING, b""), (TEXT, b"{}")]


def test_clear_forgets_everything() -> None:
    outbox = Outbox()
    outbox.put(b"{}")
    outbox.put_control(control_frame(PING))
    outbox.finish(close_frame(1000))
    outbox.give_back(b"rest")
    outbox.clear()
    assert outbox.take() == b""
    assert outbox.queued_bytes == 0
