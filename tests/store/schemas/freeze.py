"""Write the store of today's schema as SQL: `python -m store.schemas.freeze` in tests/, after adding a migration."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import trio

from msgd.store.sqlite.schema import schema_version

from ..contract.stage import FACTORIES, Place
from .sample import fill

HERE = Path(__file__).parent
WORDS = "message_words"


def dump(db: sqlite3.Connection) -> str:
    """Statements that make the same store again. The word index stands for its own tables."""
    lines = ["PRAGMA auto_vacuum = INCREMENTAL;", "PRAGMA journal_mode = WAL;", "BEGIN;"]
    names = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL"
    own = [(name, sql) for name, sql in db.execute(names) if not name.startswith(WORDS + "_")]
    lines += [sql + ";" for _, sql in own]
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    for (table,) in db.execute(tables).fetchall():
        if table.startswith((WORDS, "sqlite_")):
            continue
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        values = " || ', ' || ".join(f"quote({column})" for column in columns)
        rows = db.execute(f"SELECT {values} FROM {table}").fetchall()
        lines += [f"INSERT INTO {table} VALUES ({row});" for (row,) in rows]
    lines += [f"INSERT INTO {WORDS}(rowid, who, text) SELECT {INDEXED_WORDS};", "COMMIT;"]
    return "\n".join(lines) + "\n"


INDEXED_WORDS = (
    "id, 'a' || sender_id || ' a' || receiver_id, text FROM message"
    " WHERE id <= (SELECT value FROM mark WHERE name = 'searchable') AND kind = 0 AND deleted_at IS NULL"
)


async def _make(folder: Path) -> None:
    async with Place(FACTORIES["sqlite"], folder).open() as stage:
        await fill(stage)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        trio.run(_make, Path(folder))
        with closing(sqlite3.connect(Path(folder) / "store.sqlite3")) as db:
            (HERE / f"{schema_version():04}.sql").write_text(dump(db))


if __name__ == "__main__":
    main()
