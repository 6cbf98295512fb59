"""Real devices: a PulseAudio server of the test's own with null sinks, which are speakers that can be listened to."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from msgclient.call.devices import NoSound
from msgclient.call.keeper import Keeper, Trouble
from msgclient.call.opus import SAMPLE_RATE
from msgclient.call.soundcard import CardCapture, CardPlayback, silence_alsa, sound_cards
from msgclient.call.sounds import CardSounds, list_devices

from .sound import power_at, rms, tone

pytestmark = [
    pytest.mark.skipif(shutil.which("pulseaudio") is None, reason="needs PulseAudio"),
    pytest.mark.timeout(60),
]

SPEAKER = "Speaker"
MONITOR = "Monitor of Speaker"


class Server:
    """A sound server that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        socket = self.folder / "pulse.sock"
        socket.unlink(missing_ok=True)
        sink = f"module-null-sink sink_name=speaker sink_properties=device.description={SPEAKER}"
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L", sink]
        command += ["-L", f"module-native-protocol-unix auth-anonymous=1 socket={socket}"]
        home = {**os.environ, "HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder)}
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=home)
        end = time.monotonic() + 10
        while not socket.exists():
            assert time.monotonic() < end, "PulseAudio does not start"
            time.sleep(0.02)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path / 'pulse.sock'}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    silence_alsa()
    server = Server(tmp_path)
    yield server
    server.kill()


def player() -> Callable[[int], bytes]:
    """A source that plays a tone without end."""
    sound, at = tone(1.0, 440), 0

    def play(samples: int) -> bytes:
        nonlocal at
        piece = (sound[at:] + sound)[: samples * 2]
        at = (at + samples * 2) % len(sound)
        return piece

    return play


def test_cards_have_the_names_that_people_know(server: Server) -> None:
    cards = sound_cards()
    assert cards.backend == "PulseAudio"
    assert cards.outputs == (SPEAKER,)
    assert cards.inputs == (MONITOR,)


def test_what_is_played_can_be_heard(server: Server) -> None:
    heard = bytearray()
    capture, playback = CardCapture(MONITOR), CardPlayback(SPEAKER)
    playback.start(player())
    capture.start(heard.extend)
    end = time.monotonic() + 10
    while len(heard) < 3 * SAMPLE_RATE * 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert capture.is_alive(time.monotonic())
    assert playback.is_alive(time.monotonic())
    capture.close()
    playback.close()
    last = bytes(heard[-SAMPLE_RATE:])
    assert rms(last) > 3000
    assert power_at(last, 440) > 0.9


def test_a_card_that_is_not_there_is_told_of(server: Server) -> None:
    with pytest.raises(NoSound, match="Headset"):
        CardCapture("Headset").start(lambda data: None)


def test_without_a_server_the_list_says_so(server: Server) -> None:
    server.kill()
    devices = list_devices()
    assert devices.backend is None or not devices.outputs
    server.start()


@pytest.mark.anyio
async def test_a_server_that_dies_is_missed_and_found_again(server: Server) -> None:
    troubles: list[Trouble] = []
    captured = bytearray()
    keeper = Keeper(CardSounds(), captured.extend, player(), troubles.append)
    keeper.need(capture=True, playback=True)

    async def until(done: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not done():  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(0.02)

    await until(lambda: len(captured) > SAMPLE_RATE)
    server.kill()
    died = time.monotonic()
    await until(lambda: {trouble.direction for trouble in troubles} == {"input", "output"})
    assert time.monotonic() - died < 2.0
    server.start()
    await until(lambda: [trouble.sentence for trouble in troubles].count(None) == 2)
    captured.clear()
    await until(lambda: rms(bytes(captured[-20_000:])) > 1000)
    await keeper.close()
