"""The admin socket: one line in, one line out, every caller known by what the kernel says of them."""

import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

import msgspec
import trio

from msgd.admin.context import AdminContext
from msgd.admin.contract import MAX_REQUEST_BYTES, Refused, operation_name
from msgd.admin.operations import OPERATIONS
from msgd.admin.peer import caller_behind
from msgd.admin.perform import perform
from msgd.admin.socket_file import listening
from msgd.admin.wire import RequestDecoder, encode_refusal, encode_result
from msgd.config import Admin
from msgd.logs import log

_CHUNK_BYTES = 16_384
_DECODER = RequestDecoder(*(row.request for row in OPERATIONS.values()))


class Bounds(msgspec.Struct, frozen=True):
    """What the socket takes.

    Attributes:
        connections: At the same time; further ones are told `busy`.
        line_s: Time to send a whole line, and to take an answer.
    """

    connections: int = 16
    line_s: float = 60.0


async def serve_admin(
    context: AdminContext,
    settings: Admin,
    *,
    inherited: socket.socket | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; started once the socket takes connections.

    Who may connect is decided by the kernel, from the mode and the group of the file.

    Args:
        context: What operations work with; its caller is replaced by the one at the socket.
        settings: Path, mode and group of the file.
        inherited: A listening socket from systemd, whose file is systemd's; the settings are not used then.
        bounds: Connections and times.
        task_status: Of `nursery.start`.

    Raises:
        AdminSocketError: The socket cannot be made.
    """
    place: AbstractContextManager[socket.socket] = listening(settings) if inherited is None else nullcontext(inherited)
    with place as raw:
        raw.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(raw))
        server = _Server(context, bounds)
        log(
            "info", "admin.listening", path=settings.socket if inherited is None else None, passed=inherited is not None
        )
        task_status.started()
        await trio.serve_listeners(server.handle, [listener])


class _Server:
    def __init__(self, context: AdminContext, bounds: Bounds) -> None:
        self._context = context
        self._bounds = bounds
        self._open = 0

    async def handle(self, stream: trio.SocketStream) -> None:
        """Serve one connection; nothing that happens on it ends the server."""
        self._open += 1
        try:
            async with stream:
                if self._open > self._bounds.connections:
                    await self._answer(stream, encode_refusal(_BUSY))
                    return
                await self._converse(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            pass  # The other end went away or stopped; there is nobody to tell.
        except Exception as error:
            log("error", "admin.request_failed", error=error)
        finally:
            self._open -= 1

    async def _converse(self, stream: trio.SocketStream) -> None:
        caller = await trio.to_thread.run_sync(caller_behind, stream.socket)
        context = msgspec.structs.replace(self._context, caller=caller)
        lines = _Lines(stream)
        try:
            while (line := await self._in_time(lines.next)) is not None:
                await self._answer(stream, await _carry_out(context, line))
        except Refused as refusal:
            await self._answer(stream, encode_refusal(refusal))

    async def _in_time(self, receive: Callable[[], Awaitable[bytes | None]]) -> bytes | None:
        with trio.fail_after(self._bounds.line_s):
            return await receive()

    async def _answer(self, stream: trio.SocketStream, line: bytes) -> None:
        with trio.fail_after(self._bounds.line_s):
            await stream.send_all(line)


_BUSY = Refused("busy", "Too many admin connections are open; try again in a moment.")


async def _carry_out(context: AdminContext, line: bytes) -> bytes:
    try:
        request = _DECODER.decode(line)
    except Refused as refusal:
        return encode_refusal(refusal)
    try:
        return encode_result(await perform(context, request))
    except Refused as refusal:
        return encode_refusal(refusal)
    except Exception as error:
        log("error", "admin.request_failed", operation=operation_name(type(request)), error=error)
        return encode_refusal(Refused("internal", "The daemon failed at this; its log has the place."))


class _Lines:
    """Cuts what arrives into lines, none longer than a request may be."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def next(self) -> bytes | None:
        """The next line without its newline, or None at the end.

        Raises:
            Refused: The line is too long.
        """
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0:
            searched = len(self._held)
            if searched >= MAX_REQUEST_BYTES:
                raise Refused("too_large", f"A request has at most {MAX_REQUEST_BYTES} bytes.")
            chunk = await self._stream.receive_some(_CHUNK_BYTES)
            if not chunk:
                return None
            self._held += chunk
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line
