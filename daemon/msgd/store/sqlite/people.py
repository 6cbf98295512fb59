"""Reads of accounts, devices, contacts, invites and the audit log."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from ..commands import AccountId
from ..interface import AccountRow, AuditRow, ContactRow, DeviceRow, InviteRow
from .invites import INVITE_COLUMNS, invite_row

ACCOUNT_COLUMNS: Final = (
    "id, uid, login, created_at, disabled, deleted_at, disabled_reason, presence, presence_text, last_seen_at, email,"
    " password_hash"
)
DEVICE_COLUMNS: Final = (
    "device.account, account.uid, account.login, device.device_id, device.name, device.created_at,"
    " device.last_seen_at, device_cursor.seq, device.revoked_at"
)
DEVICE_TABLES: Final = (
    "device JOIN account ON account.id = device.account JOIN device_cursor ON device_cursor.device = device.id"
)

_ACCOUNTS: Final = f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE deleted_at IS NULL"
_DEVICES: Final = f"SELECT {DEVICE_COLUMNS} FROM {DEVICE_TABLES} WHERE account.deleted_at IS NULL"
_CONTACTS: Final = """
    SELECT account.id, account.uid, account.login, contact.state, contact.since, contact.note,
        EXISTS (SELECT 1 FROM contact AS theirs WHERE theirs.account = contact.peer
            AND theirs.peer = contact.account AND theirs.state = 'blocked')
    FROM contact JOIN account ON account.id = contact.peer WHERE contact.account = ? ORDER BY account.login"""
_CONTACT: Final = """
    SELECT account.id, account.uid, account.login, coalesce(mine.state, 'none'), coalesce(mine.since, 0), mine.note,
        theirs.state IS 'blocked'
    FROM account LEFT JOIN contact AS mine ON mine.account = ?1 AND mine.peer = account.id
        LEFT JOIN contact AS theirs ON theirs.account = account.id AND theirs.peer = ?1
    WHERE account.id = ?2"""
_AFTER_EVERY_LOGIN: Final = "\x7f"
"""Sorts after every character that a login may hold."""


def account_row(row: tuple[Any, ...]) -> AccountRow:
    """A row of `ACCOUNT_COLUMNS`."""
    return AccountRow(
        account=row[0],
        uid=row[1],
        login=row[2],
        created_at=row[3],
        disabled=bool(row[4]),
        deleted=row[5] is not None,
        disabled_reason=row[6],
        presence=row[7],
        presence_text=row[8],
        last_seen_at=row[9],
        email=row[10],
        password_hash=row[11],
    )


def device_row(row: tuple[Any, ...], evicted: str | None = None) -> DeviceRow:
    """A row of `DEVICE_COLUMNS`."""
    return DeviceRow(
        account=row[0],
        uid=row[1],
        login=row[2],
        device_id=row[3],
        name=row[4],
        created_at=row[5],
        last_seen_at=row[6],
        cursor=row[7],
        revoked=row[8] is not None,
        evicted=evicted,
    )


def _contact_row(row: tuple[Any, ...]) -> ContactRow:
    return ContactRow(
        peer=row[0], uid=row[1], login=row[2], state=row[3], since=row[4], note=row[5], blocked_by_peer=bool(row[6])
    )


def account_by_login(db: Connection, login: str) -> AccountRow | None:
    """The account of a login."""
    row = db.execute(f"{_ACCOUNTS} AND login = ?", (login.lower(),)).fetchone()
    return None if row is None else account_row(row)


def account_by_uid(db: Connection, uid: str) -> AccountRow | None:
    """The account of a uid."""
    row = db.execute(f"{_ACCOUNTS} AND uid = ?", (uid.lower(),)).fetchone()
    return None if row is None else account_row(row)


def search_accounts(db: Connection, query: str, limit: int) -> list[AccountRow]:
    """Enabled accounts by uid, login or prefix, the exact match first."""
    wanted = query.lower()
    rows = db.execute(
        f"{_ACCOUNTS} AND NOT disabled AND (uid = ?1 OR login >= ?1 AND login < ?2)"
        " ORDER BY uid <> ?1 AND login <> ?1, login LIMIT ?3",
        (wanted, wanted + _AFTER_EVERY_LOGIN, limit),
    )
    return [account_row(row) for row in rows.fetchall()]


def list_accounts(db: Connection, after: str, limit: int) -> list[AccountRow]:
    """Accounts by login, after one."""
    rows = db.execute(f"{_ACCOUNTS} AND login > ? ORDER BY login LIMIT ?", (after.lower(), limit))
    return [account_row(row) for row in rows.fetchall()]


def device(db: Connection, device_id: str) -> DeviceRow | None:
    """A device, revoked ones too."""
    row = db.execute(f"{_DEVICES} AND device.device_id = ?", (device_id,)).fetchone()
    return None if row is None else device_row(row)


def devices(db: Connection, account: AccountId) -> list[DeviceRow]:
    """The live devices of an account, oldest first."""
    rows = db.execute(f"{_DEVICES} AND device.account = ? AND revoked_at IS NULL ORDER BY device.id", (account,))
    return [device_row(row) for row in rows.fetchall()]


def contacts(db: Connection, account: AccountId) -> list[ContactRow]:
    """The contact list of an account, by login."""
    return [_contact_row(row) for row in db.execute(_CONTACTS, (account,)).fetchall()]


def contact(db: Connection, account: AccountId, peer: AccountId) -> ContactRow:
    """The contact between two accounts; state `none` where there is none, or no such peer."""
    row = db.execute(_CONTACT, (account, peer)).fetchone()
    return ContactRow(peer=peer, uid="", login="", state="none", since=0) if row is None else _contact_row(row)


def invites(db: Connection) -> list[InviteRow]:
    """All invites, newest first."""
    rows = db.execute(f"SELECT {INVITE_COLUMNS} FROM invite ORDER BY id DESC")
    return [invite_row(row) for row in rows.fetchall()]


def audit(db: Connection, before: int | None, limit: int) -> Sequence[AuditRow]:
    """Lines of the audit log, newest first, older than line `before`."""
    rows = db.execute(
        "SELECT id, at, actor, origin, action, target, detail FROM audit WHERE ?1 IS NULL OR id < ?1"
        " ORDER BY id DESC LIMIT ?2",
        (before, limit),
    )
    return [AuditRow(*row) for row in rows.fetchall()]
