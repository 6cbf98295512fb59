"""Password hashing off the event loop: a few worker threads, a bounded queue in front, and a refusal past it."""

import math
import time
from collections.abc import Callable
from typing import TypeVar

import trio

from msgd.auth.argon2id import Argon2id, Verdict
from msgd.config import Auth

T = TypeVar("T")
# Before the first hash has been timed; the right order of magnitude is enough for a hint to retry.
_FIRST_GUESS_S = 0.05
_SMOOTHING = 0.2


class Overloaded(Exception):
    """Too many password checks are waiting already.

    Attributes:
        retry_after_ms: When the queue should have drained, from now.
    """

    def __init__(self, retry_after_ms: int) -> None:
        """Say when to come back."""
        super().__init__("too many password checks are waiting")
        self.retry_after_ms = retry_after_ms


class Passwords:
    """The daemon's password hasher; a storm of logins waits here and cannot starve the relay.

    Attributes:
        refused_total: Checks refused with `Overloaded` since the start.
    """

    def __init__(
        self, settings: Auth, argon2id: Argon2id | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Make the workers' limiter; threads start when first needed.

        Args:
            settings: Parameters, number of workers and length of the queue.
            argon2id: What computes; made from the settings when not given.
            clock: Seconds, read in the worker threads to foretell when a full queue has drained.
        """
        self._clock = clock
        self._argon2id = argon2id or Argon2id(settings)
        self._limiter = trio.CapacityLimiter(settings.workers)
        self._queue_max = settings.queue_max
        self._duration_s = _FIRST_GUESS_S
        self.refused_total = 0

    @property
    def waiting(self) -> int:
        """Checks that have no worker yet."""
        return self._limiter.statistics().tasks_waiting

    @property
    def running(self) -> int:
        """Checks that a worker computes now."""
        return self._limiter.borrowed_tokens

    async def hash(self, password: str) -> str:
        """Give the encoded hash to store.

        Raises:
            Overloaded: The queue is full.
        """
        return await self._run(lambda: self._argon2id.hash(password))

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """Check a password against a stored hash, or against none with the same cost.

        Raises:
            Overloaded: The queue is full.
        """
        return await self._run(lambda: self._argon2id.verify(stored, password))

    async def _run(self, compute: Callable[[], T]) -> T:
        if self.waiting >= self._queue_max:
            self.refused_total += 1
            wait_s = self._duration_s * (self.waiting + self.running) / self._limiter.total_tokens
            raise Overloaded(math.ceil(wait_s * 1000))

        def timed() -> tuple[T, float]:
            started = self._clock()
            return compute(), self._clock() - started

        result, duration_s = await trio.to_thread.run_sync(timed, limiter=self._limiter)
        self._duration_s += _SMOOTHING * (duration_s - self._duration_s)
        return result
