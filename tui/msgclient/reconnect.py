"""The connection loop: dial, open, stay, and come back, with the state of it all for whoever shows it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

import msgwire
from msgwire import CloseCode

from . import opening as open_steps
from .backoff import Backoff, retry_after_in
from .dial import Dialer, PinnedCertificateChanged
from .errors import ClientError, NotConnected, RequestFailed
from .link import CACHE_FAILED, Link
from .state import CertificateChanged, Connecting, ConnectionState, Offline, Online, SignedOut
from .tokens import TokenFile, Tokens
from .transport import DialFailed, TransportClosed
from .views import Account

_logger = logging.getLogger("msgclient")

_OPENING_TIMEOUT_S = 20.0
"""From the handshake to `ready`; the server's own limit is 15 s by default."""

_STABLE_S = 5.0
"""A connection that lived so long counts as a success; one that did not makes the next delay longer."""


def now_ms() -> int:
    """The wall clock, UTC epoch ms."""
    return time.time_ns() // 1_000_000


class Host(Protocol):
    """Whom the loop works for."""

    def cursor_of(self, uid: str) -> int | None:
        """The last event stored for an account; None when there is none."""

    def state_changed(self, state: ConnectionState) -> None:
        """The connection has a new state."""

    def said_hello(self, hello: msgwire.Hello) -> None:
        """The server has introduced itself."""

    async def live(
        self, link: Link, ready: msgwire.Ready, limits: msgwire.HelloLimits, on_usable: Callable[[], None]
    ) -> TransportClosed:
        """Use an open connection until it ends, and call `on_usable` once requests work; returns how it ended."""


@dataclass(slots=True)
class _Login:
    """A sign-in by password that somebody waits for."""

    frame: msgwire.LogIn
    done: anyio.Event = field(default_factory=anyio.Event)
    account: Account | None = None
    error: ClientError | None = None

    def settle(self, *, account: Account | None = None, error: ClientError | None = None) -> None:
        self.account, self.error = account, error
        self.done.set()


@dataclass(frozen=True, slots=True)
class _End:
    """How an attempt ended, and what comes next.

    Attributes:
        error: what somebody who waits for a sign-in is told.
        state: where the loop rests; None for offline with a next try.
        retry_after_ms: the server's wish for the next try.
    """

    error: ClientError
    state: ConnectionState | None = None
    retry_after_ms: int | None = None


