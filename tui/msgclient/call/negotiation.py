"""Who offers, who answers, and who gives way, when descriptions cross or are lost. Pure.

The rules:

1. A description of an older epoch is dropped; one of a newer epoch makes this side follow.
2. Where both sides offer at once, the caller's offer stands, and the callee answers it in place of its own.
3. An offer is repeated until it is answered, because what the server passes to a device without a socket is lost.
   A repeated offer is answered again; an answer that nothing waits for is dropped.
"""

import enum
from dataclasses import dataclass

REPEAT_S = 2.0
MAX_REPEATS = 12


class Verdict(enum.Enum):
    """What to do with an offer."""

    IGNORE = enum.auto()
    ANSWER = enum.auto()
    """The connection of this epoch takes it."""
    YIELD = enum.auto()
    """The connection of this epoch has itself offered and is not up: a new one takes its place."""
    FOLLOW = enum.auto()
    """A new epoch."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An own offer that waits for its answer."""

    epoch: int
    sdp: str

    def __repr__(self) -> str:
        return f"Offer(epoch={self.epoch})"


class Negotiation:
    """The offers of one call.

    Args:
        is_caller: whether this side placed it.
    """

    def __init__(self, *, is_caller: bool) -> None:
        self.epoch = 0
        self._is_caller = is_caller
        self._is_agreed = False
        self._makes_offer = False
        self._pending: Offer | None = None
        self._due_s = 0.0
        self._repeats = 0

    @property
    def pending(self) -> Offer | None:
        """The own offer that waits."""
        return self._pending

    def opened(self, epoch: int, *, offers: bool) -> None:
        """A connection of this epoch is being made."""
        self.epoch = epoch
        self._is_agreed = False
        self._makes_offer = offers
        self._pending = None

    def offered(self, epoch: int, sdp: str, now_s: float) -> bool:
        """An own offer is made; returns whether it is still wanted."""
        if epoch != self.epoch:
            return False
        self._pending = Offer(epoch, sdp)
        self._repeats = 0
        self._due_s = now_s + REPEAT_S
        return True

    def answered(self, epoch: int) -> bool:
        """An own answer is made; returns whether it is still wanted."""
        if epoch != self.epoch:
            return False
        self._is_agreed = True
        self._makes_offer = False
        return True

    def offer_came(self, epoch: int) -> Verdict:
        """What to do with an offer of the other side."""
        if epoch < self.epoch:
            return Verdict.IGNORE
        if epoch > self.epoch:
            return Verdict.FOLLOW
        if self._pending is None and not self._makes_offer:
            return Verdict.ANSWER
        if self._is_caller:
            return Verdict.IGNORE
        self._pending = None
        if self._is_agreed:
            return Verdict.ANSWER
        return Verdict.YIELD

    def answer_came(self, epoch: int) -> bool:
        """Whether the other side's answer is one that something waits for."""
        if self._pending is None or self._pending.epoch != epoch:
            return False
        self._pending = None
        self._makes_offer = False
        self._is_agreed = True
        return True

    def due(self, now_s: float) -> Offer | None:
        """The offer to be sent again, if it is time; after 12 times the silence has another reason."""
        if self._pending is None or now_s < self._due_s or self._repeats >= MAX_REPEATS:
            return None
        self._repeats += 1
        self._due_s = now_s + REPEAT_S
        return self._pending

    def repeat_soon(self) -> None:
        """The way to the server is open again."""
        self._due_s = 0.0
