"""Signaling: offer, answer and candidate between the two devices of a call, a lost socket, and servers for ICE."""

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest

from .conftest import TURN_SECRET
from .contract import walks
from .people import World
from .ringing import ended, outcomes, ring, talk

pytestmark = pytest.mark.anyio
SDP = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\na=fingerprint:sha-256 AB:CD\r\n"
CANDIDATE = {
    "candidate": "candidate:1 1 udp 2130706431 192.0.2.1 54321 typ host",
    "sdpMid": "0",
    "sdpMLineIndex": 0,
    "usernameFragment": "ufrag",
}
FRAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "offer": ("offer", {"sdp": SDP}),
    "offer with a nonce": ("offer", {"sdp": SDP, "epoch": 0, "nonce": "nonce-of-juliet"}),
    "offer of a later epoch": ("offer", {"sdp": SDP, "epoch": 7}),
    "answer": ("answer", {"sdp": SDP}),
    "answer with a nonce": ("answer", {"sdp": SDP, "epoch": 3, "nonce": "a nonce for answers"}),
    "candidate": ("candidate", {"candidate": CANDIDATE}),
    "candidate of a later epoch": ("candidate", {"candidate": CANDIDATE, "epoch": 2}),
    "end of candidates": ("candidate", {"candidate": None}),
    "empty candidate": ("candidate", {"candidate": {"candidate": "", "sdpMid": "0"}}),
    "a long offer": ("offer", {"sdp": SDP * 500}),
    "an offer in every script": ("offer", {"sdp": SDP + "s=Юлия 💌\0\u202e"}),
}


@walks(
    *("request offer", "request answer", "request candidate", "push offer", "push answer", "push candidate"),
    "rule epoch, nonce and commitment pass untouched",
)
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
async def test_the_other_device_gets_the_same_frame(world: World, frame: tuple[str, dict[str, Any]]) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await talk(juliet, romeo)
    kind, fields = frame
    for sender, receiver in ((juliet, romeo), (romeo, juliet)):
        assert (await sender.phone.ask(kind, call_id=call_id, **fields))["re"]
        push = await receiver.phone.push(kind)
        assert push.pop("from") == sender.uid
        expected = {"type": kind, "call_id": call_id, "epoch": 0, **fields}
        assert {field: push.get(field, 0 if field == "epoch" else None) for field in expected | push} == expected
        await sender.phone.no_push(kind)


