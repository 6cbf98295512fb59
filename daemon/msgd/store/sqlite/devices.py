"""Devices: made at sign-in, kept by refresh tokens, seen, revoked."""

from typing import Final

from msgwire import DeviceEvent, ErrorCode

from ..commands import CreateDevice, RevokeDevice, RotateRefresh, TouchDevice
from ..interface import DeviceRow, Rejected
from .cached import CachedAccount
from .people import DEVICE_COLUMNS, DEVICE_TABLES, device_row
from .turn import Turn

_BY_ID: Final = f"SELECT {DEVICE_COLUMNS} FROM {DEVICE_TABLES} WHERE device_id = ?"
_LIVE: Final = """
    SELECT device_id FROM device WHERE account = ? AND revoked_at IS NULL ORDER BY last_seen_at DESC, id DESC"""


def create_device(turn: Turn, command: CreateDevice) -> DeviceRow:
    """Make a device, which starts where the account's furthest device stands."""
    account = turn.enabled(command.account)
    if turn.device(command.device_id) is not None:
        raise Rejected(ErrorCode.CONFLICT, "This device id is taken.")
    live = [device_id for (device_id,) in turn.db.execute(_LIVE, (account.account,))]
    evicted = live[turn.limits.max_devices - 1 :]
    for device_id in evicted:
        revoke(turn, account, device_id, command.at)
    device = turn.db.execute(
        "INSERT INTO device(device_id, account, name, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (command.device_id, account.account, command.name, command.at, command.at),
    ).fetchone()[0]
    turn.db.execute("INSERT INTO device_cursor(device, seq) VALUES (?, ?)", (device, account.acked))
    _keep_token(turn, command.refresh_hash, device, command.refresh_expires_at)
    if live:
        turn.post(account, command.at, DeviceEvent(device_id=command.device_id, name=command.name, action="added"))
    row = turn.db.execute(_BY_ID, (command.device_id,)).fetchone()
    return device_row(row, evicted=evicted[0] if evicted else None)


def _keep_token(turn: Turn, token_hash: bytes, device: int, expires_at: int) -> None:
    turn.db.execute(
        "INSERT INTO refresh_token(hash, device, expires_at) VALUES (?, ?, ?)", (token_hash, device, expires_at)
    )


def rotate_refresh(turn: Turn, command: RotateRefresh) -> DeviceRow:
    """Trade a refresh token; one that was traded before was stolen by somebody, so its device goes."""
    row = turn.db.execute(
        "SELECT device.id, device_id, account, revoked_at, expires_at, traded_at FROM refresh_token"
        " JOIN device ON device.id = refresh_token.device WHERE hash = ?",
        (command.old_hash,),
    ).fetchone()
    if row is None or row[3] is not None:
        raise Rejected(ErrorCode.TOKEN_REVOKED)
    device, device_id, owner, _, expires_at, traded_at = row
    account = turn.enabled(owner)
    if traded_at is not None:
        revoke(turn, account, device_id, command.at)
        raise Rejected(ErrorCode.TOKEN_REVOKED, events=turn.take_events(), revoked_device=(account.account, device_id))
    if expires_at <= command.at:
        raise Rejected(ErrorCode.TOKEN_EXPIRED)
    turn.db.execute("UPDATE refresh_token SET traded_at = ? WHERE hash = ?", (command.at, command.old_hash))
    _keep_token(turn, command.new_hash, device, command.new_expires_at)
    _seen(turn, device, account.account, command.at)
    return device_row(turn.db.execute(_BY_ID, (device_id,)).fetchone())


def revoke_device(turn: Turn, command: RevokeDevice) -> None:
    """Revoke one device."""
    account = turn.living(command.account)
    device = turn.device(command.device_id)
    if device is None or device.revoked or device.account != account.account:
        raise Rejected(ErrorCode.NOT_FOUND)
    revoke(turn, account, command.device_id, command.at)


def revoke(turn: Turn, account: CachedAccount, device_id: str, at: int) -> None:
    """Revoke a live device of `account` and tell the others. What it has acknowledged stays acknowledged."""
    device, name = turn.db.execute("SELECT id, name FROM device WHERE device_id = ?", (device_id,)).fetchone()
    turn.db.execute("UPDATE device SET revoked_at = ? WHERE id = ?", (at, device))
    turn.db.execute("DELETE FROM refresh_token WHERE device = ?", (device,))
    turn.caches.devices.forget(device_id)
    turn.post(account, at, DeviceEvent(device_id=device_id, name=name, action="revoked"))


def touch_device(turn: Turn, command: TouchDevice) -> None:
    """Note that a device was seen; one that is gone meanwhile is no error."""
    device = turn.device(command.device_id)
    if device is not None and not device.revoked:
        _seen(turn, device.device, device.account, command.at)


def _seen(turn: Turn, device: int, account: int, at: int) -> None:
    turn.db.execute("UPDATE device SET last_seen_at = max(last_seen_at, ?) WHERE id = ?", (at, device))
    turn.db.execute("UPDATE account SET last_seen_at = max(coalesce(last_seen_at, 0), ?) WHERE id = ?", (at, account))
