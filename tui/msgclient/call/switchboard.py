"""Connects the call of this device with the socket, the engine and the clock; decides who may ring."""

import contextlib
import secrets
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

import msgwire
from msgwire import ErrorCode

from ..broadcast import Subscription
from ..client import Client
from ..errors import ClientError, RequestFailed
from ..state import Online
from ..updates import CallFrame, CallSignal, ConnectionChanged
from . import messages
from .live_call import LiveCall
from .machine import Reason, State
from .pins import Pins
from .supervisor import Supervisor
from .verify import CalleeSide, CallerSide
from .view import CallView

_SERVERS_WAIT_S = 2.0
"""How long a connection waits for the list of servers; without one it tries the direct way."""
_SERVERS_LIFE = 0.5
"""The share of their life for which credentials are used for a new connection; that one needs them for longer."""
_NO_SERVERS_S = 60.0
_KNOWN_WAIT_S = 3.0
"""After the socket is back, the server names the call it knows; after so long, it knows none."""
_SERVER_PING_S = 5.0
_SOCKET_WAIT_S = 1.0
"""How long the server may take to answer before the socket counts as dead, once the sound is gone."""
_BEAT_S = 1.0
_MAX_SIGNALS = 256

_REASONS: dict[str, Reason] = {ErrorCode.PEER_OFFLINE: Reason.OFFLINE, ErrorCode.BUSY: Reason.BUSY}
_GONE: set[str] = {ErrorCode.CALL_NOT_FOUND, ErrorCode.CALL_STATE}


