import sqlite3
from contextlib import closing

import pytest
import trio

from msgd.store import commands
from msgd.store.interface import Page
from msgd.store.sqlite import Keep, Pace
from msgwire import MessageDeleted

from ..contract.stage import Place, Stage

pytestmark = pytest.mark.trio

SWEEPING = Pace(quiet_s=0.001)
DAY = 86_400_000


async def swept(stage: Stage, seconds: float = 5) -> None:
    """Until the sweep that is due now is done: the writer does it in the quiet after a command."""
    stage.clock.tick(3_600_000)
    messages = -1
    with trio.fail_after(seconds):
        for _ in range(3):
            while True:
                await trio.sleep(0.05)
                stats = await stage.store.stats()
                if stats.messages + stats.mailbox_events == messages:
                    break
                messages = stats.messages + stats.mailbox_events
            stage.store.submit(commands.TouchDevice(at=1, device_id="?"), lambda _: None)


async def page(stage: Stage, one: int, other: int) -> Page:
    return await stage.store.history(one, other, before=None, after=None, limit=200)


async def test_old_messages_go_and_their_events_read_as_deletions(place: Place) -> None:
    async with place.open(pace=SWEEPING, keep=Keep(messages_ms=10 * DAY)) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        old = await stage.send(ann, bob, "old walrus", client_message_id="old")
        edited = await stage.send(ann, bob, "old badger")
        await stage.do(commands.EditMessage, account=ann.account, message_id=edited.message_id, text="old otter")
        call = {"caller_outcome": "cancelled", "callee_outcome": "missed", "started_at": 1, "duration_ms": 2}
        await stage.do(commands.RecordCall, call_id="call", caller=ann.account, callee=bob.account, **call)
        await stage.store.search_messages(ann.account, "old", peer=None, before=None, limit=5)
        stage.clock.tick(11 * DAY)
        young = await stage.send(ann, bob, "young walrus")
        await swept(stage)
        assert [item.message_id for item in (await page(stage, bob.account, ann.account)).items] == [young.message_id]
        found = await stage.store.search_messages(ann.account, "walrus", peer=None, before=None, limit=5)
        assert [item.message_id for item in found.items] == [young.message_id]
        events = await stage.mailbox(bob)
        assert [event.seq for event in events] == [1, 2, 3, 4, 5]
        gone = [event.body for event in events[:4]]
        assert [type(body) for body in gone] == [MessageDeleted] * 4
        assert gone[0].message_id == old.message_id
        assert (gone[2].message_id, gone[2].sender, gone[2].to) == (edited.message_id, ann.uid, bob.uid)
        stats = await stage.store.stats()
        assert (stats.messages, stats.mailbox_events) == (1, 10)
        again = await stage.send(ann, bob, "new", client_message_id="old")
        assert not again.duplicate
        [conversation], _ = await stage.store.conversations(bob.account, before=None, limit=5)
        assert conversation.unread == 2
    with closing(sqlite3.connect(place.path / "store.sqlite3")) as db:
        assert db.execute("SELECT count(*) FROM call").fetchone() == (0,)
        assert db.execute("INSERT INTO message_words(message_words) VALUES ('integrity-check')")


async def test_a_conversation_keeps_its_newest(place: Place) -> None:
    async with place.open(pace=SWEEPING, keep=Keep(messages_per_conversation=3)) as stage:
        ann, bob, carl = [await stage.person(login) for login in ("ann", "bob", "carl")]
        for number in range(250):
            await stage.send(ann, bob, str(number))
        await stage.send(ann, carl, "short")
        await stage.contact(carl, ann, "block")
        for number in range(5):
            await stage.send(ann, carl, f"hidden {number}")
        await swept(stage)
        assert await stage.texts(ann, bob) == ["247", "248", "249"]
        assert await stage.texts(carl, ann) == ["short"]
        assert await stage.texts(ann, carl) == ["short", "hidden 2", "hidden 3", "hidden 4"]
        assert [event.seq for event in await stage.mailbox(bob)] == list(range(1, 251))


