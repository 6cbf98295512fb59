"""Opus as calls need it: mono, 48 kHz, 20 ms, by ctypes on the libopus that PyAV brings.

PyAV's own codec wraps neither packet-loss concealment nor the decoding of in-band FEC, and fixes its settings at the
start. The numbers of the controls are those of `opus_defines.h` (libopus 1.6); they are part of its stable ABI.
"""

import ctypes
import ctypes.util
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_void_p, create_string_buffer
from functools import lru_cache
from pathlib import Path

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
"""Samples in 20 ms."""
FRAME_BYTES = FRAME_SAMPLES * 2
"""Bytes of 20 ms of mono, signed 16 bits."""
MAX_PACKET_BYTES = 1275
"""The longest Opus frame (RFC 6716 section 3.2.1)."""
MAX_INPUT_BYTES = 1500
"""The longest packet that is decoded; no network path carries more in one datagram."""
MAX_PACKET_SAMPLES = 5760
"""Samples in 120 ms, the longest packet (RFC 6716 section 3.1)."""

_APPLICATION_VOIP = 2048
_SET_BITRATE = 4002
_SET_VBR = 4006
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS = 4014
_SET_DTX = 4016
_SET_SIGNAL = 4024
_SIGNAL_VOICE = 3001
_RESET_STATE = 4028


