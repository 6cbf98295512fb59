import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio

from msgd.store.sqlite import SchemaTooNew, SqliteStore, StoreLocked, StoreOpenError, StoreUnusable
from msgd.store.sqlite.personal import IMPERSONAL, RULES
from msgd.store.sqlite.schema import MIGRATIONS, migrate, schema_version

from ..contract.stage import Clock, Place
from ..schemas.freeze import HERE, dump
from ..schemas.sample import check, fill

FROZEN = sorted(HERE.glob("*.sql"))


def thaw(frozen: Path, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(frozen.read_text())


def schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql > ''")
        return sorted((name, " ".join(sql.split())) for name, sql in rows)


def test_every_schema_is_frozen() -> None:
    assert [path.stem for path in FROZEN] == [f"{number:04}" for number in range(1, schema_version() + 1)], (
        "run `python -m store.schemas.freeze` in tests/ after adding a migration"
    )


@pytest.mark.trio
@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.stem)
async def test_a_store_of_every_earlier_schema_is_upgraded(place: Place, frozen: Path) -> None:
    thaw(frozen, place.path / "store.sqlite3")
    async with place.open() as stage:
        stage.clock.now += 100_000
        await check(stage)
    async with Place(place.make, place.path / "fresh").open() as stage:
        await fill(stage)
    assert schema(place.path / "store.sqlite3") == schema(place.path / "fresh" / "store.sqlite3")


@pytest.mark.trio
async def test_the_newest_frozen_schema_is_that_of_today(place: Place) -> None:
    async with place.open() as stage:
        await fill(stage)
    thaw(FROZEN[-1], place.path / "frozen")
    assert schema(place.path / "store.sqlite3") == schema(place.path / "frozen"), (
        "a migration that was released is never changed: add another"
    )


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db)
        db.execute(
            "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES (?, '9999_from_the_future', '')",
            (MIGRATIONS.name,),
        )
        before = dump(db)
    with pytest.raises(SchemaTooNew, match=r"9999_from_the_future.*Run the version that wrote it"):
        SqliteStore(path, clock=Clock()).open()
    with closing(sqlite3.connect(path)) as db:
        assert dump(db) == before
    with pytest.raises(StoreOpenError):
        SqliteStore(path, clock=Clock()).open()


def test_every_table_has_a_rule_for_personal_data(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db)
        tables = {
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("sqlite_", "message_words_"))
        }
        assert tables == RULES.keys() | IMPERSONAL
        assert not RULES.keys() & IMPERSONAL
        for rule in RULES.values():
            for statement in (rule.export, *rule.erase):
                if statement is not None:
                    db.execute(f"EXPLAIN {statement}", {"account": 1, "at": 1})
            assert rule.why


def test_a_store_belongs_to_one_process(tmp_path: Path) -> None:
    store, other = (SqliteStore(tmp_path / "store.db", clock=Clock()) for _ in range(2))
    assert store.open() == ["0001_accounts_messages_mailboxes"]
    assert store.open() == []
    with pytest.raises(StoreLocked, match=rf"pid {os.getpid()}.*admin socket") as caught:
        other.open()
    assert caught.value.held
    script = (
        "import sys; from pathlib import Path; from msgd.store.sqlite import SqliteStore;"
        " SqliteStore(Path(sys.argv[1]), clock=int).open()"
    )
    found = subprocess.run([sys.executable, "-c", script, tmp_path / "store.db"], capture_output=True, check=False)
    assert b"StoreLocked" in found.stderr
    store.close()
    assert other.open() == []
    other.close()


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "new" / "store.db", clock=Clock())
    mask = os.umask(0)
    try:
        store.open()
        with closing(store.file.writing()) as db:
            db.execute("UPDATE mark SET value = 0")
            for path in (tmp_path / "new").iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    finally:
        os.umask(mask)
        store.close()


def test_what_is_no_store_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("This is no database at all. " * 100)
    with pytest.raises(StoreUnusable, match="SQLITE_NOTADB"):
        SqliteStore(tmp_path / "text", clock=Clock()).open()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        SqliteStore(tmp_path / "folder", clock=Clock()).open()
    with pytest.raises(StoreUnusable, match="must belong to the user"):
        SqliteStore(tmp_path / "text" / "store.db", clock=Clock()).open()


def test_the_writer_syncs_every_commit(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db", clock=Clock())
    store.open()
    with closing(store.file.writing()) as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with closing(store.file.reading()) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("UPDATE mark SET value = 0")
    store.close()


@pytest.mark.trio
async def test_run_opens_what_is_not_open_and_gives_it_back(tmp_path: Path) -> None:
    for _ in range(2):
        store = SqliteStore(tmp_path / "store.db", clock=Clock())
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run, lambda _: None)
            assert store.file.locked
            assert (await store.stats()).schema_version == schema_version()
            nursery.cancel_scope.cancel()
        assert not store.file.locked
