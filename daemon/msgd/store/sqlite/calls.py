"""Calls that have ended: a row in the conversation and an event on each side that is told."""

from typing import cast

from msgwire import CallEvent
from msgwire.events import CallOutcome
from msgwire.types import Direction

from ..commands import RecordCall
from ..ids import encode_id
from .cached import CachedAccount
from .turn import Turn


def record_call(turn: Turn, command: RecordCall) -> None:
    """Write a call once, for each side that has an outcome and still exists."""
    if turn.db.execute("SELECT 1 FROM call WHERE call_id = ?", (command.call_id,)).fetchone():
        return
    caller, callee = turn.account(command.caller), turn.account(command.callee)
    if caller is None or callee is None or caller is callee:
        return
    caller_outcome = None if caller.deleted else command.caller_outcome
    callee_outcome = None if callee.deleted else command.callee_outcome
    if caller_outcome is None and callee_outcome is None:
        return
    number = turn.ids.next(command.at)
    caller_seq = None if caller_outcome is None else turn.next_seq(caller)
    callee_seq = None if callee_outcome is None else turn.next_seq(callee)
    turn.db.execute(
        "INSERT INTO message(id, kind, sender_id, receiver_id, timestamp, sender_seq, receiver_seq, text)"
        " VALUES (?, 1, ?, ?, ?, ?, ?, '')",
        (number, command.caller, command.callee, command.at, caller_seq, callee_seq),
    )
    turn.db.execute(
        "INSERT INTO call(message, call_id, caller_outcome, callee_outcome, started_at, duration_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (number, command.call_id, caller_outcome, callee_outcome, command.started_at, command.duration_ms),
    )
    if caller_seq is not None:
        _tell(turn, command, number, caller, caller_seq, callee, "outgoing", caller_outcome)
    if callee_seq is not None:
        _tell(turn, command, number, callee, callee_seq, caller, "incoming", callee_outcome)


def _tell(
    turn: Turn,
    command: RecordCall,
    number: int,
    side: CachedAccount,
    seq: int,
    peer: CachedAccount,
    direction: Direction,
    outcome: str | None,
) -> None:
    turn.db.execute("INSERT OR IGNORE INTO conversation(account, peer) VALUES (?, ?)", (side.account, peer.account))
    turn.caches.forget_pair(side.account, peer.account)
    body = CallEvent(
        message_id=encode_id(number),
        call_id=command.call_id,
        peer=peer.uid,
        direction=direction,
        outcome=cast("CallOutcome", outcome),
        started_at=command.started_at,
        duration_ms=command.duration_ms,
    )
    turn.report(side.account, seq, command.at, body)
