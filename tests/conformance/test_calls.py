"""Calls: ringing, accepting, rejecting, ending, and the record that both accounts keep."""

import time

import pytest

from .contract import walks
from .people import World
from .ringing import ended, outcomes, recorded, ring, talk

pytestmark = pytest.mark.anyio
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@walks(
    *("request call_request", "reply call", "push incoming_call", "rule every device rings, the others are told"),
    "rule epoch, nonce and commitment pass untouched",
)
async def test_every_device_of_the_callee_rings(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tablet = await romeo.device("tablet")
    her_laptop = await juliet.device("laptop")
    call = await juliet.phone.ask("call_request", to=romeo.uid, media=["audio"], commitment="a-commitment_64")
    assert call["state"] == "ringing"
    assert 30_000 < call["expires_at"] - time.time() * 1000 < 60_000
    for device in (romeo.phone, tablet):
        push = await device.push("incoming_call")
        assert push == push | {
            "call_id": call["call_id"],
            "from": juliet.uid,
            "from_login": juliet.login,
            "media": ["audio"],
            "commitment": "a-commitment_64",
            "expires_at": call["expires_at"],
        }
    await her_laptop.no_push("incoming_call")
    await juliet.phone.no_push("incoming_call")


@walks(
    *("request call_accept", "push call_accepted", "push call_taken", "rule every device rings, the others are told"),
    "rule epoch, nonce and commitment pass untouched",
)
async def test_one_device_accepts_and_the_others_stop_ringing(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tablet = await romeo.device("tablet")
    call_id = await ring(juliet, romeo)
    await tablet.push("incoming_call", call_id=call_id)
    proof = {"nonce": "nonce-of-romeo", "fingerprint": "sha-256 AB:CD"}
    assert (await romeo.phone.ask("call_accept", call_id=call_id, **proof))["type"] == "ok"
    push = await juliet.phone.push("call_accepted", call_id=call_id)
    assert {field: push[field] for field in proof} == proof
    await tablet.push("call_taken", call_id=call_id)
    await romeo.phone.no_push("call_taken")
    await tablet.no_push("call_accepted")


@walks("push call_accepted")
async def test_what_was_not_said_is_not_passed_on(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call = await juliet.phone.ask("call_request", to=romeo.uid, media=["audio"])
    assert "commitment" not in await romeo.phone.push("incoming_call")
    await romeo.phone.ask("call_accept", call_id=call["call_id"])
    assert not (await juliet.phone.push("call_accepted")).keys() & {"nonce", "fingerprint"}


@walks("request call_end", "push call_ended", "reason hangup", "outcome answered", "event call")
@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_hanging_up(world: World, who: str) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    before = time.time() * 1000 - 2000
    call_id = await talk(juliet, romeo)
    one, other = (juliet, romeo) if who == "caller" else (romeo, juliet)
    assert (await one.phone.ask("call_end", call_id=call_id))["re"]
    push = await other.phone.push("call_ended", call_id=call_id)
    assert (push["reason"], push["by"]) == ("hangup", one.uid)
    assert await outcomes(call_id, juliet, romeo) == ("answered", "answered")
    item = (await juliet.phone.ask("history", peer=romeo.uid))["items"][-1]
    assert before < item["started_at"] < time.time() * 1000 + 2000
    assert 0 <= item["duration_ms"] < 60_000
    for person in (juliet, romeo):
        await person.phone.refused("call_end", "call_not_found", "call_state", call_id=call_id)
    await ring(romeo, juliet)  # both are free again


@walks("request call_reject", "push call_ended", "push call_taken", "reason declined", "outcome declined")
@pytest.mark.parametrize("reason", [..., "declined"], ids=["unsaid", "declined"])
async def test_declining(world: World, reason: object) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tablet = await romeo.device("tablet")
    call_id = await ring(juliet, romeo)
    await romeo.phone.ask("call_reject", call_id=call_id, reason=reason)
    push = await juliet.phone.push("call_ended", call_id=call_id)
    assert (push["reason"], push["by"]) == ("declined", romeo.uid)
    await tablet.push("call_taken", call_id=call_id)
    assert await outcomes(call_id, juliet, romeo) == ("declined", "declined")


@walks("request call_reject", "reason busy", "outcome busy")
async def test_rejecting_as_busy(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await ring(juliet, romeo)
    await romeo.phone.ask("call_reject", call_id=call_id, reason="busy")
    assert await ended(juliet.phone, call_id) == "busy"
    hers = await recorded(juliet, call_id, romeo)
    his = await recorded(romeo, call_id, juliet)
    assert hers["outcome"] == "busy"
    assert his["outcome"] in {"busy", "missed", "declined"}


@walks("request call_reject", "error bad_frame", "request call_end")
async def test_a_reason_that_is_none(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await ring(juliet, romeo)
    for reason in ("no_answer", "", "because", "x" * 5000):
        await romeo.phone.refused("call_reject", "bad_frame", call_id=call_id, reason=reason)
        if reason != "no_answer":
            await juliet.phone.refused("call_end", "bad_frame", call_id=call_id, reason=reason)
    await romeo.phone.ask("call_accept", call_id=call_id)  # it rings still


@walks("request call_end", "reason cancelled", "outcome cancelled", "outcome missed")
async def test_the_caller_gives_up(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tablet = await romeo.device("tablet")
    call_id = await ring(juliet, romeo)
    await juliet.phone.ask("call_end", call_id=call_id)
    for device in (romeo.phone, tablet):
        push = await device.push("call_ended", call_id=call_id)
        assert (push["reason"], push["by"]) == ("cancelled", juliet.uid)
    hers, his = await outcomes(call_id, juliet, romeo)
    assert hers == "cancelled"
    assert his in {"cancelled", "missed"}


@walks("reason no_answer", "outcome missed", "rule missed calls are found in the mailbox")
async def test_nobody_answers(hasty: World) -> None:
    juliet, romeo = await hasty.friends("juliet", "romeo")
    tablet = await romeo.device("tablet")
    call_id = await ring(juliet, romeo)
    assert await ended(juliet.phone, call_id) == "no_answer"
    for device in (romeo.phone, tablet):
        assert await ended(device, call_id) == "no_answer"
    assert await outcomes(call_id, juliet, romeo) == ("missed", "missed")
    assert (await juliet.phone.ask("history", peer=romeo.uid))["items"][-1]["duration_ms"] == 0
    await romeo.phone.refused("call_accept", "call_not_found", "call_state", call_id=call_id)


@walks("reason failed", "outcome failed", "request call_end")
async def test_a_call_that_fails(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await talk(juliet, romeo)
    await juliet.phone.ask("call_end", call_id=call_id, reason="failed")
    assert await ended(romeo.phone, call_id) == "failed"
    assert await outcomes(call_id, juliet, romeo) == ("failed", "failed")


@walks("error peer_offline", "outcome missed", "rule missed calls are found in the mailbox")
async def test_a_call_to_who_is_away(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    await romeo.phone.close()
    await juliet.phone.refused("call_request", "peer_offline", to=romeo.uid, media=["audio"])
    romeo.phone = await romeo.back(romeo.phone)
    missed = await romeo.phone.event("call", peer=juliet.uid)
    assert (missed["outcome"], missed["duration_ms"]) == ("missed", 0)
    (item,) = (await romeo.phone.ask("history", peer=juliet.uid))["items"]
    assert item["call_id"] == missed["call_id"]
    await romeo.phone.no_push("incoming_call")
    await romeo.phone.refused("call_accept", "call_not_found", "call_state", call_id=missed["call_id"])
    await ring(juliet, romeo)


@walks("error busy", "outcome missed", "rule missed calls are found in the mailbox", "status dnd")
async def test_a_call_to_who_wants_no_disturbance(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    await romeo.phone.ask("set_presence", status="dnd")
    await juliet.phone.refused("call_request", "busy", to=romeo.uid, media=["audio"])
    event = await romeo.phone.event("call")
    assert (event["peer"], event["outcome"]) == (juliet.uid, "missed")
    await romeo.phone.no_push("incoming_call")
    await romeo.phone.ask("set_presence", status="online")
    await ring(juliet, romeo)


@walks("error busy", "outcome missed", "rule missed calls are found in the mailbox")
@pytest.mark.parametrize("how", ["rung at", "ringing", "talking"])
async def test_a_call_to_who_is_in_a_call(world: World, how: str) -> None:
    juliet, romeo, nurse = await world.friends("juliet", "romeo", "nurse")
    if how == "talking":
        call_id = await talk(juliet, romeo)
    else:
        call_id = await (ring(juliet, romeo) if how == "rung at" else ring(romeo, juliet))
    await nurse.phone.refused("call_request", "busy", to=romeo.uid, media=["audio"])
    event = await romeo.phone.event("call")
    assert (event["peer"], event["outcome"]) == (nurse.uid, "missed")
    await romeo.phone.no_push("incoming_call", from_=nurse.uid)
    await juliet.phone.no_push("call_ended", call_id=call_id)


@walks("error busy", "error call_state")
async def test_one_call_at_a_time(world: World) -> None:
    juliet, romeo, nurse = await world.friends("juliet", "romeo", "nurse")
    call_id = await talk(juliet, romeo)
    for person in (juliet, romeo):
        await person.phone.refused("call_request", "busy", "call_state", "conflict", to=nurse.uid, media=["audio"])
    await juliet.phone.refused("call_request", "busy", "call_state", "conflict", to=romeo.uid, media=["audio"])
    await nurse.phone.no_push("incoming_call")
    await juliet.phone.ask("call_end", call_id=call_id)
    assert await ended(romeo.phone, call_id) == "hangup"


@walks("rule glare", "reason glare")
@pytest.mark.parametrize("first", ["lower", "higher"])
async def test_two_crossing_calls_become_one(world: World, first: str) -> None:
    lower, higher = sorted(await world.friends("juliet", "romeo"), key=lambda person: person.uid)
    one, other = (lower, higher) if first == "lower" else (higher, lower)
    calls = {}
    for person, peer in ((one, other), (other, one)):
        calls[person.uid] = await person.phone.ask("call_request", to=peer.uid, media=["audio"])
    standing, crossed = calls[lower.uid]["call_id"], calls[higher.uid]["call_id"]
    await higher.phone.push("incoming_call", call_id=standing)
    if crossed != standing:
        assert await ended(higher.phone, crossed) == "glare"
        await higher.phone.refused("call_end", "call_not_found", "call_state", call_id=crossed)
    await higher.phone.ask("call_accept", call_id=standing)
    await lower.phone.push("call_accepted", call_id=standing)
    await lower.phone.no_push("call_ended", call_id=standing)
    await lower.phone.ask("call_end", call_id=standing)
    assert await ended(higher.phone, standing) == "hangup"
    assert await outcomes(standing, lower, higher) == ("answered", "answered")


@walks("rule glare")
async def test_two_calls_at_the_same_instant_become_one(world: World) -> None:
    lower, higher = sorted(await world.friends("juliet", "romeo"), key=lambda person: person.uid)
    posted = [
        (person, await person.phone.post("call_request", to=peer.uid, media=["audio"]))
        for person, peer in ((higher, lower), (lower, higher))
    ]
    for person, request_id in posted:
        assert (await person.phone.reply(request_id))["type"] == "call"
    standing = (await higher.phone.push("incoming_call"))["call_id"]
    await higher.phone.ask("call_accept", call_id=standing)
    await lower.phone.push("call_accepted", call_id=standing)


@walks("error not_found", "error call_not_found")
async def test_calls_that_are_none(world: World) -> None:
    juliet = await world.person()
    await juliet.phone.refused("call_request", "not_found", to=UNKNOWN, media=["audio"])
    codes = ("bad_frame", "conflict", "forbidden", "not_found", "busy", "call_state")
    await juliet.phone.refused("call_request", *codes, to=juliet.uid, media=["audio"])
    for kind in ("call_accept", "call_reject", "call_end"):
        await juliet.phone.refused(kind, "call_not_found", call_id=UNKNOWN)
        await juliet.phone.refused(kind, "call_not_found", "bad_frame", call_id="not a call")


@walks("error call_state", "error call_not_found")
async def test_who_may_do_what_while_it_rings(world: World) -> None:
    juliet, romeo, tybalt = await world.friends("juliet", "romeo", "tybalt")
    call_id = await ring(juliet, romeo)
    await juliet.phone.refused("call_accept", "call_state", "call_not_found", call_id=call_id)
    await juliet.phone.refused("call_reject", "call_state", "call_not_found", call_id=call_id)
    for kind in ("call_accept", "call_reject", "call_end"):
        await tybalt.phone.refused(kind, "call_not_found", call_id=call_id)
    await romeo.phone.ask("call_accept", call_id=call_id)
    await romeo.phone.refused("call_accept", "call_state", call_id=call_id)
    await romeo.phone.refused("call_reject", "call_state", call_id=call_id)
    await juliet.phone.no_push("call_ended")


@walks("error call_state", "error call_not_found", "push call_taken")
async def test_two_devices_accept_at_once(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tablet = await romeo.device("tablet")
    call_id = await ring(juliet, romeo)
    await tablet.push("incoming_call", call_id=call_id)
    posted = [(device, await device.post("call_accept", call_id=call_id)) for device in (romeo.phone, tablet)]
    replies = [(device, await device.reply(request_id)) for device, request_id in posted]
    (winner,) = [device for device, reply in replies if reply["type"] == "ok"]
    ((loser, refusal),) = [(device, reply) for device, reply in replies if reply["type"] == "error"]
    assert refusal["code"] in {"call_state", "call_not_found"}
    await loser.push("call_taken", call_id=call_id)
    await winner.no_push("call_taken")
    await juliet.phone.push("call_accepted", call_id=call_id)
    await juliet.phone.no_push("call_accepted")


@walks("request call_request")
async def test_a_device_that_comes_while_it_rings(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    call_id = await ring(juliet, romeo)
    tablet = await romeo.device("tablet")
    await tablet.push("incoming_call", call_id=call_id)
    await tablet.ask("call_accept", call_id=call_id)
    await romeo.phone.push("call_taken", call_id=call_id)
