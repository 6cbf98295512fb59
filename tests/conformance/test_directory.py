"""The directory: finding people by login, prefix or uid, and what one learns about them."""

import time

import pytest

from .contract import case, walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("request search", "reply users", "status online", "status offline")
async def test_search_by_login_prefix_and_uid(world: World) -> None:
    stem = world.new_login("cap")
    juliet = await world.person(login=f"{stem}.juliet")
    nurse = await world.person(login=f"{stem}.nurse")
    romeo = await world.person("romeo")
    await nurse.phone.close()

    async def found(query: str) -> dict[str, str]:
        return {row["uid"]: row["login"] for row in (await romeo.phone.ask("search", query=query))["users"]}

    both = {juliet.uid: juliet.login, nurse.uid: nurse.login}
    assert await found(stem) == both
    assert await found(stem.upper() + ".") == both
    assert await found(juliet.login) == {juliet.uid: juliet.login}
    assert await found(nurse.uid) == {nurse.uid: nurse.login}
    assert await found(f"{stem}.juliet2") == {}
    assert await found("00000000-0000-4000-8000-000000000000") == {}
    assert await found(stem[1:]) == {}  # a prefix, not a part


@walks("request search")
async def test_search_shows_the_status(hasty: World) -> None:
    juliet, romeo = await hasty.friends("juliet", "romeo")
    for status in ("away", "dnd", "online"):
        await juliet.phone.ask("set_presence", status=status)
        (row,) = (await romeo.phone.ask("search", query=juliet.login))["users"]
        assert row["status"] == status
    await juliet.phone.close()
    await romeo.phone.push("presence", uid=juliet.uid, status="offline")
    (row,) = (await romeo.phone.ask("search", query=juliet.login))["users"]
    assert row["status"] == "offline"


@walks("request search")
async def test_search_has_no_wildcards(world: World) -> None:
    stem = "w" + world.new_id()[1:9]
    await world.person(login=f"{stem}xb")
    underscored = await world.person(login=f"{stem}_b")
    for query in (f"{stem}_", f"{stem}%", f"{stem}*", "%", "_"):
        reply = await underscored.phone.reply(await underscored.phone.post("search", query=query))
        assert reply["type"] == "users" or reply["code"] == "bad_frame"
        found = {row["uid"] for row in reply.get("users", [])}
        assert found == ({underscored.uid} if query == f"{stem}_" else set()), query


@walks("request search")
async def test_search_gives_no_more_than_is_asked(world: World) -> None:
    stem = "m" + world.new_id()[1:9]
    people = [await world.person(login=f"{stem}.{each}") for each in range(5)]
    users = (await people[0].phone.ask("search", query=stem, limit=3))["users"]
    assert len({row["uid"] for row in users}) == len(users) == 3
    for limit in (0, -1, 10**6):
        reply = await people[0].phone.reply(await people[0].phone.post("search", query=stem, limit=limit))
        assert reply.get("code") == "bad_frame" or len(reply["users"]) <= (5 if limit > 0 else 0)


@walks("request search")
@pytest.mark.parametrize("query", ["", " ", "\0", "';--", "💌", "x" * 10_000, '"', "("], ids=case)
async def test_a_query_that_finds_nobody(world: World, query: str) -> None:
    juliet = await world.person()
    reply = await juliet.phone.reply(await juliet.phone.post("search", query=query))
    assert reply.get("users") == [] or reply.get("code") in {"bad_frame", "too_large"}, reply


@walks("request get_user", "reply user")
async def test_get_user_by_uid_and_by_login(world: World) -> None:
    before = time.time() * 1000 - 2000
    juliet, romeo = await world.people("juliet", "romeo")
    by_uid = await romeo.phone.ask("get_user", uid=juliet.uid)
    by_login = await romeo.phone.ask("get_user", login=juliet.login)
    assert {**by_uid, "re": ""} == {**by_login, "re": ""}
    assert (by_uid["uid"], by_uid["login"], by_uid["status"]) == (juliet.uid, juliet.login, "online")
    assert by_uid["contact"] == "none"
    assert before < by_uid["created_at"] < time.time() * 1000 + 2000
    assert not by_uid.keys() & {"email", "password", "password_hash", "devices", "note"}
    await romeo.phone.ask("contact_request", to=juliet.uid)
    assert (await romeo.phone.ask("get_user", uid=juliet.uid))["contact"] == "requested"
    assert (await juliet.phone.ask("get_user", uid=romeo.uid))["contact"] == "pending"


@walks("request get_user", "error not_found", "error bad_frame")
async def test_get_user_finds_nobody(world: World) -> None:
    juliet = await world.person()
    await juliet.phone.refused("get_user", "not_found", login=world.new_login("nobody"))
    await juliet.phone.refused("get_user", "not_found", uid="00000000-0000-4000-8000-000000000000")
    await juliet.phone.refused("get_user", "bad_frame")


@walks("status invisible", "rule invisible is offline")
async def test_nothing_shows_who_is_invisible(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    tybalt = await world.person("tybalt")
    await juliet.phone.ask("set_presence", status="invisible", text="hiding here somewhere")
    went = time.time() * 1000
    await juliet.phone.barrier()
    laptop = await juliet.device("laptop")
    await laptop.ask("list_devices")
    for person in (romeo, tybalt):
        user = await person.phone.ask("get_user", uid=juliet.uid)
        assert user["status"] == "offline"
        assert user.get("last_seen_at", 0) <= went + 2000
        (row,) = (await person.phone.ask("search", query=juliet.login))["users"]
        assert row["status"] == "offline"
        assert "hiding" not in str([user, row])
    (row,) = (await romeo.phone.ask("list_contacts"))["contacts"]
    assert row["status"] == "offline"
    push = await romeo.phone.push("presence", uid=juliet.uid)
    assert (push["status"], push.get("text") or "") == ("offline", "")
