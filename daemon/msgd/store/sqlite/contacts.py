"""Contacts: the table in `contact_state`, carried out on both sides' rows."""

from msgwire import ContactEvent, ErrorCode
from msgwire.types import ContactState

from ..commands import ChangeContact
from ..contact_state import Pair, move
from ..interface import ContactRow, Rejected
from .cached import CachedAccount
from .turn import Turn


def change_contact(turn: Turn, command: ChangeContact) -> ContactRow:
    """Move a contact; each side whose state changes gets an event."""
    account = turn.enabled(command.account)
    peer = turn.living(command.peer)
    if account is peer:
        raise Rejected(ErrorCode.CONFLICT, "Nobody is a contact of their own.")
    pair = turn.pair(command.account, command.peer)
    before = Pair(pair.mine, pair.theirs)
    after = move(before, command.action)
    if isinstance(after, ErrorCode):
        raise Rejected(after)
    if before.mine == "none" != after.mine:
        _check_room(turn, account, peer, after)
    note = command.note if command.action == "request" and after.mine == "requested" else None
    if after.mine != before.mine:
        _move_side(turn, account, peer, after.mine, command.at, note)
    if after.theirs != before.theirs:
        _move_side(turn, peer, account, after.theirs, command.at, note)
    turn.caches.forget_pair(command.account, command.peer)
    row = turn.db.execute(
        "SELECT since, note FROM contact WHERE account = ? AND peer = ?", (command.account, command.peer)
    ).fetchone()
    since, kept_note = row or (command.at, None)
    return ContactRow(
        peer=peer.account,
        uid=peer.uid,
        login=peer.login,
        state=after.mine,
        since=since,
        note=kept_note,
        blocked_by_peer=after.theirs == "blocked",
        changed=after.mine != before.mine,
    )


def _check_room(turn: Turn, account: CachedAccount, peer: CachedAccount, after: Pair) -> None:
    """Raises `Rejected` where the contact list or the peer's pile of requests is full."""
    mine = turn.db.execute("SELECT count(*) FROM contact WHERE account = ?", (account.account,)).fetchone()[0]
    if mine >= turn.limits.max_contacts:
        raise Rejected(ErrorCode.TOO_LARGE, f"The contact list is full ({turn.limits.max_contacts}).")
    if after.theirs == "pending":
        waiting = turn.db.execute(
            "SELECT count(*) FROM contact WHERE account = ? AND state = 'pending'", (peer.account,)
        ).fetchone()[0]
        if waiting >= turn.limits.max_pending_requests:
            raise Rejected(ErrorCode.RATE_LIMITED, "Too many requests wait for their answer: try again later.")


def _move_side(
    turn: Turn, side: CachedAccount, other: CachedAccount, state: ContactState, at: int, note: str | None
) -> None:
    """Write one side's new state and put the event into its mailbox. A note stays until the contact ends."""
    if state == "none":
        turn.db.execute("DELETE FROM contact WHERE account = ? AND peer = ?", (side.account, other.account))
    else:
        turn.db.execute(
            "INSERT INTO contact(account, peer, state, since, note) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET state = excluded.state, since = excluded.since, note = coalesce(excluded.note, note)",
            (side.account, other.account, state, at, note),
        )
    turn.post(side, at, ContactEvent(peer=other.uid, login=other.login, state=state, since=at, note=note))
