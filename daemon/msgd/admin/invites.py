"""Operations on invites."""

from msgd.admin.context import AdminContext
from msgd.admin.contract import (
    PAGE_MAX,
    CreateInvite,
    InviteCreated,
    InviteLine,
    InvitePage,
    InviteRevoked,
    ListInvites,
    Refused,
    RevokeInvite,
)
from msgd.auth.opaque import INVITE, mint
from msgd.store import commands
from msgd.store.interface import InviteRow

USES_MAX = 100_000
TTL_MAX_S = 366 * 86_400
NOTE_MAX_CHARACTERS = 200


async def create(context: AdminContext, request: CreateInvite) -> InviteCreated:
    """Make an invite; the token leaves here once and only its digest stays."""
    if not 1 <= request.uses <= USES_MAX:
        raise Refused("bad_request", f"uses must be from 1 to {USES_MAX}.")
    if len(request.note) > NOTE_MAX_CHARACTERS:
        raise Refused("too_large", f"A note has at most {NOTE_MAX_CHARACTERS} characters.")
    ttl_s = context.settings.registration.invite_ttl_s if request.ttl_s is None else request.ttl_s
    if not 0 <= ttl_s <= TTL_MAX_S:
        raise Refused("bad_request", f"ttl_s must be from 1 to {TTL_MAX_S}, or 0 for no end.")
    at = context.now_ms()
    token = mint(INVITE, context.random_bytes)
    command = commands.CreateInvite(
        at=at,
        token_hash=token.digest,
        uses=request.uses,
        expires_at=at + ttl_s * 1000 if ttl_s else None,
        note=request.note,
        created_by=context.caller.actor,
    )
    row: InviteRow = (await context.store.append(command)).result
    return InviteCreated(
        invite_id=row.invite_id, token=token.text.reveal(), uses=row.uses, expires_at=row.expires_at, note=row.note
    )


async def list_(context: AdminContext, request: ListInvites) -> InvitePage:
    """List invites, newest first, from before an invite."""
    if not 1 <= request.limit <= PAGE_MAX:
        raise Refused("bad_request", f"limit must be from 1 to {PAGE_MAX}.")
    now = context.now_ms()
    rows = await context.store.invites()
    if request.before is not None:
        rows = [row for row in rows if row.invite_id < request.before]
    lines = [
        InviteLine(
            invite_id=row.invite_id,
            state=_state(row, now),
            uses=row.uses,
            used=row.used,
            created_at=row.created_at,
            expires_at=row.expires_at,
            note=row.note,
            created_by=row.created_by,
        )
        for row in rows[: request.limit]
    ]
    return InvitePage(lines, more=len(rows) > request.limit)


async def revoke(context: AdminContext, request: RevokeInvite) -> InviteRevoked:
    """Make an invite void."""
    await context.store.append(commands.RevokeInvite(at=context.now_ms(), invite_id=request.invite_id))
    return InviteRevoked(request.invite_id)


def _state(row: InviteRow, now_ms: int) -> str:
    if row.revoked:
        return "revoked"
    if row.used >= row.uses:
        return "used"
    if row.expires_at is not None and row.expires_at <= now_ms:
        return "expired"
    return "active"
