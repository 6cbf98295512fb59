"""Transport: TLS, path and subprotocol, frames and arrays, binary and oversized messages."""

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from .contract import PATH, SUBPROTOCOL, walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("push hello", "registration open")
async def test_hello_comes_first_and_names_the_limits(world: World) -> None:
    stranger = await world.connect()
    assert stranger.hello["registration"] == "open"
    assert stranger.hello["limits"]["max_message_bytes"] == 131072
    assert stranger.hello["limits"]["max_text_bytes"] == 16384
    assert stranger.hello["limits"]["auth_timeout_s"] == 15
    assert min(stranger.hello["limits"].values()) > 0


async def test_the_address_is_secure_and_speaks_the_subprotocol(world: World) -> None:
    assert world.daemon.url.startswith("wss://127.0.0.1:")
    assert world.daemon.url.endswith(PATH)
    stranger = await world.connect()
    assert stranger.socket.subprotocol == SUBPROTOCOL


@pytest.mark.parametrize("path", ["/", "/v1/", "/v2/ws", "/v1/ws/more", "/v1/wsx"])
async def test_another_path_is_refused(world: World, path: str) -> None:
    url = world.daemon.url.removesuffix(PATH) + path
    with pytest.raises(InvalidHandshake):
        async with connect(url, ssl=world.daemon.tls(), subprotocols=[SUBPROTOCOL], proxy=None):  # type: ignore[list-item]  # a NewType of str
            pass


async def test_another_subprotocol_is_refused(world: World) -> None:
    with pytest.raises(InvalidHandshake):
        async with connect(world.daemon.url, ssl=world.daemon.tls(), subprotocols=["msgd.v99"], proxy=None):  # type: ignore[list-item]  # a NewType of str
            pass


async def test_the_subprotocol_is_found_among_others(world: World) -> None:
    offered = ["chat", SUBPROTOCOL, "msgd.v99"]
    async with connect(world.daemon.url, ssl=world.daemon.tls(), subprotocols=offered, proxy=None) as socket:  # type: ignore[arg-type]  # a NewType of str
        assert socket.subprotocol == SUBPROTOCOL


@walks("request ping", "reply pong", "rule one frame or an array, both directions")
async def test_one_frame_or_an_array(world: World) -> None:
    phone = (await world.person()).phone
    for frames in (1, 2, 500):
        asked = [{"type": "ping", "request_id": f"p{frames}-{each}"} for each in range(frames)]
        await phone.send(*asked)
        for frame in asked:
            assert (await phone.reply(frame["request_id"]))["type"] == "pong"
    phone.transcript.asked("alone")
    await phone.send_raw('[{"type":"ping","request_id":"alone"}]')
    assert (await phone.reply("alone"))["type"] == "pong"


@walks("rule frames in an array are handled in order", "rule bad input never ends the connection", "error unknown_type")
async def test_good_and_bad_frames_of_an_array_are_handled_in_order(world: World) -> None:
    stranger = await world.connect()
    ids = [f"m{each}" for each in range(7)]
    for each in ids:
        stranger.transcript.asked(each)
    await stranger.send_raw(
        json.dumps(
            [
                {"type": "ping", "request_id": "m0"},
                {"type": "register", "request_id": "m1", "login": 7, "password": "long enough"},
                {"type": "ping", "request_id": "m2"},
                17,
                {"type": "list_devices", "request_id": "m3"},
                {"type": "ping", "request_id": "m4"},
                {"request_id": "m5"},
                {"type": "ping", "request_id": "m6"},
            ]
        )
    )
    replies = {each: await stranger.reply(each) for each in ids}
    assert stranger.transcript.answered == ids
    assert [replies[each]["type"] for each in ("m0", "m2", "m4", "m6")] == ["pong"] * 4
    assert replies["m1"]["code"] == "bad_frame"
    assert replies["m3"]["code"] == "unauthenticated"
    assert replies["m5"]["code"] == "bad_frame"
    assert (await stranger.push("error"))["code"] == "bad_frame"


async def test_an_array_may_carry_a_whole_life(world: World) -> None:
    stranger = await world.connect()
    login = world.new_login("whole")
    account = {"login": login, "password": "a long password"}
    await stranger.send(
        {"type": "register", "request_id": "1", **account},
        {"type": "login", "request_id": "2", **account},
        {"type": "list_devices", "request_id": "3"},
        {"type": "logout", "request_id": "4"},
    )
    kinds = [(await stranger.reply(each))["type"] for each in "1234"]
    assert kinds == ["registered", "session", "devices", "ok"]
    await stranger.closed(1000)


