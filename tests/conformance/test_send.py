"""Sending: `sent`, its status, retries that make nothing new, and who may be written to."""

import time

import pytest

from .client import together
from .contract import case, walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("request send", "reply sent", "event message", "sent delivered_live")
async def test_a_message_to_somebody_who_is_there(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    sent = await juliet.write(romeo, "wherefore art thou", client_message_id="balcony")
    assert (sent["client_message_id"], sent["status"]) == ("balcony", "delivered_live")
    assert abs(sent["at"] - time.time() * 1000) < 60_000
    message = await romeo.phone.event("message")
    expected = {
        "message_id": sent["message_id"],
        "client_message_id": "balcony",
        "from": juliet.uid,
        "from_login": juliet.login,
        "to": romeo.uid,
        "text": "wherefore art thou",
        "sent_at": sent["at"],
    }
    assert {field: message[field] for field in expected} == expected
    assert "reply_to" not in message


@walks("sent stored")
async def test_a_message_to_somebody_who_is_away(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await romeo.phone.close()
    sent = await juliet.write(romeo, "when thou art back")
    assert sent["status"] == "stored"
    phone = await romeo.back(romeo.phone)
    assert (await phone.event("message"))["message_id"] == sent["message_id"]


async def test_message_ids_sort_by_age(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    ids = []
    for each in range(12):
        sender, to = (juliet, romeo) if each % 2 else (romeo, juliet)
        ids.append((await sender.write(to, f"sorted {each}"))["message_id"])
    assert ids == sorted(set(ids))


@walks("rule a repeated client_message_id is answered again", "rule acknowledged is durable")
async def test_a_retry_gets_the_first_answer(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await romeo.phone.close()
    message = {"to": romeo.uid, "text": "did you get this?", "client_message_id": "retried"}
    first = await juliet.phone.ask("send", **message)
    romeo.phone = await romeo.back(romeo.phone)
    await juliet.phone.drop()
    juliet.phone = await juliet.back(juliet.phone)
    for device in (juliet.phone, juliet.phone, await juliet.device("laptop")):
        again = await device.ask("send", **message)
        assert {**again, "re": ""} == {**first, "re": ""}
    await romeo.phone.event("message")
    await romeo.phone.no_event("message")
    assert len((await juliet.phone.ask("history", peer=romeo.uid))["items"]) == 1


@walks("rule a repeated client_message_id is answered again")
async def test_a_retry_at_once_from_many_sockets(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    devices = [juliet.phone, *[await juliet.device(f"device {each}") for each in range(4)]]
    message = {"to": romeo.uid, "text": "all at once", "client_message_id": "race"}
    posted = [(device, await device.post("send", **message)) for device in devices for _ in range(3)]
    replies = await together(*(device.reply(request_id) for device, request_id in posted))
    assert len({(reply["message_id"], reply["seq"], reply["at"]) for reply in replies}) == 1
    await romeo.phone.event("message")
    await romeo.phone.no_event("message")


@walks("error conflict", "rule a repeated client_message_id is answered again")
async def test_other_content_under_the_same_id_is_a_conflict(world: World) -> None:
    juliet, romeo, nurse = await world.people("juliet", "romeo", "nurse")
    message = {"to": romeo.uid, "text": "the first words", "client_message_id": "once"}
    first = await juliet.phone.ask("send", **message)
    await juliet.phone.refused("send", "conflict", **{**message, "text": "other words"})
    await juliet.phone.refused("send", "conflict", **{**message, "text": "the first words "})
    await juliet.phone.refused("send", "conflict", **{**message, "to": nurse.uid})
    assert (await juliet.phone.ask("send", **message))["message_id"] == first["message_id"]
    assert (await romeo.phone.event("message"))["text"] == "the first words"
    await romeo.phone.no_event("message")
    await nurse.phone.no_event("message")


async def test_two_accounts_may_choose_the_same_id(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    one = await juliet.write(romeo, "the same id", client_message_id="1")
    other = await romeo.write(juliet, "the same id", client_message_id="1")
    assert one["message_id"] != other["message_id"]


@pytest.mark.parametrize("client_message_id", ["1", "é💌", "a b", "00000000-0000-4000-8000-000000000000"], ids=case)
async def test_the_senders_id_comes_back_as_it_was(world: World, client_message_id: str) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    sent = await juliet.write(romeo, "an id of my own", client_message_id=client_message_id)
    assert sent["client_message_id"] == client_message_id
    assert (await romeo.phone.event("message"))["client_message_id"] == client_message_id


async def test_a_senders_id_that_is_none(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    for wrong in ("", "x" * 10_000):
        await juliet.phone.refused(
            "send", "bad_frame", "too_large", to=romeo.uid, text="an id that is none", client_message_id=wrong
        )


@walks("error not_found")
async def test_nobody_has_that_uid(world: World) -> None:
    juliet = await world.person()
    nobody = "00000000-0000-4000-8000-000000000000"
    await juliet.phone.refused("send", "not_found", to=nobody, text="is anybody there", client_message_id="1")


async def test_a_note_to_oneself(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    reply = await juliet.phone.reply(
        await juliet.phone.post("send", to=juliet.uid, text="a note to myself", client_message_id="note")
    )
    if reply["type"] == "error":
        assert reply["code"] in {"bad_frame", "not_found", "forbidden", "conflict"}
        return
    assert (await laptop.event("message"))["text"] == "a note to myself"
    await laptop.no_event("message")
    assert len((await juliet.phone.ask("history", peer=juliet.uid))["items"]) == 1


@walks("request send")
async def test_an_answer_names_what_it_answers(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    question = await juliet.write(romeo, "what o'clock tomorrow?")
    answer = await romeo.write(juliet, "by the hour of nine", reply_to=question["message_id"])
    message = await juliet.phone.event("message", message_id=answer["message_id"])
    assert message["reply_to"] == question["message_id"]
    listed = (await juliet.phone.ask("history", peer=romeo.uid))["items"]
    assert [item.get("reply_to") for item in listed] == [None, question["message_id"]]


async def test_a_strangers_message_arrives(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    assert await juliet.state_of(romeo) == "none"
    await romeo.write(juliet, "we have not been introduced")
    assert (await juliet.phone.event("message"))["from_login"] == romeo.login


async def test_many_messages_at_once_keep_their_order(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    texts = [f"in order {each}" for each in range(200)]
    sent = await juliet.write_all(romeo, texts)
    first = sent[0]["seq"]
    assert [reply["seq"] for reply in sent] == list(range(first, first + 200))
    assert [(await romeo.phone.event("message"))["text"] for _ in texts] == texts
