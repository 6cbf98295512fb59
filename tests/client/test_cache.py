"""The cache: what it keeps, who may read it, and that a page costs the same in a long conversation."""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

import msgwire
from msgclient import Account, CacheFailed, CacheTooNew, LocalMessage, MessageState, ProfileUnreadable
from msgclient.cache import Applied, Cache, Lasting, Tables, apply
from msgclient.cache.schema import STEPS
from msgclient.session import Accepted, Happened, Pushed

pytestmark = pytest.mark.anyio

ME = Account("uid-juliet", "juliet", "device")
ROMEO = "uid-romeo"
AT = 1_700_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[Cache]:
    cache = Cache.open(path)
    yield cache
    cache.close()


def message(number: int, text: str = "", *, mine: bool = False, to: str = ROMEO) -> msgwire.MessageEvent:
    return msgwire.MessageEvent(
        message_id=f"m{number:08}",
        client_message_id=f"c{number}",
        sender=ME.uid if mine else ROMEO,
        from_login="juliet" if mine else "romeo",
        to=to if mine else ME.uid,
        text=text or f"text {number}",
        sent_at=AT + number,
    )


async def applied(cache: Cache, *outputs: Lasting, keeps_inbox: bool = False) -> Applied:
    return await cache.write(lambda tables: apply(tables, outputs, ME, keeps_inbox=keeps_inbox))


async def happened(cache: Cache, seq: int, event: msgwire.AnyEvent) -> Applied:
    return await applied(cache, Happened(seq, AT, event))


def unread(cache: Cache) -> int:
    conversation = cache.reading.conversations.get(ROMEO)
    assert conversation is not None
    return conversation.unread


def page(cache: Cache, limit: int = 50) -> list[LocalMessage]:
    return cache.reading.messages.page(ROMEO, None, limit)


async def test_only_its_owner_reads_it(cache: Cache, path: Path) -> None:
    await happened(cache, 1, message(1))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_a_message_and_the_cursor_go_together(cache: Cache) -> None:
    await happened(cache, 1, message(1))

    def breaks(tables: Tables) -> None:
        apply(tables, [Happened(2, AT, message(2))], ME)
        raise OSError("power cut")

    with pytest.raises(OSError, match="power cut"):
        await cache.write(breaks)
    assert cache.reading.meta.cursor == 1
    assert [view.message_id for view in page(cache)] == ["m00000001"]


async def test_a_full_disk_is_a_clear_error_and_heals(cache: Cache) -> None:
    await happened(cache, 1, message(1))

    def limit(pages: int) -> Callable[[Tables], None]:
        return lambda _: cache._writer.execute(f"PRAGMA max_page_count = {pages}") and None

    await cache.write(limit(1))
    with pytest.raises(CacheFailed, match="full"):
        await happened(cache, 2, message(2, "x" * 100_000))
    assert cache.reading.meta.cursor == 1
    await cache.write(limit(1_000_000))
    await happened(cache, 2, message(2))
    assert cache.reading.meta.cursor == 2


async def test_an_event_that_is_stored_changes_nothing(cache: Cache) -> None:
    await happened(cache, 1, message(1))
    again = await happened(cache, 1, message(1, "another text"))
    assert again.message_views == []
    assert [view.text for view in page(cache)] == ["text 1"]
    assert unread(cache) == 1


async def test_a_queued_message_takes_its_place_when_it_is_accepted(cache: Cache) -> None:
    def queue(tables: Tables) -> None:
        tables.conversations.touch(ROMEO, "romeo", AT)
        for number in (7, 8):
            tables.messages.queue(ROMEO, f"mine {number}", f"c{number}", None, ME, AT)

    await cache.write(queue)
    await happened(cache, 1, message(1))
    assert [view.text for view in page(cache)] == ["text 1", "mine 7", "mine 8"]
    heads = cache.reading.messages.outbox_heads(10)
    assert [head.client_message_id for head in heads] == ["c7"]
    sent = msgwire.Sent(message_id="m00000002", client_message_id="c7", at=AT, seq=2, status="stored")
    await applied(cache, Accepted(heads[0], sent, takes_seq=True))
    assert cache.reading.meta.cursor == 2
    assert [view.state for view in page(cache)] == [MessageState.RECEIVED, MessageState.SENT, MessageState.QUEUED]
    await happened(cache, 3, message(2, "mine 7", mine=True))
    assert len(page(cache)) == 3


async def test_an_edit_or_a_deletion_is_not_undone_by_an_older_form(cache: Cache) -> None:
    await happened(cache, 1, message(1))
    edited = msgwire.MessageEdited(message_id="m00000001", sender=ROMEO, to=ME.uid, text="better", edited_at=AT + 9)
    await happened(cache, 2, edited)
    await cache.write(lambda tables: tables.messages.put(msgwire.as_item(message(1)), ME.uid))
    assert [view.text for view in page(cache)] == ["better"]
    gone = msgwire.MessageDeleted(message_id="m00000001", sender=ROMEO, to=ME.uid, deleted_at=AT + 10)
    await happened(cache, 3, gone)
    await cache.write(lambda tables: tables.messages.put(msgwire.as_item(message(1)), ME.uid))
    assert [(view.text, view.deleted) for view in page(cache)] == [("", True)]


