"""Who is known and who is here: a cache of account names, and the accounts that have a connection on this node."""

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from msgd.store.interface import AccountRow, Store

if TYPE_CHECKING:
    from msgd.link import Link


class Person(NamedTuple):
    """The names of an account."""

    account: int
    uid: str
    login: str


class Directory:
    """Resolves a uid or a login to a person; remembers the latest ones, so that a relay asks the store once."""

    def __init__(self, store: Store, max_entries: int = 50_000) -> None:
        self._store = store
        self._max_entries = max_entries
        self._known: OrderedDict[str, Person] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, ref: str) -> Person | None:
        """The person, if remembered."""
        return self._known.get(ref)

    async def find(self, ref: str) -> Person | None:
        """The person, or None where no such account exists."""
        person = self._known.get(ref)
        if person is not None:
            return person
        row = await self.row(ref)
        return None if row is None else self.remember(ref, row)

    async def row(self, ref: str) -> AccountRow | None:
        """The account itself, from the store."""
        if _is_uid(ref):
            return await self._store.account_by_uid(ref.lower())
        return await self._store.account_by_login(ref)

    def remember(self, ref: str, row: AccountRow) -> Person:
        """Keep a person under the name that was used."""
        person = Person(row.account, row.uid, row.login)
        self._known[ref] = person
        if len(self._known) > self._max_entries:
            self._known.popitem(last=False)
        return person

    def forget(self, account: int) -> None:
        """An account is gone."""
        for ref in [ref for ref, person in self._known.items() if person.account == account]:
            del self._known[ref]


def _is_uid(ref: str) -> bool:
    try:
        UUID(ref)
    except ValueError:
        return False
    return len(ref) == 36


class Here:
    """An account that has a connection on this node, or had one within the grace."""

    __slots__ = ("accepted", "blocking", "delivered", "links", "person", "search_bucket")

    def __init__(self, person: Person, delivered: int, accepted: set[str], blocking: set[str]) -> None:
        self.person = person
        self.links: list[Link] = []
        self.delivered = delivered
        """The highest `seq` that any device has acknowledged, as far as this node saw."""
        self.accepted = accepted
        """Uids of accepted contacts; bounded by `limits.max_contacts`."""
        self.blocking = blocking
        """Uids that this account has blocked; bounded likewise."""

    def push(self, frame: bytes, *, but: "Link | None" = None) -> None:
        """Send an encoded frame to every device, or to every other one."""
        for link in self.links:
            if link is not but:
                link.connection.send(frame)


class Online:
    """The accounts that are here, by number and by uid. Bounded by `limits.max_connections`."""

    def __init__(self) -> None:
        self.by_account: dict[int, Here] = {}
        self.by_uid: dict[str, Here] = {}
        self.devices: dict[str, int] = {}

    def add(self, here: Here) -> None:
        """An account has come."""
        self.by_account[here.person.account] = here
        self.by_uid[here.person.uid] = here

    def drop(self, account: int) -> None:
        """An account has gone for good."""
        here = self.by_account.pop(account, None)
        if here is not None:
            del self.by_uid[here.person.uid]

    def is_live(self, account: int) -> bool:
        """Whether a device of the account is connected."""
        here = self.by_account.get(account)
        return here is not None and bool(here.links)

    def accepts(self, owner_uid: str, other_uid: str) -> bool:
        """Whether `other` is an accepted contact of `owner`, who is here."""
        here = self.by_uid.get(owner_uid)
        return here is not None and other_uid in here.accepted

    def blocks(self, owner_uid: str, other_uid: str) -> bool:
        """Whether `owner`, who is here, has blocked `other`."""
        here = self.by_uid.get(owner_uid)
        return here is not None and other_uid in here.blocking
