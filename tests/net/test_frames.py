"""The framing core against RFC 6455: what is a message, what is answered, what ends the connection with which code."""

import importlib.util
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from websockets.speedups import apply_mask

from msgd.net import frames as frames_module
from msgd.net.frames import Close, FrameReader, Ping, Pong, Violation, close_frame, control_frame, text_frame

from .rig import BINARY, CLOSE, PING, PONG, TEXT, close, frames, header, masked

LIMIT = 131_072


def read(data: bytes, limit: int = LIMIT) -> list[object]:
    return list(FrameReader(limit).feed(data))


def violation(data: bytes, limit: int = LIMIT) -> int:
    """Return the code with which `data` is refused; it must be all that comes of it."""
    (item,) = read(data, limit)
    assert isinstance(item, Violation)
    return item.code


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, LIMIT])
def test_a_text_frame_of_every_length_form_is_a_message(size: int) -> None:
    assert read(masked(b"x" * size)) == [b"x" * size]


def test_several_frames_in_one_read_are_several_messages_in_order() -> None:
    assert read(masked("one") + masked("two") + masked("three")) == [b"one", b"two", b"three"]


def test_fragments_become_one_message() -> None:
    data = masked("one ", fin=False) + masked("two ", 0, fin=False) + masked("three", 0)
    assert read(data) == [b"one two three"]


def test_control_frames_may_come_between_fragments() -> None:
    data = masked("one ", fin=False) + masked("?", PING) + masked("two", 0) + masked("three")
    assert read(data) == [Ping(b"?"), b"one two", b"three"]


def test_a_character_may_be_split_between_fragments() -> None:
    euro = "€".encode()
    assert read(masked(euro[:1], fin=False) + masked(euro[1:], 0)) == [euro]


def test_empty_fragments_cost_nothing() -> None:
    reader = FrameReader(LIMIT)
    assert list(reader.feed(masked("a", fin=False) + masked("", 0, fin=False) * 10_000)) == []
    assert reader.buffered_bytes == 1
    assert list(reader.feed(masked("", 0))) == [b"a"]


def test_pings_and_pongs_are_told_apart() -> None:
    assert read(masked("p", PING) + masked("q", PONG)) == [Ping(b"p"), Pong()]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4999])
def test_a_close_frame_gives_its_code(code: int) -> None:
    assert read(close(code, "good bye, ü".encode())) == [Close(code)]


def test_a_close_frame_without_a_code_is_1005() -> None:
    assert read(close()) == [Close(1005)]


def test_nothing_is_read_after_a_close_frame() -> None:
    reader = FrameReader(LIMIT)
    assert list(reader.feed(close(1000) + masked("late"))) == [Close(1000)]
    assert list(reader.feed(masked("later"))) == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (header(2, masked=False) + b"hi", "not masked"),
        (header(0, PING, masked=False), "control frame not masked"),
        (masked("hi", rsv=4), "RSV1, which compression would use"),
        (masked("hi", rsv=2), "RSV2"),
        (masked("hi", rsv=1), "RSV3"),
        (masked("", PING, rsv=4), "RSV1 on a control frame"),
        (masked("hi", 3), "reserved data opcode"),
        (masked("hi", 7), "reserved data opcode"),
        (masked("hi", 11), "reserved control opcode"),
        (masked("hi", 15), "reserved control opcode"),
        (masked("x" * 126, PING), "control frame of 126 bytes"),
        (masked("", PING, fin=False), "fragmented control frame"),
        (masked("hi", 0), "continuation of nothing"),
        (masked("hi", 0, fin=False), "continuation of nothing"),
        (masked("x", CLOSE), "close code of one byte"),
        (close(999), "close code below the range"),
        (close(1004), "reserved close code"),
        (close(1005), "close code that must not travel"),
        (close(1006), "close code that must not travel"),
        (close(1015), "close code that must not travel"),
        (close(2999), "close code that nobody registered"),
        (close(5000), "close code above the range"),
        (b"\x81\xfe\x00\x05" + bytes(9), "five bytes, with a length of two bytes"),
        (b"\x81\xff" + (5).to_bytes(8, "big") + bytes(9), "five bytes, with a length of eight bytes"),
        (b"\x81\xff\xff" + bytes(11), "length with its highest bit set"),
    ],
)
def test_what_breaks_the_protocol_is_1002(data: bytes, why: str) -> None:
    assert violation(data) == 1002, why


@pytest.mark.parametrize("second", [masked("b"), masked("b", fin=False), masked("b", BINARY)])
def test_a_message_inside_a_message_is_1002(second: bytes) -> None:
    assert violation(masked("a", fin=False) + second) == 1002


def test_a_bad_header_is_refused_before_the_rest_of_the_frame_has_come() -> None:
    assert violation(b"\xc1\x85") == 1002
    assert violation(b"\x82\x85") == 1003


