"""One transaction of the writer: what its commands decide is collected here, and written in a few statements."""

from sqlite3 import Connection
from typing import Final

import msgspec

from msgwire import AnyEvent, CallEvent, ErrorCode, MessageDeleted, MessageEvent
from msgwire import MessageEdited as Edited

from ..commands import AccountId
from ..ids import MessageIds
from ..interface import Rejected, StoredEvent
from .cached import CachedAccount, CachedDevice, CachedPair, TwoGenerations
from .limits import StoreLimits
from .rows import run_values
from .tail import Key, Tail

MESSAGE, EDITED, DELETED, BODY = range(4)
"""The kinds of mailbox rows: the first three show the message as it is when they are read."""

_CACHED = 20_000
"""Accounts, devices and pairs that are remembered: some 10 MB when full."""

_WORDS_STEP = 512
"""Messages whose words are indexed in one step: some milliseconds of work."""

_encode = msgspec.json.Encoder().encode

MessageRow = tuple[int, AccountId, AccountId, int, int | None, int | None, str, int | None, bool, str]
"""id, sender_id, receiver_id, timestamp, sender_seq, receiver_seq, client_message_id, reply_to, live, text."""

_ACCOUNT: Final = """
    SELECT id, uid, login, disabled, deleted_at, head, acked
    FROM account JOIN mailbox_head ON mailbox_head.account = account.id WHERE account.id = ?"""

_DEVICE: Final = """
    SELECT device.id, account, seq, revoked_at FROM device JOIN device_cursor ON device = device.id
    WHERE device_id = ?"""

_PAIR: Final = """
    SELECT (SELECT state FROM contact WHERE account = ?1 AND peer = ?2),
        (SELECT state FROM contact WHERE account = ?2 AND peer = ?1),
        EXISTS (SELECT 1 FROM conversation WHERE account = ?1 AND peer = ?2),
        EXISTS (SELECT 1 FROM conversation WHERE account = ?2 AND peer = ?1)"""


class Caches:
    """What outlives a turn; dropped as a whole when a transaction fails."""

    def __init__(self) -> None:
        self.accounts: TwoGenerations[AccountId, CachedAccount] = TwoGenerations(_CACHED)
        self.devices: TwoGenerations[str, CachedDevice] = TwoGenerations(_CACHED)
        self.pairs: TwoGenerations[tuple[AccountId, AccountId], CachedPair] = TwoGenerations(_CACHED)

    def age(self) -> None:
        """Bound the caches; between turns only."""
        self.accounts.age()
        self.devices.age()
        self.pairs.age()

    def clear(self) -> None:
        """Forget everything."""
        self.accounts.clear()
        self.devices.clear()
        self.pairs.clear()

    def forget_pair(self, one: AccountId, other: AccountId) -> None:
        """Forget how two accounts stand to each other."""
        self.pairs.forget((one, other))
        self.pairs.forget((other, one))


