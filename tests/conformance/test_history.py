"""History, search in messages, and the list of conversations."""

import pytest

from .contract import Frame, case, walks
from .people import Person, World

pytestmark = pytest.mark.anyio


async def talk(world: World, lines: int) -> tuple[Person, Person, list[str]]:
    """Two people who have exchanged that many messages, and the ids of these."""
    juliet, romeo = await world.people("juliet", "romeo")
    ids = []
    for each in range(lines):
        sender, to = (romeo, juliet) if each % 3 else (juliet, romeo)
        ids.append((await sender.write(to, f"line {each} of the talk"))["message_id"])
    return juliet, romeo, ids


def ids_of(page: Frame) -> list[str]:
    return [item["message_id"] for item in page["items"]]


@walks("request history", "reply history")
async def test_history_is_the_same_for_both(world: World) -> None:
    juliet, romeo, ids = await talk(world, 7)
    hers = await juliet.phone.ask("history", peer=romeo.uid)
    his = await romeo.phone.ask("history", peer=juliet.uid)
    assert ids_of(hers) == ids
    assert hers["items"] == his["items"]
    assert hers["more"] is his["more"] is False
    assert [item["text"] for item in hers["items"]] == [f"line {each} of the talk" for each in range(7)]
    assert {item["from_login"] for item in hers["items"]} == {juliet.login, romeo.login}
    assert not any(item.get("deleted") or item.get("edited_at") for item in hers["items"])


@walks("request history")
async def test_pages_backward(world: World) -> None:
    juliet, romeo, ids = await talk(world, 11)
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=4)
    assert (ids_of(page), page["more"]) == (ids[7:], True)
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=4, before=ids[7])
    assert (ids_of(page), page["more"]) == (ids[3:7], True)
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=4, before=ids[3])
    assert (ids_of(page), page["more"]) == (ids[:3], False)
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=3, before=ids[3])
    assert (ids_of(page), page["more"]) == (ids[:3], False)
    page = await juliet.phone.ask("history", peer=romeo.uid, before=ids[0])
    assert (ids_of(page), page["more"]) == ([], False)


@walks("request history")
async def test_pages_forward(world: World) -> None:
    juliet, romeo, ids = await talk(world, 11)
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=4, after=ids[0])
    assert (ids_of(page), page["more"]) == (ids[1:5], True)
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=4, after=ids[4])
    assert (ids_of(page), page["more"]) == (ids[5:9], True)
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=4, after=ids[8])
    assert (ids_of(page), page["more"]) == (ids[9:], False)
    page = await juliet.phone.ask("history", peer=romeo.uid, after=ids[-1])
    assert (ids_of(page), page["more"]) == ([], False)


