import pytest

from msgd.store import commands
from msgd.store.interface import AccountRow, Rejected
from msgwire import CallEvent, CallItem, ErrorCode

from .stage import Place, Stage

pytestmark = pytest.mark.trio


async def test_mailboxes_are_read_in_pages_of_each_account(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    for number in range(5):
        await stage.send(ann, bob, str(number))
    events = await stage.store.mailbox_after({ann.account: 3, bob.account: 0, 999: 0}, 2)
    assert [(event.account, event.seq) for event in events] == [
        (ann.account, 4), (ann.account, 5), (bob.account, 1), (bob.account, 2)
    ]  # fmt: skip
    assert await stage.store.mailbox_after({ann.account: 5}, 10) == []
    assert await stage.store.heads([ann.account, 999]) == {ann.account: 5, 999: 0}
    assert await stage.store.floors([ann.account, 999]) == {ann.account: 0, 999: 0}


async def test_history_pages_both_ways(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    sides = [(bob, ann), (ann, bob)]
    sent = [await stage.send(*sides[number % 2], str(number)) for number in range(7)]

    async def page(**where: str) -> tuple[list[str], bool]:
        found = await stage.store.history(
            ann.account, bob.account, before=where.get("before"), after=where.get("after"), limit=3
        )
        return [item.text for item in found.items], found.more

    assert await page() == (["4", "5", "6"], True)
    assert await page(before=sent[4].message_id) == (["1", "2", "3"], True)
    assert await page(before=sent[1].message_id) == (["0"], False)
    assert await page(after=sent[0].message_id) == (["1", "2", "3"], True)
    assert await page(after=sent[3].message_id) == (["4", "5", "6"], False)
    assert await page(after=sent[6].message_id) == ([], False)
    assert await page(after=sent[0].message_id, before=sent[2].message_id) == (["1"], False)
    with pytest.raises(Rejected) as caught:
        await page(before="nonsense")
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_history_shows_nobody_elses_messages(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    eve = await stage.person("eve")
    await stage.send(ann, bob, "private")
    assert await stage.texts(eve, ann) == []
    assert await stage.texts(eve, bob) == []
    assert (await stage.store.conversations(eve.account, before=None, limit=5)) == ([], False)
    found = await stage.store.search_messages(eve.account, "private", peer=None, before=None, limit=5)
    assert found.items == []


async def test_a_call_is_told_and_kept_as_each_side_saw_it(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    call = {"caller": ann.account, "callee": bob.account, "started_at": 5, "duration_ms": 0}
    await stage.do(commands.RecordCall, call_id="c", caller_outcome="cancelled", callee_outcome="missed", **call)
    await stage.do(commands.RecordCall, call_id="c", caller_outcome="answered", callee_outcome="answered", **call)
    [mine], [theirs] = await stage.mailbox(ann), await stage.mailbox(bob)
    assert isinstance(mine.body, CallEvent)
    assert (mine.body.peer, mine.body.direction, mine.body.outcome) == (bob.uid, "outgoing", "cancelled")
    assert (theirs.body.peer, theirs.body.direction, theirs.body.outcome) == (ann.uid, "incoming", "missed")
    assert [event.body for event in stage.heard] == [mine.body, theirs.body]
    [item] = (await stage.store.history(bob.account, ann.account, before=None, after=None, limit=5)).items
    assert isinstance(item, CallItem)
    assert (item.direction, item.outcome, item.message_id) == ("incoming", "missed", theirs.body.message_id)


async def test_a_call_may_be_told_to_one_side_alone(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    call = {"caller": ann.account, "callee": bob.account, "started_at": 5, "duration_ms": 0}
    await stage.do(commands.RecordCall, call_id="c", caller_outcome="cancelled", callee_outcome=None, **call)
    await stage.do(commands.RecordCall, call_id="d", caller_outcome=None, callee_outcome=None, **call)
    assert (len(await stage.mailbox(ann)), len(await stage.mailbox(bob))) == (1, 0)
    page = await stage.store.history(bob.account, ann.account, before=None, after=None, limit=5)
    assert page.items == []
    assert (await stage.store.conversations(bob.account, before=None, limit=5))[0] == []


async def test_conversations_count_and_order(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    carl = await stage.person("carl")
    await stage.send(bob, ann, "b1")
    read = await stage.send(bob, ann, "b2")
    mine = await stage.send(ann, bob, "a1")
    await stage.send(bob, ann, "b3")
    await stage.send(carl, ann, "c1")
    await stage.do(commands.MarkRead, account=ann.account, peer=bob.account, message_id=read.message_id)
    await stage.do(commands.MarkRead, account=bob.account, peer=ann.account, message_id=mine.message_id)
    rows, more = await stage.store.conversations(ann.account, before=None, limit=5)
    assert [(row.login, row.unread, row.last.text) for row in rows] == [("carl", 1, "c1"), ("bob", 1, "b3")]
    assert not more
    assert (rows[1].my_read_up_to, rows[1].read_up_to, rows[1].delivered_up_to) == (
        read.message_id, mine.message_id, mine.message_id
    )  # fmt: skip
    assert (rows[0].my_read_up_to, rows[0].read_up_to, rows[0].delivered_up_to) == (None, None, None)
    [first], more = await stage.store.conversations(ann.account, before=None, limit=1)
    assert (first.login, more) == ("carl", True)
    [second], more = await stage.store.conversations(ann.account, before=first.last.message_id, limit=1)
    assert (second.login, more) == ("bob", False)


async def test_receipts_follow_acknowledgment_and_reading(place: Place) -> None:
    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        phone, tablet = await stage.device(bob), await stage.device(bob)
        receipts = stage.store.receipts
        assert await receipts(ann.account, bob.account) == (None, None)
        one = await stage.send(ann, bob, "1")
        await stage.send(bob, ann, "between")
        two = await stage.send(ann, bob, "2")
        three = await stage.send(ann, bob, "3")
        await stage.ack(phone, 2)
        assert await receipts(ann.account, bob.account) == (one.message_id, None)
        await stage.ack(tablet, 4)
        await stage.do(commands.RevokeDevice, account=bob.account, device_id=tablet.device_id)
        assert await receipts(ann.account, bob.account) == (two.message_id, None)
        await stage.do(commands.MarkRead, account=bob.account, peer=ann.account, message_id=three.message_id)
    async with place.open() as stage:
        expected = (three.message_id, three.message_id)
        assert await stage.store.receipts(ann.account, bob.account) == expected


async def test_words_are_found(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    carl = await stage.person("carl")
    for text in ("The quick brown fox", "a Brown bear", "Äpfel und Birnen", 'quote " OR text:', "a1 who a2"):
        await stage.send(ann, bob, text)
    await stage.send(carl, ann, "brown paper")

    async def find(query: str, **where: str | int | None) -> list[str]:
        found = await stage.store.search_messages(
            ann.account, query, peer=where.get("peer"), before=where.get("before"), limit=10
        )  # type: ignore[arg-type]  # the keys say which is which
        return [item.text for item in found.items]

    assert await find("brown") == ["The quick brown fox", "a Brown bear", "brown paper"]
    assert await find("BRO") == ["The quick brown fox", "a Brown bear", "brown paper"]
    assert await find("bro fox") == []
    assert await find("brown fo") == ["The quick brown fox"]
    assert await find("apfel") == ["Äpfel und Birnen"]
    assert await find("brown", peer=carl.account) == ["brown paper"]
    assert await find('" OR') == ['quote " OR text:']
    assert await find("a1") == ["a1 who a2"]
    for nothing in ("", "!!", "who :", "NEAR(", "*", "^", "\0"):
        assert all("brown" not in text for text in await find(nothing))
    page = await stage.store.search_messages(ann.account, "brown", peer=None, before=None, limit=2)
    assert ([item.text for item in page.items], page.more) == (["a Brown bear", "brown paper"], True)
    assert await find("brown", before=page.items[0].message_id) == ["The quick brown fox"]


async def test_search_follows_edits_and_deletions(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    early = await stage.send(ann, bob, "walrus one")

    async def find(query: str) -> int:
        return len((await stage.store.search_messages(bob.account, query, peer=None, before=None, limit=10)).items)

    assert await find("walrus") == 1
    late = await stage.send(ann, bob, "walrus two")
    for sent in (early, late):
        await stage.do(commands.EditMessage, account=ann.account, message_id=sent.message_id, text="badger")
    assert (await find("walrus"), await find("badger")) == (0, 2)
    for sent in (early, late):
        await stage.do(commands.DeleteMessage, account=ann.account, message_id=sent.message_id)
    assert (await find("walrus"), await find("badger")) == (0, 0)
