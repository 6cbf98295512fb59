"""The schema of the SQLite engine, as migrations that are applied in order and never changed afterwards.

`message` is a log: rows are only ever added at its end, and it has no index but its key. Three tables index it:
`mailbox` (what an account sees, by seq), `timeline` (what a conversation holds, by age) and `sent` (which
client_message_id was used). They are filled behind, in sorted runs, up to the id in `mark`.`indexed`; the messages
after it are the tail, which every read scans. Writing the indexes with each message costs five scattered pages per
message, in runs a small part of one.
"""

import sqlite3

from sqlite_utils import Database, Migrations

from .errors import SchemaTooNew

MIGRATIONS = Migrations("msgd.store")

_FIRST = (
    """CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        uid TEXT NOT NULL UNIQUE,
        login TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        password_hash TEXT,
        email TEXT,
        disabled INTEGER NOT NULL DEFAULT 0,
        disabled_reason TEXT NOT NULL DEFAULT '',
        deleted_at INTEGER,
        presence TEXT NOT NULL DEFAULT 'online',
        presence_text TEXT,
        last_seen_at INTEGER
    ) STRICT""",
    # head: the newest seq; acked: the highest that any device ever acknowledged; floor: the highest that was pruned.
    """CREATE TABLE mailbox_head (
        account INTEGER PRIMARY KEY,
        head INTEGER NOT NULL DEFAULT 0,
        acked INTEGER NOT NULL DEFAULT 0,
        floor INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    """CREATE TABLE device (
        id INTEGER PRIMARY KEY,
        device_id TEXT NOT NULL UNIQUE,
        account INTEGER NOT NULL REFERENCES account(id),
        name TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        last_seen_at INTEGER NOT NULL,
        revoked_at INTEGER
    ) STRICT""",
    "CREATE INDEX device_account ON device(account)",
    # Narrow and apart from device, because it is written with every acknowledgment.
    """CREATE TABLE device_cursor (
        device INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE refresh_token (
        hash BLOB PRIMARY KEY,
        device INTEGER NOT NULL REFERENCES device(id),
        expires_at INTEGER NOT NULL,
        traded_at INTEGER
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX refresh_token_device ON refresh_token(device)",
    "CREATE INDEX refresh_token_expiry ON refresh_token(expires_at)",
    """CREATE TABLE invite (
        id INTEGER PRIMARY KEY,
        token_hash BLOB NOT NULL UNIQUE,
        uses INTEGER NOT NULL,
        used INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        revoked INTEGER NOT NULL DEFAULT 0,
        note TEXT NOT NULL,
        created_by TEXT NOT NULL
    ) STRICT""",
    # One row for each side; no row stands for the state none.
    """CREATE TABLE contact (
        account INTEGER NOT NULL,
        peer INTEGER NOT NULL,
        state TEXT NOT NULL,
        since INTEGER NOT NULL,
        note TEXT,
        PRIMARY KEY (account, peer)
    ) STRICT, WITHOUT ROWID""",
    # One row for each side that has seen a message or a call.
    """CREATE TABLE conversation (
        account INTEGER NOT NULL,
        peer INTEGER NOT NULL,
        read_up_to INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (account, peer)
    ) STRICT, WITHOUT ROWID""",
    # kind: 0 text, 1 call. A side whose seq is NULL does not see the row. The text stands last, so that a scan of the
    # other columns never walks the overflow pages of long texts.
    """CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL DEFAULT 0,
        sender_id INTEGER NOT NULL,
        receiver_id INTEGER NOT NULL,
        timestamp INTEGER NOT NULL,
        sender_seq INTEGER,
        receiver_seq INTEGER,
        client_message_id TEXT,
        reply_to INTEGER,
        live INTEGER NOT NULL DEFAULT 0,
        edited_at INTEGER,
        deleted_at INTEGER,
        first_text BLOB,
        text TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE call (
        message INTEGER PRIMARY KEY,
        call_id TEXT NOT NULL UNIQUE,
        caller_outcome TEXT,
        callee_outcome TEXT,
        started_at INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL
    ) STRICT""",
    # kind: 0 the message (or call) itself, 1 its edit, 2 its deletion, 3 an event with a body of its own. The body of
    # 1 and 2 says that the message was deleted: it is shown once the message is gone from the log.
    """CREATE TABLE mailbox (
        account INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        message INTEGER,
        at INTEGER,
        body BLOB,
        PRIMARY KEY (account, seq)
    ) STRICT, WITHOUT ROWID""",
    # only_for: 0 where both sides see it, else the one account that does. low and high: the two accounts.
    """CREATE TABLE timeline (
        low INTEGER NOT NULL,
        high INTEGER NOT NULL,
        only_for INTEGER NOT NULL,
        message INTEGER NOT NULL,
        sender INTEGER NOT NULL,
        PRIMARY KEY (low, high, only_for, message)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE sent (
        sender INTEGER NOT NULL,
        client_message_id TEXT NOT NULL,
        message INTEGER NOT NULL,
        PRIMARY KEY (sender, client_message_id)
    ) STRICT, WITHOUT ROWID""",
    # indexed: messages up to here stand in mailbox, timeline and sent; searchable: in message_words.
    # messages, mailbox_events: how many indexed rows, so that nobody has to count them. words_erased: how many texts
    # were taken out of message_words since it was last merged.
    """CREATE TABLE mark (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """INSERT INTO mark VALUES ('indexed', 0), ('searchable', 0), ('messages', 0), ('mailbox_events', 0),
    ('words_erased', 0), ('probe', 0)""",
    # who holds a token for each account that sees the message, so that a search only walks that account's own.
    """CREATE VIRTUAL TABLE message_words USING fts5 (
        who, text, content='', tokenize='unicode61 remove_diacritics 2'
    )""",
    # Conversations, or the part that one account alone sees, in which nobody is left; the sweep removes them.
    """CREATE TABLE doomed (
        low INTEGER NOT NULL,
        high INTEGER NOT NULL,
        only_for INTEGER NOT NULL,
        PRIMARY KEY (low, high, only_for)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        origin TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT""",
)


@MIGRATIONS(name="0001_accounts_messages_mailboxes")
def _first(db: Database) -> None:
    for statement in _FIRST:
        db.execute(statement)


def migrate(connection: sqlite3.Connection) -> list[str]:
    """Bring the schema up to date; the names of the migrations that were applied.

    Raises `SchemaTooNew` where the store has seen a migration that this version does not know; nothing is changed.
    """
    db = Database(connection, execute_plugins=False)
    known = [migration.name for migration in MIGRATIONS.pending(Database(memory=True))]
    unknown = [migration.name for migration in MIGRATIONS.applied(db) if migration.name not in known]
    if unknown:
        raise SchemaTooNew(
            f"The store has schema {unknown[-1]!r}, which this version does not know (it knows up to {known[-1]!r}). "
            "Run the version that wrote it, or a newer one; or restore a backup from before the upgrade."
        )
    applied = [migration.name for migration in MIGRATIONS.pending(db)]
    MIGRATIONS.apply(db)
    return applied


def schema_version() -> int:
    """How many migrations this version knows: the number that `status` shows."""
    return len(MIGRATIONS.pending(Database(memory=True)))