async def test_unread_counts_neither_twice_nor_what_is_read(cache: Cache) -> None:
    for number in range(1, 4):
        await happened(cache, number, message(number))
    assert unread(cache) == 3
    await cache.write(lambda tables: tables.conversations.mark_read(ROMEO, "m00000002", told=False))
    assert unread(cache) == 1
    assert cache.reading.conversations.untold_reads() == [(ROMEO, "m00000002")]
    last = msgwire.as_item(message(5))
    server = msgwire.Conversation(peer=ROMEO, login="romeo", last=last, unread=3, my_read_up_to="m00000002")
    await cache.write(lambda tables: tables.conversations.put(server, AT))
    assert unread(cache) == 3
    for number in range(4, 7):
        await happened(cache, number, message(number))
    assert unread(cache) == 4
    await applied(cache, Pushed(msgwire.ReadMarker(peer=ROMEO, message_id="m00000006")))
    assert unread(cache) == 0
    assert cache.reading.conversations.untold_reads() == []


async def test_receipts_only_move_forward(cache: Cache) -> None:
    for number in range(1, 4):
        await happened(cache, number, message(number, mine=True))
    await applied(cache, Pushed(msgwire.Receipt(peer=ROMEO, delivered_up_to="m00000002", read_up_to="m00000001")))
    stale = await applied(cache, Pushed(msgwire.Receipt(peer=ROMEO, delivered_up_to="m00000001")))
    assert not stale.receipts
    assert [view.state for view in page(cache)] == [MessageState.READ, MessageState.DELIVERED, MessageState.SENT]


async def test_a_call_stands_in_its_conversation(cache: Cache) -> None:
    call = msgwire.CallEvent(
        message_id="m1", call_id="x", peer=ROMEO, direction="incoming", outcome="missed", started_at=AT, duration_ms=0
    )
    await happened(cache, 1, call)
    (view,) = page(cache)
    assert view.call == msgwire.as_call_item(call)
    assert not view.outgoing


async def test_a_past_with_holes_is_dropped_and_the_outbox_kept(cache: Cache) -> None:
    await happened(cache, 1, message(1))
    await cache.write(lambda tables: tables.messages.queue(ROMEO, "mine", "c9", None, ME, AT))
    await cache.write(lambda tables: tables.meta.forget_past(40))
    assert [view.text for view in page(cache)] == ["mine"]
    assert cache.reading.meta.cursor == 40


async def test_the_inbox_keeps_what_is_for_bots(cache: Cache) -> None:
    request = msgwire.ContactEvent(peer=ROMEO, login="romeo", state="pending", since=AT)
    events = [message(1), message(2, mine=True), request]
    outputs = [Happened(seq, AT, event) for seq, event in enumerate(events, 1)]
    await applied(cache, *outputs, keeps_inbox=True)
    assert [event for _, _, event in cache.reading.inbox.oldest(9)] == [message(1), request]


def test_a_newer_cache_is_refused_and_left_as_it_is(path: Path) -> None:
    Cache.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    db.close()
    with pytest.raises(CacheTooNew):
        Cache.open(path)


def test_a_broken_cache_is_a_clear_error(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be read as one" * 50)
    with pytest.raises(ProfileUnreadable):
        Cache.open(path)


async def test_a_page_of_a_long_conversation_costs_what_a_page_costs(cache: Cache) -> None:
    def fill(tables: Tables) -> None:
        tables.conversations.touch(ROMEO, "romeo", AT)
        for number in range(100_000):
            tables.messages.put(msgwire.as_item(message(number)), ME.uid)

    await cache.write(fill)
    middle = cache.reading.messages.by_message_id("m00050000")
    assert middle is not None
    thousands = 0

    def count() -> None:
        nonlocal thousands
        thousands += 1

    # SQLite's own steps: a scan of the conversation would take a million.
    cache.reading.messages._db.set_progress_handler(count, 1000)
    before = cache.reading.messages.page(ROMEO, middle.local_id, 50)
    after = cache.reading.messages.page_after(ROMEO, middle.local_id, 50)
    newest = page(cache)
    cache.reading.conversations.all(1000)
    cache.reading.messages._db.set_progress_handler(None, 0)
    assert [view.message_id for view in (before[-1], after[0], newest[-1])] == ["m00049999", "m00050001", "m00099999"]
    assert thousands < 50


async def test_writers_in_a_crowd_lose_nothing(cache: Cache) -> None:
    async def write(number: int) -> None:
        await happened(cache, number, message(number))

    async with anyio.create_task_group() as tasks:
        for number in range(1, 21):
            tasks.start_soon(write, number)
    assert cache.reading.meta.cursor == 20
