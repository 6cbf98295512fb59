"""What the writer remembers between commands; true because the writer is the only one that changes the store."""

from typing import Generic, TypeVar

from msgwire.types import ContactState

from ..commands import AccountId

Key = TypeVar("Key")
Value = TypeVar("Value")


class TwoGenerations(Generic[Key, Value]):
    """A bounded map that forgets what was not used for long: at most two generations of `size` entries.

    Cheaper than an exact LRU: a hit in the young generation costs one look-up and moves nothing.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """The value, or None."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self._young[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        """Remember a value."""
        self._young[key] = value

    def forget(self, key: Key) -> None:
        """Forget a value."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def age(self) -> None:
        """Let the old generation go where the young one is full. Only between batches: entries may be dirty within."""
        if len(self._young) > self._size:
            self._young, self._old = {}, self._young

    def clear(self) -> None:
        """Forget everything."""
        self._young = {}
        self._old = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class CachedAccount:
    """An account and its mailbox, as they will stand after the batch in work."""

    __slots__ = ("account", "acked", "deleted", "disabled", "head", "login", "uid")

    def __init__(
        self, account: AccountId, uid: str, login: str, *, disabled: bool, deleted: bool, head: int, acked: int
    ) -> None:
        self.account = account
        self.uid = uid
        self.login = login
        self.disabled = disabled
        self.deleted = deleted
        self.head = head
        self.acked = acked


class CachedDevice:
    """A device's cursor, as it will stand after the batch in work."""

    __slots__ = ("account", "cursor", "device", "revoked")

    def __init__(self, device: int, account: AccountId, cursor: int, *, revoked: bool) -> None:
        self.device = device
        self.account = account
        self.cursor = cursor
        self.revoked = revoked


class CachedPair:
    """How a sender stands to a receiver: the contact states, and which of the two sides have the conversation."""

    __slots__ = ("mine", "mine_opened", "theirs", "theirs_opened")

    def __init__(self, mine: ContactState, theirs: ContactState, *, mine_opened: bool, theirs_opened: bool) -> None:
        self.mine = mine
        self.theirs = theirs
        self.mine_opened = mine_opened
        self.theirs_opened = theirs_opened