class Switchboard:
    """The moving parts behind `Calls`; it is the `Hands` of the call.

    Args:
        client: the connection to the server.
        pins: the verified keys.
        on_change: called when something that is shown has changed.
    """

    def __init__(self, client: Client, pins: Pins, on_change: Callable[[], None]) -> None:
        self.relay_only = False
        self.answers = False
        self.rings = True
        self.fingerprint: bytes | None = None
        self.call: LiveCall | None = None
        self._client = client
        self._pins = pins
        self._on_change = on_change
        self._engine: Supervisor | None = None
        self._crossing: msgwire.IncomingCall | None = None
        self._servers: list[messages.IceServer] = []
        self._servers_due: anyio.Event | None = None
        self._servers_until_s = 0.0
        self._is_known = False
        self._timer: anyio.CancelScope | None = None
        self._signals, self._signals_due = anyio.create_memory_object_stream[msgwire.ClientFrame](_MAX_SIGNALS)
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup, engine: Supervisor) -> None:
        """Begin to work, in a task group that ends with it."""
        self._tasks = tasks
        self._engine = engine
        tasks.start_soon(self._listen, self._client.updates())
        tasks.start_soon(self._send_signals)
        tasks.start_soon(self._beat)
        tasks.start_soon(self._ping_server)

    def close(self) -> None:
        """End a call that is still on; the task group has ended."""
        self._tasks = None
        if self.is_busy:
            assert self.call is not None, "who is busy has a call"
            if self.call.view.call_id is not None:
                self._client.hint(msgwire.CallEnd(call_id=self.call.view.call_id, reason="hangup"))
        self._signals.close()
        self._signals_due.close()

    @property
    def is_busy(self) -> bool:
        """Whether there is a call that has not ended."""
        return self.call is not None and not self.call.view.is_over

    async def place(self, to: str, fingerprint: bytes) -> LiveCall:
        """Call somebody; returns once the server has answered."""
        side = CallerSide(secrets.token_bytes(32), fingerprint)
        call = self._begin(side, CallView(None, "", to, "outgoing", State.IDLE))
        call.place()
        self._ask_servers()
        try:
            user = await self._ask_user(to)
            call.named(user.uid, user.login)
            frame = msgwire.CallRequest(to=user.uid, media=["audio"], commitment=side.commitment)
            reply = await self._client.request(frame)
        except RequestFailed as failed:
            call.refused(_REASONS.get(failed.code, Reason.REFUSED), failed.message)
        except ClientError as failed:
            call.refused(Reason.REFUSED, str(failed))
        else:
            assert isinstance(reply, msgwire.Call), "the session gives each request its own kind of reply"
            call.rings(reply.call_id)
            if call.view.is_over:
                # The person has thought better of it before the server knew.
                self.signal(msgwire.CallEnd(call_id=reply.call_id, reason="hangup"))
        return call

    # What a call needs done: `live_call.Hands`.

    def engine(self, command: messages.Command) -> None:
        """Tell the engine."""
        if self._engine is not None and (self.rings or not isinstance(command, messages.Ring)):
            self._engine.send(command)

    def signal(self, frame: msgwire.ClientFrame) -> None:
        """Send a frame after those before it."""
        # Where the server has not taken 256 frames, one is dropped: an offer will be repeated.
        with contextlib.suppress(anyio.WouldBlock):
            self._signals.send_nowait(frame)

    def open(self, epoch: int, *, offers: bool, held: bool, after_s: float) -> None:
        """Make a connection once the servers are known."""
        assert self.call is not None, "a call opens its own connections"
        self._start(self._open, self.call, epoch, offers, held, after_s)

    def timer(self, seconds: float | None) -> None:
        """Set the one timer of the call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            assert self.call is not None, "a call sets its own timer"
            self._timer = anyio.CancelScope()
            self._start(self._wait, self._timer, self.call, seconds)

    def changed(self) -> None:
        """Show the newest."""
        self._on_change()

    def now(self) -> float:
        """Monotonic seconds."""
        return anyio.current_time()

    # What the engine says.

    def reported(self, report: messages.Report) -> None:
        """A report of the engine that belongs to the call."""
        if isinstance(report, messages.MediaLost) and self.is_busy:
            if report.address_is_gone:
                self._client.reconnect_now()
            else:
                self._start(self._check_socket)
        if self.call is not None:
            self.call.report(report)

    def engine_stopped(self, sentence: str) -> None:
        """The engine has died."""
        if self.is_busy:
            assert self.call is not None, "who is busy has a call"
            self.call.engine_stopped(sentence)

    # What the server says.

    async def _listen(self, updates: Subscription) -> None:
        async for update in updates:
            match update:
                case CallSignal(frame):
                    self._signaled(frame)
                case ConnectionChanged(Online()):
                    self._is_known = False
                    self._start(self._expect_known)

    def _signaled(self, frame: CallFrame) -> None:
        call = self.call
        if isinstance(frame, msgwire.IncomingCall):
            self._came(frame)
        elif call is not None and frame.call_id == call.view.call_id:
            if isinstance(frame, msgwire.ReadyCall):
                self._is_known = True
                call.reachable()
            else:
                call.receive(frame)
                self._take_crossing(call)
        elif isinstance(frame, msgwire.CallEnded | msgwire.CallTaken):
            if self._crossing is not None and frame.call_id == self._crossing.call_id:
                self._crossing = None
        elif isinstance(frame, msgwire.ReadyCall):
            # A call from before this process: there is nothing left here to go on with.
            self.signal(msgwire.CallEnd(call_id=frame.call_id, reason="failed"))

    def _came(self, frame: msgwire.IncomingCall) -> None:
        call = self.call
        if call is not None and not call.view.is_over:
            if frame.call_id == call.view.call_id:
                return  # announced again after a reconnect
            if call.state is State.OUTGOING and frame.sender == call.view.peer:
                # Both call each other: the server says which of the two calls stands.
                self._crossing = frame
                return
            self.signal(msgwire.CallReject(call_id=frame.call_id, reason="busy"))
            return
        if self.fingerprint is None:
            # Without an engine there is no sound; another device of the account may take it.
            return
        side = CalleeSide(secrets.token_bytes(32), self.fingerprint, frame.commitment)
        call = self._begin(side, CallView(frame.call_id, frame.sender, frame.from_login, "incoming", State.IDLE))
        call.comes()
        self._ask_servers()
        if self.answers:
            call.answer()

    def _take_crossing(self, call: LiveCall) -> None:
        """Own call has given way to theirs: as both wanted to talk, it is taken at once."""
        crossing = self._crossing
        if crossing is None or not call.view.is_over:
            return
        self._crossing = None
        if call.view.reason is Reason.GLARE:
            self._came(crossing)
            if self.call is not None and self.call.state is State.INCOMING:
                self.call.answer()

    # Tasks.

    def _begin(self, side: CallerSide | CalleeSide, view: CallView) -> LiveCall:
        self.timer(None)
        self._crossing = None
        self.call = LiveCall(self, self._pins, side, view)
        self.changed()
        return self.call

    def _start(self, work: Callable[..., object], *arguments: object) -> None:
        if self._tasks is not None:
            self._tasks.start_soon(work, *arguments)  # type: ignore[arg-type]  # coroutine functions, all of them

    async def _ask_user(self, to: str) -> msgwire.User:
        """Who is meant: a uid or a login."""
        try:
            return await self._client.get_user(login=to)
        except RequestFailed as failed:
            if failed.code != ErrorCode.NOT_FOUND:
                raise
        return await self._client.get_user(uid=to)

    async def _send_signals(self) -> None:
        async for frame in self._signals_due:
            if isinstance(frame, msgwire.SendCandidate):
                # Many, small, and of no use later.
                with contextlib.suppress(ClientError):
                    self._client.hint(frame)
                continue
            try:
                await self._client.request(frame)
            except RequestFailed as failed:
                self._failed(frame, failed)
            except ClientError:
                pass  # offers are repeated when the socket is back, the server times out the rest

    def _failed(self, frame: msgwire.ClientFrame, failed: RequestFailed) -> None:
        call = self.call
        if call is None or getattr(frame, "call_id", None) != call.view.call_id:
            return
        if isinstance(frame, msgwire.CallAccept):
            call.refused(Reason.TAKEN if failed.code in _GONE else Reason.REFUSED, failed.message)
        elif failed.code in _GONE:
            call.gone()

    async def _expect_known(self) -> None:
        call = self.call
        await anyio.sleep(_KNOWN_WAIT_S)
        if call is not None and call is self.call and not self._is_known and call.view.call_id is not None:
            call.gone()

    async def _check_socket(self) -> None:
        """What took the sound away may have taken the socket too, and it would take minutes to notice by itself."""
        try:
            await self._client.request(msgwire.Ping(), _SOCKET_WAIT_S)
        except RequestFailed:
            pass
        except ClientError:
            self._client.reconnect_now()

    def _ask_servers(self) -> None:
        due = self._servers_due = anyio.Event()
        self._start(self._fetch_servers, due)

    async def _fetch_servers(self, due: anyio.Event) -> None:
        try:
            reply = await self._client.request(msgwire.GetIceServers(), _SERVERS_WAIT_S)
        except RequestFailed:
            # There are none; that is not asked again for every connection.
            self._servers, self._servers_until_s = [], self.now() + _NO_SERVERS_S
        except ClientError:
            pass  # what was known before may still do
        else:
            assert isinstance(reply, msgwire.IceServers), "the session gives each request its own kind of reply"
            self._servers = [
                messages.IceServer(urls=server.urls, username=server.username, credential=server.credential)
                for server in reply.ice_servers
            ]
            self._servers_until_s = self.now() + reply.ttl_s * _SERVERS_LIFE
            self.engine(messages.Probe(ice_servers=self._servers))
        due.set()

    async def _open(self, call: LiveCall, epoch: int, offers: bool, held: bool, after_s: float) -> None:
        await anyio.sleep(after_s)
        if self.now() > self._servers_until_s:
            # Their credentials live for a while only; while they live, nothing is waited for.
            self._ask_servers()
        if self._servers_due is not None:
            with anyio.move_on_after(_SERVERS_WAIT_S):
                await self._servers_due.wait()
        if call is self.call and not call.view.is_over:
            self.engine(
                messages.Open(
                    epoch=epoch, offers=offers, ice_servers=self._servers, relay_only=self.relay_only, held=held
                )
            )
            call.opened(epoch)

    async def _wait(self, scope: anyio.CancelScope, call: LiveCall, seconds: float) -> None:
        with scope:
            await anyio.sleep(seconds)
        if not scope.cancelled_caught and call is self.call:
            call.timed_out()

    async def _beat(self) -> None:
        while True:
            await anyio.sleep(_BEAT_S)
            if self.call is not None and not self.call.view.is_over:
                self.call.repeat()

    async def _ping_server(self) -> None:
        """Measure the own way to the server during a call: it tells whose network is bad."""
        while True:
            await anyio.sleep(_SERVER_PING_S)
            call = self.call
            if call is None or call.view.connected_at_s is None or call.view.is_over:
                continue
            started_s = anyio.current_time()
            try:
                await self._client.request(msgwire.Ping(), _SERVER_PING_S)
            except ClientError:
                pass  # counted as slow as it was
            call.quality.server_answered((anyio.current_time() - started_s) * 1000)
