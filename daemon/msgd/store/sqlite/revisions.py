"""Edits and deletions of messages, and the erasure of their text everywhere."""

from hashlib import blake2b
from typing import NamedTuple

from msgwire import ErrorCode, MessageDeleted, MessageEdited

from ..commands import AccountId, DeleteMessage, EditMessage
from ..ids import decode_id
from ..interface import Rejected
from .search import replace_words
from .turn import Turn

_DIGEST_BYTES = 16


class FoundMessage(NamedTuple):
    """A row of the log, as far as commands need it. A side without a seq does not see it."""

    message: int
    kind: int
    sender: AccountId
    receiver: AccountId
    timestamp: int
    sender_seq: int | None
    receiver_seq: int | None
    deleted_at: int | None
    first_text: bytes | None
    text: str

    def sides(self) -> list[AccountId]:
        """The accounts that see it."""
        seen = [self.sender] if self.sender_seq is not None else []
        if self.receiver_seq is not None and self.receiver != self.sender:
            seen.append(self.receiver)
        return seen


def fingerprint(text: str) -> bytes:
    """What an edited message keeps of its first text, so that a retry of the first `send` is known as one."""
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()


def visible_message(turn: Turn, account: AccountId, number: int) -> FoundMessage | None:
    """A message or call that `account` sees."""
    turn.flush()
    row = turn.db.execute(
        "SELECT id, kind, sender_id, receiver_id, timestamp, sender_seq, receiver_seq, deleted_at, first_text, text"
        " FROM message WHERE id = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    found = FoundMessage(*row)
    return found if account in found.sides() else None


def _own_message(turn: Turn, account: AccountId, message_id: str) -> FoundMessage:
    number = decode_id(message_id)
    found = None if number is None else visible_message(turn, account, number)
    if found is None:
        raise Rejected(ErrorCode.NOT_FOUND)
    if found.sender != account or found.kind != 0:
        raise Rejected(ErrorCode.FORBIDDEN)
    return found


def edit_message(turn: Turn, command: EditMessage) -> None:
    """Change the text of one's own message."""
    found = _own_message(turn, command.account, command.message_id)
    if found.deleted_at is not None:
        raise Rejected(ErrorCode.CONFLICT, "The message was deleted.")
    window = turn.limits.edit_window_ms
    if window and command.at - found.timestamp > window:
        raise Rejected(ErrorCode.FORBIDDEN, "The message is too old to be edited.")
    sender, receiver = turn.living(found.sender), turn.account(found.receiver)
    assert receiver is not None, "accounts are never removed"
    _replace_words(turn, found, command.text)
    turn.db.execute(
        "UPDATE message SET text = ?, edited_at = ?, first_text = coalesce(first_text, ?) WHERE id = ?",
        (command.text, command.at, fingerprint(found.text), found.message),
    )
    body = MessageEdited(
        message_id=command.message_id, sender=sender.uid, to=receiver.uid, text=command.text, edited_at=command.at
    )
    _tell(turn, found, command.at, body)


def delete_message(turn: Turn, command: DeleteMessage) -> None:
    """Erase the text of one's own message, for both sides."""
    found = _own_message(turn, command.account, command.message_id)
    if found.deleted_at is not None:
        return
    sender, receiver = turn.living(found.sender), turn.account(found.receiver)
    assert receiver is not None, "accounts are never removed"
    _replace_words(turn, found, None)
    turn.db.execute(
        "UPDATE message SET text = '', deleted_at = ?, first_text = NULL WHERE id = ?", (command.at, found.message)
    )
    body = MessageDeleted(message_id=command.message_id, sender=sender.uid, to=receiver.uid, deleted_at=command.at)
    _tell(turn, found, command.at, body)


def _replace_words(turn: Turn, found: FoundMessage, text: str | None) -> None:
    if found.message <= turn.tail.searchable:
        replace_words(turn.db, found.message, found.sides(), found.text, text)
        turn.tail.worked()


def _tell(turn: Turn, found: FoundMessage, at: int, body: MessageEdited | MessageDeleted) -> None:
    for account in found.sides():
        side = turn.account(account)
        if side is not None and not side.deleted:
            turn.post(side, at, body, message=found.message)