class Turn:
    """The state of one transaction, from BEGIN to COMMIT.

    Messages, mailbox events, heads and cursors wait here until `flush`, which must run before any other statement
    reads them from the database.
    """

    def __init__(self, db: Connection, caches: Caches, ids: MessageIds, tail: Tail, limits: StoreLimits) -> None:
        self.db = db
        self.caches = caches
        self.ids = ids
        self.tail = tail
        self.limits = limits
        self.sent: dict[Key, int] = {}
        self.sent_before: dict[Key, int] = {}
        self.messages: list[MessageRow] = []
        self._events: list[StoredEvent] = []
        self._mailbox: list[tuple[AccountId, int, int, int | None, int, bytes]] = []
        self._accounts: dict[AccountId, CachedAccount] = {}
        self._devices: dict[int, CachedDevice] = {}

    def account(self, account: AccountId) -> CachedAccount | None:
        """An account that exists or existed."""
        known = self.caches.accounts.get(account)
        if known is None:
            row = self.db.execute(_ACCOUNT, (account,)).fetchone()
            if row is None:
                return None
            known = CachedAccount(
                *row[:3], disabled=bool(row[3]), deleted=row[4] is not None, head=row[5], acked=row[6]
            )
            self.caches.accounts.put(account, known)
        return known

    def living(self, account: AccountId) -> CachedAccount:
        """An account that is not deleted. Raises `Rejected` (`not_found`)."""
        known = self.account(account)
        if known is None or known.deleted:
            raise Rejected(ErrorCode.NOT_FOUND)
        return known

    def enabled(self, account: AccountId) -> CachedAccount:
        """An account that may act. Raises `Rejected` (`not_found`, `account_disabled`)."""
        known = self.living(account)
        if known.disabled:
            raise Rejected(ErrorCode.ACCOUNT_DISABLED)
        return known

    def device(self, device_id: str) -> CachedDevice | None:
        """A device, revoked ones too."""
        known = self.caches.devices.get(device_id)
        if known is None:
            row = self.db.execute(_DEVICE, (device_id,)).fetchone()
            if row is None:
                return None
            known = CachedDevice(*row[:3], revoked=row[3] is not None)
            self.caches.devices.put(device_id, known)
        return known

    def pair(self, mine: AccountId, theirs: AccountId) -> CachedPair:
        """How one account stands to another."""
        known = self.caches.pairs.get((mine, theirs))
        if known is None:
            row = self.db.execute(_PAIR, (mine, theirs)).fetchone()
            known = CachedPair(row[0] or "none", row[1] or "none", mine_opened=bool(row[2]), theirs_opened=bool(row[3]))
            self.caches.pairs.put((mine, theirs), known)
        return known

    def open_conversation(self, pair: CachedPair, mine: AccountId, theirs: AccountId, *, both: bool) -> None:
        """See that the conversation stands in the lists of those who see it."""
        if not pair.mine_opened:
            self.db.execute("INSERT OR IGNORE INTO conversation(account, peer) VALUES (?, ?)", (mine, theirs))
            pair.mine_opened = True
            self.caches.pairs.forget((theirs, mine))
        if both and not pair.theirs_opened:
            self.db.execute("INSERT OR IGNORE INTO conversation(account, peer) VALUES (?, ?)", (theirs, mine))
            pair.theirs_opened = True
            self.caches.pairs.forget((theirs, mine))

    def next_seq(self, account: CachedAccount) -> int:
        """Take the next place in an account's mailbox."""
        account.head += 1
        self._accounts[account.account] = account
        return account.head

    def report(self, account: AccountId, seq: int, at: int, body: MessageEvent | CallEvent) -> None:
        """Hand out the event of a message or a call, whose row itself says where it stands in the mailbox."""
        self._events.append(StoredEvent(account, seq, at, body))

    def post(self, account: CachedAccount, at: int, body: AnyEvent, message: int | None = None) -> None:
        """Put any other event into a mailbox; `message` is the one that an edit or a deletion is about."""
        seq = self.next_seq(account)
        kind = EDITED if isinstance(body, Edited) else DELETED if isinstance(body, MessageDeleted) else BODY
        kept: AnyEvent = body
        if isinstance(body, Edited):
            # Never a copy of the text: what is deleted must be gone.
            kept = MessageDeleted(message_id=body.message_id, sender=body.sender, to=body.to, deleted_at=at)
        self._mailbox.append((account.account, seq, kind, message, at, _encode(kept)))
        self._events.append(StoredEvent(account.account, seq, at, body))

    def move_cursor(self, device: CachedDevice, account: CachedAccount, seq: int) -> int:
        """Move a device's cursor forward, at most to the head; where it stands then."""
        seq = min(seq, account.head)
        if seq > device.cursor:
            device.cursor = seq
            self._devices[device.device] = device
            if seq > account.acked:
                account.acked = seq
                self._accounts[account.account] = account
        return device.cursor

    def take_events(self) -> list[StoredEvent]:
        """The events since this was last called."""
        events = self._events
        if events:
            self._events = []
        return events

    def add_to_mark(self, name: str, amount: int) -> None:
        """Change one of the counts in `mark`."""
        self.db.execute("UPDATE mark SET value = value + ? WHERE name = ?", (amount, name))

    def carry_over(self) -> None:
        """Bring the indexes up to date with the log, for a command that must find everything in them."""
        self.flush()
        self.tail.carry_over(self.db)

    def index_words(self) -> bool:
        """Index the words of some more messages; whether all are indexed now."""
        self.flush()
        return self.tail.index_words(self.db, _WORDS_STEP)

    def flush(self) -> None:
        """Write what was collected, each table in one go and in key order."""
        if self.messages:
            run_values(
                self.db,
                "INSERT INTO message(id, sender_id, receiver_id, timestamp, sender_seq, receiver_seq,"
                " client_message_id, reply_to, live, text) VALUES ",
                self.messages,
            )
            self.messages = []
        if self._mailbox:
            self._mailbox.sort(key=lambda row: row[:2])
            run_values(self.db, "INSERT INTO mailbox(account, seq, kind, message, at, body) VALUES ", self._mailbox)
            self.add_to_mark("mailbox_events", len(self._mailbox))
            self._mailbox = []
        if self._accounts:
            heads = [(row.account, row.head, row.acked) for row in self._accounts.values()]
            heads.sort()
            run_values(
                self.db,
                "INSERT INTO mailbox_head(account, head, acked) VALUES ",
                heads,
                " ON CONFLICT(account) DO UPDATE SET head = excluded.head, acked = excluded.acked",
            )
            self._accounts = {}
        if self._devices:
            cursors = [(row.device, row.cursor) for row in self._devices.values()]
            cursors.sort()
            run_values(
                self.db,
                "INSERT INTO device_cursor(device, seq) VALUES ",
                cursors,
                " ON CONFLICT(device) DO UPDATE SET seq = excluded.seq",
            )
            self._devices = {}
