"""Requests and replies: the request id, one reply for each, and what may be asked before signing in."""

import pytest

from .contract import AUTHENTICATED, case, walks
from .people import World
from .test_garbage import sample

pytestmark = pytest.mark.anyio


@walks("rule request id of 1 to 64 characters", "rule exactly one reply carries the request id")
@pytest.mark.parametrize(
    "request_id", ["1", "x" * 64, "é" * 64, "💌" * 64, ' "\\\n\t', "\x00", "null", "e\u0301", "\u202e"], ids=case
)
async def test_the_request_id_comes_back_as_it_was(world: World, request_id: str) -> None:
    stranger = await world.connect()
    await stranger.send({"type": "ping", "request_id": request_id})
    assert (await stranger.reply(request_id))["type"] == "pong"


@walks("rule request id of 1 to 64 characters", "error bad_frame")
@pytest.mark.parametrize("request_id", ["", "x" * 65, "💌" * 65, 7, True, ["r"], {"r": 1}], ids=case)
async def test_a_request_id_that_is_none(world: World, request_id: object) -> None:
    stranger = await world.connect()
    if isinstance(request_id, str):
        stranger.transcript.asked(request_id)  # the error may name it or not
    await stranger.send({"type": "ping", "request_id": request_id})
    await stranger.until(lambda: stranger.transcript.pushes or stranger.transcript.replies, "an error")
    for frame in [*stranger.transcript.pushes, *stranger.transcript.replies.values()]:
        assert (frame["type"], frame["code"]) == ("error", "bad_frame")
    await stranger.barrier()


@walks("rule exactly one reply carries the request id")
async def test_every_request_of_a_burst_gets_its_own_reply(world: World) -> None:
    juliet = await world.person()
    ids = [f"burst-{each}" for each in range(200)]
    for each in ids:
        await juliet.phone.send({"type": ("ping", "list_devices", "nonsense")[len(each) % 3], "request_id": each})
    for each in ids:
        await juliet.phone.reply(each)
    await juliet.phone.barrier()
    assert not juliet.phone.transcript.replies


@walks("rule exactly one reply carries the request id")
async def test_the_same_request_id_again_is_a_new_request(world: World) -> None:
    stranger = await world.connect()
    for _ in range(3):
        await stranger.send({"type": "ping", "request_id": "again"})
        assert (await stranger.reply("again"))["type"] == "pong"


@walks("rule exactly one reply carries the request id", "request ack", "request typing")
async def test_a_frame_that_needs_no_reply_gets_one_if_it_asks(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    assert (await juliet.phone.ask("ack", seq=juliet.phone.transcript.position))["re"]
    assert (await juliet.phone.ask("typing", to=romeo.uid, active=True))["re"]


@walks("rule no request id, no success reply, but an error")
async def test_without_a_request_id_only_errors_come(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.tell("ping")
    await juliet.phone.tell("list_devices")
    await juliet.phone.tell("history", peer=romeo.uid)
    await juliet.phone.tell("get_user", uid=romeo.uid)
    await juliet.phone.barrier()
    assert not juliet.phone.transcript.pushes
    await juliet.phone.tell("get_user", login="nobody-of-that-name")
    error = await juliet.phone.push("error", code="not_found")
    assert error.get("re") is None


@walks("rule no request id, no success reply, but an error")
async def test_a_message_sent_without_a_request_id_comes_back_as_an_event(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    client_message_id = world.new_id()
    await juliet.phone.tell("send", to=romeo.uid, text="no answer wanted", client_message_id=client_message_id)
    mine = await juliet.phone.event("message", client_message_id=client_message_id)
    theirs = await romeo.phone.event("message", client_message_id=client_message_id)
    assert mine["message_id"] == theirs["message_id"]


@walks("rule only the opening before authentication", "error unauthenticated")
@pytest.mark.parametrize("kind", AUTHENTICATED)
async def test_before_signing_in_only_the_opening_is_accepted(world: World, kind: str) -> None:
    stranger = await world.connect()
    fields = {
        spelled.rstrip("?"): sample(takes, "00000000-0000-4000-8000-000000000000")
        for spelled, takes in AUTHENTICATED[kind][0].items()
    }
    await stranger.refused(kind, "unauthenticated", **fields)
    await stranger.tell(kind, **fields)
    assert (await stranger.push("error"))["code"] == "unauthenticated"
    await stranger.barrier()


@walks("rule only the opening before authentication")
async def test_registering_does_not_sign_in(world: World) -> None:
    stranger = await world.connect()
    await stranger.ask("register", login=world.new_login("mercutio"), password="a plague on both")
    await stranger.refused("list_devices", "unauthenticated")
