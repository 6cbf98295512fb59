"""Who looks how to whom: devices, grace, away, invisible; changes gathered into ticks.

Rule 1: an account is up from its first device until `grace_s` after its last one went.
Rule 2: only a change of what others can see is announced, and only what stands at the tick.
Rule 3: an invisible account looks exactly like one that is offline.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

A = TypeVar("A", bound=Hashable)

OFFLINE = "offline"
INVISIBLE = "invisible"


class Seen(NamedTuple):
    """What others see of an account."""

    status: str
    text: str | None
    last_seen_at: int | None


_UNSEEN = Seen(OFFLINE, None, None)


@dataclass(slots=True)
class _Account:
    chosen: str
    text: str | None
    last_seen_at: int | None
    devices: int = 0
    announced: Seen = _UNSEEN
    gone_until: float | None = None

    def seen(self) -> Seen:
        if self.devices == 0 and self.gone_until is None:
            return Seen(OFFLINE, None, None if self.chosen == INVISIBLE else self.last_seen_at)
        if self.chosen == INVISIBLE:
            return _UNSEEN
        return Seen(self.chosen, self.text, None)


class PresenceBoard(Generic[A]):
    """The presence of every account that is up on this server. `now` is monotonic seconds, `at` epoch ms."""

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s
        self._accounts: dict[A, _Account] = {}
        self._changed: set[A] = set()

    def __len__(self) -> int:
        return len(self._accounts)

    def up(self, account: A, chosen: str, text: str | None) -> None:
        """A device is ready. `chosen` and `text` are what the store keeps; they count for the first device."""
        entry = self._accounts.get(account)
        if entry is None:
            entry = self._accounts[account] = _Account(chosen, text, None)
        entry.devices += 1
        entry.gone_until = None
        self._changed.add(account)

    def down(self, account: A, now: float, at: int) -> float | None:
        """A device is gone. For the last one: the moment at which `expire` is to be called."""
        entry = self._accounts[account]
        assert entry.devices > 0, "a device goes down once for each time that it came up"
        entry.devices -= 1
        entry.last_seen_at = at
        if entry.devices:
            return None
        entry.gone_until = now + self.grace_s
        return entry.gone_until

    def expire(self, account: A, now: float) -> None:
        """The grace may be over."""
        entry = self._accounts.get(account)
        if entry is not None and entry.gone_until is not None and entry.gone_until <= now:
            entry.gone_until = None
            self._changed.add(account)

    def choose(self, account: A, status: str, text: str | None) -> None:
        """The person chose a status."""
        entry = self._accounts[account]
        entry.chosen, entry.text = status, text
        self._changed.add(account)

    def seen(self, account: A) -> Seen:
        """How the account looks now; within the grace, as before."""
        entry = self._accounts.get(account)
        return _UNSEEN if entry is None else entry.seen()

    def knows(self, account: A) -> bool:
        """Whether the account is up, or within its grace, or still to be announced as gone."""
        return account in self._accounts

    def do_not_disturb(self, account: A) -> bool:
        """Whether the account does not want to be called now."""
        entry = self._accounts.get(account)
        return entry is not None and entry.chosen == "dnd"

    def tick(self) -> list[tuple[A, Seen]]:
        """What changed since the last tick, each account once, as it looks now."""
        changes: list[tuple[A, Seen]] = []
        for account in self._changed:
            entry = self._accounts[account]
            seen = entry.seen()
            if seen[:2] != entry.announced[:2]:
                entry.announced = seen
                changes.append((account, seen))
            if entry.devices == 0 and entry.gone_until is None:
                del self._accounts[account]
        self._changed.clear()
        return changes
