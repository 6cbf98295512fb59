"""Receipts: delivered is what a device acknowledged, read is what a person saw; markers and typing."""

import pytest

from .contract import walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("push receipt", "rule delivered and read")
async def test_delivered_is_what_a_device_acknowledged(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    romeo.phone.acks = False
    sent = await juliet.write(romeo, "delivered when you say so")
    frame = await romeo.phone.event_frame("message")
    await juliet.phone.no_push("receipt")
    assert (await juliet.conversation(romeo)).get("delivered_up_to") is None
    await romeo.phone.ack(frame["seq"])
    receipt = await juliet.phone.push("receipt", peer=romeo.uid)
    assert receipt["delivered_up_to"] == sent["message_id"]
    assert receipt.get("read_up_to") is None
    row = await juliet.conversation(romeo)
    assert (row["delivered_up_to"], row.get("read_up_to")) == (sent["message_id"], None)


@walks("request read", "reply ok", "push receipt", "rule delivered and read")
async def test_read_is_what_the_client_says(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await juliet.device("laptop")
    ids = [(await juliet.write(romeo, f"to be read {each}"))["message_id"] for each in range(3)]
    await romeo.phone.event("message", message_id=ids[-1])
    assert (await romeo.phone.ask("read", peer=juliet.uid, message_id=ids[1]))["type"] == "ok"
    for device in (juliet.phone, laptop):
        await device.push("receipt", peer=romeo.uid, read_up_to=ids[1])
    assert (await juliet.conversation(romeo))["read_up_to"] == ids[1]
    await romeo.phone.ask("read", peer=juliet.uid, message_id=ids[2])
    await juliet.phone.push("receipt", peer=romeo.uid, read_up_to=ids[2])
    row = await juliet.conversation(romeo)
    assert (row["delivered_up_to"], row["read_up_to"]) == (ids[2], ids[2])


@walks("push read_marker")
async def test_the_readers_other_devices_are_told(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await romeo.device("laptop")
    sent = await juliet.write(romeo, "read on one device")
    await romeo.phone.event("message")
    await romeo.phone.ask("read", peer=juliet.uid, message_id=sent["message_id"])
    marker = await laptop.push("read_marker")
    assert (marker["peer"], marker["message_id"]) == (juliet.uid, sent["message_id"])
    await romeo.phone.no_push("read_marker")
    await juliet.phone.no_push("read_marker")


@walks("request read")
async def test_what_was_read_stays_read(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    ids = [(await juliet.write(romeo, f"stays read {each}"))["message_id"] for each in range(3)]
    await romeo.phone.ask("read", peer=juliet.uid, message_id=ids[2])
    await romeo.phone.ask("read", peer=juliet.uid, message_id=ids[0])
    row = await romeo.conversation(juliet)
    assert (row["my_read_up_to"], row["unread"]) == (ids[2], 0)
    assert (await juliet.conversation(romeo))["read_up_to"] == ids[2]
    await juliet.phone.push("receipt", read_up_to=ids[2])
    await juliet.phone.no_push("receipt", read_up_to=ids[0])


@walks("request read", "error not_found")
async def test_what_cannot_be_read(world: World) -> None:
    juliet, romeo, nurse = await world.people("juliet", "romeo", "nurse")
    sent = await juliet.write(romeo, "not for the nurse")
    await nurse.phone.refused("read", "not_found", peer=juliet.uid, message_id=sent["message_id"])
    await nurse.phone.refused("read", "not_found", peer=romeo.uid, message_id=sent["message_id"])
    await romeo.phone.refused("read", "not_found", peer=nurse.uid, message_id=sent["message_id"])
    await romeo.phone.refused("read", "not_found", peer=juliet.uid, message_id="no-such-message")
    await juliet.phone.no_push("receipt", read_up_to=sent["message_id"])


@walks("rule delivered and read")
async def test_receipts_wait_in_conversations(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    sent = await juliet.write(romeo, "I was away when you read it")
    await romeo.phone.event("message")
    await juliet.phone.close()
    await romeo.phone.ask("ack", seq=romeo.phone.transcript.position)
    await romeo.phone.ask("read", peer=juliet.uid, message_id=sent["message_id"])
    juliet.phone = await juliet.back(juliet.phone)
    row = await juliet.conversation(romeo)
    assert (row["delivered_up_to"], row["read_up_to"]) == (sent["message_id"], sent["message_id"])


@walks("rule delivered and read")
async def test_ones_own_messages_are_never_unread(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.write(romeo, "unread by you, not by me")
    assert (await juliet.conversation(romeo))["unread"] == 0
    assert (await romeo.conversation(juliet))["unread"] == 1


@walks("request typing", "push typing")
async def test_typing(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    tablet = await romeo.device("tablet")
    for active in (True, False):
        await juliet.phone.tell("typing", to=romeo.uid, active=active)
        for device in (romeo.phone, tablet):
            push = await device.push("typing", active=active)
            assert juliet.uid in push.values()
    await juliet.phone.no_push("typing")
    await juliet.phone.no_push("error")
    await romeo.phone.no_event("typing")


@walks("request typing")
async def test_typing_to_nobody(world: World) -> None:
    juliet = await world.person()
    await juliet.phone.refused("typing", "not_found", to="00000000-0000-4000-8000-000000000000", active=True)


async def test_typing_is_not_kept_for_who_is_away(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await romeo.phone.close()
    await juliet.phone.ask("typing", to=romeo.uid, active=True)
    phone = await romeo.back(romeo.phone)
    await phone.no_push("typing")
