"""A value that changes, and those who watch it, each at its own pace: who is slow misses what was between."""

import weakref
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Watcher(Generic[T]):
    """One listener: `async for value in watcher`, beginning with the value of now."""

    def __init__(self, value: T) -> None:
        self._value = value
        self._news = anyio.Event()
        self._news.set()

    def __aiter__(self) -> "Watcher[T]":
        return self

    async def __anext__(self) -> T:
        await self._news.wait()
        self._news = anyio.Event()
        return self._value

    def put(self, value: T) -> None:
        """There is a newer value."""
        self._value = value
        self._news.set()


class Watched(Generic[T]):
    """The value, and who watches it. A watcher that nobody holds any more is forgotten."""

    def __init__(self, value: T) -> None:
        self.value = value
        self._watchers: weakref.WeakSet[Watcher[T]] = weakref.WeakSet()

    def put(self, value: T) -> None:
        """Replace the value; one that is equal is no news."""
        if value != self.value:
            self.value = value
            for watcher in self._watchers:
                watcher.put(value)

    def watch(self) -> Watcher[T]:
        """Begin to watch."""
        watcher = Watcher(self.value)
        self._watchers.add(watcher)
        return watcher
