from contextlib import closing

import pytest

from msgd.store import commands
from msgd.store.sqlite import Pace, SqliteStore
from msgd.store.sqlite.cached import TwoGenerations
from msgd.store.sqlite.checkpoint import Checkpoints, read_log

from ..contract.stage import Place


def test_a_cache_holds_two_generations_at_most() -> None:
    cache: TwoGenerations[int, str] = TwoGenerations(10)
    for number in range(1000):
        cache.put(number, str(number))
        assert cache.get(0) == "0", "what is used stays"
        cache.age()
        assert len(cache) <= 2 * 11 + 1
    assert cache.get(500) is None
    cache.forget(0)
    assert cache.get(0) is None
    cache.clear()
    assert len(cache) == 0


def test_the_log_is_carried_over_and_begins_anew(place: Place) -> None:
    store = SqliteStore(place.path / "store.db", clock=place.clock)
    store.open()
    with closing(store.file.writing()) as db:
        checkpoints = Checkpoints(store.file.writing, store.file.shm, frames_max=10)
        assert not checkpoints.due()
        for number in range(40):
            db.execute(
                "INSERT INTO audit(at, actor, origin, action, target, detail) VALUES (?, '', '', '', '', '')", (number,)
            )
        assert read_log(store.file.shm).waiting >= 40
        assert checkpoints.due()
        checkpoints.start()
        while checkpoints.due():
            checkpoints.step(db)
        checkpoints.stop()
        while checkpoints.due():
            checkpoints.step(db)
        assert read_log(store.file.shm).waiting == 0
        db.execute("UPDATE mark SET value = 1 WHERE name = 'probe'")
        assert read_log(store.file.shm).length < 10, "the log began anew"

        with closing(store.file.reading()) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM mark").fetchall()
            for number in range(40):
                db.execute("UPDATE mark SET value = ? WHERE name = 'probe'", (number,))
            steps = 0
            while checkpoints.due():
                checkpoints.step(db)
                steps += 1
                assert steps < 3, "what a reader holds back is not tried over and over"
            reader.execute("COMMIT")
        checkpoints.finish(db)
        assert read_log(store.file.shm).waiting == 0
    store.close()
    assert read_log(place.path / "missing") == (0, 0)


@pytest.mark.trio
async def test_the_tail_stays_bounded_under_load(place: Place) -> None:
    pace = Pace(quiet_s=60, run_min=50, run_max=80, slice_entries=20, words_messages=10)
    async with place.open(pace=pace) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        for number in range(3000):
            command = commands.SendMessage(
                at=stage.clock.tick(), sender=ann.account, receiver=bob.account, text="x", client_message_id=str(number)
            )
            stage.store.submit(command, lambda _: None)
        assert await stage.store.writable()
        writer = stage.store._writer  # type: ignore[attr-defined]  # what is bounded is not public
        assert len(writer._tail) < 600
        stats = await stage.store.stats()
        assert (stats.messages, stats.mailbox_events) == (3000, 6000)
