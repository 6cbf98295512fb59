"""The small pure parts: bitrate, verdict, arithmetic on sound, descriptions, and the pipe's messages."""

import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgclient.call import messages, pcm, sdp
from msgclient.call.bitrate import MAX_BITRATE, MIN_BITRATE, BitrateControl
from msgclient.call.messages import Messages, PipeBroken, encode
from msgclient.call.verdict import Quality, Summary, line_for
from msgclient.call.watching import Watched

HOST = "candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host"


def test_a_clean_line_gets_the_full_rate_and_some_redundancy() -> None:
    control = BitrateControl()
    for _ in range(30):
        setting = control.observe(0.0, 20.0)
    assert setting.bitrate == MAX_BITRATE
    assert 0 < setting.packet_loss_percent <= 10


def test_loss_alone_brings_redundancy_and_costs_no_rate() -> None:
    control = BitrateControl()
    setting = control.observe(0.15, 20.0)
    assert setting.packet_loss_percent >= 20
    assert setting.bitrate == MAX_BITRATE
    for _ in range(60):
        setting = control.observe(0.0, 20.0)
    assert setting.packet_loss_percent <= 6


def test_a_full_line_gets_less_and_more_again_when_it_is_free() -> None:
    control = BitrateControl()
    control.observe(0.0, 30.0)
    for _ in range(20):
        setting = control.observe(0.1, 800.0)
    assert setting.bitrate == MIN_BITRATE
    for _ in range(40):
        setting = control.observe(0.0, 35.0)
    assert setting.bitrate == MAX_BITRATE


@given(st.lists(st.tuples(st.floats(-1, 2), st.none() | st.floats(0, 5000))))
def test_the_setting_is_always_one_that_the_encoder_takes(reports: list[tuple[float, float | None]]) -> None:
    control = BitrateControl()
    for loss, rtt_ms in reports:
        setting = control.observe(loss, rtt_ms)
        assert MIN_BITRATE <= setting.bitrate <= MAX_BITRATE
        assert 0 <= setting.packet_loss_percent <= 30


def summary(**changes: object) -> Summary:
    base = Summary(
        near_loss=0.0,
        far_loss=0.0,
        rtt_ms=30.0,
        jitter_ms=2.0,
        made_up_ms=0,
        recovered_ms=0,
        reconnects=0,
        server_is_steady=True,
        seconds=60,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the tests name the fields rightly


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Good line"),
        ({"near_loss": 0.08}, "their side"),
        ({"near_loss": 0.08, "server_is_steady": False}, "Your own network"),
        ({"far_loss": 0.03}, "Fair line"),
        ({"rtt_ms": 700.0}, "Long way"),
        ({"reconnects": 2}, "broke 2 times"),
    ],
)
def test_the_verdict_says_whose_network_was_bad(changes: dict[str, object], words: str) -> None:
    assert words in line_for(summary(**changes))


def stats(epoch: int = 0, **more: object) -> messages.Stats:
    fields: dict[str, object] = {
        "path": "direct",
        "rtt_ms": 20.0,
        "jitter_ms": 1.0,
        "near_loss": 0.0,
        "far_loss": 0.0,
        "buffer_ms": 40,
        "concealed_ms": 0,
        "recovered_ms": 0,
        "stalled_ms": 0,
        "late": 0,
        "bitrate": 48000,
        **more,
    }
    return messages.Stats(epoch=epoch, **fields)  # type: ignore[arg-type]  # built from the fields themselves


def test_made_up_sound_is_summed_over_the_connections_of_a_call() -> None:
    quality = Quality()
    quality.observe(stats(0, concealed_ms=100))
    quality.observe(stats(0, concealed_ms=300, stalled_ms=50))
    quality.observe(stats(1, concealed_ms=20))
    assert quality.concealed_ms == 370
    quality.server_answered(20)
    assert quality.verdict() is not None
    assert Quality().verdict() is None


def test_an_unsteady_way_to_the_server_is_one_s_own() -> None:
    quality = Quality()
    for n in range(20):
        quality.observe(stats(near_loss=0.1))
        quality.server_answered(900 if n % 4 == 0 else 20)
    assert "Your own network was unsteady" in (quality.verdict() or "")


