"""Opening: `hello`, the time to sign in, `session` and `ready`, the bearer token of the handshake."""

import base64
import contextlib
import json

import anyio
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from .contract import REGISTRATIONS, walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("request login", "reply session", "push ready", "rule session and then ready")
async def test_login_gives_a_session_and_then_ready(world: World) -> None:
    juliet = await world.person()
    session = juliet.phone.session
    assert (session["uid"], session["login"]) == (juliet.uid, juliet.login)
    assert session["access_expires_at"] < session["refresh_expires_at"]
    assert len(session["access_token"].split(".")) == 3
    ready = juliet.phone.transcript.ready
    assert (ready["uid"], ready["login"], ready["device_id"]) == (juliet.uid, juliet.login, session["device_id"])
    assert "re" not in ready


@walks("request authenticate", "reply ready")
async def test_authenticate_is_answered_with_ready(world: World) -> None:
    juliet = await world.person()
    device = await world.connect()
    ready = await device.ask("authenticate", access_token=juliet.phone.session["access_token"])
    assert (ready["uid"], ready["login"], ready["device_id"]) == (juliet.uid, juliet.login, juliet.phone.device_id)
    await device.ask("list_devices")
    await device.no_push("ready")


@walks("request refresh", "reply session", "rule session and then ready")
async def test_refresh_gives_a_session_and_then_ready(world: World) -> None:
    juliet = await world.person()
    await juliet.phone.close()
    device = await world.connect()
    session = await device.ask("refresh", refresh_token=juliet.phone.session["refresh_token"])
    assert session["device_id"] == juliet.phone.device_id
    assert session["refresh_token"] != juliet.phone.session["refresh_token"]
    ready = await device.push("ready")
    assert ready["device_id"] == juliet.phone.device_id
    await device.ask("list_devices")


@walks("rule bearer token in the handshake", "push ready")
async def test_a_bearer_token_brings_ready_unasked(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.close()
    await romeo.write(juliet, "while you were out")
    bearer = [("Authorization", f"Bearer {juliet.phone.session['access_token']}")]
    device = await world.connect(headers=bearer)
    ready = await device.push("ready")
    assert ready["device_id"] == juliet.phone.device_id
    assert (await device.event("message"))["text"] == "while you were out"
    await device.ask("list_devices")


@walks("rule bearer token in the handshake")
@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "x" * 4000], ids=["empty", "word", "dots", "long"])
async def test_a_bearer_token_that_is_none_signs_nobody_in(world: World, token: str) -> None:
    try:
        device = await world.connect(headers=[("Authorization", f"Bearer {token}")], greeted=False)
    except InvalidHandshake:
        return  # refused before it began
    if await device.is_greeted():
        await device.refused("list_devices", "unauthenticated")
    assert not device.transcript.ready


def tampered(token: str) -> dict[str, str]:
    """Access tokens that were not made by the server."""
    header, payload, signature = token.split(".")

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return {
        "another signature": f"{header}.{payload}.{signature[:-4]}AAAA",
        "no signature": f"{header}.{payload}.",
        "algorithm none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "a later end": f"{header}.{part({**claims, 'exp': 4_000_000_000})}.{signature}",
        "not a token": "garbage",
        "empty": "",
        "dots": "..",
        "long": "x" * 50_000,
    }


@pytest.mark.parametrize("forgery", tampered("e30.e30.c2ln").keys())
async def test_a_forged_access_token_is_refused(world: World, forgery: str) -> None:
    juliet = await world.person()
    device = await world.connect()
    token = tampered(juliet.phone.session["access_token"])[forgery]
    codes = ("invalid_credentials", "unauthenticated", "token_revoked", "bad_frame", "too_large")
    await device.refused("authenticate", *codes, access_token=token)
    await device.refused("list_devices", "unauthenticated")
    await device.ask("authenticate", access_token=juliet.phone.session["access_token"])


async def test_an_access_token_shows_no_secret(world: World) -> None:
    juliet = await world.person()
    payload = juliet.phone.session["access_token"].split(".")[1]
    claims = base64.urlsafe_b64decode(payload + "==").decode()
    assert juliet.password not in claims
    assert juliet.phone.session["refresh_token"] not in claims


@walks("close 4401", "limit auth_timeout_s")
async def test_a_socket_that_does_not_sign_in_is_closed(impatient: World) -> None:
    stranger = await impatient.connect()
    assert stranger.limits["auth_timeout_s"] == 2
    await stranger.barrier()
    await stranger.closed(4401, within_s=10)


@walks("close 4401", "limit auth_timeout_s")
async def test_talking_does_not_put_off_the_time_to_sign_in(impatient: World) -> None:
    stranger = await impatient.connect()
    login = impatient.new_login("tybalt")
    await stranger.ask("register", login=login, password="peace I hate the word")
    with contextlib.suppress(ConnectionClosed):
        while True:
            await stranger.tell("ping")
            await stranger.tell("login", login=login, password="not this one")
            await anyio.sleep(0.05)
    await stranger.closed(4401)


@walks("limit auth_timeout_s")
async def test_a_socket_that_signs_in_stays(impatient: World) -> None:
    juliet = await impatient.person()
    stranger = await impatient.connect()
    await stranger.closed(4401, within_s=10)
    await juliet.phone.barrier()


@walks("registration invite", "registration closed", "registration open")
async def test_hello_says_who_may_register(invited: World, shut: World, world: World) -> None:
    said = [(await each.connect()).hello["registration"] for each in (world, invited, shut)]
    assert said == list(REGISTRATIONS)


async def test_two_sockets_of_one_device(world: World) -> None:
    """The same token on two sockets: whichever the server keeps, the one that lives gets the message, in order."""
    juliet, romeo = await world.people("juliet", "romeo")
    second = await juliet.back(juliet.phone)
    sent = await romeo.write(juliet, "which window is it")
    message = await second.event("message")
    assert message["message_id"] == sent["message_id"]
