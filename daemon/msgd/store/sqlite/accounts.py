"""Accounts: made, disabled, deleted, their password and their presence."""

from typing import Final

from msgwire import ContactEvent, ErrorCode

from ..commands import CreateAccount, DeleteAccount, RehashPassword, SetDisabled, SetPassword, SetPresence
from ..interface import AccountRow, Rejected
from .devices import revoke
from .invites import take_invite
from .people import ACCOUNT_COLUMNS, account_row
from .personal import erase_account
from .turn import Turn

_BY_ID: Final = f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE id = ?"


def create_account(turn: Turn, command: CreateAccount) -> AccountRow:
    """Make an account with an empty mailbox."""
    login = command.login.lower()
    if turn.db.execute("SELECT 1 FROM account WHERE login = ?", (login,)).fetchone():
        raise Rejected(ErrorCode.LOGIN_TAKEN)
    if turn.db.execute("SELECT 1 FROM account WHERE uid = ?", (command.uid,)).fetchone():
        raise Rejected(ErrorCode.CONFLICT, "This uid is taken.")
    if command.invite_hash is not None:
        take_invite(turn, command.invite_hash, command.at)
    account = turn.db.execute(
        "INSERT INTO account(uid, login, created_at, password_hash, email) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (command.uid, login, command.at, command.password_hash, command.email),
    ).fetchone()[0]
    turn.db.execute("INSERT INTO mailbox_head(account) VALUES (?)", (account,))
    return account_row(turn.db.execute(_BY_ID, (account,)).fetchone())


def set_password(turn: Turn, command: SetPassword) -> tuple[str, ...]:
    """Set a password and revoke every device but one."""
    account = turn.living(command.account)
    turn.db.execute("UPDATE account SET password_hash = ? WHERE id = ?", (command.password_hash, account.account))
    rows = turn.db.execute(
        "SELECT device_id FROM device WHERE account = ? AND revoked_at IS NULL AND device_id IS NOT ? ORDER BY id",
        (account.account, command.keep_device),
    ).fetchall()
    revoked = tuple(device_id for (device_id,) in rows)
    for device_id in revoked:
        revoke(turn, account, device_id, command.at)
    return revoked


def rehash_password(turn: Turn, command: RehashPassword) -> None:
    """Replace a hash, unless the password was changed meanwhile."""
    turn.db.execute(
        "UPDATE account SET password_hash = ? WHERE id = ? AND password_hash = ?",
        (command.password_hash, command.account, command.old_hash),
    )


def set_disabled(turn: Turn, command: SetDisabled) -> None:
    """Disable or enable an account."""
    account = turn.living(command.account)
    turn.db.execute(
        "UPDATE account SET disabled = ?, disabled_reason = ? WHERE id = ?",
        (command.disabled, command.reason if command.disabled else "", account.account),
    )
    account.disabled = command.disabled


def set_presence(turn: Turn, command: SetPresence) -> None:
    """Keep the status that an account chose."""
    account = turn.living(command.account)
    turn.db.execute(
        "UPDATE account SET presence = ?, presence_text = ? WHERE id = ?",
        (command.status, command.text, account.account),
    )


def delete_account(turn: Turn, command: DeleteAccount) -> None:
    """Erase an account by the rules in `personal`, and tell those who had it as a contact."""
    account = turn.living(command.account)
    peers = turn.db.execute(
        "SELECT account FROM contact WHERE peer = ? ORDER BY account", (account.account,)
    ).fetchall()
    for (peer,) in peers:
        side = turn.living(peer)
        turn.post(
            side,
            command.at,
            ContactEvent(peer=account.uid, login=account.login, state="none", since=command.at),
        )
    turn.flush()
    erase_account(turn, account.account, command.at)
    # Which devices and pairs are concerned is not known here, and accounts are deleted rarely.
    turn.caches.clear()
