"""Editing and deleting: who may, who is told, and what history then shows."""

import pytest

from .contract import walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("request edit", "reply ok", "event message_edited")
async def test_an_edit_reaches_everybody(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await juliet.device("laptop")
    sent = await juliet.write(romeo, "my only hate")
    assert (await juliet.phone.ask("edit", message_id=sent["message_id"], text="my only love"))["type"] == "ok"
    for device in (romeo.phone, laptop, juliet.phone):
        edited = await device.event("message_edited")
        assert (edited["message_id"], edited["text"]) == (sent["message_id"], "my only love")
    for person, peer in ((juliet, romeo), (romeo, juliet)):
        items = (await person.phone.ask("history", peer=peer.uid))["items"]
        assert [(item["message_id"], item["text"]) for item in items] == [(sent["message_id"], "my only love")]
        assert items[0]["edited_at"] >= items[0]["sent_at"] == sent["at"]
    assert (await romeo.conversation(juliet))["last"]["text"] == "my only love"


@walks("request edit", "event message_edited")
async def test_an_edit_waits_for_who_is_away(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await romeo.phone.close()
    sent = await juliet.write(romeo, "the first version")
    await juliet.phone.ask("edit", message_id=sent["message_id"], text="the second version")
    phone = await romeo.back(romeo.phone)
    assert (await phone.event("message"))["message_id"] == sent["message_id"]
    assert (await phone.event("message_edited"))["text"] == "the second version"


@walks("request edit", "request delete", "error forbidden")
async def test_only_the_sender_edits_and_deletes(world: World) -> None:
    juliet, romeo, tybalt = await world.people("juliet", "romeo", "tybalt")
    sent = await juliet.write(romeo, "words of my own")
    message_id = sent["message_id"]
    await romeo.phone.refused("edit", "forbidden", message_id=message_id, text="words of another")
    await romeo.phone.refused("delete", "forbidden", message_id=message_id)
    await tybalt.phone.refused("edit", "not_found", message_id=message_id, text="words of a stranger")
    await tybalt.phone.refused("delete", "not_found", message_id=message_id)
    await juliet.phone.refused("edit", "not_found", message_id="no-such-message", text="words for nobody")
    await juliet.phone.refused("delete", "not_found", message_id="no-such-message")
    assert (await romeo.phone.ask("history", peer=juliet.uid))["items"][0]["text"] == "words of my own"
    await romeo.phone.no_event("message_edited")
    await romeo.phone.no_event("message_deleted")


@walks("request delete", "event message_deleted")
async def test_a_deleted_message_is_gone(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await juliet.device("laptop")
    sent = await juliet.write(romeo, "words to be unsaid")
    await romeo.phone.event("message")
    assert (await juliet.phone.ask("delete", message_id=sent["message_id"]))["type"] == "ok"
    for device in (romeo.phone, laptop, juliet.phone):
        assert (await device.event("message_deleted"))["message_id"] == sent["message_id"]
    for person, peer in ((juliet, romeo), (romeo, juliet)):
        (item,) = (await person.phone.ask("history", peer=peer.uid))["items"]
        assert (item["message_id"], item["deleted"]) == (sent["message_id"], True)
        assert "unsaid" not in str(item)


@walks("request delete")
async def test_the_words_of_a_deleted_message_come_to_nobody(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await romeo.phone.close()
    sent = await juliet.write(romeo, "words taken back in time")
    await juliet.phone.ask("delete", message_id=sent["message_id"])
    phone = await romeo.back(romeo.phone)
    await phone.event("message_deleted")
    messages = [frame for frame in phone.transcript.events if frame["event"]["kind"] == "message"]
    assert "taken back" not in str(messages)


@walks("request edit", "request delete", "error not_found")
async def test_a_deleted_message_cannot_be_edited(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    sent = await juliet.write(romeo, "never mind all this")
    await juliet.phone.ask("delete", message_id=sent["message_id"])
    await juliet.phone.refused("edit", "not_found", "conflict", message_id=sent["message_id"], text="mind it after all")
    reply = await juliet.phone.reply(await juliet.phone.post("delete", message_id=sent["message_id"]))
    assert reply["type"] == "ok" or reply["code"] in {"not_found", "conflict"}
    await romeo.phone.event("message_deleted")
    await romeo.phone.no_event("message_edited")
    await romeo.phone.no_event("message_deleted")


@walks("rule a repeated client_message_id is answered again")
async def test_a_retry_after_an_edit_makes_nothing_new(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    message = {"to": romeo.uid, "text": "as it was first", "client_message_id": "edited"}
    first = await juliet.phone.ask("send", **message)
    await juliet.phone.ask("edit", message_id=first["message_id"], text="as it is now")
    again = await juliet.phone.ask("send", **message)
    assert again["message_id"] == first["message_id"]
    await juliet.phone.ask("delete", message_id=first["message_id"])
    again = await juliet.phone.ask("send", **message)
    assert again["message_id"] == first["message_id"]
    await romeo.phone.event("message")
    await romeo.phone.no_event("message")
