"""Accounts: logins and passwords, registration by invite, throttled guesses, a new password, the end of an account."""

import uuid
from collections.abc import Callable

import pytest

from .client import together
from .contract import Frame, case, walks
from .people import World

pytestmark = pytest.mark.anyio
PASSWORD = "but soft what light"


@walks("request register", "reply registered")
async def test_register(world: World) -> None:
    stranger = await world.connect()
    login = world.new_login("a.b_c-9")
    registered = await stranger.ask("register", login=login, password=PASSWORD, email="juliet@verona.example")
    assert registered["login"] == login
    assert uuid.UUID(registered["uid"]).version == 4


@walks("error login_invalid")
@pytest.mark.parametrize(
    "login",
    [
        *("", "a", "a" * 33, "9lives", ".dot", "_low", "-dash", "with space", "tab\t", "line\n", "é", "jülia"),
        *("юлия", "a/b", "a@b", "a+b", "nul\0", "a\u200bb", "\u202eab", "ａｂ", "ﬀab", "a\u212a"),
    ],
    ids=case,
)
async def test_a_login_that_is_none(world: World, login: str) -> None:
    stranger = await world.connect()
    await stranger.refused("register", "login_invalid", login=login, password=PASSWORD)


async def test_the_shortest_and_the_longest_login(world: World) -> None:
    stranger = await world.connect()
    for login in ("zz", world.new_login("l").ljust(32, "x")):
        assert (await stranger.ask("register", login=login, password=PASSWORD))["login"] == login


@walks("error login_taken", "rule logins compared without case")
async def test_a_login_is_taken_in_every_spelling(world: World) -> None:
    juliet = await world.person()
    stranger = await world.connect()
    for spelled in (juliet.login, juliet.login.upper(), juliet.login.title()):
        await stranger.refused("register", "login_taken", "login_invalid", login=spelled, password=PASSWORD)
        session = await (await world.connect()).ask("login", login=spelled, password=juliet.password)
        assert (session["uid"], session["login"]) == (juliet.uid, juliet.login)
    await stranger.refused("register", "login_taken", login=juliet.login, password=PASSWORD)
    found = await juliet.phone.ask("get_user", login=juliet.login.upper())
    assert found["uid"] == juliet.uid


@walks("error login_taken")
async def test_two_at_once_cannot_take_one_login(world: World) -> None:
    sockets = [await world.connect() for _ in range(8)]
    login = world.new_login("twin")
    posted = [await each.post("register", login=login, password=PASSWORD) for each in sockets]
    replies = await together(*(each.reply(request_id) for each, request_id in zip(sockets, posted, strict=True)))
    assert sorted(reply["type"] for reply in replies) == ["error"] * 7 + ["registered"]
    assert {reply["code"] for reply in replies if reply["type"] == "error"} == {"login_taken"}


@walks("error password_weak")
@pytest.mark.parametrize("password", ["", "1234567", "x" * 257, "💌" * 257, "💌" * 7], ids=case)
async def test_a_password_too_short_or_too_long(world: World, password: str) -> None:
    stranger = await world.connect()
    login = world.new_login("weak")
    await stranger.refused("register", "password_weak", login=login, password=password)
    await stranger.ask("register", login=login, password=PASSWORD)


@pytest.mark.parametrize(
    "password",
    [
        "8 chars!",
        "wherefore art thou " * 13 + "Romeo? De",
        "💌🌙⭐🎭🗡🏰🍷🌹",
        "💌🌙" * 128,
        "nul \0 inside",
        " a b c d ",
    ],
    ids=case,
)
async def test_a_password_is_any_8_to_256_characters(world: World, password: str) -> None:
    stranger = await world.connect()
    login = world.new_login("any")
    await stranger.ask("register", login=login, password=password)
    await stranger.refused("login", "invalid_credentials", login=login, password=password + "x")
    await stranger.refused("login", "invalid_credentials", login=login, password=password[:-1])
    await stranger.ask("login", login=login, password=password)


@walks("error registration_closed", "registration closed")
async def test_nobody_registers_where_it_is_closed(shut: World) -> None:
    stranger = await shut.connect()
    await stranger.refused("register", "registration_closed", login=shut.new_login("late"), password=PASSWORD)
    await stranger.refused(
        "register", "registration_closed", "invite_invalid", login=shut.new_login("late"), password=PASSWORD, invite="x"
    )


@walks("error invite_invalid", "registration invite")
async def test_an_invite_is_needed_and_used_up(invited: World) -> None:
    stranger = await invited.connect()
    login, other = invited.new_login("guest"), invited.new_login("friend")
    for wrong in (..., "", "not-an-invite", "x" * 1000):
        await stranger.refused("register", "invite_invalid", login=login, password=PASSWORD, invite=wrong)
    invite = new_invite(invited)
    await stranger.refused("register", "password_weak", login=login, password="short", invite=invite)
    assert (await stranger.ask("register", login=login, password=PASSWORD, invite=invite))["login"] == login
    await stranger.refused("register", "invite_invalid", login=other, password=PASSWORD, invite=invite)


@walks("error invite_invalid")
async def test_an_invite_for_one_lets_one_in(invited: World) -> None:
    invite = new_invite(invited)
    sockets = [await invited.connect() for _ in range(6)]
    account = {"password": PASSWORD, "invite": invite}
    posted = [await each.post("register", login=invited.new_login("crowd"), **account) for each in sockets]
    replies = await together(*(each.reply(request_id) for each, request_id in zip(sockets, posted, strict=True)))
    assert sorted(reply["type"] for reply in replies) == ["error"] * 5 + ["registered"]


