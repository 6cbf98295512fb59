"""Silent blocking: the blocked one sees somebody who is offline, and finds no other difference."""

import pytest

from .contract import walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("request block", "request unblock", "reply ok", "state blocked")
async def test_block_and_unblock(world: World) -> None:
    juliet, paris = await world.friends("juliet", "paris")
    assert (await juliet.phone.ask("block", peer=paris.uid))["type"] == "ok"
    assert await juliet.state_of(paris) == "blocked"
    await juliet.phone.ask("block", peer=paris.uid)
    assert (await juliet.phone.ask("unblock", peer=paris.uid))["type"] == "ok"
    assert await juliet.state_of(paris) != "blocked"
    sent = await paris.write(juliet, "am I heard again?")
    assert (await juliet.phone.event("message"))["message_id"] == sent["message_id"]


@walks("rule blocking is silent", "sent stored")
async def test_messages_are_accepted_and_go_nowhere(world: World) -> None:
    juliet, paris = await world.friends("juliet", "paris")
    laptop = await juliet.device("laptop")
    await juliet.phone.ask("block", peer=paris.uid)
    head = juliet.phone.transcript.position
    sent = await paris.write(juliet, "these are sent in vain")
    assert sent["status"] == "stored"
    again = await paris.write(juliet, "these are sent in vain", client_message_id=sent["client_message_id"])
    assert again["message_id"] == sent["message_id"]
    await paris.phone.ask("typing", to=juliet.uid, active=True)
    for device in (juliet.phone, laptop):
        await device.no_event("message")
        await device.no_push("typing")
    assert juliet.phone.transcript.position <= head + 1  # her own `contact` event at most
    assert (await juliet.phone.ask("history", peer=paris.uid))["items"] == []
    assert (await juliet.phone.ask("search_messages", query="vain"))["items"] == []
    assert [row["peer"] for row in (await juliet.phone.ask("conversations"))["conversations"]] == []
    his = (await paris.phone.ask("history", peer=juliet.uid))["items"]
    assert [item["message_id"] for item in his] == [sent["message_id"]]
    await paris.phone.ask("edit", message_id=sent["message_id"], text="still sent in vain")
    await paris.phone.ask("delete", message_id=sent["message_id"])
    await juliet.phone.no_event("message_edited")
    await juliet.phone.no_event("message_deleted")
    await juliet.phone.ask("unblock", peer=paris.uid)
    await juliet.phone.no_event("message")
    assert (await juliet.phone.ask("history", peer=paris.uid))["items"] == []


@walks("rule blocking is silent", "status offline")
async def test_the_blocker_looks_offline(world: World) -> None:
    juliet, paris = await world.friends("juliet", "paris")
    before = await paris.phone.ask("get_user", uid=juliet.uid)
    assert before["status"] == "online"
    await juliet.phone.ask("block", peer=paris.uid)
    await juliet.phone.ask("set_presence", status="away", text="away from Paris")
    after = await paris.phone.ask("get_user", uid=juliet.uid)
    assert (after["status"], after["contact"]) == ("offline", "accepted")
    (found,) = (await paris.phone.ask("search", query=juliet.login))["users"]
    assert found["status"] == "offline"
    (row,) = (await paris.phone.ask("list_contacts"))["contacts"]
    assert (row["uid"], row["state"], row["status"]) == (juliet.uid, "accepted", "offline")
    await juliet.phone.ask("set_presence", status="online")
    await paris.phone.no_push("presence", uid=juliet.uid, status="away")
    await paris.phone.no_push("presence", uid=juliet.uid, status="online")
    await paris.phone.no_event("contact", state="blocked")
    await paris.phone.no_event("contact", state="none")


@walks("rule blocking is silent")
async def test_the_blocked_one_sees_an_offline_push(hasty: World) -> None:
    juliet, paris = await hasty.friends("juliet", "paris")
    await juliet.phone.ask("block", peer=paris.uid)
    push = await paris.phone.push("presence", uid=juliet.uid, status="offline")
    assert "text" not in push or not push["text"]


