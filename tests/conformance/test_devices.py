"""Devices: the list, revoking one, signing out, and what the others are told."""

import time

import pytest

from .contract import walks
from .people import World

pytestmark = pytest.mark.anyio


@walks("request list_devices", "reply devices")
async def test_the_list_names_every_device(world: World) -> None:
    before = int(time.time() * 1000) - 2000
    juliet = await world.person()
    laptop = await juliet.device("laptop 💻")
    nameless = await world.connect()
    await nameless.ask("login", login=juliet.login, password=juliet.password)
    await nameless.push("ready")
    listed = (await laptop.ask("list_devices"))["devices"]
    assert {row["device_id"] for row in listed} == {each.device_id for each in (juliet.phone, laptop, nameless)}
    assert {row["name"] for row in listed} >= {"phone", "laptop 💻"}
    assert [row["device_id"] for row in listed if row["current"]] == [laptop.device_id]
    for row in listed:
        assert before <= row["created_at"] <= time.time() * 1000 + 2000
        assert row["last_seen_at"] >= row["created_at"] - 2000


@walks("event device")
async def test_a_new_device_is_an_event_for_the_others(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    await juliet.phone.event("device", device_id=laptop.device_id)


@walks("request revoke_device", "event device", "close 4403", "error token_revoked")
async def test_a_revoked_device_is_out_at_once(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    await juliet.phone.event("device", device_id=laptop.device_id)
    await juliet.phone.ask("revoke_device", device_id=laptop.device_id)
    await laptop.closed(4403)
    await juliet.phone.event("device", device_id=laptop.device_id)
    assert len((await juliet.phone.ask("list_devices"))["devices"]) == 1
    stranger = await world.connect()
    await stranger.refused("authenticate", "token_revoked", access_token=laptop.session["access_token"])
    await stranger.refused("refresh", "token_revoked", refresh_token=laptop.session["refresh_token"])
    await stranger.refused("list_devices", "unauthenticated")


@walks("request revoke_device", "close 4403")
async def test_a_device_may_revoke_itself(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    await laptop.ask("revoke_device", device_id=laptop.device_id)
    await laptop.closed(4403, 1000)
    await juliet.phone.barrier()


@walks("request revoke_device", "error not_found")
async def test_only_ones_own_devices_can_be_revoked(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.refused("revoke_device", "not_found", device_id=romeo.phone.device_id)
    await juliet.phone.refused("revoke_device", "not_found", device_id="00000000-0000-4000-8000-000000000000")
    await juliet.phone.refused("revoke_device", "not_found", "bad_frame", device_id="no such thing")
    laptop = await juliet.device("laptop")
    await juliet.phone.ask("revoke_device", device_id=laptop.device_id)
    await juliet.phone.refused("revoke_device", "not_found", device_id=laptop.device_id)
    await romeo.phone.barrier()


@walks("request logout", "close 1000", "error token_revoked")
async def test_signing_out(world: World) -> None:
    juliet = await world.person()
    laptop = await juliet.device("laptop")
    assert (await laptop.ask("logout"))["type"] == "ok"
    await laptop.closed(1000)
    stranger = await world.connect()
    await stranger.refused("authenticate", "token_revoked", access_token=laptop.session["access_token"])
    await stranger.refused("refresh", "token_revoked", refresh_token=laptop.session["refresh_token"])
    await juliet.phone.barrier()
    assert [row["name"] for row in (await juliet.phone.ask("list_devices"))["devices"]] == ["phone"]


@walks("close 4403")
async def test_a_revoked_device_sends_nothing_more(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await juliet.device("laptop")
    await juliet.phone.ask("revoke_device", device_id=laptop.device_id)
    await laptop.closed(4403)
    await romeo.write(juliet, "are you alone now?")
    assert (await juliet.phone.event("message"))["text"] == "are you alone now?"
    assert not [frame for frame in laptop.transcript.events if frame["event"]["kind"] == "message"]
