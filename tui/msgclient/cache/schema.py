"""The cache's tables. A new version is a further step; a file of a newer version is refused."""

import sqlite3

from ..errors import CacheTooNew

STEPS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

    CREATE TABLE messages (
        local_id INTEGER PRIMARY KEY AUTOINCREMENT,
        peer TEXT NOT NULL,
        pending INTEGER NOT NULL,           -- 1 until the server has given it a place
        place TEXT NOT NULL,                -- the message id, which sorts by age; while pending, the local number
        message_id TEXT,
        client_message_id TEXT,
        sender TEXT NOT NULL,
        sender_login TEXT NOT NULL,
        outgoing INTEGER NOT NULL,
        text TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        reply_to TEXT,
        edited_at INTEGER,
        deleted INTEGER NOT NULL DEFAULT 0,
        failure TEXT,
        failure_text TEXT,
        call BLOB                           -- the call item, as it stands on the wire
    );
    CREATE UNIQUE INDEX messages_by_place ON messages (peer, pending, place);
    CREATE UNIQUE INDEX messages_by_id ON messages (message_id) WHERE message_id IS NOT NULL;
    CREATE UNIQUE INDEX own_messages ON messages (client_message_id) WHERE outgoing = 1 AND call IS NULL;
    CREATE INDEX outbox ON messages (local_id) WHERE pending = 1 AND failure IS NULL;

    CREATE TABLE conversations (
        peer TEXT PRIMARY KEY,
        login TEXT NOT NULL DEFAULT '',     -- empty until it is known
        last_at INTEGER NOT NULL DEFAULT 0,
        unread INTEGER NOT NULL DEFAULT 0,
        counted_to TEXT NOT NULL DEFAULT '',  -- messages up to this one are in `unread` already
        delivered_up_to TEXT,
        read_up_to TEXT,
        my_read_up_to TEXT,
        read_told_up_to TEXT,               -- what the server has confirmed of my_read_up_to
        reaches_start INTEGER NOT NULL DEFAULT 0,
        draft TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID;
    CREATE INDEX conversations_by_age ON conversations (last_at);

    CREATE TABLE contacts (
        uid TEXT PRIMARY KEY,
        login TEXT NOT NULL,
        state TEXT NOT NULL,
        since INTEGER NOT NULL,
        note TEXT
    ) WITHOUT ROWID;

    CREATE TABLE inbox (                    -- events that a bot has not handled yet
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        event BLOB NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0
    );
    """,
)


def upgrade(db: sqlite3.Connection) -> None:
    """Bring a cache to this version, each step in a transaction of its own; raises `CacheTooNew`."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise CacheTooNew(f"The cache is of version {version}; this client knows {len(STEPS)}.")
    for number, step in enumerate(STEPS[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
