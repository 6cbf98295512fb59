"""Sending, acknowledging and reading: the commands of the hot path, decided in memory and written by the turn."""

from typing import Final

from msgwire import ErrorCode, MessageEvent

from ..commands import MarkRead, MoveCursor, SendMessage
from ..ids import decode_id, encode_id
from ..interface import ReadRow, Rejected, SentRow
from .revisions import fingerprint, visible_message
from .turn import Turn

_FIRST_ANSWER: Final = """
    SELECT receiver_id, timestamp, sender_seq, live, deleted_at, first_text, text FROM message WHERE id = ?"""


def send_message(turn: Turn, command: SendMessage) -> SentRow:
    """Append a message to the log, and count it into both mailboxes."""
    key = (command.sender, command.client_message_id)
    before = turn.sent_before.get(key) or turn.sent.get(key)
    if before is not None:
        return _first_answer(turn, command, before)
    sender = turn.enabled(command.sender)
    receiver = turn.living(command.receiver)
    pair = turn.pair(command.sender, command.receiver)
    to_self = sender is receiver
    hidden = pair.theirs == "blocked"
    if pair.mine == "blocked":
        raise Rejected(ErrorCode.BLOCKED)
    if not turn.limits.messages_from_strangers and pair.mine != "accepted" and not to_self:
        raise Rejected(ErrorCode.FORBIDDEN, "They take messages from contacts only: send a contact request first.")
    if not hidden and receiver.head - receiver.acked >= turn.limits.max_mailbox:
        raise Rejected(ErrorCode.MAILBOX_FULL)
    reply_to = None
    if command.reply_to is not None:
        reply_to = _answered(turn, command, command.reply_to)
    if not pair.mine_opened or not (hidden or pair.theirs_opened):
        turn.open_conversation(pair, command.sender, command.receiver, both=not hidden)
    at = command.at
    number = turn.ids.next(at)
    message_id = encode_id(number)
    body = MessageEvent(
        message_id=message_id,
        client_message_id=command.client_message_id,
        sender=sender.uid,
        from_login=sender.login,
        to=receiver.uid,
        text=command.text,
        sent_at=at,
        reply_to=command.reply_to,
    )
    sender_seq = turn.next_seq(sender)
    receiver_seq = None if hidden else sender_seq if to_self else turn.next_seq(receiver)
    live = command.receiver_live and not hidden
    turn.messages.append(
        (
            number,
            command.sender,
            command.receiver,
            at,
            sender_seq,
            receiver_seq,
            command.client_message_id,
            reply_to,
            live,
            command.text,
        )
    )
    turn.sent[key] = number
    turn.report(command.sender, sender_seq, at, body)
    if receiver_seq is not None and not to_self:
        turn.report(command.receiver, receiver_seq, at, body)
    return SentRow(message_id=message_id, at=at, seq=sender_seq, live=live)


def _first_answer(turn: Turn, command: SendMessage, before: int) -> SentRow:
    """What the first `send` of this client_message_id was answered, where this one says the same."""
    turn.flush()
    row = turn.db.execute(_FIRST_ANSWER, (before,)).fetchone()
    receiver, at, seq, live, deleted_at, first_text, text = row
    # A deleted text is gone, and so is what it could be compared with.
    same_text = deleted_at is not None or (
        text == command.text if first_text is None else first_text == fingerprint(command.text)
    )
    if receiver != command.receiver or not same_text:
        raise Rejected(ErrorCode.CONFLICT, "This client_message_id was used for another message.")
    return SentRow(message_id=encode_id(before), at=at, seq=seq, live=bool(live), duplicate=True)


def _answered(turn: Turn, command: SendMessage, message_id: str) -> int:
    """The message that is answered. Raises `Rejected` (`not_found`) unless it stands in this conversation."""
    number = decode_id(message_id)
    row = None if number is None else visible_message(turn, command.sender, number)
    if row is None or {row.sender, row.receiver} != {command.sender, command.receiver}:
        raise Rejected(ErrorCode.NOT_FOUND, "There is no such message to reply to in this conversation.")
    return row.message


def move_cursor(turn: Turn, command: MoveCursor) -> int:
    """Move a device's cursor in memory; the turn writes the last place alone."""
    device = turn.device(command.device_id)
    if device is None or device.revoked or device.account != command.account:
        raise Rejected(ErrorCode.NOT_FOUND)
    return turn.move_cursor(device, turn.living(command.account), command.seq)


def mark_read(turn: Turn, command: MarkRead) -> ReadRow:
    """Move a read marker forward."""
    number = decode_id(command.message_id)
    row = None if number is None else visible_message(turn, command.account, number)
    if row is None or {row.sender, row.receiver} != {command.account, command.peer}:
        raise Rejected(ErrorCode.NOT_FOUND)
    changed = turn.db.execute(
        "UPDATE conversation SET read_up_to = ?1 WHERE account = ?2 AND peer = ?3 AND read_up_to < ?1",
        (row.message, command.account, command.peer),
    ).rowcount
    if changed:
        return ReadRow(message_id=command.message_id, moved=True)
    stands = turn.db.execute(
        "SELECT read_up_to FROM conversation WHERE account = ? AND peer = ?", (command.account, command.peer)
    ).fetchone()[0]
    return ReadRow(message_id=encode_id(stands), moved=False)
