"""The codec: what it refuses, how it says so, and that it never says what was sent."""

import json

import pytest
from golden import vectors
from hypothesis import given
from hypothesis import strategies as st

from msgwire import ErrorCode, FrameError, Hello, Ping, decode_client_frame, decode_server_message, encode, join, split

MAX_BYTES = 131_072
SECRET = "hunter2-hunter2"


def refusal(raw: bytes) -> FrameError:
    with pytest.raises(FrameError) as caught:
        decode_client_frame(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "code", "path"),
    [
        (b'{"type":"send","to":5,"text":"x","client_message_id":"c"}', ErrorCode.BAD_FRAME, "$.to"),
        (b'{"type":"send","to":"u","client_message_id":"c"}', ErrorCode.BAD_FRAME, "text"),
        (b'{"type":"send","to":"u","text":"","client_message_id":"c"}', ErrorCode.BAD_FRAME, "$.text"),
        (b'{"type":"ack","seq":-1}', ErrorCode.BAD_FRAME, "$.seq"),
        (b'{"type":"ack","seq":1.5}', ErrorCode.BAD_FRAME, "$.seq"),
        (b'{"type":"ack","seq":123456789012345678901234567890}', ErrorCode.BAD_FRAME, "$.seq"),
        (b'{"type":"history","peer":"u","limit":201}', ErrorCode.BAD_FRAME, "$.limit"),
        (b'{"type":"call_request","to":"u","media":["smell"]}', ErrorCode.BAD_FRAME, "$.media[0]"),
        (b'{"type":"set_presence","status":"asleep"}', ErrorCode.BAD_FRAME, "$.status"),
        (b'{"type":7}', ErrorCode.BAD_FRAME, "type"),
        (b"{}", ErrorCode.BAD_FRAME, "type"),
        (b"[]", ErrorCode.BAD_FRAME, "object"),
        (b"null", ErrorCode.BAD_FRAME, "object"),
        (b'"ping"', ErrorCode.BAD_FRAME, "object"),
        (b"", ErrorCode.BAD_FRAME, "JSON"),
        (b'{"type":"ping"', ErrorCode.BAD_FRAME, "JSON"),
        (b'{"type":"ping"}{}', ErrorCode.BAD_FRAME, "JSON"),
        (b'{"type":"ping","request_id":"\xff"}', ErrorCode.BAD_FRAME, "JSON"),
        (b'{"type":"ping","request_id":"\\ud800"}', ErrorCode.BAD_FRAME, "JSON"),
        (b'{"a":' * 50_000, ErrorCode.BAD_FRAME, "JSON"),
        (b'{"type":"dance"}', ErrorCode.UNKNOWN_TYPE, "type"),
        (b'{"type":"hello"}', ErrorCode.UNKNOWN_TYPE, "type"),
    ],
)
def test_a_bad_frame_is_refused_with_the_place(raw: bytes, code: ErrorCode, path: str) -> None:
    error = refusal(raw)
    assert error.code is code
    assert path in error.sentence


@pytest.mark.parametrize("request_id", ["a", "é" * 64])
def test_a_refusal_names_the_request(request_id: str) -> None:
    assert refusal(json.dumps({"type": "send", "request_id": request_id}).encode()).re == request_id


@pytest.mark.parametrize("request_id", ["", "x" * 65, 5, None, ["a"]])
def test_a_request_id_that_is_none_is_not_echoed(request_id: object) -> None:
    assert refusal(json.dumps({"type": "send", "request_id": request_id}).encode()).re is None


@pytest.mark.parametrize(
    "vector",
    [
        {"type": SECRET},
        {"type": "set_presence", "status": SECRET},
        {"type": "login", "login": [SECRET], "password": "p"},
        {"type": "send", "to": "u", "text": SECRET, "client_message_id": 5},
        {"type": "call_request", "to": "u", "media": [SECRET]},
        {"type": "register", "login": "l", "password": {SECRET: SECRET}},
    ],
)
def test_a_refusal_never_says_what_was_sent(vector: dict[str, object]) -> None:
    error = refusal(json.dumps(vector).encode())
    assert SECRET not in error.sentence
    assert SECRET not in repr(error)
    assert SECRET not in str(error)


def test_unknown_fields_are_ignored_and_null_is_absence() -> None:
    frame = decode_client_frame(b'{"type":"ping","request_id":null,"mood":"fine","nested":{"a":[1]}}')
    assert frame == Ping()


def test_a_message_is_one_frame_or_an_array_of_them() -> None:
    one = b'{"type":"ping"}'
    assert [bytes(raw) for raw in split(one, MAX_BYTES)] == [one]
    assert [bytes(raw) for raw in split(b" [" + one + b", " + one + b"]", MAX_BYTES)] == [one, one]
    assert split(b"[]", MAX_BYTES) == []
    assert join([one]) == one
    assert [bytes(raw) for raw in split(join([one, one]), MAX_BYTES)] == [one, one]


def test_an_array_keeps_its_good_frames_beside_bad_ones() -> None:
    frames = split(b'[{"type":"ping"},5,{"type":"dance"},{"type":"ping"}]', MAX_BYTES)
    answers: list[object] = []
    for raw in frames:
        try:
            answers.append(decode_client_frame(raw))
        except FrameError as error:
            answers.append(error.code)
    assert answers == [Ping(), ErrorCode.BAD_FRAME, ErrorCode.UNKNOWN_TYPE, Ping()]


def test_the_limit_counts_bytes() -> None:
    payload = '"é"'.encode()
    assert split(payload, 4) == [payload]
    with pytest.raises(FrameError) as caught:
        split(payload, 3)
    assert caught.value.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize("payload", [b"[", b"[1,", b"[" * 100_000, b"[{}] {}"])
def test_a_broken_array_is_refused_as_a_whole(payload: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        split(payload, MAX_BYTES)
    assert caught.value.code is ErrorCode.BAD_FRAME


def test_a_client_passes_over_frames_that_it_does_not_know() -> None:
    known, new = json.dumps(vectors("server")[0]).encode(), b'{"type":"from_the_future"}'
    (frame,) = decode_server_message(join([new, known]))
    assert isinstance(frame, Hello)


def test_a_client_refuses_a_known_frame_of_a_wrong_form() -> None:
    with pytest.raises(FrameError):
        decode_server_message(b'{"type":"event","seq":"one","at":1,"event":{}}')


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_is_a_frame_or_a_refusal(raw: bytes) -> None:
    try:
        for part in split(raw, MAX_BYTES):
            decode_client_frame(part)
    except FrameError as error:
        assert error.code in {ErrorCode.BAD_FRAME, ErrorCode.UNKNOWN_TYPE}


@given(st.data())
def test_a_mutated_frame_is_a_frame_or_a_refusal(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(data.draw(st.sampled_from(vectors("client")))).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    try:
        for part in split(bytes(raw), MAX_BYTES):
            encode(decode_client_frame(part))
    except FrameError as error:
        assert error.code in {ErrorCode.BAD_FRAME, ErrorCode.UNKNOWN_TYPE}
