"""Invites, and the audit log of what administrators do."""

from typing import Any, Final

from msgwire import ErrorCode

from ..commands import AppendAudit, CreateInvite, RevokeInvite
from ..interface import InviteRow, Rejected
from .turn import Turn

INVITE_COLUMNS: Final = "id, uses, used, created_at, expires_at, revoked, note, created_by"


def invite_row(row: tuple[Any, ...]) -> InviteRow:
    """A row of `INVITE_COLUMNS`."""
    return InviteRow(
        invite_id=row[0],
        uses=row[1],
        used=row[2],
        created_at=row[3],
        expires_at=row[4],
        revoked=bool(row[5]),
        note=row[6],
        created_by=row[7],
    )


def create_invite(turn: Turn, command: CreateInvite) -> InviteRow:
    """Make an invite."""
    row = turn.db.execute(
        "INSERT INTO invite(token_hash, uses, created_at, expires_at, note, created_by) VALUES (?, ?, ?, ?, ?, ?)"
        f" RETURNING {INVITE_COLUMNS}",
        (command.token_hash, command.uses, command.at, command.expires_at, command.note, command.created_by),
    ).fetchone()
    return invite_row(row)


def take_invite(turn: Turn, token_hash: bytes, at: int) -> None:
    """Use an invite up by one. Raises `Rejected` (`invite_invalid`)."""
    used = turn.db.execute(
        "UPDATE invite SET used = used + 1 WHERE token_hash = ? AND NOT revoked AND used < uses"
        " AND (expires_at IS NULL OR expires_at > ?)",
        (token_hash, at),
    ).rowcount
    if not used:
        raise Rejected(ErrorCode.INVITE_INVALID)


def revoke_invite(turn: Turn, command: RevokeInvite) -> None:
    """Revoke an invite; a second time changes nothing."""
    if not turn.db.execute("UPDATE invite SET revoked = 1 WHERE id = ?", (command.invite_id,)).rowcount:
        raise Rejected(ErrorCode.NOT_FOUND)


def append_audit(turn: Turn, command: AppendAudit) -> None:
    """Write a line of the audit log."""
    turn.db.execute(
        "INSERT INTO audit(at, actor, origin, action, target, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (command.at, command.actor, command.origin, command.action, command.target, command.detail),
    )
