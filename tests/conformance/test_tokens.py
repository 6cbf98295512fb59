"""Tokens: refresh tokens are good for one use, a second use revokes the device, and access tokens run out."""

import time

import pytest

from .client import together
from .contract import case, walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("request refresh", "reply session")
async def test_a_chain_of_refreshes(world: World) -> None:
    juliet = await world.person()
    session = juliet.phone.session
    seen = {session["refresh_token"]}
    for _ in range(5):
        device = await world.connect()
        session = await device.ask("refresh", refresh_token=session["refresh_token"])
        assert session["device_id"] == juliet.phone.device_id
        assert session["refresh_token"] not in seen
        seen.add(session["refresh_token"])
        await device.push("ready")
    assert len((await device.ask("list_devices"))["devices"]) == 1


@walks("error token_revoked", "close 4403")
async def test_a_refresh_token_used_twice_revokes_the_device(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    stolen = juliet.phone.session["refresh_token"]
    thief = await world.connect()
    session = await thief.ask("refresh", refresh_token=stolen)
    await thief.push("ready")
    late = await world.connect()
    await late.refused("refresh", "token_revoked", refresh_token=stolen)
    await thief.closed(4403)
    stranger = await world.connect()
    await stranger.refused("refresh", "token_revoked", refresh_token=session["refresh_token"])
    await stranger.refused("authenticate", "token_revoked", access_token=session["access_token"])
    await laptop.barrier()  # the account's other devices are not touched
    assert [device["name"] for device in (await laptop.ask("list_devices"))["devices"]] == ["laptop"]


@walks("error token_revoked")
async def test_one_refresh_token_at_once_on_two_sockets(world: World) -> None:
    juliet = await world.person()
    sockets = [await world.connect() for _ in range(4)]
    token = juliet.phone.session["refresh_token"]
    posted = [await each.post("refresh", refresh_token=token) for each in sockets]
    replies = await together(*(each.reply(request_id) for each, request_id in zip(sockets, posted, strict=True)))
    assert [reply["type"] for reply in replies].count("session") <= 1
    assert {reply["code"] for reply in replies if reply["type"] == "error"} == {"token_revoked"}


@pytest.mark.parametrize("token", ["", "garbage", "x" * 10_000, "\0", "../.."], ids=case)
async def test_a_refresh_token_that_is_none(world: World, token: str) -> None:
    stranger = await world.connect()
    codes = ("invalid_credentials", "token_revoked", "unauthenticated", "bad_frame")
    await stranger.refused("refresh", *codes, refresh_token=token)


async def test_an_access_token_is_no_refresh_token(world: World) -> None:
    juliet = await world.person()
    stranger = await world.connect()
    codes = ("invalid_credentials", "token_revoked", "unauthenticated", "bad_frame")
    await stranger.refused("refresh", *codes, refresh_token=juliet.phone.session["access_token"])
    await stranger.refused("authenticate", *codes, access_token=juliet.phone.session["refresh_token"])
    await juliet.phone.barrier()


@walks("push token_expiring", "close 4401", "error token_expired")
async def test_a_socket_whose_token_runs_out_is_warned_and_closed(forgetful: World) -> None:
    juliet = await forgetful.person()
    expires_at = juliet.phone.session["access_expires_at"]
    warning = await juliet.phone.push("token_expiring")
    assert warning["expires_at"] == expires_at
    assert time.time() * 1000 < expires_at + 500
    await juliet.phone.closed(4401)
    assert time.time() * 1000 > expires_at - 500
    stranger = await forgetful.connect()
    await stranger.refused("authenticate", "token_expired", access_token=juliet.phone.session["access_token"])


@walks("request refresh", "push token_expiring")
async def test_a_socket_that_refreshes_lives_on(forgetful: World) -> None:
    juliet = await forgetful.person()
    first = juliet.phone.session
    for _ in range(2):
        await juliet.phone.push("token_expiring")
        refreshed = await juliet.phone.ask("refresh", refresh_token=juliet.phone.session["refresh_token"])
        assert refreshed["access_expires_at"] > juliet.phone.session["access_expires_at"]
        juliet.phone.session = refreshed
    assert time.time() * 1000 > first["access_expires_at"]
    await juliet.phone.ask("list_devices")


@walks("request authenticate", "push token_expiring")
async def test_a_socket_that_authenticates_again_lives_on(forgetful: World) -> None:
    juliet = await forgetful.person()
    first = juliet.phone.session
    await juliet.phone.push("token_expiring")
    fresh = await juliet.phone.ask("refresh", refresh_token=first["refresh_token"])
    await juliet.phone.ask("authenticate", access_token=fresh["access_token"])
    again = await juliet.phone.push("token_expiring", expires_at=fresh["access_expires_at"])
    assert again["expires_at"] > first["access_expires_at"]
    await juliet.phone.ask("list_devices")


@walks("error token_expired")
async def test_a_refresh_token_runs_out(forgetful: World) -> None:
    juliet = await forgetful.person()
    await juliet.phone.closed(4401)
    stranger = await forgetful.connect()
    await stranger.closed(4401)  # its time to sign in is what the refresh token still had
    late = await forgetful.connect()
    await late.refused("refresh", "token_expired", refresh_token=juliet.phone.session["refresh_token"])
