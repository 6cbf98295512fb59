"""Which devices stand behind a call: the machine's cards, files, or Echo."""

from pathlib import Path

from .devices import Capture, FileCapture, FilePlayback, NoSound, Playback, SilentCapture, SilentPlayback
from .echo_sound import EchoSound
from .keeper import Sounds
from .messages import CardSound, Devices, FileSound, SoundSpec


class CardSounds:
    """The machine's sound cards. Their library is loaded when the first is opened."""

    def capture(self, name: str | None) -> Capture:
        """A microphone."""
        from .soundcard import CardCapture  # noqa: PLC0415 - 0.2 s at the start of every client

        return CardCapture(name)

    def playback(self, name: str | None) -> Playback:
        """A speaker."""
        from .soundcard import CardPlayback  # noqa: PLC0415 - as above

        return CardPlayback(name)


class FileSounds:
    """A file that is spoken and a file that is written; silence for one that is not named."""

    def __init__(self, spec: FileSound) -> None:
        self._play = None if spec.play is None else Path(spec.play)
        self._record = None if spec.record is None else Path(spec.record)

    def capture(self, name: str | None) -> Capture:
        """What is spoken; raises `NoSound`."""
        return SilentCapture() if self._play is None else FileCapture(self._play)

    def playback(self, name: str | None) -> Playback:
        """What is written; raises `NoSound`."""
        return SilentPlayback() if self._record is None else FilePlayback(self._record)


class EchoSounds:
    """Echo in the place of a person with a headset."""

    def __init__(self) -> None:
        self.echo = EchoSound()

    def capture(self, name: str | None) -> Capture:
        """What Echo says."""
        return self.echo.capture

    def playback(self, name: str | None) -> Playback:
        """What Echo hears."""
        return self.echo.playback


def sounds_of(spec: SoundSpec) -> Sounds:
    """The devices that a client asked for; raises `NoSound` where they cannot be had at all."""
    match spec:
        case CardSound():
            return CardSounds()
        case FileSound():
            return FileSounds(spec)
        case _:
            return EchoSounds()


def list_devices() -> Devices:
    """The sound cards there are. It may take a while, so it is called in a worker thread."""
    from .soundcard import sound_cards  # noqa: PLC0415 - as above

    try:
        cards = sound_cards()
    except NoSound as none:
        return Devices(backend=None, inputs=[], outputs=[], sentence=str(none))
    return Devices(backend=cards.backend, inputs=list(cards.inputs), outputs=list(cards.outputs))