def test_meters_reach_from_nothing_to_full_scale() -> None:
    assert [pcm.meter(value) for value in (0, 1, 32768)] == [0, 0, 100]
    assert 45 <= pcm.meter(1000) <= 55
    assert pcm.peak(array.array("h", [5, 0, 0, 0, -32768]).tobytes()) == 32768
    assert pcm.peak(b"") == 0


def test_louder_and_together_stay_within_full_scale() -> None:
    loud = array.array("h", [30000, -30000]).tobytes()
    assert array.array("h", pcm.scaled(loud, 200)).tolist() == [32767, -32768]
    assert pcm.scaled(loud, 100) is loud
    assert array.array("h", pcm.mixed(loud, loud)).tolist() == [32767, -32768]


@pytest.mark.parametrize(
    ("candidate", "usable"),
    [
        (HOST, True),
        (HOST.replace("192.0.2.7", "2001:db8::1"), True),
        (HOST.replace("host", "srflx raddr 10.0.0.1 rport 1"), True),
        (HOST.replace("192.0.2.7", "4f3a.local"), False),
        (HOST.replace("192.0.2.7", "example.org"), False),
        (HOST.replace("192.0.2.7", "224.0.0.1"), False),
        (HOST.replace("192.0.2.7", "0.0.0.0"), False),
        (HOST.replace("udp", "tcp"), False),
        (HOST.replace("40000", "0"), False),
        (HOST.replace("40000", "70000"), False),
        ("candidate:", False),
        ("", False),
    ],
)
def test_only_addresses_that_can_be_tried_are_used(candidate: str, usable: bool) -> None:
    assert sdp.is_usable(candidate) is usable


def test_a_description_keeps_what_can_be_used() -> None:
    text = f"v=0\nm=audio 9 X 96\na={HOST}\na=candidate:1 1 udp 1 x.local 9 typ host\na=inactive\na=end-of-candidates\n"
    checked = sdp.checked(text)
    assert HOST in checked
    assert ".local" not in checked
    assert sdp.is_held(checked)
    assert "end-of-candidates" not in sdp.without_end(checked)
    with pytest.raises(sdp.BadDescription):
        sdp.checked("v=0\nm=audio 9 X 96\n" + f"a={HOST}\n" * 100)


@given(st.text(max_size=500))
def test_no_description_breaks_the_reader(text: str) -> None:
    try:
        sdp.checked(text)
    except sdp.BadDescription:
        pass
    sdp.direction_of(text)


@given(
    st.lists(st.sampled_from([messages.Ping(number=7), messages.Mute(on=True), messages.Close()])), st.integers(1, 9)
)
def test_messages_come_through_in_whatever_pieces(sent: list[messages.Command], size: int) -> None:
    stream = b"".join(encode(message) for message in sent)
    reader = Messages(messages.Command)
    got = [m for at in range(0, len(stream), size) for m in reader.feed(stream[at : at + size])]
    assert got == sent


@given(st.binary(max_size=200))
def test_what_is_no_message_breaks_the_pipe_and_nothing_else(data: bytes) -> None:
    try:
        Messages(messages.Report).feed(data)
    except PipeBroken:
        pass


def test_a_message_that_is_too_long_is_neither_sent_nor_read() -> None:
    with pytest.raises(ValueError, match="limit"):
        encode(messages.Remote(epoch=0, kind="offer", sdp="x" * 300_000))
    with pytest.raises(PipeBroken):
        Messages(messages.Command).feed(b"\xff\xff\xff\xff")


def test_no_repr_shows_what_is_private() -> None:
    server = messages.IceServer(urls=["turn:x"], username="u", credential="secret")
    for message in (
        messages.Remote(epoch=0, kind="offer", sdp="secret"),
        messages.RemoteCandidate(epoch=0, candidate="secret"),
        messages.Described(epoch=0, kind="offer", sdp="secret"),
        messages.Open(epoch=0, offers=True, ice_servers=[server]),
        server,
    ):
        assert "secret" not in repr(message)
        assert "secret" not in str(message)


@pytest.mark.anyio
async def test_who_watches_slowly_sees_only_the_newest() -> None:
    watched = Watched(0)
    watcher = watched.watch()
    assert await anext(watcher) == 0
    for value in (1, 2, 2, 3):
        watched.put(value)
    assert await anext(watcher) == 3
    assert watched.value == 3