def new_invite(world: World) -> str:
    """An invite for one account, made by the operator of the running daemon."""
    made = world.daemon.ctl("invite", "create")
    made = made[0] if isinstance(made, list) else made
    invite: str = next(made[key] for key in ("code", "invite", "token") if key in made)
    world.daemon.secrets.add(invite)
    return invite


@walks("request login", "error invalid_credentials")
async def test_a_wrong_password_and_an_unknown_login_look_the_same(world: World) -> None:
    juliet = await world.person()
    stranger = await world.connect()
    nobody = world.new_login("nobody")
    wrong = await stranger.refused("login", "invalid_credentials", login=juliet.login, password="not my password")
    unknown = await stranger.refused("login", "invalid_credentials", login=nobody, password="not my password")
    assert wrong["message"] == unknown["message"]
    for login in ("", "x" * 5000, "\0", "no spaces allowed", "юлия"):
        await stranger.refused("login", "invalid_credentials", "login_invalid", login=login, password="whatever it")
    await stranger.refused("login", "invalid_credentials", "password_weak", login=juliet.login, password="y" * 5000)
    await stranger.refused("list_devices", "unauthenticated")


@walks("error rate_limited")
async def test_guessing_at_one_account_is_throttled(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    limited = await guess_until_limited(world, lambda _: juliet.login)
    assert limited["retry_after_ms"] > 0
    await romeo.device()  # another account from the same address is not touched
    await juliet.phone.barrier()  # nor is who is signed in already


@walks("error rate_limited")
async def test_an_unknown_login_is_throttled_like_a_known_one(world: World) -> None:
    nobody = world.new_login("nobody")
    limited = await guess_until_limited(world, lambda _: nobody)
    assert limited["retry_after_ms"] > 0


@walks("error rate_limited")
async def test_guessing_from_one_address_is_throttled(throttling: World) -> None:
    limited = await guess_until_limited(throttling, lambda attempt: f"guess{attempt}")
    assert limited["retry_after_ms"] > 0


async def guess_until_limited(world: World, login: Callable[[int], str]) -> Frame:
    """Guess at passwords until the server has enough of it; it must before 200 guesses."""
    for attempt in range(200):
        stranger = await world.connect()
        guess = await stranger.post("login", login=login(attempt), password=f"guess number {attempt}")
        reply = await stranger.reply(guess)
        await stranger.close()
        if reply["code"] == "rate_limited":
            return reply
        assert reply["code"] == "invalid_credentials"
    raise AssertionError("200 guesses, and no end of it")


@walks("error account_disabled", "close 4403")
async def test_a_disabled_account_is_out_at_once(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    world.daemon.ctl("user", "disable", juliet.login)
    await juliet.phone.closed(4403)
    stranger = await world.connect()
    await stranger.refused("login", "account_disabled", login=juliet.login, password=juliet.password)
    await stranger.refused("login", "invalid_credentials", login=juliet.login, password="not my password")
    await stranger.refused("authenticate", "account_disabled", access_token=juliet.phone.session["access_token"])
    await stranger.refused(
        "refresh", "account_disabled", "token_revoked", refresh_token=juliet.phone.session["refresh_token"]
    )
    await romeo.phone.barrier()
    world.daemon.ctl("user", "enable", juliet.login)
    await juliet.device()


@walks("request change_password", "reply ok", "close 4403", "error token_revoked")
async def test_a_new_password_ends_every_other_session(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    new = "what's in a name"
    await juliet.phone.ask("change_password", old_password=juliet.password, new_password=new)
    await laptop.closed(4403)
    await juliet.phone.barrier()
    stranger = await world.connect()
    await stranger.refused("authenticate", "token_revoked", access_token=laptop.session["access_token"])
    await stranger.refused("refresh", "token_revoked", refresh_token=laptop.session["refresh_token"])
    await stranger.refused("login", "invalid_credentials", login=juliet.login, password=juliet.password)
    await stranger.ask("login", login=juliet.login, password=new)


@walks("request change_password", "error invalid_credentials", "error password_weak")
async def test_a_new_password_needs_the_old_one(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    await juliet.phone.refused(
        "change_password", "invalid_credentials", old_password="a guess or so", new_password="new enough"
    )
    for weak in ("", "1234567", "x" * 257):
        await juliet.phone.refused("change_password", "password_weak", old_password=juliet.password, new_password=weak)
    await laptop.barrier()
    await juliet.device("still the old password")


@walks("request delete_account")
async def test_a_deleted_account_is_gone(world: World) -> None:
    juliet, romeo = await world.friends("juliet", "romeo")
    laptop = await juliet.device("laptop")
    await juliet.write(romeo, "parting is such sweet sorrow")
    await juliet.phone.refused("delete_account", "invalid_credentials", password="not my password")
    await juliet.phone.barrier()
    assert (await juliet.phone.ask("delete_account", password=juliet.password))["type"] == "ok"
    await laptop.closed(4403, 1000)
    await juliet.phone.closed(4403, 1000)
    stranger = await world.connect()
    await stranger.refused("login", "invalid_credentials", login=juliet.login, password=juliet.password)
    tokens = ("token_revoked", "account_disabled", "invalid_credentials")
    await stranger.refused("authenticate", *tokens, access_token=laptop.session["access_token"])
    await stranger.refused("refresh", *tokens, refresh_token=laptop.session["refresh_token"])
    assert (await romeo.phone.ask("search", query=juliet.login))["users"] == []
    await romeo.phone.refused("get_user", "not_found", login=juliet.login)
    await romeo.phone.refused("send", "not_found", to=juliet.uid, text="wilt thou be gone?", client_message_id="gone")
    await romeo.phone.refused("call_request", "not_found", to=juliet.uid, media=["audio"])
    await romeo.phone.barrier()