class OpusError(Exception):
    """libopus refused: `code` is its error number, negative, as in `opus_defines.h`."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"{what}: libopus error {code}")
        self.code = code


class OpusMissing(Exception):
    """There is no libopus to load."""


def library_path() -> str:
    """Where libopus is: beside PyAV, as its wheels put it on Linux, macOS and Windows, else on the system.

    Raises `OpusMissing`.
    """
    import av  # noqa: PLC0415 - only its place is wanted, and it takes a tenth of a second to load

    package = Path(av.__file__).parent
    patterns = (
        (package.parent / "av.libs", "libopus*"),
        (package / ".dylibs", "libopus*"),
    )
    for folder, pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            return str(path)
    found = ctypes.util.find_library("opus")
    if found is None:
        raise OpusMissing("There is no libopus beside PyAV, nor on this system.")
    return found


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(library_path())
    library.opus_encoder_create.argtypes = [c_int32, c_int, c_int, POINTER(c_int)]
    library.opus_encoder_create.restype = c_void_p
    library.opus_encoder_destroy.argtypes = [c_void_p]
    library.opus_encoder_destroy.restype = None
    library.opus_encode.argtypes = [c_void_p, c_char_p, c_int, c_char_p, c_int32]
    library.opus_encode.restype = c_int32
    library.opus_decoder_create.argtypes = [c_int32, c_int, POINTER(c_int)]
    library.opus_decoder_create.restype = c_void_p
    library.opus_decoder_destroy.argtypes = [c_void_p]
    library.opus_decoder_destroy.restype = None
    library.opus_decode.argtypes = [c_void_p, c_char_p, c_int32, c_char_p, c_int, c_int]
    library.opus_decode.restype = c_int
    library.opus_packet_get_nb_samples.argtypes = [c_char_p, c_int32, c_int32]
    library.opus_packet_get_nb_samples.restype = c_int
    return library


def packet_samples(packet: bytes) -> int:
    """How many samples a packet holds at 48 kHz, 120 to 5760; raises `OpusError` for one that is not Opus."""
    samples = int(_library().opus_packet_get_nb_samples(packet, len(packet), SAMPLE_RATE))
    if samples <= 0:
        raise OpusError("no Opus packet", samples)
    return samples


class Encoder:
    """Turns frames of 20 ms into packets. Every setting may be changed between two frames. For one thread at a time.

    Args:
        bitrate: bits per second, 6000 to 128000.
        packet_loss_percent: the loss to prepare for, 0 to 100; it decides how much goes into FEC.
        dtx: whether silence is not sent; then a packet of at most two bytes needs no sending.
        complexity: 0 to 10; a step costs CPU and gains quality.

    Raises `ValueError` for a setting out of its range.
    """

    def __init__(
        self, *, bitrate: int = 48_000, packet_loss_percent: int = 10, dtx: bool = False, complexity: int = 9
    ) -> None:
        self._library = _library()
        self._state: int | None = None
        code = c_int()
        state = self._library.opus_encoder_create(SAMPLE_RATE, 1, _APPLICATION_VOIP, byref(code))
        if not state or code.value:
            raise OpusError("cannot make an encoder", code.value)
        self._state = state
        self._packet = create_string_buffer(MAX_PACKET_BYTES)
        self._control(_SET_VBR, 1)
        self._control(_SET_SIGNAL, _SIGNAL_VOICE)
        self._control(_SET_INBAND_FEC, 1)
        self.set_bitrate(bitrate)
        self.set_packet_loss(packet_loss_percent)
        self.set_dtx(dtx)
        self.set_complexity(complexity)

    def __del__(self) -> None:
        if getattr(self, "_state", None) is not None:
            self._library.opus_encoder_destroy(self._state)

    def set_bitrate(self, bitrate: int) -> None:
        """Change the bitrate, in bits per second."""
        self._control(_SET_BITRATE, _within("bitrate", bitrate, 6_000, 128_000))

    def set_packet_loss(self, percent: int) -> None:
        """Change the loss to prepare for, in percent."""
        self._control(_SET_PACKET_LOSS, _within("packet loss", percent, 0, 100))

    def set_fec(self, on: bool) -> None:
        """Turn in-band FEC on or off."""
        self._control(_SET_INBAND_FEC, int(on))

    def set_dtx(self, on: bool) -> None:
        """Turn discontinuous transmission on or off."""
        self._control(_SET_DTX, int(on))

    def set_complexity(self, complexity: int) -> None:
        """Change how much work a frame is worth."""
        self._control(_SET_COMPLEXITY, _within("complexity", complexity, 0, 10))

    def encode(self, pcm: bytes) -> bytes:
        """Encode 20 ms of mono, signed 16 bits, native order; raises `ValueError` for another length, `OpusError`."""
        if len(pcm) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes, not {len(pcm)}")
        size = self._library.opus_encode(self._state, pcm, FRAME_SAMPLES, self._packet, MAX_PACKET_BYTES)
        if size < 0:
            raise OpusError("cannot encode", size)
        return self._packet.raw[:size]

    def _control(self, request: int, value: int) -> None:
        # A variadic function: each argument needs its exact type, or the pointer is cut to 32 bits.
        code = self._library.opus_encoder_ctl(c_void_p(self._state), c_int(request), c_int32(value))
        if code:
            raise OpusError(f"control {request} refused", code)


class Decoder:
    """Turns packets into mono, signed 16 bits. It keeps the state that concealment needs. For one thread at a time."""

    def __init__(self) -> None:
        self._library = _library()
        self._state: int | None = None
        code = c_int()
        state = self._library.opus_decoder_create(SAMPLE_RATE, 1, byref(code))
        if not state or code.value:
            raise OpusError("cannot make a decoder", code.value)
        self._state = state
        self._pcm = create_string_buffer(MAX_PACKET_SAMPLES * 2)

    def __del__(self) -> None:
        if getattr(self, "_state", None) is not None:
            self._library.opus_decoder_destroy(self._state)

    def decode(self, packet: bytes) -> bytes:
        """Decode a packet; raises `OpusError` for one that is broken, `ValueError` for one over 1500 bytes."""
        if not packet:
            raise OpusError("empty packet", -4)
        return self._decode(packet, MAX_PACKET_SAMPLES, fec=False)

    def recover(self, next_packet: bytes, samples: int = FRAME_SAMPLES) -> bytes:
        """The frame before `next_packet`, from the redundancy in it; concealment where it carries none."""
        if not next_packet:
            raise OpusError("empty packet", -4)
        return self._decode(next_packet, _frame_length(samples), fec=True)

    def conceal(self, samples: int = FRAME_SAMPLES) -> bytes:
        """What the sound would have been, as far as the decoder can tell. `samples`: a multiple of 120, to 5760."""
        return self._decode(None, _frame_length(samples), fec=False)

    def reset(self) -> None:
        """Forget all that was heard."""
        code = self._library.opus_decoder_ctl(c_void_p(self._state), c_int(_RESET_STATE))
        if code:
            raise OpusError("cannot reset", code)

    def _decode(self, packet: bytes | None, samples: int, *, fec: bool) -> bytes:
        size = 0 if packet is None else len(packet)
        if size > MAX_INPUT_BYTES:
            raise ValueError(f"a packet has at most {MAX_INPUT_BYTES} bytes, not {size}")
        decoded = self._library.opus_decode(self._state, packet, size, self._pcm, samples, int(fec))
        if decoded < 0:
            raise OpusError("cannot decode", decoded)
        return self._pcm.raw[: decoded * 2]


def _frame_length(samples: int) -> int:
    if samples % 120:
        raise ValueError(f"{samples} samples are no multiple of 2.5 ms")
    return _within("samples", samples, 120, MAX_PACKET_SAMPLES)


def _within(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"{name} is {low} to {high}, not {value}")
    return value
