"""Sound on its way between devices and network: framing, mute, volume, files, Echo, and devices that fail."""

import asyncio
import threading
import time
import wave
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from msgclient.call import echo_cancel, tones
from msgclient.call.bitrate import Setting
from msgclient.call.devices import (
    FileCapture,
    FilePlayback,
    NoSound,
    Pacer,
    SilentCapture,
    SilentPlayback,
    Sink,
    Source,
    read_sound,
)
from msgclient.call.echo_sound import DELAY_FRAMES, GREETING, EchoSound
from msgclient.call.keeper import Keeper, Trouble
from msgclient.call.listen import Listen
from msgclient.call.opus import FRAME_BYTES, FRAME_SAMPLES, Decoder
from msgclient.call.talk import Talk

from .sound import frames, power_at, rms, tone


def collect() -> tuple[Talk, list[tuple[int, bytes]]]:
    packets: list[tuple[int, bytes]] = []
    talk = Talk(lambda timestamp, packet: packets.append((timestamp, packet)))
    return talk, packets


def test_whatever_pieces_come_frames_of_20_ms_go() -> None:
    talk, packets = collect()
    talk.is_sending = True
    sound = tone(1.0)
    for at in range(0, len(sound), 700):
        talk.capture(sound[at : at + 700])
    assert [timestamp for timestamp, _ in packets] == [n * FRAME_SAMPLES for n in range(50)]


def test_before_and_between_calls_nothing_is_sent_but_time_goes_on() -> None:
    talk, packets = collect()
    talk.capture(tone(0.2))
    assert packets == []
    talk.is_sending = True
    talk.capture(tone(0.02))
    assert packets[0][0] == 10 * FRAME_SAMPLES


def test_mute_sends_silence_and_still_shows_that_one_speaks() -> None:
    talk, packets = collect()
    talk.is_sending = talk.is_muted = True
    talk.capture(tone(1.0))
    decoder = Decoder()
    assert len(packets) == 50
    assert rms(b"".join(decoder.decode(packet) for _, packet in packets)) < 5
    assert talk.take_level() > 50
    assert talk.take_level() == 0


def test_a_new_rate_holds_from_the_next_frame() -> None:
    talk, packets = collect()
    talk.is_sending = True
    talk.capture(tone(0.5))
    talk.set_rate(Setting(16_000, 20))
    talk.capture(tone(0.5))
    assert sum(len(p) for _, p in packets[30:]) < sum(len(p) for _, p in packets[5:25])


class Given:
    """A buffer that gives one frame again and again."""

    def __init__(self, frame: bytes) -> None:
        self.frame = frame

    def pull(self) -> bytes:
        return self.frame


def test_the_speaker_gets_as_much_as_it_asks_for() -> None:
    listen = Listen()
    listen.buffer = Given(tone(0.02))
    assert [len(listen.play(samples)) for samples in (480, 960, 100, 2000)] == [960, 1920, 200, 4000]
    assert listen.take_level() > 50


def test_volume_and_deafness() -> None:
    listen = Listen()
    listen.buffer = Given(tone(0.02))
    plain = rms(listen.play(960))
    listen.volume_percent = 50
    assert rms(listen.play(960)) == pytest.approx(plain / 2, rel=0.05)
    listen.volume_percent = 10_000
    assert listen.volume_percent == 200
    listen.is_deafened = True
    assert rms(listen.play(960)) == 0
    assert listen.take_level() > 50, "the meter shows that somebody speaks"


def test_tones_are_frames_without_end_and_mix_with_the_call() -> None:
    for make in (tones.ringing, tones.ringback):
        some = [frame for frame, _ in zip(make(), range(600), strict=False)]
        assert {len(frame) for frame in some} == {FRAME_BYTES}
        assert max(rms(frame) for frame in some) > 1000
        assert min(rms(frame) for frame in some) == 0
    listen = Listen()
    listen.ring(tones.ringback())
    assert power_at(listen.play(9600), 425) > 0.9
    listen.ring(None)
    assert rms(listen.play(960)) == 0


def test_the_pacer_keeps_time() -> None:
    beats: list[float] = []
    pacer = Pacer(lambda: beats.append(time.monotonic()))
    pacer.start()
    time.sleep(0.5)
    pacer.close()
    assert 15 <= len(beats) <= 30
    count = len(beats)
    time.sleep(0.05)
    assert len(beats) == count