@pytest.mark.parametrize("data", [masked(b"\x00\x01", BINARY), masked(b"", BINARY), masked(b"x", BINARY, fin=False)])
def test_binary_is_1003(data: bytes) -> None:
    assert violation(data) == 1003


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"\xc0\x80",  # NUL in two bytes
        b"\xed\xa0\x80",  # a lone surrogate
        b"\xf4\x90\x80\x80",  # past U+10FFFF
        b"good \xe2\x82",  # cut short
    ],
)
def test_text_that_is_not_utf8_is_1007(text: bytes) -> None:
    assert violation(masked(text)) == 1007
    assert violation(masked(text[:1], fin=False) + masked(text[1:], 0)) == 1007


def test_a_close_reason_that_is_not_utf8_is_1007() -> None:
    assert violation(close(1000, b"\xff")) == 1007


@pytest.mark.parametrize("size", [101, 126, 65_536, 1 << 62])
def test_a_frame_that_says_it_is_too_large_is_1009_by_its_header_alone(size: int) -> None:
    assert violation(header(size) + b"mask", limit=100) == 1009


def test_fragments_are_1009_as_soon_as_a_header_passes_the_bound() -> None:
    assert violation(masked("x" * 60, fin=False) + header(41, 0, fin=False) + b"mask", limit=100) == 1009
    assert read(masked("x" * 60, fin=False) + masked("x" * 40, 0), limit=100) == [b"x" * 100]


def test_the_bound_counts_bytes_not_characters() -> None:
    assert violation(masked("é" * 51), limit=100) == 1009
    assert read(masked("é" * 50), limit=100) == [("é" * 50).encode()]


def test_messages_before_a_violation_are_given_and_none_after_it() -> None:
    items = read(masked("good") + masked("bad", rsv=1) + masked("late"))
    assert items[0] == b"good"
    assert [type(item) for item in items] == [bytes, Violation]


def test_what_is_held_back_is_bounded_by_one_frame_and_one_message() -> None:
    reader = FrameReader(1000)
    assert list(reader.feed(masked("x" * 900, fin=False) + masked("y" * 100, 0)[:-1])) == []
    assert reader.buffered_bytes <= 1000 + 14


ITEMS = st.one_of(
    st.text(max_size=300).map(lambda text: (masked(text), [text.encode()])),
    st.binary(max_size=125).map(lambda payload: (masked(payload, PING), [Ping(payload)])),
    st.just((masked(b"", PONG), [Pong()])),
    st.lists(st.text(max_size=200), min_size=2, max_size=4).map(
        lambda parts: (
            masked(parts[0], TEXT, fin=False)
            + b"".join(masked(part, 0, fin=False) + masked("p", PING) for part in parts[1:-1])
            + masked(parts[-1], 0),
            [Ping(b"p")] * (len(parts) - 2) + ["".join(parts).encode()],
        )
    ),
    st.integers(126, 70_000).map(lambda size: (masked(b"L" * size), [b"L" * size])),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(ITEMS, max_size=6), st.data())
def test_the_same_items_come_however_the_stream_is_split(
    items: list[tuple[bytes, list[object]]], data: st.DataObject
) -> None:
    stream = b"".join(encoded for encoded, _ in items)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = FrameReader(LIMIT)
    got: list[object] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got.extend(reader.feed(stream[start:end]))
    assert got == [item for _, expected in items for item in expected]
    assert reader.buffered_bytes == 0


def test_the_same_items_come_byte_by_byte() -> None:
    stream = (
        masked("é" * 100)
        + masked("a", fin=False)
        + masked("p", PING)
        + masked("b", 0)
        + masked("x" * 300)
        + close(1000)
    )
    reader = FrameReader(LIMIT)
    got = [item for byte in stream for item in reader.feed(bytes((byte,)))]
    assert got == [("é" * 100).encode(), Ping(b"p"), b"ab", b"x" * 300, Close(1000)]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_garbage_raises_nothing_and_is_held_back_within_bounds(data: bytes) -> None:
    reader = FrameReader(200)
    items = list(reader.feed(data)) + list(reader.feed(data))
    assert reader.buffered_bytes <= 200 + 214
    assert all(not isinstance(item, Violation | Close) for item in items[:-1])


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_what_the_server_sends_is_one_final_unmasked_frame(size: int) -> None:
    assert frames(text_frame(b"x" * size)) == [(TEXT, b"x" * size)]


def test_a_close_reason_is_cut_at_a_character() -> None:
    ((opcode, payload),) = frames(close_frame(1012, "é" * 100))
    assert opcode == CLOSE
    assert payload == (1012).to_bytes(2, "big") + ("é" * 61).encode()


@pytest.mark.parametrize("code", [1005, 1006])
def test_a_code_that_must_not_travel_makes_an_empty_close_frame(code: int) -> None:
    assert close_frame(code) == control_frame(CLOSE)


def test_unmasking_is_the_same_without_the_compiled_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    spec = importlib.util.spec_from_file_location("frames_without_speedups", frames_module.__file__)
    assert spec is not None
    assert spec.loader is not None
    pure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pure)
    assert pure.apply_mask is not apply_mask
    for size in (0, 1, 3, 4, 5, 1000, 65_537):
        data = bytes(index * 7 % 256 for index in range(size))
        assert pure.apply_mask(data, b"\x01\x80z\xff") == apply_mask(data, b"\x01\x80z\xff")
