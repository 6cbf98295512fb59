"""What the client's process and the call engine say to each other: typed messages, each with its length before it.

The engine knows one call at a time, and of it only connections (by their epoch) and sound. Who calls whom, and whether
the other side is who it seems, is decided in the client's process. Descriptions and candidates never appear in a repr.
"""

from typing import Literal

import msgspec

MAX_MESSAGE_BYTES = 262_144
"""A description has 64 KiB at most; anything longer is a broken pipe."""
_LENGTH_BYTES = 4


class PipeBroken(Exception):
    """What came over the pipe is no message."""


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """What all messages are."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class IceServer(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the daemon's `ice_servers`."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None

    def __repr__(self) -> str:
        return "IceServer()"


class CardSound(msgspec.Struct, frozen=True, kw_only=True, tag="cards"):
    """The machine's sound cards, by name; None is the default one."""

    capture: str | None = None
    playback: str | None = None
    echo_cancellation: bool = True


class FileSound(msgspec.Struct, frozen=True, kw_only=True, tag="files"):
    """A file is spoken, and what is heard is written to another; None is silence."""

    play: str | None = None
    record: str | None = None


class EchoSound(msgspec.Struct, frozen=True, kw_only=True, tag="echo"):
    """A greeting, then what is heard, a second later."""


SoundSpec = CardSound | FileSound | EchoSound

# From the client to the engine.


class Configure(_Message, frozen=True, kw_only=True):
    """The first message: where this device's certificate is, and which sound to use."""

    identity_file: str
    sound: SoundSpec


class Probe(_Message, frozen=True, kw_only=True):
    """A call may come of this: find out which of the servers answer."""

    ice_servers: list[IceServer]


class Open(_Message, frozen=True, kw_only=True):
    """Make the connection of an epoch. With `offers`, a `Described` follows; else it waits for a `Remote`."""

    epoch: int
    offers: bool
    ice_servers: list[IceServer]
    relay_only: bool = False
    held: bool = False


class Remote(_Message, frozen=True, kw_only=True):
    """A description from the other side, verified."""

    epoch: int
    kind: Literal["offer", "answer"]
    sdp: str


class RemoteCandidate(_Message, frozen=True, kw_only=True):
    """A candidate from the other side; None is the end."""

    epoch: int
    candidate: str | None


class Hold(_Message, frozen=True, kw_only=True):
    """Hold or resume from now on; a `Described` offer follows where a connection is up."""

    held: bool


class Mute(_Message, frozen=True, kw_only=True):
    """Send silence, or sound again."""

    on: bool


class Deafen(_Message, frozen=True, kw_only=True):
    """Play silence, or the other side again."""

    on: bool


class Volume(_Message, frozen=True, kw_only=True):
    """How loud the other side is played, 0 to 200."""

    percent: int


class UseDevices(_Message, frozen=True, kw_only=True):
    """Other sound cards, by name; None is the default one."""

    capture: str | None = None
    playback: str | None = None


class ListDevices(_Message, frozen=True, kw_only=True):
    """Ask for `Devices`."""


class Ring(_Message, frozen=True, kw_only=True):
    """Play the tone of one who is called, of one who calls, or none."""

    tone: Literal["ringing", "ringback"] | None


class MicCheck(_Message, frozen=True, kw_only=True):
    """Without a call: let the person hear the microphone, a second later, for a while."""

    seconds: float


class Close(_Message, frozen=True, kw_only=True):
    """The call is over: close all its connections and its sound."""


class Ping(_Message, frozen=True, kw_only=True):
    """Ask for a `Pong`."""

    number: int


Command = (
    Configure
    | Probe
    | Open
    | Remote
    | RemoteCandidate
    | Hold
    | Mute
    | Deafen
    | Volume
    | UseDevices
    | ListDevices
    | Ring
    | MicCheck
    | Close
    | Ping
)

# From the engine to the client.


class Ready(_Message, frozen=True, kw_only=True):
    """The engine can place calls. `fingerprint`: SHA-256 of the device's certificate, hexadecimal."""

    fingerprint: str


class Broken(_Message, frozen=True, kw_only=True):
    """The engine cannot work; the sentence is for the person."""

    sentence: str


