import pytest
import trio
import trio.testing

from msgd.store import commands
from msgd.store.interface import AccountRow, Committed, Outcome, Unavailable
from msgwire import MessageDeleted, MessageEdited, MessageEvent

from .stage import Place, Stage

pytestmark = pytest.mark.trio


async def test_a_message_stands_in_both_mailboxes_and_is_told_once(
    stage: Stage, ann: AccountRow, bob: AccountRow
) -> None:
    sent = await stage.send(ann, bob, "hello", client_message_id="k", receiver_live=True)
    assert (sent.seq, sent.live, sent.duplicate) == (1, True, False)
    for person in (ann, bob):
        [event] = await stage.mailbox(person)
        assert (event.account, event.seq, event.at) == (person.account, 1, sent.at)
        assert event.body == MessageEvent(
            message_id=sent.message_id,
            client_message_id="k",
            sender=ann.uid,
            from_login="ann",
            to=bob.uid,
            text="hello",
            sent_at=sent.at,
        )
        [told] = stage.heard_by(person.account)
        assert (told.seq, told.at, told.body) == (event.seq, event.at, event.body)


@pytest.mark.parametrize("text", ["a\0b", "\0", "🦜\u202e", "'; DROP TABLE message;--", "x" * 20_000, " \n"])
async def test_text_is_kept_to_the_byte(stage: Stage, ann: AccountRow, bob: AccountRow, text: str) -> None:
    await stage.send(ann, bob, text)
    assert await stage.texts(bob, ann) == [text]
    assert (await stage.mailbox(bob))[0].body.text == text