@walks("request history")
async def test_the_greatest_page(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    ids = [sent["message_id"] for sent in await juliet.write_all(romeo, (f"long story {each}" for each in range(205)))]
    page = await juliet.phone.ask("history", peer=romeo.uid, limit=200)
    assert (ids_of(page), page["more"]) == (ids[5:], True)
    reply = await juliet.phone.reply(await juliet.phone.post("history", peer=romeo.uid, limit=201))
    assert reply["type"] == "history" or reply["code"] == "bad_frame"
    assert len(reply.get("items", [])) <= 200
    for limit in (0, -1):
        reply = await juliet.phone.reply(await juliet.phone.post("history", peer=romeo.uid, limit=limit))
        assert reply.get("code") == "bad_frame" or reply["items"] == []
    page = await juliet.phone.ask("history", peer=romeo.uid)
    assert ids_of(page) == ids[-len(page["items"]) :]
    assert 0 < len(page["items"]) <= 200


@walks("request history")
async def test_a_history_of_the_longest_texts_comes_whole(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    longest = "\x01" * juliet.phone.limits["max_text_bytes"]
    for _ in range(20):
        await juliet.write(romeo, longest)
    before: str | None = None
    count = 0
    while True:
        page = await romeo.phone.ask("history", peer=juliet.uid, limit=200, before=before or ...)
        assert all(item["text"] == longest for item in page["items"])
        count += len(page["items"])
        if not page["more"]:
            break
        before = page["items"][0]["message_id"]
    assert count == 20


@walks("request history", "error not_found")
async def test_history_with_somebody_never_spoken_to(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    page = await juliet.phone.ask("history", peer=romeo.uid)
    assert (page["items"], page["more"]) == ([], False)
    await juliet.phone.refused("history", "not_found", peer="00000000-0000-4000-8000-000000000000")


@walks("request history")
async def test_a_conversation_shows_nothing_of_another(world: World) -> None:
    juliet, romeo, ids = await talk(world, 3)
    nurse = await world.person("nurse")
    await nurse.write(juliet, "a word with the nurse")
    assert ids_of(await juliet.phone.ask("history", peer=romeo.uid)) == ids
    assert ids_of(await nurse.phone.ask("history", peer=romeo.uid)) == []
    reply = await nurse.phone.reply(await nurse.phone.post("history", peer=romeo.uid, after=ids[0]))
    assert reply.get("items", []) == []
    assert ids_of(await nurse.phone.ask("search_messages", query="talk")) == []
    assert ids_of(await nurse.phone.ask("search_messages", query="talk", peer=romeo.uid)) == []


@walks("request search_messages", "reply history")
async def test_search_finds_words_in_ones_own_conversations(world: World) -> None:
    juliet, romeo, _ = await talk(world, 2)
    nurse = await world.person("nurse")
    word = "pomegranate" + world.new_id()[1:9]
    ids = []
    for sender, to, text in (
        (juliet, romeo, f"the nightingale sings on the {word} tree"),
        (romeo, juliet, f"Nightly on yon {word.upper()}!"),
        (nurse, juliet, f"{word}, madam?"),
    ):
        ids.append((await sender.write(to, text))["message_id"])
    await nurse.write(romeo, f"secret {word} between us")
    assert ids_of(await juliet.phone.ask("search_messages", query=word)) == ids
    assert ids_of(await juliet.phone.ask("search_messages", query=word, peer=romeo.uid)) == ids[:2]
    assert ids_of(await juliet.phone.ask("search_messages", query=f"tree {word}")) == ids[:1]
    assert ids_of(await juliet.phone.ask("search_messages", query=word + "x")) == []
    page = await juliet.phone.ask("search_messages", query=word, limit=2)
    assert (ids_of(page), page["more"]) == (ids[1:], True)
    page = await juliet.phone.ask("search_messages", query=word, limit=2, before=ids[1])
    assert (ids_of(page), page["more"]) == (ids[:1], False)


@walks("request search_messages")
async def test_search_knows_edits_and_deletions(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    old, new = ("o" + world.new_id()[1:9], "n" + world.new_id()[1:9])
    edited = await juliet.write(romeo, f"it says {old} here")
    deleted = await juliet.write(romeo, f"and {old} there")
    await juliet.phone.ask("edit", message_id=edited["message_id"], text=f"it says {new} now")
    await juliet.phone.ask("delete", message_id=deleted["message_id"])
    for person in (juliet, romeo):
        assert ids_of(await person.phone.ask("search_messages", query=old)) == []
        assert ids_of(await person.phone.ask("search_messages", query=new)) == [edited["message_id"]]


@walks("request search_messages")
@pytest.mark.parametrize(
    "query",
    ['"', "*", "AND", "a OR", "NEAR(", "text:x", "^x", "-x", "x*", "(", "';--", "%", "💌", "\0", "ё", "a" * 500],
    ids=case,
)
async def test_a_query_is_words_and_no_syntax(world: World, query: str) -> None:
    juliet, _, _ = await talk(world, 2)
    reply = await juliet.phone.reply(await juliet.phone.post("search_messages", query=query))
    assert reply["type"] == "history" or reply["code"] in {"bad_frame", "too_large"}, reply


@walks("request conversations", "reply conversations")
async def test_conversations_newest_first_with_what_is_unread(world: World) -> None:
    juliet, romeo, ids = await talk(world, 5)
    nurse = await world.person("nurse")
    last = await nurse.write(juliet, "madam, your mother calls")
    await juliet.phone.event("message", message_id=last["message_id"])
    rows = (await juliet.phone.ask("conversations"))["conversations"]
    assert [row["peer"] for row in rows] == [nurse.uid, romeo.uid]
    assert [row["login"] for row in rows] == [nurse.login, romeo.login]
    assert [row["unread"] for row in rows] == [1, 3]
    assert rows[0]["last"]["message_id"] == last["message_id"]
    assert rows[1]["last"]["message_id"] == ids[-1]
    assert rows[1]["last"]["text"] == "line 4 of the talk"
    await juliet.phone.ask("read", peer=romeo.uid, message_id=ids[2])
    row = await juliet.conversation(romeo)
    assert (row["unread"], row["my_read_up_to"]) == (1, ids[2])
    await juliet.phone.ask("read", peer=romeo.uid, message_id=ids[-1])
    row = await juliet.conversation(romeo)
    assert (row["unread"], row["my_read_up_to"]) == (0, ids[-1])
    assert (await juliet.conversation(nurse))["unread"] == 1


@walks("request conversations")
async def test_pages_of_conversations(world: World) -> None:
    juliet, *others = await world.people("juliet", *(f"guest{each}" for each in range(5)))
    for guest in others:
        await guest.write(juliet, "at the ball tonight")
    seen: list[str] = []
    before: str | None = None
    while True:
        rows = (await juliet.phone.ask("conversations", limit=2, before=before or ...))["conversations"]
        if not rows:
            break
        assert len(rows) <= 2
        seen += [row["peer"] for row in rows]
        before = rows[-1]["last"]["message_id"]
    assert seen == [guest.uid for guest in reversed(others)]


@walks("request conversations")
async def test_nobody_to_talk_to(world: World) -> None:
    juliet = await world.person()
    assert (await juliet.phone.ask("conversations"))["conversations"] == []
