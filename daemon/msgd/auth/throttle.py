"""Throttles against guessing and flooding: one rate for many keys, in a map that cannot grow without bound."""

import ipaddress
import math
from collections import OrderedDict

import msgspec

# About 11 MB of keys when full.
DEFAULT_MAX_KEYS = 65_536
_IPV6_SITE_BITS = 64


class Rate(msgspec.Struct, frozen=True):
    """How often something may happen: `count` at once, and as many again spread over each `per_s` seconds."""

    count: int
    per_s: float


class Throttle:
    """The generic cell rate algorithm (ITU-T I.371, annex A) for many keys.

    It keeps one number a key: when its bucket will be full again. A key whose bucket is full need not be kept, so an
    eviction costs something only when the map is smaller than the number of keys that are busy at the same time.

    Attributes:
        refused_total: Calls of `spend` that said no.
        evicted_total: Busy keys dropped to stay within the bound; each got its whole allowance back.
    """

    def __init__(self, rate: Rate, max_keys: int = DEFAULT_MAX_KEYS) -> None:
        """Start with every bucket full."""
        self._interval_s = rate.per_s / rate.count
        self._per_s = rate.per_s
        self._max_keys = max_keys
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self.refused_total = 0
        self.evicted_total = 0

    def __len__(self) -> int:
        """Keys in the map."""
        return len(self._full_at)

    def spend(self, key: str, now_s: float) -> int:
        """Take one from the bucket of the key.

        Args:
            key: An account, an address, or whatever is limited.
            now_s: Monotonic seconds.

        Returns:
            0 when it was there; else the time until it will be, in whole ms, and nothing is taken.
        """
        wait_s = self._wait_s(key, now_s)
        if wait_s > 0:
            self.refused_total += 1
            # One who keeps trying stays in mind.
            self._full_at.move_to_end(key)
            return math.ceil(wait_s * 1000)
        self._full_at[key] = max(self._full_at.get(key, now_s), now_s) + self._interval_s
        self._full_at.move_to_end(key)
        self._evict(now_s)
        return 0

    def refund(self, key: str) -> None:
        """Give one back: what was spent turned out not to count."""
        if key in self._full_at:
            self._full_at[key] -= self._interval_s

    def reset(self, key: str) -> None:
        """Fill the bucket of the key."""
        self._full_at.pop(key, None)

    def _wait_s(self, key: str, now_s: float) -> float:
        full_at = max(self._full_at.get(key, now_s), now_s) + self._interval_s
        # Sums of floats: a billionth of a second is not worth a refusal.
        wait_s = full_at - self._per_s - now_s
        return wait_s if wait_s > 1e-9 else 0.0

    def _evict(self, now_s: float) -> None:
        while len(self._full_at) > self._max_keys:
            _, full_at = self._full_at.popitem(last=False)
            self.evicted_total += full_at > now_s


class LoginThrottle:
    """Failed logins by account and by address.

    An attempt is charged before its password is checked, so that many at once cannot slip through together; it is
    given back when the outcome shows that it was no guess.
    """

    def __init__(self, per_account: Rate, per_address: Rate | None, max_keys: int = DEFAULT_MAX_KEYS) -> None:
        """Start with nobody throttled; without a rate per address, addresses are not looked at."""
        self.accounts = Throttle(per_account, max_keys)
        self.addresses = Throttle(per_address, max_keys) if per_address else None

    def attempt(self, login: str, address: str, now_s: float) -> int:
        """Charge one attempt.

        Args:
            login: Folded login as presented, known or not, so that a refusal tells nothing.
            address: Address of the client, as text.
            now_s: Monotonic seconds.

        Returns:
            0 when it may go on; else the ms to wait, and nothing is charged.
        """
        key = address_key(address)
        wait_ms = self.addresses.spend(key, now_s) if self.addresses is not None else 0
        if wait_ms:
            return wait_ms
        wait_ms = self.accounts.spend(login, now_s)
        if wait_ms and self.addresses is not None:
            self.addresses.refund(key)
        return wait_ms

    def succeeded(self, login: str, address: str) -> None:
        """Clear the account, and give the address its attempt back; its other failures stay."""
        self.accounts.reset(login)
        if self.addresses is not None:
            self.addresses.refund(address_key(address))

    def undecided(self, login: str, address: str) -> None:
        """Give the attempt back: the password was never checked, for instance in an overload."""
        self.accounts.refund(login)
        if self.addresses is not None:
            self.addresses.refund(address_key(address))


def address_key(address: str) -> str:
    """Give what stands for one client: an IPv4 address, or the /64 of an IPv6 one, which a single site owns whole.

    A text that is no address, such as the peer of a unix socket, stands for itself.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))
