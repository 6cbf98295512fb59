"""A client whose incoming events wait on disk until they are handled: what bots stand on."""

from collections.abc import Sequence

import msgwire

from .cache import Tables
from .client import Client
from .views import LocalMessage


class InboxClient(Client):
    """A client with an inbox: messages of others and contact requests, each there until `handled` says so.

    When `Limits.max_inbox` events wait, nothing more is acknowledged, so the server keeps the rest.
    """

    keeps_inbox = True

    async def next_event(self) -> tuple[int, int, msgwire.AnyEvent]:
        """Wait for the oldest event: its number in the inbox, how often it was tried, and what happened."""
        engine = self._running
        while True:
            changes = engine.inbox_changes
            events = self._cache.inbox.oldest(1)
            if events:
                return events[0]
            await changes.wait()

    async def tried(self, number: int) -> None:
        """A handler is about to start; counted first, so that an event that kills the process is given up too."""
        await self._running.cache.write(lambda tables: tables.inbox.tried(number))

    async def handled(self, number: int, peer: str = "", replies: Sequence[tuple[str, str | None]] = ()) -> None:
        """An event is done, and `replies` (text, message id that it quotes) to `peer` go out: one transaction.

        Waits while the outbox is full; raises what `send` raises for a text.
        """
        engine = self._running
        await self._wait_for_room(len(replies))

        def write(tables: Tables) -> list[LocalMessage]:
            tables.inbox.handled(number)
            return [engine.queue(tables, peer, text, reply_to) for text, reply_to in replies]

        engine.queued(await engine.cache.write(write))
        engine.inbox_handled()

    async def _wait_for_room(self, count: int) -> None:
        """Wait until the outbox has room; a reply to a message is not dropped because the server is away."""
        updates = self.updates()
        while self.queued and self.queued + count > self.limits.max_outbox:
            await anext(updates)
