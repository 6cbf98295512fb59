"""What runs behind a client: frames into the cache, the outbox out of it, and updates to whoever listens."""

import logging
import math
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import get_args

import anyio
from anyio.abc import TaskGroup

import msgwire

from .broadcast import Broadcast
from .cache import Cache, Lasting, Tables, apply
from .cache.replies import AsOfNow
from .errors import (
    CacheFailed,
    ClientError,
    NotConnected,
    NotSignedIn,
    OutboxFull,
    RequestFailed,
    RequestTimedOut,
    TextTooLong,
)
from .hints import Hints
from .link import CACHE_FAILED, CONTRACT_BROKEN, Link
from .opening import DEAD_REFRESH
from .outbox import OutboxFlow
from .reconnect import ConnectionLoop, now_ms
from .refill import Refill
from .session import Accepted, Answered, Broken, Happened, Output, Pushed, Refused, Session, Unanswered
from .state import Connecting, ConnectionState
from .tokens import Tokens
from .transport import TransportClosed
from .updates import (
    CallFrame,
    CallSignal,
    ConnectionChanged,
    ConversationChanged,
    MessageChanged,
    Resync,
    updates_of,
)
from .views import Account, LocalMessage

_logger = logging.getLogger("msgclient")


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one client.

    Attributes:
        max_outbox: messages that may wait for the server.
        max_pending: requests that may wait for their replies.
        max_updates: updates that may wait for one listener; past it they become one `Resync`.
        max_inbox: events that may wait for a bot; past it nothing is acknowledged, so the server waits too.
        request_timeout_s: how long a reply may take.
    """

    max_outbox: int = 1000
    max_pending: int = 256
    max_updates: int = 1024
    max_inbox: int = 1000
    request_timeout_s: float = 30.0


@dataclass(slots=True)
class _Waiter:
    done: anyio.Event = field(default_factory=anyio.Event)
    reply: msgwire.Reply | None = None


@dataclass(slots=True)
class _Watcher:
    """Somebody who waits for a state; asked at each change, so that a state that does not last is seen too."""

    wanted: Callable[[ConnectionState], bool]
    seen: ConnectionState | None = None
    done: anyio.Event = field(default_factory=anyio.Event)

    def see(self, state: ConnectionState) -> None:
        if self.seen is None and self.wanted(state):
            self.seen = state
            self.done.set()


class Engine:
    """The moving parts of one client. `Client` is its face."""

    def __init__(self, cache: Cache, limits: Limits, random: Callable[[], float], *, keeps_inbox: bool) -> None:
        self.cache = cache
        self.limits = limits
        self.state: ConnectionState = Connecting()
        self.hello: msgwire.Hello | None = None
        self.broadcast = Broadcast(limits.max_updates)
        self.hints = Hints(cache.reading, self.broadcast)
        self.loop: ConnectionLoop | None = None
        self.inbox_changes = anyio.Event()
        self._keeps_inbox = keeps_inbox
        self._session = Session(limits.max_pending)
        self._flow = OutboxFlow(random)
        self._refill = Refill(self)
        self._outbox_work = anyio.Event()
        self._waiters: dict[str, _Waiter] = {}
        self._watchers: list[_Watcher] = []
        self._link: Link | None = None
        self._owner: Account | None = None
        self._tasks: TaskGroup | None = None

    @property
    def me(self) -> Account | None:
        """Who is signed in."""
        return None if self.loop is None else self.loop.account

    def need_me(self) -> Account:
        """Who is signed in; raises `NotSignedIn`."""
        if self.me is None:
            raise NotSignedIn("Nobody is signed in here.")
        return self.me

    # What a client asks for.

    async def request(self, frame: msgwire.ClientFrame, timeout_s: float | None = None) -> msgwire.Reply:
        """Send a request and wait for its reply; raises what `Client.request` says."""
        link = self._link
        if link is None:
            self.need_me()
            raise NotConnected("There is no connection to the server.")
        request_id = self._session.ask(frame)
        waiter = self._waiters[request_id] = _Waiter()
        try:
            link.post(frame)
            with anyio.fail_after(timeout_s or self.limits.request_timeout_s):
                await waiter.done.wait()
        except TimeoutError:
            raise RequestTimedOut("The server did not answer in time.") from None
        finally:
            self._session.forget(request_id)
            del self._waiters[request_id]
        if waiter.reply is None:
            raise NotConnected("The connection was lost before the answer came.")
        if isinstance(waiter.reply, msgwire.Error):
            raise RequestFailed(waiter.reply.code, waiter.reply.message, waiter.reply.retry_after_ms)
        return waiter.reply

    def hint(self, frame: msgwire.ClientFrame) -> None:
        """Send a frame that needs no reply and may be lost; nothing happens while offline."""
        if self._link is not None:
            self._link.hint(frame)

    def queue(self, tables: Tables, to_uid: str, text: str, reply_to: str | None) -> LocalMessage:
        """Put a message into the outbox, within a write; raises `OutboxFull` and what `check_text` raises."""
        self.check_text(text)
        if tables.messages.outbox_size() >= self.limits.max_outbox:
            raise OutboxFull(f"{self.limits.max_outbox} messages wait for the server.", self.limits.max_outbox)
        now = now_ms()
        local_id = tables.messages.queue(to_uid, text, str(uuid.uuid4()), reply_to, self.need_me(), now)
        tables.conversations.touch(to_uid, "", now)
        message = tables.messages.get(local_id)
        assert message is not None
        return message

    def check_text(self, text: str) -> None:
        """Raise `TextTooLong`, or `ValueError` for a text that is empty or no Unicode (a lone surrogate)."""
        size = len(text.encode())
        if size == 0:
            raise ValueError("A message has at least one character.")
        if self.hello is not None and size > self.hello.limits.max_text_bytes:
            limit = self.hello.limits.max_text_bytes
            raise TextTooLong(f"The text has {size} bytes; the server takes {limit}.", limit)

    def queued(self, messages: Iterable[LocalMessage]) -> None:
        """The write that put these into the outbox is done."""
        self._outbox_work.set()
        for message in messages:
            self.broadcast.publish([MessageChanged(message.peer, message), ConversationChanged(message.peer)])

    async def wait_for(self, wanted: Callable[[ConnectionState], bool]) -> ConnectionState:
        """Wait for a state of the connection, and return it."""
        watcher = _Watcher(wanted)
        watcher.see(self.state)
        self._watchers.append(watcher)
        try:
            await watcher.done.wait()
        finally:
            self._watchers.remove(watcher)
        assert watcher.seen is not None
        return watcher.seen

    def read_changed(self) -> None:
        """There is a read position that the server has not heard of."""
        self._refill.wake()

    async def refresh_contacts(self) -> None:
        """Fetch the contact list anew; raises what `request` raises."""
        await self._refill.contacts()

    def inbox_handled(self) -> None:
        """Room in the inbox: what was held back may be acknowledged."""
        self._acknowledge()

    # What the connection loop tells.

    def cursor_of(self, uid: str) -> int | None:
        """The last event stored for an account."""
        meta = self.cache.reading.meta
        return meta.cursor if meta.uid == uid else None

    def state_changed(self, state: ConnectionState) -> None:
        """The connection has a new state."""
        self.state = state
        for watcher in self._watchers:
            watcher.see(state)
        self.broadcast.publish([ConnectionChanged(state)])

    def said_hello(self, hello: msgwire.Hello) -> None:
        """The server has introduced itself."""
        self.hello = hello

    async def live(
        self, link: Link, ready: msgwire.Ready, limits: msgwire.HelloLimits, on_usable: Callable[[], None]
    ) -> TransportClosed:
        """Use an open connection until it ends; returns how it ended."""
        try:
            await self._resume(ready)
        except CacheFailed as error:
            return TransportClosed(CACHE_FAILED, str(error))
        async with anyio.create_task_group() as tasks:
            self._link, self._tasks = link, tasks
            self._owner = Account(ready.uid, ready.login, ready.device_id)
            self._acknowledge()
            on_usable()
            tasks.start_soon(self._send_outbox, link)
            tasks.start_soon(self._refill.run)
            tasks.start_soon(self.hints.run)
            self.broadcast.publish(CallSignal(call) for call in ready.calls)
            try:
                closed = await link.run(limits, self._on_frames)
            finally:
                self._lost()
                tasks.cancel_scope.cancel()
        return closed

    async def _resume(self, ready: msgwire.Ready) -> None:
        before = self.cursor_of(ready.uid)
        jumped = self._session.opened(ready, before)
        cursor = self._session.cursor
        assert cursor is not None
        if before is not None and not jumped:
            self._session.stored(before)
            return

        def begin(tables: Tables) -> bool:
            foreign = tables.meta.belong_to(ready.uid)
            if jumped:
                tables.meta.forget_past(cursor)
            tables.meta.set_cursor(cursor)
            return foreign

        if await self.cache.write(begin) or jumped:
            self.broadcast.publish([Resync()])

    def _lost(self) -> None:
        self._link = self._tasks = None
        for output in self._session.lost():
            if isinstance(output, Unanswered) and output.request_id in self._waiters:
                self._waiters[output.request_id].done.set()
        self._flow.lost()
        self.hints.clear()

    # What the server sends.

    async def _on_frames(self, frames: list[msgwire.ServerFrame]) -> None:
        assert self.loop is not None
        assert self._link is not None
        for frame in frames:
            if isinstance(frame, msgwire.SessionTokens):
                await self.loop.keep(Tokens.of(frame))
        outputs: list[Output] = []
        for frame in frames:
            outputs += self._session.receive(frame)
        try:
            await self._store(outputs)
        except CacheFailed as error:
            self._link.end(CACHE_FAILED, str(error))
            return
        for output in outputs:
            match output:
                case Answered(request_id, reply):
                    if request_id in self._waiters:
                        self._waiters[request_id].reply = reply
                        self._waiters[request_id].done.set()
                case Pushed(frame):
                    self._pushed(frame)
                case Broken(reason):
                    self._link.end(CONTRACT_BROKEN, reason)

    async def _store(self, outputs: list[Output]) -> None:
        """Write what has to last, then say so: first to the server, then to the listeners."""
        # Not `me`: what came before a sign-out is still stored after it.
        owner = self._owner
        assert owner is not None
        self.hints.hear(outputs)
        lasting: list[Lasting] = []
        for output in outputs:
            match output:
                case Happened() | Accepted() | Pushed(msgwire.Receipt() | msgwire.ReadMarker()):
                    lasting.append(output)
                case Answered(_, reply) if isinstance(reply, AsOfNow):
                    lasting.append(output)
                case Refused(message, error) if self._flow.is_final(message, error):
                    lasting.append(output)
        applied = None
        if lasting:
            applied = await self.cache.write(lambda on: apply(on, lasting, owner, keeps_inbox=self._keeps_inbox))
        self._acknowledge()
        if applied is not None:
            self.broadcast.publish(updates_of(applied, self.cache.reading, self.hints.presences))
            if applied.inbox_grew:
                self._inbox_changed()
            if applied.conversations:
                self._refill.wake()
            for view in applied.message_views:
                if not view.outgoing:
                    self.hints.typed(view.peer, False)
        for output in outputs:
            match output:
                case Accepted(message):
                    self._flow.accepted(message)
                    self._outbox_work.set()
                case Refused(message, error):
                    self._flow.refused(message, error, anyio.current_time())
                    self._outbox_work.set()

    def _acknowledge(self) -> None:
        reading = self.cache.reading
        cursor = reading.meta.cursor
        if cursor is None or self._link is None:
            return
        if not self._keeps_inbox or reading.inbox.count() <= self.limits.max_inbox:
            self._session.stored(cursor)
        ack = self._session.ack_due()
        if ack is not None:
            self._link.post(ack)

    def _inbox_changed(self) -> None:
        changes, self.inbox_changes = self.inbox_changes, anyio.Event()
        changes.set()

    def _pushed(self, frame: msgwire.ServerFrame) -> None:
        match frame:
            case msgwire.TokenExpiring():
                assert self._tasks is not None
                self._tasks.start_soon(self._refresh)
            case msgwire.Error():
                _logger.info("the server refused a frame that asked for no reply: %s", frame.code)
            case _ if isinstance(frame, get_args(CallFrame)):
                self.broadcast.publish([CallSignal(frame)])

    # Tasks of a live connection.

    async def _refresh(self) -> None:
        assert self.loop is not None
        assert self.loop.tokens is not None
        try:
            # The reply is stored where it arrives, so that it is kept even if this task ends first.
            await self.request(msgwire.Refresh(refresh_token=self.loop.tokens.refresh_token))
        except RequestFailed as failed:
            if failed.code in DEAD_REFRESH:
                self.loop.sign_out(failed.message)
        except ClientError:
            pass  # the server closes with 4401 when the token runs out, and the loop refreshes then

    async def _send_outbox(self, link: Link) -> None:
        # A task that was woken before it was cancelled runs once more: not on a link that is lost.
        while self._link is link:
            self._outbox_work = anyio.Event()
            heads = self.cache.reading.messages.outbox_heads(self._flow.wanted)
            for message in self._flow.choose(heads, anyio.current_time()):
                self._session.ask(message)
                link.post(message)
            wake_at = self._flow.wake_at()
            with anyio.CancelScope(deadline=math.inf if wake_at is None else wake_at):
                await self._outbox_work.wait()
