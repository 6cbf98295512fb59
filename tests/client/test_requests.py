"""What a client asks in one request each, calls and drafts, and what it keeps to itself."""

from collections.abc import AsyncIterator, Callable

import anyio
import pytest

import msgwire
from msgclient import CallSignal, Client, ClientError, DeviceChanged, Limits, NotSignedIn, Resync, SignedOut

from .model_server import EPOCH_MS, Mailbox, ModelServer
from .network import Network

pytestmark = pytest.mark.anyio

PASSWORD = "a good password"


@pytest.fixture
def me(server: ModelServer) -> Mailbox:
    return server.register("juliet", PASSWORD)


@pytest.fixture
def romeo(server: ModelServer, me: Mailbox) -> Mailbox:
    return server.register("romeo")


@pytest.fixture
async def juliet(me: Mailbox, make_client: Callable[..., Client]) -> AsyncIterator[Client]:
    async with make_client() as client:
        await client.log_in("juliet", PASSWORD)
        yield client


async def settled(client: Client, wanted: Callable[[], object]) -> None:
    updates = client.updates()
    with anyio.fail_after(5):
        while not wanted():
            await anext(updates)


async def test_people_are_found_and_their_state_is_kept(juliet: Client, romeo: Mailbox) -> None:
    assert [user.login for user in await juliet.search("rom")] == ["romeo"]
    assert (await juliet.get_user(login="romeo")).uid == romeo.uid
    assert (await juliet.request_contact("romeo")).state == "requested"
    assert [contact.uid for contact in juliet.contacts()] == [romeo.uid]
    assert (await juliet.remove_contact(romeo.uid)).state == "none"
    assert juliet.contacts() == []
    assert (await juliet.decline_contact(romeo.uid)).state == "none"
    await juliet.block(romeo.uid)
    assert [contact.state for contact in juliet.contacts()] == ["blocked"]
    await juliet.unblock(romeo.uid)
    assert juliet.contacts() == []


async def test_the_account_is_managed(juliet: Client, server: ModelServer, me: Mailbox, network: Network) -> None:
    (device,) = await juliet.devices()
    assert device.current
    await juliet.revoke_device("another")
    await juliet.change_password(PASSWORD, "another good one")
    await juliet.set_presence("away", "asleep")
    sent = [frame for frame in server.asked if isinstance(frame, msgwire.SetPresence)]
    assert [(frame.status, frame.text) for frame in sent] == [("away", "asleep")]
    updates = juliet.updates()
    server.happen(me, msgwire.DeviceEvent(device_id="x", name="phone", action="added"))
    network.flush()
    with anyio.fail_after(5):
        while (update := await anext(updates)) != DeviceChanged("x", "phone", "added"):
            assert not isinstance(update, DeviceChanged)
    await juliet.delete_account("another good one")
    assert isinstance(juliet.state, SignedOut)
    with pytest.raises(NotSignedIn):
        await juliet.devices()


async def test_words_are_found_on_the_server(juliet: Client, server: ModelServer, me: Mailbox, romeo: Mailbox) -> None:
    server.post(romeo, me, "a rose by any other name")
    hits = await juliet.search_messages("rose")
    assert [item.message_id for item in hits.items] == ["m00000001"]
    assert "rose" not in repr(hits)


async def test_frames_that_the_client_keeps_books_of_are_its_own(juliet: Client) -> None:
    for frame in (msgwire.Ack(seq=1), msgwire.LogOut(), msgwire.Refresh(refresh_token="x")):
        with pytest.raises(TypeError):
            await juliet.request(frame)
        with pytest.raises(TypeError):
            juliet.hint(frame)
    assert isinstance(await juliet.request(msgwire.Ping()), msgwire.Pong)


async def test_calls_come_as_signals_and_end_in_the_conversation(
    juliet: Client, server: ModelServer, me: Mailbox, romeo: Mailbox, network: Network
) -> None:
    updates = juliet.updates()
    ringing = msgwire.IncomingCall(
        call_id="c", sender=romeo.uid, from_login="romeo", media=["audio"], expires_at=EPOCH_MS
    )
    server.push(me, ringing)
    ended = msgwire.CallEvent(
        message_id="m1",
        call_id="c",
        peer=romeo.uid,
        direction="incoming",
        outcome="missed",
        started_at=EPOCH_MS,
        duration_ms=0,
    )
    server.happen(me, ended)
    network.flush()
    signals = []
    with anyio.fail_after(5):
        while not signals:
            update = await anext(updates)
            if isinstance(update, CallSignal):
                signals.append(update.frame)
    assert signals == [ringing]
    await settled(juliet, lambda: juliet.messages(romeo.uid))
    (message,) = juliet.messages(romeo.uid)
    assert message.call is not None
    assert message.call.outcome == "missed"
    await settled(juliet, lambda: juliet.conversations()[0].login == "romeo")


async def test_a_draft_survives_and_makes_its_conversation(
    juliet: Client, romeo: Mailbox, make_client: Callable[..., Client]
) -> None:
    await juliet.set_draft(romeo.uid, "")
    assert juliet.conversations() == []
    await juliet.set_draft(romeo.uid, "half a\nthought")
    conversation = juliet.conversation(romeo.uid)
    assert conversation is not None
    assert conversation.draft == "half a\nthought"
    assert "thought" not in repr(conversation)


async def test_a_listener_that_falls_behind_is_told_to_read_again(
    me: Mailbox, romeo: Mailbox, make_client: Callable[..., Client]
) -> None:
    async with make_client(limits=Limits(max_updates=8)) as juliet:
        await juliet.log_in("juliet", PASSWORD)
        updates = juliet.updates()
        for number in range(30):
            await juliet.send(romeo.uid, str(number))
        with anyio.fail_after(5):
            while not isinstance(await anext(updates), Resync):
                pass


async def test_outside_the_block_there_is_no_client(make_client: Callable[..., Client]) -> None:
    client = make_client()
    for ask in (client.conversations, client.updates, client.reconnect_now):
        with pytest.raises(ClientError, match="async with"):
            ask()
