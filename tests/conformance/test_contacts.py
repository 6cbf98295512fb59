"""Contacts: every request in every state, what both sides then see, and which events tell them."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from .contract import walks
from .people import Person, World

pytestmark = pytest.mark.anyio

# How two accounts come into a state, seen from the first: (what she does, what he does), in this order.
Step = Callable[[Person, Person], Awaitable[object]]


def asks(one: Person, other: Person) -> Awaitable[object]:
    return one.phone.ask("contact_request", to=other.uid)


def is_asked(one: Person, other: Person) -> Awaitable[object]:
    return other.phone.ask("contact_request", to=one.uid)


def is_accepted(one: Person, other: Person) -> Awaitable[object]:
    return other.phone.ask("contact_accept", peer=one.uid)


def blocks(one: Person, other: Person) -> Awaitable[object]:
    return one.phone.ask("block", peer=other.uid)


PATHS: Final[dict[str, tuple[Step, ...]]] = {
    "none": (),
    "requested": (asks,),
    "pending": (is_asked,),
    "accepted": (asks, is_accepted),
    "blocked": (blocks,),
}

# (state, request) -> (her state after it, his state after it), or the error codes that may refuse it.
# `no change` stands for an answer that repeats the state: asking twice is no fault.
NO_CHANGE: Final = ("conflict", "not_found")
TABLE: Final[dict[tuple[str, str], tuple[str, str] | tuple[str, ...]]] = {
    ("none", "contact_request"): ("requested", "pending"),
    ("pending", "contact_request"): ("accepted", "accepted"),
    ("pending", "contact_accept"): ("accepted", "accepted"),
    ("pending", "contact_decline"): ("none", "none"),
    ("requested", "contact_remove"): ("none", "none"),
    ("accepted", "contact_remove"): ("none", "none"),
}
REFUSED: Final = {
    ("none", "contact_accept"): NO_CHANGE,
    ("none", "contact_decline"): NO_CHANGE,
    ("requested", "contact_accept"): NO_CHANGE,
    ("requested", "contact_decline"): NO_CHANGE,
    ("blocked", "contact_request"): ("blocked",),
    ("blocked", "contact_accept"): (*NO_CHANGE, "blocked"),
    ("blocked", "contact_decline"): (*NO_CHANGE, "blocked"),
}
# Either an answer that repeats the state, or a refusal; never a change.
IDLE: Final = {
    ("none", "contact_remove"): ("none", "none"),
    ("requested", "contact_request"): ("requested", "pending"),
    ("pending", "contact_remove"): ("pending", "requested"),
    ("accepted", "contact_request"): ("accepted", "accepted"),
    ("accepted", "contact_accept"): ("accepted", "accepted"),
    ("accepted", "contact_decline"): ("accepted", "accepted"),
    ("blocked", "contact_remove"): ("blocked", "none"),
}


async def two_in(world: World, state: str) -> tuple[Person, Person]:
    juliet, romeo = await world.people("juliet", "romeo")
    for step in PATHS[state]:
        await step(juliet, romeo)
    assert await juliet.state_of(romeo) == state
    return juliet, romeo


def fields_of(request: str, peer: Person) -> dict[str, str]:
    return {"to" if request == "contact_request" else "peer": peer.uid}


@walks(
    *("request contact_request", "request contact_accept", "request contact_decline", "request contact_remove"),
    *("reply contact", "event contact", "state none", "state requested", "state pending", "state accepted"),
)
@pytest.mark.parametrize(("state", "request_"), TABLE.keys())
async def test_a_change_is_seen_by_both(world: World, state: str, request_: str) -> None:
    juliet, romeo = await two_in(world, state)
    hers, his = TABLE[state, request_]
    laptop = await juliet.device("laptop")
    reply = await juliet.phone.ask(request_, **fields_of(request_, romeo))
    assert (reply["type"], reply["state"]) == ("contact", hers)
    for device in (juliet.phone, laptop):
        await device.event("contact", state=hers)
    await romeo.phone.event("contact", state=his)
    assert (await juliet.state_of(romeo), await romeo.state_of(juliet)) == (hers, his)


@walks("error conflict", "error not_found", "error blocked")
@pytest.mark.parametrize(("state", "request_"), REFUSED.keys())
async def test_a_request_that_makes_no_sense_is_refused(world: World, state: str, request_: str) -> None:
    juliet, romeo = await two_in(world, state)
    before = await romeo.state_of(juliet)
    await juliet.phone.refused(request_, *REFUSED[state, request_], **fields_of(request_, romeo))
    assert (await juliet.state_of(romeo), await romeo.state_of(juliet)) == (state, before)


@walks("request contact_request", "request contact_remove")
@pytest.mark.parametrize(("state", "request_"), IDLE.keys())
async def test_a_request_for_what_is_so_already(world: World, state: str, request_: str) -> None:
    juliet, romeo = await two_in(world, state)
    await juliet.phone.barrier()
    juliet.phone.transcript.events.clear()
    reply = await juliet.phone.reply(await juliet.phone.post(request_, **fields_of(request_, romeo)))
    hers, his = IDLE[state, request_]
    if request_ == "contact_remove" and state == "pending" and reply["type"] == "contact":
        hers = his = "none"  # to remove what one was asked is to decline it
    assert reply.get("state") == hers or reply.get("code") in {*NO_CHANGE, "blocked"}, reply
    assert (await juliet.state_of(romeo), await romeo.state_of(juliet)) == (hers, his)


@walks("rule crossing requests become accepted", "state accepted")
async def test_crossing_requests_become_accepted(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    hers = await juliet.phone.post("contact_request", to=romeo.uid)
    his = await romeo.phone.post("contact_request", to=juliet.uid)
    states = sorted([(await juliet.phone.reply(hers))["state"], (await romeo.phone.reply(his))["state"]])
    assert states == ["accepted", "requested"]
    for person in (juliet, romeo):
        await person.phone.event("contact", state="accepted")
    assert (await juliet.state_of(romeo), await romeo.state_of(juliet)) == ("accepted", "accepted")


@walks("request list_contacts", "reply contacts", "request contact_request")
async def test_a_request_with_a_note(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    note = "we met at the ball 💃\x1b[31m"
    await romeo.phone.ask("contact_request", to=juliet.uid, note=note)
    (row,) = (await juliet.phone.ask("list_contacts"))["contacts"]
    assert (row["uid"], row["login"], row["state"], row["note"]) == (romeo.uid, romeo.login, "pending", note)
    (row,) = (await romeo.phone.ask("list_contacts"))["contacts"]
    assert (row["uid"], row["state"]) == (juliet.uid, "requested")


@walks("event contact")
async def test_a_request_waits_for_who_is_away(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.close()
    await romeo.phone.ask("contact_request", to=juliet.uid)
    juliet.phone = await juliet.back(juliet.phone)
    event = await juliet.phone.event("contact", state="pending")
    assert romeo.uid in event.values()
    await juliet.phone.ask("contact_accept", peer=romeo.uid)
    event = await romeo.phone.event("contact", state="accepted")
    assert juliet.uid in event.values()


@walks("request contact_request", "error not_found")
async def test_nobody_to_ask(world: World) -> None:
    juliet = await world.person()
    await juliet.phone.refused("contact_request", "not_found", to="00000000-0000-4000-8000-000000000000")
    for request in ("contact_accept", "contact_decline", "contact_remove", "block"):
        await juliet.phone.refused(request, "not_found", peer="00000000-0000-4000-8000-000000000000")
    codes = ("bad_frame", "conflict", "forbidden", "not_found")
    await juliet.phone.refused("contact_request", *codes, to=juliet.uid)
    await juliet.phone.refused("block", *codes, peer=juliet.uid)


@walks("request contact_request")
async def test_asking_again_after_a_refusal(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    for last in ("contact_decline", "contact_accept"):
        await romeo.phone.ask("contact_request", to=juliet.uid)
        await juliet.phone.event("contact", state="pending")
        await juliet.phone.ask(last, peer=romeo.uid)
    assert (await juliet.state_of(romeo), await romeo.state_of(juliet)) == ("accepted", "accepted")


@walks("request list_contacts", "reply contacts")
async def test_the_list_shows_who_is_there(world: World) -> None:
    juliet, romeo, nurse = await world.people("juliet", "romeo", "nurse")
    for friend in (romeo, nurse):
        await friend.phone.ask("contact_request", to=juliet.uid)
        await juliet.phone.ask("contact_accept", peer=friend.uid)
    await nurse.phone.ask("set_presence", status="dnd")
    rows = {row["uid"]: row for row in (await juliet.phone.ask("list_contacts"))["contacts"]}
    assert {uid: (row["login"], row["state"], row["status"]) for uid, row in rows.items()} == {
        romeo.uid: (romeo.login, "accepted", "online"),
        nurse.uid: (nurse.login, "accepted", "dnd"),
    }
