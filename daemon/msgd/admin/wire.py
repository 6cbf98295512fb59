"""Requests and answers as lines of JSON, on both ends of the admin socket."""

from typing import Any, TypeVar, Union

import msgspec

from msgd.admin.contract import MAX_ANSWER_BYTES, Answer, ErrorBody, Refused, Request, operation_name, result_type

R = TypeVar("R")

_ENCODER = msgspec.json.Encoder()
# Text that is not UTF-8, and brackets without end, are no DecodeError.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ANSWERS = msgspec.json.Decoder(Answer)


class _Head(msgspec.Struct):
    """What every request line has."""

    op: str


class RequestDecoder:
    """Reads request lines of a set of operations."""

    def __init__(self, *request_types: type[Request[Any]]) -> None:
        """Take the types of all requests that are known here."""
        self._names = {operation_name(known) for known in request_types}
        self._decoder: msgspec.json.Decoder[Request[Any]] = msgspec.json.Decoder(Union[request_types])  # noqa: UP007 - of a tuple

    def decode(self, line: bytes) -> Request[Any]:
        """Read one request.

        Raises:
            Refused: `unknown_operation`, or `bad_request` with the path of what is wrong, never with its value.
        """
        try:
            return self._decoder.decode(line)
        except _UNREADABLE as error:
            # The words of a UnicodeDecodeError quote the line.
            what = str(error) if isinstance(error, msgspec.DecodeError) else "not JSON in UTF-8"
            raise self._refusal(line, what) from None

    def _refusal(self, line: bytes, what: str) -> Refused:
        try:
            name = msgspec.json.decode(line, type=_Head).op
        except _UNREADABLE:
            return Refused("bad_request", f"Not a request: {what}.")
        if name not in self._names:
            return Refused("unknown_operation", "The daemon does not know this operation: is it older than msgctl?")
        return Refused("bad_request", f"Not a proper {name}: {what}.")


def encode_request(request: Request[Any]) -> bytes:
    """Write a request line."""
    return _ENCODER.encode(request) + b"\n"


def encode_result(result: msgspec.Struct) -> bytes:
    """Write the answer line of an operation that was carried out."""
    line = b'{"result":%b}\n' % _ENCODER.encode(result)
    # Every list is a page of bounded lines, so no result comes near the bound.
    assert len(line) <= MAX_ANSWER_BYTES
    return line


def encode_refusal(refusal: Refused) -> bytes:
    """Write the answer line of an operation that was not."""
    return _ENCODER.encode(Answer(error=ErrorBody(refusal.code, refusal.message))) + b"\n"


def decode_answer(request_type: type[Request[R]], line: bytes) -> R:
    """Read an answer line.

    Raises:
        Refused: The answer says so.
        msgspec.DecodeError: The line is no answer to this request.
    """
    answer = _ANSWERS.decode(line)
    if answer.error is not None:
        raise Refused(answer.error.code, answer.error.message)
    if not bytes(answer.result):
        raise msgspec.DecodeError("neither result nor error")
    return msgspec.json.decode(answer.result, type=result_type(request_type))