@walks("rule unknown fields are ignored")
async def test_unknown_fields_are_ignored(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.ask("ping", colour="red", nested={"deep": [1, None]})
    sent = await juliet.write(romeo, "with more than you know", priority=9, re="x", seq=-1, uid=None)
    message = await romeo.phone.event("message", message_id=sent["message_id"])
    assert message["text"] == "with more than you know"


@walks("error unknown_type")
async def test_an_unknown_type(world: World) -> None:
    juliet = await world.person()
    for kind in ("teleport", "hello", "pong", "event", "PING", "", "ping ", "é" * 100):
        frame = await juliet.phone.refused(kind, "unknown_type")
        assert frame["message"]
    await juliet.phone.tell("teleport")
    assert (await juliet.phone.push("error"))["code"] == "unknown_type"
    await juliet.phone.barrier()


@walks("close 1003")
async def test_a_binary_message_is_refused(world: World) -> None:
    stranger = await world.connect()
    await stranger.socket.send(b'{"type":"ping","request_id":"b"}')
    await stranger.closed(1003)


@walks("close 1009", "limit max_message_bytes")
@pytest.mark.parametrize("letter", ["x", "é", "💌"])
async def test_a_message_is_measured_in_bytes(world: World, letter: str) -> None:
    stranger = await world.connect()
    limit = stranger.limits["max_message_bytes"]
    stranger.transcript.asked("fits")
    await stranger.send_raw(padded_ping(limit, letter, "fits"))
    assert (await stranger.reply("fits"))["type"] == "pong"
    over = padded_ping(limit + 1, letter, "over")
    assert len(over) <= limit or letter == "x"
    await stranger.send_raw(over)
    await stranger.closed(1009)


def padded_ping(size: int, letter: str, request_id: str) -> str:
    """A ping of exactly `size` bytes."""
    frame = json.dumps({"type": "ping", "request_id": request_id, "pad": "@"})
    room = size - len(frame) + 1
    count, rest = divmod(room, len(letter.encode()))
    raw = frame.replace("@", letter * count + "." * rest)
    assert len(raw.encode()) == size
    return raw


@walks("close 1009")
async def test_a_fragmented_message_is_measured_as_a_whole(world: World) -> None:
    stranger = await world.connect()
    limit = stranger.limits["max_message_bytes"]
    raw = padded_ping(limit, "x", "pieces")
    stranger.transcript.asked("pieces")
    await stranger.socket.send([raw[start : start + 10_000] for start in range(0, limit, 10_000)])
    assert (await stranger.reply("pieces"))["type"] == "pong"
    raw = padded_ping(limit + 1, "x", "over")
    await stranger.socket.send([raw[start : start + 10_000] for start in range(0, limit + 1, 10_000)])
    await stranger.closed(1009)


async def test_a_message_may_come_in_many_small_pieces(world: World) -> None:
    stranger = await world.connect()
    stranger.transcript.asked("é")
    raw = '{"type":"ping","request_id":"é"}'
    await stranger.socket.send(list(raw))
    assert (await stranger.reply("é"))["type"] == "pong"


async def test_a_websocket_ping_is_answered(world: World) -> None:
    stranger = await world.connect()
    pong = await stranger.socket.ping(b"still there?")
    await pong
    await stranger.barrier()


async def test_the_clients_close_is_answered(world: World) -> None:
    stranger = await world.connect()
    await stranger.socket.close(1000, "good night")
    assert stranger.socket.close_code == 1000


@walks("rule bad input never ends the connection")
async def test_ten_thousand_frames_in_one_array(world: World) -> None:
    phone = (await world.person()).phone
    raw = "[" + ",".join(['{"type":"a"}'] * 10_000) + "]"
    assert len(raw) <= phone.limits["max_message_bytes"]
    await phone.send_raw(raw)
    await phone.barrier()
    errors = [frame["code"] for frame in phone.transcript.pushes if frame["type"] == "error"]
    assert errors == ["unknown_type"] * 10_000
    assert phone.transcript.messages < phone.transcript.frames  # under load the server puts frames into arrays