@walks("request offer", "request candidate")
async def test_signaling_keeps_its_order(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await talk(juliet, romeo)
    await juliet.phone.tell("offer", call_id=call_id, sdp=SDP)
    for each in range(30):
        await juliet.phone.tell("candidate", call_id=call_id, candidate={"candidate": f"candidate:{each}"})
    await juliet.phone.tell("candidate", call_id=call_id, candidate=None)
    await romeo.phone.push("offer")
    got = [(await romeo.phone.push("candidate"))["candidate"] for _ in range(31)]
    assert got == [*({"candidate": f"candidate:{each}"} for each in range(30)), None]


@walks("rule signaling only between the two devices", "error call_not_found")
async def test_nobody_else_may_signal(world: World) -> None:
    juliet, romeo, tybalt = await world.friends("juliet", "romeo", "tybalt")
    tablet = await romeo.device("tablet")
    her_laptop = await juliet.device("laptop")
    call_id = await talk(juliet, romeo)
    for device in (tybalt.phone, tablet, her_laptop):
        await device.refused("offer", "call_not_found", call_id=call_id, sdp=SDP)
        await device.refused("answer", "call_not_found", call_id=call_id, sdp=SDP)
        await device.refused("candidate", "call_not_found", call_id=call_id, candidate=None)
    await tybalt.phone.refused("call_end", "call_not_found", call_id=call_id)
    await juliet.phone.ask("offer", call_id=call_id, sdp=SDP)
    await romeo.phone.push("offer")
    for device in (tybalt.phone, tablet, her_laptop):
        await device.no_push("offer")
    for kind in ("offer", "answer", "candidate"):
        await juliet.phone.no_push(kind)
        await romeo.phone.no_push(kind)


@walks("error call_state", "error call_not_found")
async def test_nothing_is_signaled_before_and_after(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    unknown = "00000000-0000-4000-8000-000000000000"
    await juliet.phone.refused("offer", "call_not_found", call_id=unknown, sdp=SDP)
    await juliet.phone.refused("candidate", "call_not_found", call_id=unknown, candidate=None)
    call_id = await ring(juliet, romeo)
    await juliet.phone.refused("offer", "call_state", call_id=call_id, sdp=SDP)
    await juliet.phone.refused("candidate", "call_state", call_id=call_id, candidate=None)
    await romeo.phone.ask("call_accept", call_id=call_id)
    await juliet.phone.ask("offer", call_id=call_id, sdp=SDP)
    await romeo.phone.push("offer")
    await romeo.phone.ask("call_end", call_id=call_id)
    await ended(juliet.phone, call_id)
    await juliet.phone.refused("offer", "call_not_found", "call_state", call_id=call_id, sdp=SDP)
    await romeo.phone.no_push("offer")


@walks("rule a lost socket has a grace", "push ready")
@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_device_that_comes_back_goes_on(world: World, who: str) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await talk(juliet, romeo)
    gone, stays = (juliet, romeo) if who == "caller" else (romeo, juliet)
    await gone.phone.drop()
    await stays.phone.no_push("call_ended")
    gone.phone = await gone.back(gone.phone)
    calls = gone.phone.transcript.ready["calls"]
    assert [call if isinstance(call, str) else call["call_id"] for call in calls] == [call_id]
    for sender, receiver in ((gone, stays), (stays, gone)):
        await sender.phone.ask("offer", call_id=call_id, sdp=SDP, epoch=1)
        assert (await receiver.phone.push("offer"))["epoch"] == 1
    await gone.phone.ask("call_end", call_id=call_id)
    assert await ended(stays.phone, call_id) == "hangup"
    assert await outcomes(call_id, juliet, romeo) == ("answered", "answered")


@walks("push ready")
async def test_ready_lists_no_call_where_there_is_none(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await talk(juliet, romeo)
    laptop = await juliet.device("laptop")  # another device is not in that call
    calls = laptop.transcript.ready.get("calls", [])
    assert call_id not in [call if isinstance(call, str) else call["call_id"] for call in calls]
    await juliet.phone.ask("call_end", call_id=call_id)
    await juliet.phone.close()
    phone = await juliet.back(juliet.phone)
    assert not phone.transcript.ready.get("calls")


@walks("rule a lost socket has a grace", "reason lost", "push call_ended")
@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_device_that_stays_away_loses_the_call(hasty: World, who: str) -> None:
    juliet, romeo = await hasty.friends("juliet", "romeo")
    call_id = await talk(juliet, romeo)
    gone, stays = (juliet, romeo) if who == "caller" else (romeo, juliet)
    await gone.phone.drop()
    assert await ended(stays.phone, call_id) == "lost"
    gone.phone = await gone.back(gone.phone)
    assert not gone.phone.transcript.ready.get("calls")
    hers, his = await outcomes(call_id, juliet, romeo)
    assert hers == his
    assert hers in {"answered", "failed"}
    await ring(stays, gone)


@walks("reason lost")
async def test_a_revoked_device_is_out_of_its_call(hasty: World) -> None:
    juliet, romeo = await hasty.friends("juliet", "romeo")
    laptop = await juliet.device("laptop")
    call_id = await talk(juliet, romeo)
    await laptop.ask("revoke_device", device_id=juliet.phone.device_id)
    await juliet.phone.closed(4403)
    assert await ended(romeo.phone, call_id) in {"lost", "hangup", "failed"}
    await romeo.phone.event("call", call_id=call_id)


@walks("rule a lost socket has a grace", "request call_end")
async def test_ending_a_call_while_the_other_is_in_a_tunnel(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await talk(juliet, romeo)
    await romeo.phone.drop()
    await juliet.phone.ask("offer", call_id=call_id, sdp=SDP, epoch=1)  # into the tunnel
    await juliet.phone.ask("call_end", call_id=call_id)
    romeo.phone = await romeo.back(romeo.phone)
    assert not romeo.phone.transcript.ready.get("calls")
    assert await outcomes(call_id, juliet, romeo) == ("answered", "answered")


@walks("request ice_servers", "reply ice_servers", "rule turn credentials run out")
async def test_turn_credentials(hasty: World) -> None:
    juliet = await hasty.person()
    reply = await juliet.phone.ask("ice_servers")
    assert reply["ttl_s"] > 0
    (server,) = [server for server in reply["ice_servers"] if server.get("credential")]
    urls = server["urls"] if isinstance(server["urls"], list) else [server["urls"]]
    assert urls == ["turn:127.0.0.1:3478?transport=udp"]
    expiry, _, uid = server["username"].partition(":")
    assert uid == juliet.uid
    assert abs(int(expiry) - time.time() - reply["ttl_s"]) < 30
    digest = hmac.new(TURN_SECRET.encode(), server["username"].encode(), hashlib.sha1).digest()
    assert server["credential"] == base64.b64encode(digest).decode()


@walks("error turn_unavailable", "request ice_servers")
async def test_without_turn(world: World) -> None:
    juliet = await world.person()
    reply = await juliet.phone.reply(await juliet.phone.post("ice_servers"))
    if reply["type"] == "error":
        assert reply["code"] == "turn_unavailable"
    else:
        assert not any(server.get("credential") for server in reply["ice_servers"])
