"""Which message of the outbox goes next, and what a refusal means. Pure; the clock is an argument.

One message of a conversation is under way at a time, so that a refused one is never overtaken by the one after it.
Conversations do not wait for each other.
"""

from collections.abc import Callable, Iterable

import msgwire
from msgwire import ErrorCode

from .backoff import Backoff

RETRIED = {
    ErrorCode.RATE_LIMITED,
    ErrorCode.UNAVAILABLE,
    ErrorCode.INTERNAL,
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.TOKEN_EXPIRED,
    ErrorCode.TOKEN_REVOKED,
    ErrorCode.ACCOUNT_DISABLED,
}
"""After these codes a message stays in the outbox. Any other says that the same message will not be taken later."""

_MAX_INTERNAL = 5
"""A message at which the server fails so often is given up: it may be the message."""


class OutboxFlow:
    """Decides for all conversations. Times are seconds of a monotonic clock.

    Args:
        random: gives 0.0 to below 1.0, for the jitter between tries.
        max_in_flight: how many messages may be under way at once.
    """

    def __init__(self, random: Callable[[], float], max_in_flight: int = 32) -> None:
        self._random = random
        self._max_in_flight = max_in_flight
        self._in_flight: dict[str, str] = {}
        self._held: dict[str, tuple[float, Backoff]] = {}
        self._failures: dict[str, int] = {}

    def choose(self, heads: Iterable[msgwire.Send], now: float) -> list[msgwire.Send]:
        """Those of `heads`, the oldest message of each conversation, that are to be sent now."""
        chosen = []
        for message in heads:
            if len(self._in_flight) >= self._max_in_flight:
                break
            held_until = self._held[message.to][0] if message.to in self._held else now
            if message.to not in self._in_flight and held_until <= now:
                self._in_flight[message.to] = message.client_message_id
                chosen.append(message)
        return chosen

    @property
    def wanted(self) -> int:
        """How many conversations `choose` has to see, so that held ones hide none."""
        return self._max_in_flight + len(self._held)

    def wake_at(self) -> float | None:
        """When a conversation that is held may go on."""
        return min((until for peer, (until, _) in self._held.items() if peer not in self._in_flight), default=None)

    def accepted(self, message: msgwire.Send) -> None:
        """The server has it."""
        self._settle(message)

    def is_final(self, message: msgwire.Send, error: msgwire.Error) -> bool:
        """Whether a refusal ends a message; ask before `refused`."""
        if error.code == ErrorCode.INTERNAL:
            return self._failures.get(message.client_message_id, 0) + 1 >= _MAX_INTERNAL
        return error.code not in RETRIED

    def refused(self, message: msgwire.Send, error: msgwire.Error, now: float) -> None:
        """The server has refused it. Call this once the outbox says the same, or it would go out again."""
        if self.is_final(message, error):
            self._settle(message)
            return
        if error.code == ErrorCode.INTERNAL:
            failures = self._failures.get(message.client_message_id, 0)
            self._failures[message.client_message_id] = failures + 1
        _, backoff = self._held.get(message.to, (0.0, Backoff(self._random)))
        self._held[message.to] = (now + backoff.next_delay_s(error.retry_after_ms), backoff)
        self._in_flight.pop(message.to, None)

    def lost(self) -> None:
        """The connection has ended: whatever was under way is sent again under the same id."""
        self._in_flight.clear()
        self._held.clear()

    def _settle(self, message: msgwire.Send) -> None:
        self._in_flight.pop(message.to, None)
        self._held.pop(message.to, None)
        self._failures.pop(message.client_message_id, None)
