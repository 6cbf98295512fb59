"""What a client asks for by itself: contacts and positions at each connect, the past on a new device, small debts."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

import anyio

import msgwire

from .broadcast import Broadcast
from .cache import Cache, Tables
from .cache.replies import store_item
from .errors import ClientError, RequestFailed
from .updates import ConversationChanged, Resync
from .views import Account

_PAGE = 50
_MAX_CONVERSATIONS = 1000
_MAX_HISTORIES = 30
"""Of so many conversations a new device fetches the newest page at once; of the others, when they are opened."""

T = TypeVar("T")


class Server(Protocol):
    """Whom to ask, and where to put the answers."""

    cache: Cache
    broadcast: Broadcast

    def need_me(self) -> Account:
        """Who is signed in."""

    async def request(self, frame: msgwire.ClientFrame, timeout_s: float | None = None) -> msgwire.Reply:
        """Send a request and wait for its reply."""


async def ask(server: Server, frame: msgwire.ClientFrame, wanted: type[T]) -> T:
    """A request whose reply has to be of one type; raises what `Server.request` raises, and `RequestFailed`."""
    reply = await server.request(frame)
    if not isinstance(reply, wanted):
        raise RequestFailed("internal", "The server sent a reply of another type.")
    return reply


async def fetch_history(server: Server, peer: str, before: str | None, limit: int) -> bool:
    """Fetch a page of the past into the cache; returns whether there is more."""
    page = await ask(server, msgwire.History(peer=peer, before=before, limit=limit), msgwire.HistoryPage)
    me = server.need_me()

    def store(tables: Tables) -> None:
        for item in page.items:
            store_item(tables, item, peer, me)
        if not page.more:
            tables.conversations.set_reaches_start(peer)

    await server.cache.write(store)
    server.broadcast.publish([ConversationChanged(peer)])
    return page.more


def _told(tables: Tables, peer: str, message_id: str) -> None:
    tables.conversations.mark_read(peer, message_id, told=True)


def _name(tables: Tables, peer: str, login: str) -> None:
    tables.conversations.touch(peer, login, 0)


class Refill:
    """One connection's errands. `run` it while the connection lives."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._work = anyio.Event()

    def wake(self) -> None:
        """There may be something to tell or to ask."""
        self._work.set()

    async def run(self) -> None:
        """Refresh contacts and conversations, then tell read positions and ask for names as they come up."""
        asked: set[str] = set()
        for errand in (self.contacts, self._conversations):
            await self._try(errand)
        while True:
            self._work = anyio.Event()
            await self._try(self._tell_reads)
            await self._try(lambda: self._ask_names(asked))
            await self._work.wait()

    async def _try(self, errand: Callable[[], Awaitable[None]]) -> None:
        """An errand that fails is left until the next connection; none is worth ending this one."""
        try:
            await errand()
        except ClientError:
            pass

    async def contacts(self) -> None:
        """Fetch the contact list, which is stored where the reply comes in; raises what a request raises."""
        await ask(self._server, msgwire.ListContacts(), msgwire.Contacts)

    async def _conversations(self) -> None:
        """Unread counts and positions, stored likewise; on a device without a past also the newest messages."""
        cache = self._server.cache
        is_filled = cache.reading.meta.is_filled
        peers: list[str] = []
        before: str | None = None
        while len(peers) < (_PAGE if is_filled else _MAX_CONVERSATIONS):
            page = await ask(self._server, msgwire.Conversations(limit=_PAGE, before=before), msgwire.ConversationsPage)
            peers += [conversation.peer for conversation in page.conversations]
            if not page.more or not page.conversations:
                break
            before = page.conversations[-1].last.message_id
        if is_filled:
            return
        for peer in peers[:_MAX_HISTORIES]:
            await fetch_history(self._server, peer, None, _PAGE)
        await cache.write(lambda tables: tables.meta.set_filled())
        self._server.broadcast.publish([Resync()])

    async def _tell_reads(self) -> None:
        for peer, message_id in self._server.cache.reading.conversations.untold_reads():
            try:
                await self._server.request(msgwire.Read(peer=peer, message_id=message_id))
            except RequestFailed as failed:
                if failed.retry_after_ms is not None:
                    continue
                # The server will not take this one later either, so it counts as told.
            await self._server.cache.write(partial(_told, peer=peer, message_id=message_id))

    async def _ask_names(self, asked: set[str]) -> None:
        for peer in self._server.cache.reading.conversations.nameless():
            if peer in asked:
                continue
            asked.add(peer)
            try:
                user = await ask(self._server, msgwire.GetUser(uid=peer), msgwire.User)
            except RequestFailed:
                continue
            await self._server.cache.write(partial(_name, peer=peer, login=user.login))
            self._server.broadcast.publish([ConversationChanged(peer)])