async def test_ids_sort_by_age_even_when_the_clock_steps_back(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    late = await stage.send(ann, bob, "1", at=5_000)
    early = await stage.send(ann, bob, "2", at=1_000)
    same = await stage.send(bob, ann, "3", at=1_000)
    assert late.message_id < early.message_id < same.message_id
    assert await stage.texts(ann, bob) == ["1", "2", "3"]


async def test_a_note_to_self_is_one_event(stage: Stage, ann: AccountRow) -> None:
    sent = await stage.send(ann, ann, "milk")
    assert sent.seq == 1
    assert [event.seq for event in await stage.mailbox(ann)] == [1]
    assert len(stage.heard) == 1
    assert await stage.texts(ann, ann) == ["milk"]
    [conversation], _ = await stage.store.conversations(ann.account, before=None, limit=5)
    assert (conversation.peer, conversation.unread) == (ann.uid, 0)


async def test_a_retry_gets_the_first_answer(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    first = await stage.send(ann, bob, "once", client_message_id="k", receiver_live=True)
    heard = len(stage.heard)
    again = await stage.send(ann, bob, "once", client_message_id="k")
    assert (again.message_id, again.at, again.seq, again.live) == (first.message_id, first.at, first.seq, True)
    assert again.duplicate
    assert len(stage.heard) == heard
    other = {"sender": ann.account, "client_message_id": "k"}
    await stage.refused("conflict", commands.SendMessage, receiver=bob.account, text="twice", **other)
    await stage.refused("conflict", commands.SendMessage, receiver=ann.account, text="once", **other)
    assert not (await stage.send(bob, ann, "mine", client_message_id="k")).duplicate


async def test_a_retry_is_known_after_edit_delete_and_restart(place: Place) -> None:
    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        edited = await stage.send(ann, bob, "first", client_message_id="e")
        deleted = await stage.send(ann, bob, "gone", client_message_id="d")
        await stage.do(commands.EditMessage, account=ann.account, message_id=edited.message_id, text="second")
        await stage.do(commands.DeleteMessage, account=ann.account, message_id=deleted.message_id)
    async with place.open() as stage:
        assert (await stage.send(ann, bob, "first", client_message_id="e")).message_id == edited.message_id
        assert (await stage.send(ann, bob, "gone", client_message_id="d")).message_id == deleted.message_id
        fields = {"sender": ann.account, "receiver": bob.account, "client_message_id": "e"}
        await stage.refused("conflict", commands.SendMessage, text="second", **fields)


async def test_retries_in_one_burst_make_one_message(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    outcomes: list[Outcome] = []
    command = commands.SendMessage(
        at=stage.clock.tick(), sender=ann.account, receiver=bob.account, text="x", client_message_id="k"
    )
    for _ in range(5):
        stage.store.submit(command, outcomes.append)
    await stage.store.writable()
    results = [outcome.result for outcome in outcomes if isinstance(outcome, Committed)]
    assert [result.duplicate for result in results] == [False, True, True, True, True]
    assert len({result.message_id for result in results}) == 1
    assert await stage.texts(ann, bob) == ["x"]


async def test_who_may_not_write(place: Place) -> None:
    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        fields = {"sender": ann.account, "text": "x", "client_message_id": "k"}
        await stage.refused("not_found", commands.SendMessage, receiver=999, **fields)
        await stage.contact(ann, bob, "block")
        await stage.refused("blocked", commands.SendMessage, receiver=bob.account, **fields)
        await stage.contact(ann, bob, "unblock")
        await stage.do(commands.SetDisabled, account=ann.account, disabled=True)
        await stage.refused("account_disabled", commands.SendMessage, receiver=bob.account, **fields)
    async with place.open(messages_from_strangers=False) as stage:
        await stage.do(commands.SetDisabled, account=ann.account, disabled=False)
        await stage.refused("forbidden", commands.SendMessage, receiver=bob.account, **fields)
        assert (await stage.send(ann, ann, "me")).seq
        await stage.contact(ann, bob, "request")
        await stage.refused("forbidden", commands.SendMessage, receiver=bob.account, **fields)
        await stage.contact(bob, ann, "accept")
        assert (await stage.send(ann, bob, "friend")).seq


async def test_a_blocked_sender_writes_to_nobody_and_notices_nothing(
    stage: Stage, ann: AccountRow, bob: AccountRow
) -> None:
    await stage.send(ann, bob, "before")
    await stage.contact(bob, ann, "block")
    head = (await stage.store.heads([bob.account]))[bob.account]
    hidden = await stage.send(ann, bob, "into the void", receiver_live=True)
    assert not hidden.live
    assert await stage.texts(ann, bob) == ["before", "into the void"]
    assert await stage.texts(bob, ann) == ["before"]
    assert (await stage.store.heads([bob.account]))[bob.account] == head
    await stage.contact(bob, ann, "unblock")
    await stage.send(ann, bob, "after")
    assert await stage.texts(bob, ann) == ["before", "after"]
    [conversation], _ = await stage.store.conversations(bob.account, before=None, limit=5)
    assert conversation.unread == 2
    for command in (commands.MarkRead, commands.EditMessage, commands.DeleteMessage):
        more = {"text": "x"} if command is commands.EditMessage else {"peer": ann.account}
        more = {} if command is commands.DeleteMessage else more
        await stage.refused("not_found", command, account=bob.account, message_id=hidden.message_id, **more)


async def test_a_full_mailbox_refuses_messages_until_something_is_acknowledged(place: Place) -> None:
    async with place.open(max_mailbox=3) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        phone, _ = await stage.device(bob), await stage.device(bob, "tablet")
        # The second device's event counts, too.
        await stage.send(ann, bob, "1")
        await stage.send(ann, bob, "2")
        fields = {"sender": ann.account, "receiver": bob.account, "text": "3", "client_message_id": "k"}
        await stage.refused("mailbox_full", commands.SendMessage, **fields)
        await stage.contact(ann, bob, "request")
        assert (await stage.store.heads([bob.account]))[bob.account] == 4
        assert await stage.ack(phone, 2) == 2
        assert (await stage.send(ann, bob, "3", client_message_id="k")).message_id
        await stage.refused("mailbox_full", commands.SendMessage, **{**fields, "client_message_id": "l"})


async def test_replies_point_into_the_same_conversation(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    eve = await stage.person("eve")
    first = await stage.send(ann, bob, "q")
    await stage.send(bob, ann, "a", reply_to=first.message_id)
    page = await stage.store.history(ann.account, bob.account, before=None, after=None, limit=5)
    assert page.items[1].reply_to == first.message_id
    for wrong in ("nonsense", "0" * 15 + "1"):
        fields = {"sender": bob.account, "receiver": ann.account, "text": "x", "client_message_id": "k"}
        await stage.refused("not_found", commands.SendMessage, reply_to=wrong, **fields)
    fields = {"sender": bob.account, "receiver": eve.account, "text": "x", "client_message_id": "k"}
    await stage.refused("not_found", commands.SendMessage, reply_to=first.message_id, **fields)


async def test_an_edit_changes_the_message_everywhere(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    sent = await stage.send(ann, bob, "frist")
    at = stage.clock.tick()
    await stage.do(commands.EditMessage, account=ann.account, message_id=sent.message_id, text="first", at=at)
    for person in (ann, bob):
        message, edit = await stage.mailbox(person)
        assert (message.body.text, message.body.edited_at) == ("first", at)
        assert edit.body == MessageEdited(
            message_id=sent.message_id, sender=ann.uid, to=bob.uid, text="first", edited_at=at
        )
    await stage.refused("forbidden", commands.EditMessage, account=bob.account, message_id=sent.message_id, text="mine")
    await stage.refused("not_found", commands.EditMessage, account=ann.account, message_id="zz", text="x")


async def test_the_edit_window_closes(place: Place) -> None:
    async with place.open(edit_window_ms=1000) as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        sent = await stage.send(ann, bob, "x")
        edit = {"account": ann.account, "message_id": sent.message_id, "text": "y"}
        await stage.do(commands.EditMessage, at=sent.at + 1000, **edit)
        await stage.refused("forbidden", commands.EditMessage, at=sent.at + 1001, **edit)


async def test_a_deletion_erases_the_text_everywhere(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    sent = await stage.send(ann, bob, "secret")
    await stage.do(commands.EditMessage, account=ann.account, message_id=sent.message_id, text="still secret")
    await stage.refused("forbidden", commands.DeleteMessage, account=bob.account, message_id=sent.message_id)
    await stage.do(commands.DeleteMessage, account=ann.account, message_id=sent.message_id)
    heads = await stage.store.heads([ann.account, bob.account])
    await stage.do(commands.DeleteMessage, account=ann.account, message_id=sent.message_id)
    assert await stage.store.heads([ann.account, bob.account]) == heads
    message, edit, deletion = await stage.mailbox(bob)
    assert (message.body.text, message.body.deleted) == ("", True)
    assert edit.body.text == ""
    assert deletion.body == MessageDeleted(
        message_id=sent.message_id, sender=ann.uid, to=bob.uid, deleted_at=deletion.at
    )
    [item] = (await stage.store.history(bob.account, ann.account, before=None, after=None, limit=5)).items
    assert (item.text, item.deleted) == ("", True)
    change = {"account": ann.account, "message_id": sent.message_id, "text": "x"}
    await stage.refused("conflict", commands.EditMessage, **change)


async def test_a_cursor_never_goes_back_nor_past_the_head(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    phone = await stage.device(bob)
    for number in range(3):
        await stage.send(ann, bob, str(number))
    assert await stage.ack(phone, 2) == 2
    assert await stage.ack(phone, 1) == 2
    assert await stage.ack(phone, 2**62) == 3
    assert (await stage.store.device(phone.device_id)).cursor == 3
    await stage.refused("not_found", commands.MoveCursor, account=ann.account, device_id=phone.device_id, seq=1)
    await stage.refused("not_found", commands.MoveCursor, account=bob.account, device_id="?", seq=1)


async def test_read_markers_go_forward_only(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    one, two = await stage.send(ann, bob, "1"), await stage.send(ann, bob, "2")
    read = {"account": bob.account, "peer": ann.account}
    assert (await stage.do(commands.MarkRead, message_id=two.message_id, **read)).moved
    back = await stage.do(commands.MarkRead, message_id=one.message_id, **read)
    assert (back.message_id, back.moved) == (two.message_id, False)
    await stage.refused("not_found", commands.MarkRead, message_id="f" * 16, **read)
    eve = await stage.person("eve")
    stray = {"account": bob.account, "peer": eve.account, "message_id": one.message_id}
    await stage.refused("not_found", commands.MarkRead, **stray)


async def test_no_seq_is_missing_or_given_twice_under_concurrency(place: Place) -> None:
    async with place.open() as stage:
        people = [await stage.person(f"p{number}") for number in range(6)]
        sent = 0

        async def chatter(me: int) -> None:
            nonlocal sent
            for number in range(60):
                await stage.send(people[me], people[(me + number) % 6], f"{me}-{number}")
                sent += 1

        async with trio.open_nursery() as nursery:
            for me in range(6):
                nursery.start_soon(chatter, me)
        for person in people:
            seqs = [event.seq for event in await stage.mailbox(person)]
            assert seqs == list(range(1, len(seqs) + 1))
            assert [event.seq for event in stage.heard_by(person.account)] == seqs
        assert sent == 360
    async with place.open() as stage:
        for person in people:
            seqs = [event.seq for event in await stage.mailbox(person)]
            assert seqs == list(range(1, len(seqs) + 1))
            assert (await stage.store.heads([person.account]))[person.account] == len(seqs)
            [item] = (await stage.store.history(person.account, person.account, before=None, after=None, limit=1)).items
            assert item.text


async def test_done_comes_before_its_events_in_the_order_of_submit(
    stage: Stage, ann: AccountRow, bob: AccountRow
) -> None:
    stage.journal.clear()
    for number in range(4):
        command = commands.SendMessage(
            at=1, sender=ann.account, receiver=bob.account, text="x", client_message_id=f"o{number % 3}"
        )
        stage.store.submit(command, lambda _, number=number: stage.journal.append(number))
    await stage.store.writable()
    events = [[(ann.account, seq), (bob.account, seq)] for seq in (1, 2, 3)]
    assert stage.journal == [0, events[0], 1, events[1], 2, events[2], 3]


async def test_a_callback_that_breaks_stops_no_other(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    def broken(_: Outcome) -> None:
        raise RuntimeError

    command = commands.TouchDevice(at=1, device_id="?")
    stage.store.submit(command, broken)
    assert (await stage.send(ann, bob, "on")).seq == 1


async def test_what_was_queued_is_carried_out_before_the_end(place: Place) -> None:
    outcomes: list[Outcome] = []
    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        for number in range(1000):
            command = commands.SendMessage(
                at=1, sender=ann.account, receiver=bob.account, text="x", client_message_id=str(number)
            )
            stage.store.submit(command, outcomes.append)
    assert [type(outcome) for outcome in outcomes] == [Committed] * 1000
    stage.store.submit(command, outcomes.append)
    assert isinstance(outcomes[-1], Unavailable)
    async with place.open() as stage:
        assert (await stage.store.heads([bob.account]))[bob.account] == 1000


async def test_a_cancelled_append_leaves_the_store_working(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await stage.send(ann, bob, "never")
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.send, ann, bob, "perhaps")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await stage.send(ann, bob, "surely")
    assert (await stage.texts(ann, bob))[-1] == "surely"
