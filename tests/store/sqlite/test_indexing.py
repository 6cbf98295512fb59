from collections.abc import Iterator
from contextlib import closing
from sqlite3 import Connection
from typing import Any

import pytest

from msgd.store import commands
from msgd.store.sqlite import SqliteStore
from msgd.store.sqlite.conversations import conversations, history, receipts
from msgd.store.sqlite.indexing import IndexRun
from msgd.store.sqlite.mailbox import mailbox_after
from msgd.store.sqlite.tail import Tail

from ..contract.stage import Place

ACCOUNTS = (1, 2, 3)


def everything(db: Connection) -> list[Any]:
    """All that readers see of the messages."""
    seen: list[Any] = []
    for limit in (1, 3, 100):
        seen += [mailbox_after(db, {account: after}, limit) for account in ACCOUNTS for after in range(8)]
        for one in ACCOUNTS:
            seen.append(conversations(db, one, None, limit))
            for other in ACCOUNTS:
                seen += [history(db, one, other, None, None, limit), receipts(db, one, other)]
    return seen


@pytest.fixture
async def db(place: Place) -> Iterator[Connection]:
    async with place.open() as stage:
        ann, bob, carl = [await stage.person(login) for login in ("ann", "bob", "carl")]
        phone = await stage.device(bob)
        for number in range(4):
            await stage.send(ann, bob, f"{number}", client_message_id=f"a{number}")
            await stage.send(bob, ann, f"{number}", client_message_id=f"b{number}")
        await stage.contact(ann, carl, "request")
        await stage.contact(carl, bob, "block")
        hidden = await stage.send(bob, carl, "hidden")
        await stage.send(carl, carl, "note")
        call = {"caller_outcome": "cancelled", "callee_outcome": "missed", "started_at": 1, "duration_ms": 2}
        await stage.do(commands.RecordCall, call_id="call", caller=carl.account, callee=ann.account, **call)
        await stage.do(commands.EditMessage, account=bob.account, message_id=hidden.message_id, text="edited")
        await stage.ack(phone, 4)
    store = SqliteStore(place.path / "store.sqlite3", clock=place.clock)
    store.open()
    with closing(store.file.writing()) as db:
        yield db
    store.close()


@pytest.mark.trio
@pytest.mark.parametrize("run_max", [3, 7, 100])
async def test_readers_see_the_same_at_every_step_of_a_run(db: Connection, run_max: int) -> None:
    expected, steps = everything(db), 0
    keys = [(sender, f"{letter}{number}") for sender, letter in ((1, "a"), (2, "b")) for number in range(5)]
    sent = Tail(db).sent_before(db, keys)
    assert len(sent) == 8
    newest = Tail(db).newest
    while (after := Tail(db).indexed) < newest:
        run, finished = IndexRun(after), False
        while not finished:
            db.execute("BEGIN IMMEDIATE")
            finished = run.step(db, run_max, 1)
            db.execute("COMMIT")
            steps += 1
            assert everything(db) == expected
            assert Tail(db).sent_before(db, keys) == sent
    assert steps > 30
    assert len(Tail(db)) == 0


@pytest.mark.trio
async def test_a_run_that_was_dropped_half_way_is_done_again(db: Connection) -> None:
    expected = everything(db)
    run = IndexRun(Tail(db).indexed)
    for _ in range(9):
        assert not run.step(db, 100, 2)
    Tail(db).carry_over(db)
    assert everything(db) == expected
    marks = dict(db.execute("SELECT name, value FROM mark").fetchall())
    for mark, table in (("messages", "message"), ("mailbox_events", "mailbox")):
        assert marks[mark] == db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    assert db.execute("SELECT count(*) FROM timeline").fetchone()[0] == marks["messages"]