class ConnectionLoop:
    """Keeps one account connected. `run` it in a task; the other methods may be called at any time meanwhile."""

    def __init__(self, dialer: Dialer, file: TokenFile, host: Host, random: Callable[[], float]) -> None:
        self._dialer = dialer
        self._file = file
        self._host = host
        self._backoff = Backoff(random)
        self._tokens = file.load()
        self._login: _Login | None = None
        self._rest: ConnectionState | None = None
        self._wake = anyio.Event()
        self._link: Link | None = None

    @property
    def account(self) -> Account | None:
        """Who is signed in."""
        return None if self._tokens is None else self._tokens.account

    @property
    def tokens(self) -> Tokens | None:
        """The sign-in."""
        return self._tokens

    def reconnect_now(self) -> None:
        """Try at once; a live connection is made anew."""
        self._rest = None
        self._wake.set()
        if self._link is not None:
            self._link.end(CloseCode.NORMAL, "")

    async def log_in(self, frame: msgwire.LogIn) -> Account:
        """Sign in by password.

        Raises `RequestFailed`, `NotConnected` and `CertificateProblem`; nothing is tried again by itself.
        """
        if self._login is not None or self._tokens is not None:
            raise ClientError("Somebody is signed in already: log out first.")
        login = self._login = _Login(frame)
        self.reconnect_now()
        try:
            await login.done.wait()
        finally:
            self._login = None
        if login.error is not None:
            raise login.error
        assert login.account is not None
        return login.account

    async def keep(self, tokens: Tokens) -> None:
        """Store tokens before anything else happens, even in the middle of an end.

        Where the disk fails they are kept in memory: with the ones before them used up, that is the best there is.
        """
        self._tokens = tokens
        try:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._file.store, tokens)
        except OSError as error:
            _logger.error("the sign-in could not be stored and will be lost with this process: %s", error.strerror)  # noqa: TRY400 - no trace is needed of a full disk

    def sign_out(self, reason: str) -> None:
        """Forget the sign-in; `reason` is a sentence for a person."""
        self._file.clear()
        self._tokens = None
        self._rest = SignedOut(reason)
        self._wake.set()
        if self._link is not None:
            self._link.end(CloseCode.NORMAL, "")

    async def ask_once(self, frame: msgwire.ClientFrame) -> msgwire.Reply:
        """One request on a connection of its own, for what needs no sign-in.

        Raises `RequestFailed`, `NotConnected` and `CertificateProblem`.
        """
        frame.request_id = "once"
        reply = await self._visit(frame)
        assert isinstance(reply, msgwire.Reply)
        if isinstance(reply, msgwire.Error):
            raise RequestFailed(reply.code, reply.message, reply.retry_after_ms)
        return reply

    async def greet(self) -> msgwire.Hello:
        """Connect, take the server's hello, and leave; raises `NotConnected` and `CertificateProblem`."""
        hello = await self._visit(None)
        assert isinstance(hello, msgwire.Hello)
        return hello

    async def _visit(self, frame: msgwire.ClientFrame | None) -> msgwire.ServerFrame:
        """A connection of its own, up to the reply to `frame`; without one, up to the hello."""
        result: msgwire.ServerFrame | ClientError
        async with anyio.create_task_group() as tasks:
            try:
                link = Link(await self._dialer.open(tasks))
                try:
                    with anyio.fail_after(_OPENING_TIMEOUT_S):
                        result = await self._hello(link)
                        if frame is not None:
                            await link.say(frame)
                            result = await _reply_to(frame, link)
                finally:
                    await link.close()
            except PinnedCertificateChanged as changed:
                self._rest = CertificateChanged(changed.host, changed.pinned, changed.presented)
                self._host.state_changed(self._rest)
                result = changed
            except ClientError as problem:
                result = problem
            except (DialFailed, TransportClosed, OSError) as error:
                result = _ended(error).error
            tasks.cancel_scope.cancel()
        if isinstance(result, ClientError):
            raise result
        return result

    async def run(self) -> None:
        """Connect and reconnect, until cancelled."""
        while True:
            if self._rest is None and self._login is None and self._tokens is None:
                self._rest = SignedOut()
            if self._rest is not None:
                self._host.state_changed(self._rest)
                await self._woken()
                continue
            self._wake = anyio.Event()
            self._host.state_changed(Connecting(self._backoff.tries + 1))
            end = await self._attempt()
            self._settle_login(end.error)
            if self._rest is not None or self._wake.is_set():
                continue  # somebody decided meanwhile: what this attempt found is out of date
            if end.state is not None:
                self._rest = end.state
            elif self._tokens is not None:
                await self._pause(end)

    def _settle_login(self, error: ClientError | None) -> None:
        """Tell who waits for a sign-in. Tokens that came count, also where the connection was lost right after them."""
        if self._login is not None and self._tokens is not None:
            self._login.settle(account=self._tokens.account)
        elif self._login is not None:
            self._login.settle(error=error)
        self._login = None

    async def _pause(self, end: _End) -> None:
        delay_s = self._backoff.next_delay_s(end.retry_after_ms)
        self._host.state_changed(Offline(str(end.error), now_ms() + round(delay_s * 1000)))
        with anyio.move_on_after(delay_s):
            await self._woken()

    async def _woken(self) -> None:
        await self._wake.wait()
        self._wake = anyio.Event()

    async def _attempt(self) -> _End:
        """One connection from dial to end. What goes wrong is a value here: the tasks of it must not raise."""
        async with anyio.create_task_group() as tasks:
            end = await self._one(tasks)
            tasks.cancel_scope.cancel()
        return end

    async def _one(self, tasks: TaskGroup) -> _End:
        try:
            link = Link(await self._dialer.open(tasks))
            try:
                return await self._converse(link)
            finally:
                self._link = None
                await link.close()
        except PinnedCertificateChanged as changed:
            return _End(changed, CertificateChanged(changed.host, changed.pinned, changed.presented))
        except ClientError as problem:  # a refused certificate, or a file of pins that cannot be read
            return _End(problem, Offline(str(problem)))
        except (DialFailed, TransportClosed, OSError) as error:
            return self._closed(error)

    async def _converse(self, link: Link) -> _End:
        with anyio.fail_after(_OPENING_TIMEOUT_S):
            hello = await self._hello(link)
            ready = await self._open(link)
        if isinstance(ready, _End):
            return ready
        self._link = link
        since = anyio.current_time()
        closed = await self._host.live(link, ready, hello.limits, self._usable)
        if anyio.current_time() - since >= _STABLE_S:
            self._backoff.succeeded()
        return self._closed(closed)

    def _usable(self) -> None:
        self._host.state_changed(Online())
        self._settle_login(None)

    async def _hello(self, link: Link) -> msgwire.Hello:
        frame = await link.next_frame()
        if not isinstance(frame, msgwire.Hello):
            raise DialFailed("The server did not say hello.")
        self._host.said_hello(frame)
        return frame

    async def _open(self, link: Link) -> msgwire.Ready | _End:
        login = None if self._login is None else self._login.frame
        cursor = None if self._tokens is None else self._host.cursor_of(self._tokens.uid)
        opening = open_steps.Opening(login, self._tokens, cursor)
        step: open_steps.Step | None = opening.start(now_ms())
        while True:
            match step:
                case open_steps.Say(frame):
                    await link.say(frame)
                case open_steps.Keep(tokens):
                    await self.keep(tokens)
                case open_steps.Opened(ready):
                    return ready
                case open_steps.LoginRefused(error):
                    return _End(RequestFailed(error.code, error.message, error.retry_after_ms), SignedOut())
                case open_steps.SignInEnded(reason):
                    self.sign_out(reason)
                    return _End(NotConnected(reason))
                case open_steps.Later(error):
                    return _End(NotConnected(error.message), retry_after_ms=error.retry_after_ms)
            step = opening.receive(await link.next_frame())

    def _closed(self, error: Exception) -> _End:
        """What a close code means for the sign-in; everything else is tried again."""
        if isinstance(error, TransportClosed):
            if error.code == CloseCode.REVOKED:
                self.sign_out("This device was signed out, or the account is disabled.")
            elif error.code == CloseCode.UNAUTHENTICATED and self._tokens is not None:
                self._tokens = self._tokens.without_access()
        return _ended(error)


async def _reply_to(frame: msgwire.ClientFrame, link: Link) -> msgwire.Reply:
    while True:
        reply = await link.next_frame()
        if isinstance(reply, msgwire.Reply) and reply.re == frame.request_id:
            return reply


def _ended(error: Exception) -> _End:
    match error:
        case TransportClosed(code=CloseCode.SERVICE_RESTART | CloseCode.TRY_AGAIN_LATER as code, reason=reason):
            said = msgwire.CLOSE_SENTENCES[CloseCode(code)].partition(":")[0]
            return _End(NotConnected(f"{said}."), retry_after_ms=retry_after_in(reason))
        case TransportClosed(code=CloseCode.REVOKED | CloseCode.UNAUTHENTICATED):
            return _End(NotConnected("The server ended the sign-in."))
        case TransportClosed(code=code, reason=reason) if code == CACHE_FAILED:
            return _End(NotConnected(reason))
        case TransportClosed():
            return _End(NotConnected("The connection was lost."))
        case TimeoutError():
            return _End(NotConnected("The server did not answer in time."))
    return _End(NotConnected(str(error)))