async def test_what_every_live_device_has_acknowledged_is_dropped(place: Place) -> None:
    keep = Keep(acknowledged_ms=5 * DAY, idle_device_ms=30 * DAY)
    async with place.open(pace=SWEEPING, keep=keep) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        phone = await stage.device(bob)
        for number in range(450):
            await stage.send(ann, bob, str(number))
        tablet = await stage.device(bob)
        await stage.ack(phone, 451)
        await stage.ack(tablet, 440)
        await swept(stage)
        assert (await stage.store.floors([bob.account]))[bob.account] == 0, "too young"
        stage.clock.tick(6 * DAY)
        for device in (phone, tablet):
            await stage.do(commands.TouchDevice, device_id=device.device_id)
        await stage.send(ann, bob, "young")
        await swept(stage)
        assert (await stage.store.floors([bob.account]))[bob.account] == 440
        assert [event.seq for event in await stage.mailbox(bob)] == list(range(441, 453))
        assert len((await page(stage, bob.account, ann.account)).items) == 200
        assert (await stage.store.heads([bob.account]))[bob.account] == 452
        stage.clock.tick(31 * DAY)
        await stage.do(commands.TouchDevice, device_id=phone.device_id)
        await swept(stage)
        assert (await stage.store.floors([bob.account]))[bob.account] == 451, "the idle tablet holds nothing back"
        stats = await stage.store.stats()
        assert stats.mailbox_events == 451 + 1
    async with place.open() as stage:
        assert (await stage.send(ann, bob, "next")).seq
        assert (await stage.store.heads([bob.account]))[bob.account] == 453


async def test_nobodys_conversations_are_removed(place: Place) -> None:
    async with place.open(pace=SWEEPING) as stage:
        ann, bob, carl = [await stage.person(login) for login in ("ann", "bob", "carl")]
        await stage.send(ann, ann, "diary")
        await stage.send(ann, bob, "to bob")
        await stage.send(ann, carl, "to carl")
        await stage.contact(bob, ann, "block")
        await stage.send(ann, bob, "to nobody")
        await stage.do(commands.DeleteAccount, account=ann.account)
        await swept(stage)
        assert (await stage.store.stats()).messages == 2
        assert await stage.texts(bob, ann) == ["to bob"]
        await stage.do(commands.DeleteAccount, account=bob.account)
        await swept(stage)
        assert (await stage.store.stats()).messages == 1
        assert await stage.texts(carl, ann) == ["to carl"]


async def test_expired_tokens_old_devices_and_the_old_audit_log_go(place: Place) -> None:
    async with place.open(pace=SWEEPING) as stage:
        ann = await stage.person("ann")
        phone, tablet = await stage.device(ann), await stage.device(ann)
        await stage.do(commands.RevokeDevice, account=ann.account, device_id=phone.device_id)
        await stage.do(commands.AppendAudit, actor="a", origin="o", action="x", target="t")
        stage.clock.tick(800 * DAY)
        await swept(stage)
        assert await stage.store.device(phone.device_id) is None
        assert await stage.store.device(tablet.device_id) is not None
        assert await stage.store.audit(before=None, limit=5) == []
        trade = {"old_hash": b"?", "new_hash": b"n", "new_expires_at": 2**41}
        await stage.refused("token_revoked", commands.RotateRefresh, **trade)
    with closing(sqlite3.connect(place.path / "store.sqlite3")) as db:
        assert db.execute("SELECT count(*) FROM refresh_token").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM device_cursor").fetchone() == (1,)


async def test_an_erased_text_leaves_no_trace_in_the_file(place: Place) -> None:
    async with place.open(pace=SWEEPING) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        for number in range(50):
            await stage.send(ann, bob, f"ordinary words {number}")
        secret = await stage.send(ann, bob, "xylophonesecret in the open")
        await stage.store.search_messages(ann.account, "xylo", peer=None, before=None, limit=5)
        await stage.do(commands.DeleteMessage, account=ann.account, message_id=secret.message_id)
        await swept(stage)
    for path in place.path.iterdir():
        assert b"xylophonesecret" not in path.read_bytes(), path


async def test_free_pages_are_given_back(place: Place) -> None:
    async with place.open(pace=SWEEPING, keep=Keep(messages_ms=DAY)) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        for _ in range(400):
            await stage.send(ann, bob, "x" * 8000)
        await swept(stage)
        stage.clock.tick(2 * DAY)
        await swept(stage, 20)
        assert (await stage.store.stats()).messages == 0
    assert (place.path / "store.sqlite3").stat().st_size < 2_000_000


async def test_what_follows_a_sweep_of_everything_is_seen_even_when_the_clock_was_set_back(place: Place) -> None:
    async with place.open(pace=SWEEPING, keep=Keep(messages_ms=DAY)) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        await stage.send(ann, bob, "old")
        stage.clock.tick(2 * DAY)
        await swept(stage)
        assert (await stage.store.stats()).messages == 0
    async with place.open() as stage:
        await stage.send(ann, bob, "new", at=1000)
        assert await stage.texts(bob, ann) == ["new"]
        assert [event.seq for event in await stage.mailbox(bob)] == [1, 2]
