"""Spreads updates to whoever listens, each at its own pace."""

import weakref
from collections.abc import Iterable

import anyio

from .updates import Update, UpdateQueue


class Subscription:
    """One listener's stream: `async for update in subscription`. It ends when the client closes."""

    def __init__(self, queue: UpdateQueue) -> None:
        self._queue = queue
        self._arrived = anyio.Event()
        self._is_closed = False

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Update:
        while not self._queue:
            if self._is_closed:
                raise StopAsyncIteration
            await self._arrived.wait()
        update = self._queue.get()
        if not self._queue and not self._is_closed:
            self._arrived = anyio.Event()
        return update

    def put(self, update: Update) -> None:
        """Hand over an update; never waits."""
        self._queue.put(update)
        self._arrived.set()

    def close(self) -> None:
        """End the stream, after what it still holds."""
        self._is_closed = True
        self._arrived.set()


class Broadcast:
    """All listeners. One that nobody holds any more is forgotten."""

    def __init__(self, max_updates: int) -> None:
        self._max_updates = max_updates
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

    def subscribe(self) -> Subscription:
        """A new stream, from now on."""
        subscription = Subscription(UpdateQueue(self._max_updates))
        self._subscriptions.add(subscription)
        return subscription

    def publish(self, updates: Iterable[Update]) -> None:
        """Hand updates to every listener; never waits."""
        listeners = list(self._subscriptions)
        for update in updates:
            for listener in listeners:
                listener.put(update)

    def close(self) -> None:
        """End every stream."""
        for subscription in list(self._subscriptions):
            subscription.close()
