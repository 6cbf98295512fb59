"""The strict codec: one frame or an array of frames, byte limits, and errors that name the bad field.

Errors carry the path and the expected type of a field, never its value: what a client sent stays out of
error texts and logs.
"""

import functools
import operator
import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from .errors import ErrorCode
from .frames import CLIENT_FRAMES, SERVER_FRAMES
from .types import ClientFrame, ServerFrame, tag

_CLIENT_TYPES = frozenset(tag(frame) for frame in CLIENT_FRAMES)
_SERVER_TYPES = frozenset(tag(frame) for frame in SERVER_FRAMES)
_PATH = re.compile(r" - at `(\$[^`]*)`$")
_EXPECTED = re.compile(r"Expected `[^`]*`(?: of length [<>=]+ \d+)?(?:, got `[a-z0-9]+`)?")
_MISSING = re.compile(r"Object missing required field `[A-Za-z_]+`")


class FrameError(ValueError):
    """A frame that the contract does not allow.

    Attributes:
        code: `bad_frame`, `unknown_type` or `too_large`.
        re: the frame's `request_id`, where it had a usable one.
        frame_type: the frame's `type`, where that is one of the contract.
    """

    def __init__(self, code: ErrorCode, sentence: str, re: str | None = None, frame_type: str | None = None) -> None:
        super().__init__(sentence)
        self.frame_type = frame_type
        self.code = code
        self.sentence = sentence
        self.re = re


class _Envelope(msgspec.Struct):
    type: Any = None
    request_id: Any = None


def _union(frames: tuple[type[msgspec.Struct], ...]) -> Any:
    return functools.reduce(operator.or_, frames[1:], cast("Any", frames[0]))


_client_decoder = msgspec.json.Decoder(_union(CLIENT_FRAMES))
_server_decoder = msgspec.json.Decoder(_union(SERVER_FRAMES))
_raw_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_encoder = msgspec.json.Encoder()

encode = _encoder.encode
"""Encode one frame as the bytes of one JSON object."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BLANK = b" \t\r\n"


def join(frames: Iterable[bytes]) -> bytes:
    """One WebSocket message out of encoded frames: the frame itself, or an array of several."""
    parts = list(frames)
    return parts[0] if len(parts) == 1 else b"[" + b",".join(parts) + b"]"


def split(payload: bytes, max_message_bytes: int) -> list[bytes | msgspec.Raw]:
    """The frames of one WebSocket message, still encoded, in order.

    Raises `FrameError` (`too_large`, `bad_frame`) when the message as a whole is of no use.
    """
    if len(payload) > max_message_bytes:
        raise FrameError(ErrorCode.TOO_LARGE, f"The message has more than {max_message_bytes} bytes.")
    if payload[:1] == b"{":
        return [payload]
    if payload.lstrip(_BLANK)[:1] != b"[":
        return [payload]
    try:
        return cast("list[bytes | msgspec.Raw]", _raw_list_decoder.decode(payload))
    except _UNREADABLE as error:
        raise FrameError(ErrorCode.BAD_FRAME, "The message is not valid JSON.") from error


def decode_client_frame(raw: bytes | msgspec.Raw) -> ClientFrame:
    """One client frame; raises `FrameError` with the path of the bad field."""
    try:
        return cast("ClientFrame", _client_decoder.decode(raw))
    except msgspec.ValidationError as error:
        raise _explain(raw, str(error), _CLIENT_TYPES) from None
    except _UNREADABLE:
        raise FrameError(ErrorCode.BAD_FRAME, "The frame is not valid JSON.") from None


def decode_server_message(payload: bytes) -> list[ServerFrame]:
    """The frames of one message from the server, for clients; frames of unknown types are left out.

    Raises `FrameError` when the message is not what a server may send.
    """
    frames: list[ServerFrame] = []
    for raw in split(payload, len(payload)):
        try:
            frames.append(cast("ServerFrame", _server_decoder.decode(raw)))
        except msgspec.ValidationError as error:
            if _type_of(raw) in _SERVER_TYPES:
                raise _explain(raw, str(error), _SERVER_TYPES) from None
        except _UNREADABLE:
            raise FrameError(ErrorCode.BAD_FRAME, "The frame is not valid JSON.") from None
    return frames


def _type_of(raw: bytes | msgspec.Raw) -> object:
    try:
        return _envelope_decoder.decode(raw).type
    except _UNREADABLE:
        return None


def _explain(raw: bytes | msgspec.Raw, said: str, known: frozenset[str]) -> FrameError:
    """What to tell of a frame that is JSON, but of no known form. `said` may quote content, so parts are picked."""
    try:
        envelope = _envelope_decoder.decode(raw)
    except _UNREADABLE:
        return FrameError(ErrorCode.BAD_FRAME, "A frame is a JSON object.")
    request_id = envelope.request_id
    if not (isinstance(request_id, str) and 1 <= len(request_id) <= 64):
        request_id = None
    if not isinstance(envelope.type, str):
        return FrameError(ErrorCode.BAD_FRAME, "A frame has a `type`, which is a string.", request_id)
    if envelope.type not in known:
        return FrameError(ErrorCode.UNKNOWN_TYPE, "The server does not know this type of frame.", request_id)
    at = _PATH.search(said)
    path = at.group(1) if at else "$"
    what = _MISSING.match(said) or _EXPECTED.match(said)
    reason = what.group(0) if what else "The value is not one that is allowed"
    return FrameError(ErrorCode.BAD_FRAME, f"{reason}, at {path}.", request_id, envelope.type)