class Described(_Message, frozen=True, kw_only=True):
    """A description for the other side."""

    epoch: int
    kind: Literal["offer", "answer"]
    sdp: str


class Found(_Message, frozen=True, kw_only=True):
    """A candidate for the other side; None is the end."""

    epoch: int
    candidate: str | None


class Connected(_Message, frozen=True, kw_only=True):
    """Sound comes through. `fingerprint` is of the certificate that was really shown, hexadecimal."""

    epoch: int
    fingerprint: str
    took_ms: int


class MediaLost(_Message, frozen=True, kw_only=True):
    """A connection is of no use any more: nothing came for too long, it failed, or an address of this host is gone."""

    epoch: int
    address_is_gone: bool = False


class MediaClosed(_Message, frozen=True, kw_only=True):
    """The other side has closed the connection in good order."""

    epoch: int


class Unusable(_Message, frozen=True, kw_only=True):
    """A description from the other side cannot be used; the sentence quotes nothing of it."""

    epoch: int
    sentence: str


class PeerHold(_Message, frozen=True, kw_only=True):
    """The other side holds, or no longer does."""

    epoch: int
    held: bool


class Stats(_Message, frozen=True, kw_only=True):
    """How the call goes, once a second. Losses are of the last second, 0.0 to 1.0; the other counters are of the call.

    Attributes:
        path: `direct`, `punched` or `relay`; with a relay of one's own, `relay/udp`, `relay/tcp` or `relay/tls`.
        near_loss: what did not come. far_loss: what of ours did not come, as the other side reports it.
        buffer_ms: the delay of the jitter buffer.
        concealed_ms: sound made up. recovered_ms: sound restored from redundancy. stalled_ms: silence for want of both.
        late: packets that came too late to be heard.
    """

    epoch: int
    path: str | None
    rtt_ms: float | None
    jitter_ms: float | None
    near_loss: float
    far_loss: float | None
    buffer_ms: int
    concealed_ms: int
    recovered_ms: int
    stalled_ms: int
    late: int
    bitrate: int


class Levels(_Message, frozen=True, kw_only=True):
    """What the meters show, 0 to 100, ten times a second during a call or a check of the microphone."""

    near: int
    far: int


class Devices(_Message, frozen=True, kw_only=True):
    """The sound cards there are; `sentence` says why there are none."""

    backend: str | None
    inputs: list[str]
    outputs: list[str]
    sentence: str | None = None


class SoundTrouble(_Message, frozen=True, kw_only=True):
    """A direction of the sound does not work, or works again (`sentence` is None)."""

    direction: Literal["input", "output"]
    sentence: str | None


class EchoHint(_Message, frozen=True, kw_only=True):
    """Whether echo is taken out; where it is not, the person should use a headset."""

    cancels: bool


class MicChecked(_Message, frozen=True, kw_only=True):
    """The check is over. `loudest` as on the meter, 0 to 100."""

    loudest: int


class Pong(_Message, frozen=True, kw_only=True):
    """The engine lives."""

    number: int


Report = (
    Ready
    | Broken
    | Described
    | Found
    | Connected
    | MediaLost
    | MediaClosed
    | Unusable
    | PeerHold
    | Stats
    | Levels
    | Devices
    | SoundTrouble
    | EchoHint
    | MicChecked
    | Pong
)

_encoder = msgspec.msgpack.Encoder()


def encode(message: Command | Report) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    if len(body) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {len(body)} bytes is over the limit of {MAX_MESSAGE_BYTES}")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class Messages:
    """Cuts what comes over the pipe into messages.

    Args:
        kind: `Command` or `Report`.
    """

    def __init__(self, kind: object) -> None:
        self._decoder: msgspec.msgpack.Decoder[Command | Report] = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Command | Report]:
        """What has come; returns the messages that are complete. Raises `PipeBroken`."""
        self._buffer += data
        found = []
        while len(self._buffer) >= _LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
            if length > MAX_MESSAGE_BYTES:
                raise PipeBroken("a message is longer than any can be")
            end = _LENGTH_BYTES + length
            if len(self._buffer) < end:
                break
            body = bytes(self._buffer[_LENGTH_BYTES:end])
            del self._buffer[:end]
            try:
                found.append(self._decoder.decode(body))
            except msgspec.DecodeError:
                raise PipeBroken("a message cannot be read") from None
        return found
