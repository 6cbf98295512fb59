"""The binding to libopus: sound goes through, loss is recovered, nonsense is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgclient.call.opus import (
    FRAME_BYTES,
    FRAME_SAMPLES,
    MAX_INPUT_BYTES,
    Decoder,
    Encoder,
    OpusError,
    packet_samples,
)

from .sound import frames, power_at, rms, speechlike, tone


def test_a_tone_comes_out_as_the_same_tone() -> None:
    encoder, decoder = Encoder(), Decoder()
    heard = b"".join(decoder.decode(encoder.encode(frame)) for frame in frames(tone(1.0, 440)))
    assert len(heard) == 50 * FRAME_BYTES
    later = heard[10 * FRAME_BYTES :]
    assert power_at(later, 440) > 0.9
    assert rms(later) == pytest.approx(rms(tone(1.0, 440)), rel=0.1)


def test_a_lost_frame_is_recovered_from_the_next() -> None:
    encoder = Encoder(bitrate=32_000, packet_loss_percent=30)
    sound = frames(speechlike(2.0))
    packets = [encoder.encode(frame) for frame in sound]
    whole, holed, concealed = Decoder(), Decoder(), Decoder()
    gaps = range(20, 98, 4)
    fec_error = plc_error = 0.0
    for n, packet in enumerate(packets):
        truth = whole.decode(packet)
        if n in gaps:
            fec_error += _distance(holed.recover(packets[n + 1]), truth)
            plc_error += _distance(concealed.conceal(), truth)
        else:
            holed.decode(packet)
            concealed.decode(packet)
    assert fec_error < plc_error


def _distance(one: bytes, other: bytes) -> float:
    return abs(rms(one) - rms(other))


def test_concealment_fades_and_keeps_its_length() -> None:
    encoder, decoder = Encoder(), Decoder()
    for frame in frames(tone(0.4)):
        decoder.decode(encoder.encode(frame))
    concealed = [decoder.conceal() for _ in range(50)]
    assert {len(frame) for frame in concealed} == {FRAME_BYTES}
    assert rms(concealed[0]) > 1000
    assert rms(concealed[-1]) < rms(concealed[0]) / 10


def test_settings_take_effect_between_two_frames() -> None:
    encoder = Encoder(bitrate=64_000, packet_loss_percent=0)
    sound = frames(speechlike(3.0))
    rich = sum(len(encoder.encode(frame)) for frame in sound[:75])
    encoder.set_bitrate(12_000)
    encoder.set_complexity(3)
    encoder.set_packet_loss(0)
    poor = sum(len(encoder.encode(frame)) for frame in sound[75:])
    assert poor < rich / 2


def test_dtx_sends_next_to_nothing_for_silence() -> None:
    encoder = Encoder(dtx=True)
    sizes = [len(encoder.encode(bytes(FRAME_BYTES))) for _ in range(100)]
    assert sum(size <= 2 for size in sizes) > 70


@pytest.mark.parametrize(
    "setting",
    [{"bitrate": 100}, {"bitrate": 10**6}, {"packet_loss_percent": 101}, {"complexity": 11}, {"complexity": -1}],
)
def test_a_setting_out_of_range_is_refused(setting: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="is"):
        Encoder(**setting)  # type: ignore[arg-type]  # all of them are numbers


@pytest.mark.parametrize("size", [0, FRAME_BYTES - 1, FRAME_BYTES + 1])
def test_a_frame_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="frame"):
        Encoder().encode(bytes(size))


def test_broken_packets_are_refused() -> None:
    decoder = Decoder()
    with pytest.raises(OpusError):
        decoder.decode(b"")
    with pytest.raises(OpusError):
        decoder.recover(b"")
    with pytest.raises(ValueError, match="at most"):
        decoder.decode(bytes(MAX_INPUT_BYTES + 1))
    with pytest.raises(OpusError) as refused:
        decoder.decode(b"\xff\xff")
    assert refused.value.code < 0


@pytest.mark.parametrize("samples", [0, 100, 5880, -960])
def test_concealment_of_an_odd_length_is_refused(samples: int) -> None:
    with pytest.raises(ValueError, match="samples"):
        Decoder().conceal(samples)


def test_the_length_of_a_packet_is_read_from_it() -> None:
    assert packet_samples(Encoder().encode(bytes(FRAME_BYTES))) == FRAME_SAMPLES
    with pytest.raises(OpusError):
        packet_samples(b"")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=MAX_INPUT_BYTES))
def test_whatever_the_network_brings_ends_in_sound_or_in_an_error(packet: bytes) -> None:
    decoder = Decoder()
    for act in (decoder.decode, decoder.recover):
        try:
            pcm = act(packet)
        except OpusError:
            continue
        assert 0 < len(pcm) <= 5760 * 2
    assert len(decoder.conceal()) == FRAME_BYTES


def test_a_reset_decoder_forgets() -> None:
    encoder, decoder = Encoder(), Decoder()
    for frame in frames(tone(0.4)):
        decoder.decode(encoder.encode(frame))
    decoder.reset()
    assert rms(decoder.conceal()) < 10
