"""Every table that holds something about a person, with the rule for its export and for its erasure.

A test fails when a table is missing here. `:account` is the account that leaves, `:at` the time.
"""

from typing import Final, NamedTuple

from ..commands import AccountId
from .turn import Turn


class Rule(NamedTuple):
    """What one table holds of an account: `export` selects it, `erase` removes it; `why` says what stays and why."""

    export: str | None
    erase: tuple[str, ...]
    why: str


_DEVICES: Final = "(SELECT id FROM device WHERE account = :account)"

RULES: Final[dict[str, Rule]] = {
    "refresh_token": Rule(
        None, (f"DELETE FROM refresh_token WHERE device IN {_DEVICES}",), "Hashes of tokens; all go."
    ),
    "device_cursor": Rule(
        f"SELECT * FROM device_cursor WHERE device IN {_DEVICES}",
        (f"DELETE FROM device_cursor WHERE device IN {_DEVICES}",),
        "All go.",
    ),
    "device": Rule(
        "SELECT device_id, name, created_at, last_seen_at, revoked_at FROM device WHERE account = :account",
        ("DELETE FROM device WHERE account = :account",),
        "All go.",
    ),
    "contact": Rule(
        "SELECT peer, state, since, note FROM contact WHERE account = :account",
        ("DELETE FROM contact WHERE account = :account OR peer = :account",),
        "Both sides go: nobody keeps a contact that is no more.",
    ),
    "doomed": Rule(
        None,
        (
            # What the account alone sees, its notes to itself, and conversations whose other side left before.
            "INSERT OR IGNORE INTO doomed(low, high, only_for)"
            " SELECT min(account, peer), max(account, peer), account FROM conversation WHERE account = :account",
            "INSERT OR IGNORE INTO doomed(low, high, only_for)"
            " SELECT min(conversation.account, peer), max(conversation.account, peer), 0 FROM conversation"
            " JOIN account ON account.id = peer"
            " WHERE conversation.account = :account AND (peer = :account OR deleted_at IS NOT NULL)",
        ),
        "Names what the next sweep removes.",
    ),
    "conversation": Rule(
        "SELECT peer, read_up_to FROM conversation WHERE account = :account",
        ("DELETE FROM conversation WHERE account = :account",),
        "The peers' own rows stay: the conversation is theirs, too.",
    ),
    "mailbox": Rule(
        "SELECT seq, kind, message, at, body FROM mailbox WHERE account = :account",
        (
            "UPDATE mark SET value = value - (SELECT count(*) FROM mailbox WHERE account = :account)"
            " WHERE name = 'mailbox_events'",
            "DELETE FROM mailbox WHERE account = :account",
        ),
        "All go.",
    ),
    "mailbox_head": Rule(
        "SELECT head, acked FROM mailbox_head WHERE account = :account",
        ("UPDATE mailbox_head SET acked = head, floor = head WHERE account = :account",),
        "A number stays, so that no seq is ever given twice.",
    ),
    "message": Rule(
        "SELECT * FROM message WHERE (sender_id = :account AND sender_seq IS NOT NULL)"
        " OR (receiver_id = :account AND receiver_seq IS NOT NULL)",
        (),
        "What was said to others stays theirs. Notes to oneself, and conversations whose both sides are gone, are"
        " removed by the next sweep.",
    ),
    "call": Rule(
        "SELECT call.* FROM call JOIN message ON message.id = call.message"
        " WHERE sender_id = :account OR receiver_id = :account",
        (),
        "As message.",
    ),
    "timeline": Rule(None, (), "An index of message: goes with it."),
    "sent": Rule(None, (), "An index of message: goes with it."),
    "message_words": Rule(None, (), "An index of message: goes with it."),
    "account": Rule(
        "SELECT uid, login, created_at, email, presence, presence_text, last_seen_at FROM account WHERE id = :account",
        (
            "UPDATE account SET password_hash = NULL, email = NULL, disabled = 1, disabled_reason = '',"
            " deleted_at = :at, presence = 'invisible', presence_text = NULL, last_seen_at = NULL WHERE id = :account",
        ),
        "The login and the uid stay, so that nobody else can take them and be taken for the one who left.",
    ),
    "audit": Rule(None, (), "Stays for as long as the audit log is kept: it is the record of what administrators did."),
}

IMPERSONAL: Final = frozenset({"invite", "mark", "_sqlite_migrations"})
"""Tables without anything about an account."""


def erase_account(turn: Turn, account: AccountId, at: int) -> None:
    """Carry out every rule, in the order of the table."""
    turn.carry_over()
    for rule in RULES.values():
        for statement in rule.erase:
            turn.db.execute(statement, {"account": account, "at": at})
