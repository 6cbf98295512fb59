"""Presence: several devices, a short drop, every status, and who is told."""

import pytest

from .contract import walks
from .people import World, befriend

pytestmark = pytest.mark.anyio


@walks("request set_presence", "reply ok", "push presence", "status away", "status dnd", "status online")
async def test_contacts_are_told_of_every_status(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tablet = await romeo.device("tablet")
    for status, text in (("away", "out on the balcony"), ("dnd", "asleep 😴"), ("online", ...)):
        assert (await juliet.phone.ask("set_presence", status=status, text=text))["type"] == "ok"
        for device in (romeo.phone, tablet):
            push = await device.push("presence", uid=juliet.uid, status=status)
            assert (push.get("text") or ...) == text


@walks("push presence")
async def test_strangers_are_told_nothing(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tybalt, paris = await world.people("tybalt", "paris")
    await paris.phone.ask("contact_request", to=juliet.uid)  # asked is not accepted
    await juliet.phone.ask("set_presence", status="away")
    await romeo.phone.push("presence", uid=juliet.uid, status="away")
    for stranger in (tybalt, paris):
        await stranger.phone.no_push("presence", uid=juliet.uid)


@walks("error bad_frame", "request set_presence")
async def test_a_status_that_is_none(world: World) -> None:
    juliet = await world.person()
    for status in ("offline", "", "busy", "ONLINE", "x" * 1000):
        await juliet.phone.refused("set_presence", "bad_frame", status=status)
    await juliet.phone.refused("set_presence", "bad_frame", "too_large", status="away", text="x" * 20_000)


@walks("push presence", "status online", "status offline")
async def test_online_while_any_device_is(hasty: World) -> None:
    juliet, romeo = await hasty.friends("juliet", "romeo")
    laptop = await juliet.device("laptop")
    await juliet.phone.close()
    assert (await romeo.phone.ask("get_user", uid=juliet.uid))["status"] == "online"
    await laptop.ask("set_presence", status="away")
    await romeo.phone.push("presence", uid=juliet.uid, status="away")
    await romeo.phone.no_push("presence", uid=juliet.uid, status="offline")
    await laptop.close()
    push = await romeo.phone.push("presence", uid=juliet.uid, status="offline")
    assert push.get("last_seen_at", push) is not None
    user = await romeo.phone.ask("get_user", uid=juliet.uid)
    assert user["status"] == "offline"
    assert user["last_seen_at"] >= user["created_at"]


@walks("push presence", "status online")
async def test_coming_back_is_announced(hasty: World) -> None:
    juliet, romeo = await hasty.friends("juliet", "romeo")
    await juliet.phone.close()
    await romeo.phone.push("presence", uid=juliet.uid, status="offline")
    await juliet.back(juliet.phone)
    await romeo.phone.push("presence", uid=juliet.uid, status="online")


@walks("rule a short drop is not announced")
async def test_a_short_drop_is_not_announced(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    await romeo.phone.barrier()
    romeo.phone.transcript.pushes.clear()
    for _ in range(3):
        await juliet.phone.drop()
        juliet.phone = await juliet.back(juliet.phone)
    await juliet.phone.ask("set_presence", status="dnd", text="back for good")
    push = await romeo.phone.push("presence", uid=juliet.uid)
    assert push["status"] == "dnd"
    await romeo.phone.no_push("presence", status="offline")


@walks("status invisible", "rule invisible is offline", "push presence")
async def test_invisible_looks_like_leaving(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    await juliet.phone.ask("set_presence", status="invisible")
    await romeo.phone.push("presence", uid=juliet.uid, status="offline")
    sent = await romeo.write(juliet, "I know you are there")
    assert (await juliet.phone.event("message"))["message_id"] == sent["message_id"]
    await juliet.write(romeo, "unseen, but not silent")
    await romeo.phone.event("message", from_=juliet.uid)
    await romeo.phone.no_push("presence", uid=juliet.uid, status="online")
    await juliet.phone.ask("set_presence", status="online")
    await romeo.phone.push("presence", uid=juliet.uid, status="online")


@walks("rule invisible is offline")
async def test_an_invisible_device_that_leaves_says_nothing(hasty: World) -> None:
    juliet, romeo = await hasty.friends("juliet", "romeo")
    nurse = await hasty.person("nurse")
    await befriend(nurse, romeo)
    await juliet.phone.ask("set_presence", status="invisible")
    await romeo.phone.push("presence", uid=juliet.uid, status="offline")
    await juliet.phone.close()
    await nurse.phone.close()
    await romeo.phone.push("presence", uid=nurse.uid, status="offline")  # so a second after it she is not announced
    await romeo.phone.no_push("presence", uid=juliet.uid)


@walks("push presence")
async def test_new_contacts_see_each_other(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.ask("set_presence", status="away")
    await befriend(juliet, romeo)
    (row,) = (await romeo.phone.ask("list_contacts"))["contacts"]
    assert row["status"] == "away"


@walks("push presence")
async def test_a_removed_contact_is_told_nothing_more(world: World) -> None:
    juliet, romeo, nurse = await world.friends("juliet", "romeo", "nurse")
    await juliet.phone.ask("contact_remove", peer=romeo.uid)
    await juliet.phone.ask("set_presence", status="dnd")
    await nurse.phone.push("presence", uid=juliet.uid, status="dnd")
    await romeo.phone.no_push("presence", uid=juliet.uid, status="dnd")
