"""The client against the model server: signing in, sending, receiving, and every way to lose the line."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

import msgwire
from msgclient import (
    Client,
    MessageState,
    ProfileInUse,
    RequestFailed,
    SignedOut,
    TypingChanged,
)

from .model_server import Mailbox, ModelServer
from .network import Network
from .waiting import is_online, reach, settled, states, texts

pytestmark = pytest.mark.anyio

PASSWORD = "a good password"
Make = Callable[..., Client]


async def test_register_log_in_and_talk(server: ModelServer, network: Network, make_client: Make) -> None:
    romeo = server.register("romeo")
    async with make_client() as juliet:
        await reach(juliet, lambda state: isinstance(state, SignedOut))
        assert (await juliet.greet()).registration == "open"
        assert (await juliet.register("juliet", PASSWORD)).login == "juliet"
        with pytest.raises(RequestFailed, match="login_taken"):
            await juliet.register("juliet", PASSWORD)
        with pytest.raises(RequestFailed, match="invalid_credentials"):
            await juliet.log_in("juliet", "wrong")
        assert isinstance(juliet.state, SignedOut)
        me = await juliet.log_in("juliet", PASSWORD, device_name="balcony")
        assert juliet.me == me
        message = await juliet.send(romeo.uid, "wherefore\x00\x1b[31m\u202e art thou")
        assert message.state is MessageState.QUEUED
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT])
        assert server.items[0].text == message.text
        assert juliet.queued == 0
        server.post(romeo, server.accounts[me.uid], "call me but love")
        network.flush()
        await settled(juliet, lambda: len(texts(juliet, romeo.uid)) == 2)
        conversation = juliet.conversation(romeo.uid)
        assert conversation is not None
        assert conversation.unread == 1
        assert conversation.login == "romeo"
        await juliet.mark_read(romeo.uid, server.items[1].message_id)
        assert juliet.conversations()[0].unread == 0
        await network.until(lambda: romeo.read_up_to)
        assert romeo.read_up_to == {me.uid: server.items[1].message_id}


async def test_refused_messages_fail_with_their_reason_and_can_be_retried(
    server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        server.refusals["send"] = [msgwire.Error(code="mailbox_full", message="Full.") for _ in range(2)]
        first, second = [await juliet.send(romeo.uid, text) for text in ("first", "second")]
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.FAILED] * 2)
        failed = juliet.message(first.local_id)
        assert failed is not None
        assert (failed.failure, failed.failure_text) == ("mailbox_full", "Full.")
        await juliet.discard(second)
        await juliet.retry(first)
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT])
    assert [item.text for item in server.items] == ["first"]


async def test_a_message_put_off_is_not_overtaken(
    server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        codes = ("rate_limited", "unavailable", "internal")
        server.refusals["send"] = [msgwire.Error(code=code, message="Later.", retry_after_ms=1) for code in codes]
        for number in range(4):
            await juliet.send(romeo.uid, str(number))
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT] * 4)
    assert [item.text for item in server.items] == ["0", "1", "2", "3"]


async def test_logging_out_erases_everything(
    server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make, tmp_path: Path
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await juliet.send(romeo.uid, "a secret of two")
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT])
        await juliet.log_out()
        await reach(juliet, lambda state: isinstance(state, SignedOut))
        assert juliet.conversations() == []
        assert next(iter(juliet_box.devices.values())).is_revoked
    folder = tmp_path / "profiles" / "juliet"
    assert not (folder / "tokens.json").exists()
    assert b"a secret of two" not in (folder / "cache.sqlite").read_bytes()


async def test_another_account_finds_nothing_of_the_first(
    server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, network: Network, make_client: Make
) -> None:
    async with make_client() as client:
        await client.log_in("juliet", PASSWORD)
        await client.send(romeo.uid, "hers")
        await settled(client, lambda: states(client, romeo.uid) == [MessageState.SENT])
        await client.set_draft(romeo.uid, "half a thought")
        network.cut(4403)
        await reach(client, lambda state: isinstance(state, SignedOut))
        server.register("paris", PASSWORD)
        await client.log_in("paris", PASSWORD)
        await reach(client, is_online)
        await settled(client, lambda: client.conversations() == [])


async def test_a_new_device_finds_the_past(
    server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    for number in range(120):
        server.post(romeo, juliet_box, str(number))
    server.add_device(juliet_box).cursor = 118
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await settled(juliet, lambda: len(texts(juliet, romeo.uid)) == 50)
        await settled(juliet, lambda: juliet.conversations()[0].unread == 120)
        assert texts(juliet, romeo.uid)[-1] == "119"
        assert await juliet.fetch_history(romeo.uid)
        assert not await juliet.fetch_history(romeo.uid)
        everything = juliet.messages(romeo.uid, limit=500)
        assert [message.text for message in everything] == [str(number) for number in range(120)]
        page = juliet.messages(romeo.uid, before=everything[40], limit=10)
        assert page == everything[30:40]
        assert juliet.messages(romeo.uid, after=everything[40], limit=10) == everything[41:51]
        conversation = juliet.conversation(romeo.uid)
        assert conversation is not None
        assert conversation.reaches_start
        assert conversation.unread == 120


async def test_receipts_edits_deletions_and_typing_are_seen(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        for text in ("one", "two", "three"):
            await juliet.send(romeo.uid, text)
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT] * 3)
        one, two, three = [item.message_id for item in server.items]
        server.push(juliet_box, msgwire.Receipt(peer=romeo.uid, delivered_up_to=two, read_up_to=one))
        network.flush()
        wanted = [MessageState.READ, MessageState.DELIVERED, MessageState.SENT]
        await settled(juliet, lambda: states(juliet, romeo.uid) == wanted)
        await juliet.edit(two, "2")
        await juliet.delete(three)
        await settled(juliet, lambda: texts(juliet, romeo.uid) == ["one", "2", ""])
        updates = juliet.updates()
        server.push(juliet_box, msgwire.TypingPush(sender=romeo.uid, active=True))
        network.flush()
        with anyio.fail_after(5):
            while not isinstance(await anext(updates), TypingChanged):
                pass
        assert juliet.is_typing(romeo.uid)
        server.post(romeo, juliet_box, "done typing")
        network.flush()
        await settled(juliet, lambda: not juliet.is_typing(romeo.uid))


async def test_contacts_follow_the_server(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet, make_client("romeo") as other:
        await juliet.log_in("juliet", PASSWORD)
        await other.log_in("romeo", PASSWORD)
        assert (await juliet.request_contact("romeo", "It is I.")).state == "requested"
        network.flush()
        await settled(other, lambda: other.contact(juliet_box.uid))
        assert [contact.state for contact in other.contacts()] == ["pending"]
        await other.accept_contact(juliet_box.uid)
        network.flush()
        await settled(juliet, lambda: [contact.state for contact in juliet.contacts()] == ["accepted"])
        server.push(juliet_box, msgwire.Presence(uid=romeo.uid, status="away", text="asleep"))
        network.flush()
        await settled(juliet, lambda: [contact.status for contact in juliet.contacts()] == ["away"])


async def test_a_profile_has_one_client(make_client: Make) -> None:
    async with make_client():
        with pytest.raises(ProfileInUse):
            await make_client().__aenter__()
    async with make_client():
        pass


async def test_what_the_block_raises_comes_out_as_it_is(make_client: Make) -> None:
    with pytest.raises(ZeroDivisionError):
        async with make_client():
            _ = 1 / 0


async def test_updates_end_with_the_client(make_client: Make) -> None:
    async with make_client() as client:
        updates = client.updates()
    with anyio.fail_after(5):
        assert any([True async for _ in updates])
