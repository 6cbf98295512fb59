"""The client: everything that a face or a bot does with one account goes through here."""

import random
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Self

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

import msgwire

from .broadcast import Subscription
from .cache import Cache, Tables
from .dial import Dialer
from .engine import Engine, Limits
from .errors import ClientError
from .profile import Profile, ProfileLock
from .reconnect import ConnectionLoop
from .refill import fetch_history
from .requests import Requests
from .state import Connecting, ConnectionState, SignedOut
from .tokens import TokenFile
from .transport import Connect
from .trust import Ask, KnownServers
from .updates import ConversationChanged, MessageRemoved, Resync
from .views import Account, ContactView, ConversationView, LocalMessage


class Client(Requests):
    """One account on one server, on asyncio or on trio.

    ::

        async with Client(profile, on_certificate=ask_person) as client:
            await client.log_in("juliet", password)
            async for update in client.updates():
                ...

    Inside the block it connects, reconnects and stays signed in by itself. What is read (`conversations`, `messages`,
    `contacts`) comes from the cache and is quick. What is sent goes through the outbox and survives a crash. All else
    is a request, and raises what `Requests` says.

    Args:
        profile: whose files to use. Entering raises `ProfileInUse`, `ProfileUnreadable` or `CacheTooNew`.
        on_certificate: asked before an unknown certificate is pinned: `async (CertificateQuestion) -> bool`.
            Without it such a server is refused.
        device_name: what the account's other devices see this one as.
        limits: the bounds.
        connect: opens another WebSocket than the running event loop's usual one.
    """

    keeps_inbox: ClassVar[bool] = False
    """Whether incoming events are kept until they are handled, as bots need it."""

    def __init__(
        self,
        profile: Profile,
        *,
        on_certificate: Ask | None = None,
        device_name: str | None = None,
        limits: Limits | None = None,
        connect: Connect | None = None,
    ) -> None:
        self.profile = profile
        self.device_name = device_name
        self.limits = limits or Limits()
        self._dialer = Dialer(profile.server, KnownServers(profile.known_servers), on_certificate, connect=connect)
        self._loop: ConnectionLoop | None = None
        self._tasks: TaskGroup | None = None
        self._lock: ProfileLock | None = None

    async def __aenter__(self) -> Self:
        lock = self.profile.lock()
        try:
            cache = await anyio.to_thread.run_sync(Cache.open, self.profile.folder / "cache.sqlite")
            try:
                engine = Engine(cache, self.limits, random.random, keeps_inbox=self.keeps_inbox)
                loop = ConnectionLoop(self._dialer, TokenFile(self.profile.folder), engine, random.random)
                engine.loop = loop
            except BaseException:
                cache.close()
                raise
        except BaseException:
            lock.release()
            raise
        self._engine, self._loop, self._lock = engine, loop, lock
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(loop.run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Close the connection and the files. What the block raises comes out as it is, not in a group."""
        assert self._tasks is not None
        tasks, self._tasks = self._tasks, None
        tasks.cancel_scope.cancel()
        is_cancelled = kind is not None and issubclass(kind, anyio.get_cancelled_exc_class())
        try:
            if is_cancelled:
                return await tasks.__aexit__(kind, error, trace)
            await tasks.__aexit__(None, None, None)
            return None
        finally:
            await self._close()

    async def _close(self) -> None:
        engine = self._running
        self._engine = None
        engine.broadcast.close()
        await engine.cache.aclose()
        assert self._lock is not None
        self._lock.release()

    # What is known now.

    @property
    def state(self) -> ConnectionState:
        """The connection's state."""
        return Connecting() if self._engine is None else self._engine.state

    @property
    def me(self) -> Account | None:
        """Who is signed in."""
        return None if self._loop is None else self._loop.account

    @property
    def hello(self) -> msgwire.Hello | None:
        """What the server said first on the last connection: its limits, its features, whether one may register."""
        return None if self._engine is None else self._engine.hello

    def updates(self) -> Subscription:
        """What changes from now on: `async for update in client.updates()`. Each call is a stream of its own.

        A listener that is slow finds newer updates in place of older ones, and past the bound one `Resync`.
        """
        return self._running.broadcast.subscribe()

    async def wait_for(self, wanted: Callable[[ConnectionState], bool]) -> ConnectionState:
        """Wait until the connection is in a state that is wanted, however short, and return that state."""
        return await self._running.wait_for(wanted)

    def conversations(self, limit: int = 1000) -> list[ConversationView]:
        """The most recent conversations, newest first."""
        return self._cache.conversations.all(limit)

    def conversation(self, peer: str) -> ConversationView | None:
        """The conversation with an account, by uid."""
        return self._cache.conversations.get(peer)

    def messages(
        self, peer: str, before: LocalMessage | None = None, after: LocalMessage | None = None, limit: int = 50
    ) -> list[LocalMessage]:
        """A page of cached messages: the newest, those right before `before`, or those right after `after`.

        Oldest first. Messages with a `message_id` stand in the order of those strings; queued and failed ones stand
        after all of them, in the order of `local_id`.
        """
        if after is not None:
            return self._cache.messages.page_after(peer, after.local_id, limit)
        return self._cache.messages.page(peer, None if before is None else before.local_id, limit)

    def message(self, local_id: int) -> LocalMessage | None:
        """One cached message."""
        return self._cache.messages.get(local_id)

    def message_by_id(self, message_id: str) -> LocalMessage | None:
        """One cached message, by the server's id: what a reply is a reply to."""
        return self._cache.messages.by_message_id(message_id)

    def contacts(self) -> list[ContactView]:
        """Contacts, requests and blocks, by login; all `offline` while there is no connection."""
        engine = self._running
        return [engine.hints.presences.view(row) for row in self._cache.people.all()]

    def contact(self, uid: str) -> ContactView | None:
        """One contact."""
        row = self._cache.people.get(uid)
        return None if row is None else self._running.hints.presences.view(row)

    @property
    def queued(self) -> int:
        """How many messages wait for the server."""
        return self._cache.messages.outbox_size()

    def is_typing(self, peer: str) -> bool:
        """Whether the peer types now."""
        return self._running.hints.typing.is_typing(peer)

    # Connection and sign-in.

    def reconnect_now(self) -> None:
        """Try to connect at once; a live connection is made anew."""
        self._running_loop.reconnect_now()

    def accept_certificate(self, fingerprint: str) -> None:
        """Answer `CertificateChanged`: trust what the server presents, if it is still this, and reconnect."""
        self._dialer.approve(fingerprint)
        self.reconnect_now()

    async def greet(self) -> msgwire.Hello:
        """Ask the server who it is, without signing in: its limits, and whether one may register.

        While signed out the client keeps no connection, so this makes one and closes it. Raises `NotConnected` with
        the reason as its sentence, and `CertificateProblem`; a changed certificate becomes the state, too.
        """
        return await self._running_loop.greet()

    async def register(
        self, login: str, password: str, *, invite: str | None = None, email: str | None = None
    ) -> msgwire.Registered:
        """Make an account; does not sign in.

        Raises `RequestFailed` with the code where the server refuses, `NotConnected` with the reason as its sentence
        where it cannot be reached, and `CertificateProblem`.
        """
        frame = msgwire.Register(login=login, password=password, invite=invite, email=email)
        reply = await self._running_loop.ask_once(frame)
        assert isinstance(reply, msgwire.Registered)
        return reply

    async def log_in(self, login: str, password: str, *, device_name: str | None = None) -> Account:
        """Sign in as a new device; raises what `register` raises.

        The cache of another account is erased. The past is fetched in the background; `Resync` tells of it.
        """
        name = device_name or self.device_name
        return await self._running_loop.log_in(msgwire.LogIn(login=login, password=password, device_name=name))

    async def log_out(self) -> None:
        """End this device, on the server too where it can be reached, and erase what is cached here."""
        engine = self._running
        try:
            await engine.request(msgwire.LogOut())
        except ClientError:
            pass  # without a connection the device stays in the account's list, where it can be revoked
        await self._erase("")

    async def delete_account(self, password: str) -> None:
        """Delete the account for good, and what is cached here."""
        await self.request(msgwire.DeleteAccount(password=password))
        await self._erase("The account was deleted.")

    # Text.

    async def send(self, to_uid: str, text: str, *, reply_to: str | None = None) -> LocalMessage:
        """Put a message into the outbox; returns once it is on this disk, in the state `queued`.

        It is sent once, whatever happens to this process or the connection; `MessageChanged` tells how it goes.
        Raises `NotSignedIn`, `OutboxFull`, `TextTooLong`, and `ValueError` for a text that is empty or no Unicode.
        """
        engine = self._running
        engine.need_me()
        engine.check_text(text)
        message = await engine.cache.write(lambda tables: engine.queue(tables, to_uid, text, reply_to))
        engine.queued([message])
        return message

    async def retry(self, message: LocalMessage) -> None:
        """Put a failed message back into the outbox; one that is not failed is left alone."""

        def write(tables: Tables) -> LocalMessage | None:
            local_id = tables.messages.requeue(message.local_id, str(uuid.uuid4()))
            return None if local_id is None else tables.messages.get(local_id)

        queued = await self._running.cache.write(write)
        self._running.queued([] if queued is None else [queued])

    async def discard(self, message: LocalMessage) -> None:
        """Remove a failed message."""
        if await self._running.cache.write(lambda tables: tables.messages.discard(message.local_id)):
            removed = MessageRemoved(message.peer, message.local_id)
            self._running.broadcast.publish([removed, ConversationChanged(message.peer)])

    async def edit(self, message_id: str, text: str) -> None:
        """Change the text of an own message; `MessageChanged` follows with the event."""
        self._running.check_text(text)
        await self.request(msgwire.Edit(message_id=message_id, text=text))

    async def delete(self, message_id: str) -> None:
        """Delete an own message, for both sides; `MessageChanged` follows with the event."""
        await self.request(msgwire.Delete(message_id=message_id))

    async def mark_read(self, peer: str, message_id: str) -> None:
        """The person has read the conversation up to a message. The server is told now, or when it can be."""
        engine = self._running
        if await engine.cache.write(lambda tables: tables.conversations.mark_read(peer, message_id, told=False)):
            engine.read_changed()
            engine.broadcast.publish([ConversationChanged(peer)])

    def typing(self, peer: str, active: bool) -> None:
        """The person types, or has stopped. Worth repeating every few seconds while it goes on."""
        self.hint(msgwire.Typing(to=peer, active=active))

    async def set_draft(self, peer: str, text: str) -> None:
        """Keep what stands in the composer."""
        if await self._running.cache.write(lambda tables: tables.conversations.set_draft(peer, text)):
            self._running.broadcast.publish([ConversationChanged(peer)])

    async def fetch_history(self, peer: str, limit: int = 50) -> bool:
        """Fetch the page before the oldest cached message into the cache; returns whether there is more after it."""
        engine = self._running
        return await fetch_history(engine, peer, self._cache.messages.oldest_id(peer), limit)

    @property
    def _cache(self) -> Tables:
        return self._running.cache.reading

    @property
    def _running_loop(self) -> ConnectionLoop:
        assert self._running.loop is not None
        return self._running.loop

    async def _erase(self, reason: str) -> None:
        self._running_loop.sign_out(reason)
        # Until the connection has ended, it may still store what had come.
        await self.wait_for(lambda state: isinstance(state, SignedOut))
        await self._running.cache.write(lambda tables: tables.meta.erase())
        self._running.broadcast.publish([Resync()])