@walks("rule blocking is silent", "request contact_request")
async def test_a_contact_request_to_the_blocker_goes_nowhere(world: World) -> None:
    juliet, paris = await world.people("juliet", "paris")
    await juliet.phone.ask("block", peer=paris.uid)
    reply = await paris.phone.ask("contact_request", to=juliet.uid, note="please do answer")
    assert reply["state"] == "requested"
    assert await paris.state_of(juliet) == "requested"
    await juliet.phone.no_event("contact", state="pending")
    assert await juliet.state_of(paris) == "blocked"


@walks("rule blocking is silent", "reason no_answer", "request call_request")
async def test_a_call_to_the_blocker_rings_out(hasty: World) -> None:
    juliet, paris = await hasty.friends("juliet", "paris")
    await juliet.phone.ask("block", peer=paris.uid)
    call = await paris.phone.ask("call_request", to=juliet.uid, media=["audio"])
    assert call["state"] == "ringing"
    ended = await paris.phone.push("call_ended", call_id=call["call_id"])
    assert ended["reason"] == "no_answer"
    await paris.phone.event("call", call_id=call["call_id"])
    await juliet.phone.no_push("incoming_call")
    await juliet.phone.no_event("call")
    assert (await juliet.phone.ask("history", peer=paris.uid))["items"] == []


@walks("rule blocking is silent")
async def test_a_call_to_the_blocker_can_be_given_up(world: World) -> None:
    juliet, paris = await world.friends("juliet", "paris")
    await juliet.phone.ask("block", peer=paris.uid)
    call = await paris.phone.ask("call_request", to=juliet.uid, media=["audio"])
    await paris.phone.ask("call_end", call_id=call["call_id"])
    event = await paris.phone.event("call", call_id=call["call_id"])
    assert event["outcome"] == "cancelled"
    await juliet.phone.no_push("incoming_call")
    await juliet.phone.no_push("call_ended")
    await juliet.phone.no_event("call")


@walks("error blocked")
async def test_whom_one_blocks_one_cannot_reach(world: World) -> None:
    juliet, paris = await world.friends("juliet", "paris")
    await juliet.phone.ask("block", peer=paris.uid)
    await juliet.phone.refused("send", "blocked", to=paris.uid, text="I block and write", client_message_id="1")
    await juliet.phone.refused("call_request", "blocked", to=paris.uid, media=["audio"])
    await juliet.phone.refused("contact_request", "blocked", to=paris.uid)
    await paris.phone.no_event("message")
    await paris.phone.no_push("incoming_call")


@walks("rule blocking is silent")
async def test_blocking_shows_in_no_receipt(world: World) -> None:
    juliet, paris = await world.friends("juliet", "paris")
    await juliet.phone.ask("block", peer=paris.uid)
    sent = await paris.write(juliet, "is this delivered?")
    await juliet.phone.barrier()
    await paris.phone.no_push("receipt")
    row = await paris.conversation(juliet)
    assert row.get("delivered_up_to") is None
    reply = await juliet.phone.reply(await juliet.phone.post("read", peer=paris.uid, message_id=sent["message_id"]))
    assert reply["type"] == "ok" or reply["code"] in {"not_found", "blocked"}
    await paris.phone.no_push("receipt")


@walks("rule blocking is silent")
async def test_a_full_mailbox_does_not_show_that_one_is_blocked(tight: World) -> None:
    juliet, paris = await tight.people("juliet", "paris")
    await juliet.phone.ask("block", peer=paris.uid)
    for each in range(paris.phone.limits["max_mailbox"] + 3):
        reply = await paris.phone.reply(
            await paris.phone.post("send", to=juliet.uid, text=f"one more in vain {each}", client_message_id=str(each))
        )
        assert reply["type"] == "sent" or reply["code"] == "mailbox_full"
    await juliet.phone.barrier()
    await juliet.phone.no_event("message")