def test_a_file_is_spoken_and_another_written(tmp_path: Path) -> None:
    play, record = tmp_path / "play.wav", tmp_path / "record.wav"
    with wave.open(str(play), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(tone(0.1))
    capture, playback = FileCapture(play), FilePlayback(record)
    heard: deque[bytes] = deque()
    for _ in range(5):
        heard.append(capture.next_frame())
    assert b"".join(heard) == tone(0.1)
    assert capture.next_frame() == bytes(FRAME_BYTES)
    for frame in heard:
        playback.take(frame)
    playback.close()
    assert read_sound(record) == tone(0.1)


def test_files_that_cannot_be_used_are_told_of(tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    for path in (text, tmp_path / "missing.wav"):
        with pytest.raises(NoSound, match="no sound file"):
            FileCapture(path)
    with pytest.raises(NoSound, match="cannot be written"):
        FilePlayback(tmp_path / "nowhere" / "x.wav")


def test_echo_greets_and_then_says_back_what_it_hears_in_order() -> None:
    greeting = tone(0.1, 880)
    echo = EchoSound(greeting)
    said = []
    spoken = frames(tone(3.0, 440))
    for frame in spoken:
        echo.hear(frame)
        said.append(echo.say())
    assert b"".join(said[:5]) == greeting
    later = said[DELAY_FRAMES + 5 :]
    assert later == spoken[5 : 5 + len(later)]
    echo.begin()
    assert echo.say() == greeting[:FRAME_BYTES]


def test_the_greeting_is_there_and_is_short() -> None:
    greeting = read_sound(GREETING)
    assert 2 < len(greeting) / 96_000 < 8
    assert rms(greeting) > 500


def test_echo_cancellation_is_an_extra() -> None:
    canceller = echo_cancel.load()
    if canceller is None:
        pytest.skip("the extra [aec] is not installed")
    for frame in frames(tone(1.0)):
        canceller.played(frame)
        cleaned = canceller.captured(frame)
    assert len(cleaned) == FRAME_BYTES
    assert rms(cleaned) < rms(frame)


class Plug:
    """A socket in the wall: what is plugged in may be pulled out."""

    def __init__(self) -> None:
        self.is_in = True
        self.opened: list[str | None] = []

    def capture(self, name: str | None) -> "_PluggedCapture":
        return _PluggedCapture(self, name)

    def playback(self, name: str | None) -> "_PluggedPlayback":
        return _PluggedPlayback(self, name)


class _PluggedCapture(SilentCapture):
    def __init__(self, plug: Plug, name: str | None) -> None:
        super().__init__()
        self.plug, self.name = plug, name

    def start(self, sink: Sink) -> None:
        if not self.plug.is_in:
            raise NoSound("There is no microphone.")
        self.plug.opened.append(self.name)
        super().start(sink)

    def is_alive(self, now_s: float) -> bool:
        return self.plug.is_in


class _PluggedPlayback(SilentPlayback):
    def __init__(self, plug: Plug, name: str | None) -> None:
        super().__init__()
        self.plug, self.name = plug, name

    def start(self, source: Source) -> None:
        if not self.plug.is_in:
            raise NoSound("There is no speaker.")
        super().start(source)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():  # noqa: ASYNC110 - what is waited for happens in other threads
            await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_a_device_that_fails_is_replaced_by_silence_and_found_again() -> None:
    plug, troubles, captured = Plug(), list[Trouble](), list[bytes]()
    keeper = Keeper(plug, captured.append, lambda samples: bytes(samples * 2), troubles.append)
    keeper.need(capture=True, playback=True)
    await until(lambda: len(captured) > 3)
    assert troubles == []
    plug.is_in = False
    await until(lambda: len(troubles) == 1)
    assert troubles[0] == Trouble("input", "There is no microphone.")
    count = len(captured)
    await until(lambda: len(captured) > count + 3)
    plug.is_in = True
    await until(lambda: len(troubles) == 2)
    assert troubles[1] == Trouble("input", None)
    await keeper.close()


@pytest.mark.anyio
async def test_devices_are_switched_during_a_call_and_closed_after_it() -> None:
    plug, captured = Plug(), list[bytes]()
    keeper = Keeper(plug, captured.append, lambda samples: bytes(samples * 2), lambda trouble: None)
    keeper.need(capture=True, playback=False)
    await until(lambda: bool(captured))
    keeper.use("headset", None)
    await until(lambda: plug.opened == [None, "headset"])
    keeper.need(capture=False, playback=False)
    await asyncio.sleep(0.1)
    count = len(captured)
    await asyncio.sleep(0.1)
    assert len(captured) == count
    await keeper.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "sound"]
