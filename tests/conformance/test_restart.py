"""Restarts: clients are told, everything that was acknowledged is there again, and a full disk is said, not hidden."""

import re

import anyio
import pytest

from .client import Device
from .contract import walks
from .daemon import Daemon
from .people import World

pytestmark = pytest.mark.anyio


@walks("close 1012")
async def test_a_restart_is_announced(own_daemon: Daemon) -> None:
    own_daemon.settings["MSGD_DRAIN__SECONDS"] = "1"
    async with World(own_daemon.start()) as world:
        people = await world.people(*(f"guest{each}" for each in range(5)))
        stranger = await world.connect()
        own_daemon.terminate()
        for device in (stranger, *(person.phone for person in people)):
            reason = await device.closed(1012)
            found = re.fullmatch(r"(?:.*[ ;,])?retry_after_ms=(\d+)", reason)
            assert found is not None, f"the reason is {reason!r}"
            assert int(found[1]) < 60_000
        assert own_daemon.wait() == 0


@walks("rule acknowledged is durable", "rule cursor survives connection and daemon")
@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
async def test_nothing_is_lost_by_a_restart(own_daemon: Daemon, end: str) -> None:
    own_daemon.settings["MSGD_DRAIN__SECONDS"] = "0"
    async with World(own_daemon.start()) as world:
        juliet, romeo = await world.friends("juliet", "romeo")
        message = {"to": romeo.uid, "text": "before the night falls", "client_message_id": "before"}
        first = await juliet.phone.ask("send", **message)
        seen = await romeo.phone.event_frame("message")
        await romeo.phone.ask("ack", seq=seen["seq"])
        await romeo.phone.ask("read", peer=juliet.uid, message_id=first["message_id"])
        await juliet.phone.push("receipt", read_up_to=first["message_id"])
        await romeo.phone.close()
        later = await juliet.write(romeo, "and while you sleep")
        await juliet.phone.ask("edit", message_id=later["message_id"], text="and while you dream")
        if end == "SIGTERM":
            assert own_daemon.stop() == 0
        else:
            own_daemon.kill()
        await juliet.phone.drop()
        own_daemon.start()

        juliet.phone = await juliet.back(juliet.phone)
        romeo.phone = await romeo.back(romeo.phone)
        assert romeo.phone.transcript.ready["cursor"] == seen["seq"]
        assert (await romeo.phone.event("message"))["message_id"] == later["message_id"]
        assert (await romeo.phone.event("message_edited"))["text"] == "and while you dream"
        again = await juliet.phone.ask("send", **message)
        assert {**again, "re": ""} == {**first, "re": ""}
        items = (await romeo.phone.ask("history", peer=juliet.uid))["items"]
        assert [item["text"] for item in items] == ["before the night falls", "and while you dream"]
        assert (await juliet.conversation(romeo))["read_up_to"] == first["message_id"]
        assert await juliet.state_of(romeo) == "accepted"
        await romeo.write(juliet, "good morrow to you")
        assert (await juliet.phone.event("message", from_=romeo.uid))["text"] == "good morrow to you"
        device = await juliet.device("still the same password")
        assert len((await device.ask("list_devices"))["devices"]) == 2


@walks("outcome failed", "rule missed calls are found in the mailbox")
async def test_a_call_that_a_restart_cuts_is_free_afterwards(own_daemon: Daemon) -> None:
    own_daemon.settings["MSGD_DRAIN__SECONDS"] = "0"
    async with World(own_daemon.start()) as world:
        juliet, romeo = await world.friends("juliet", "romeo")
        await juliet.phone.ask("call_request", to=romeo.uid, media=["audio"])
        own_daemon.kill()
        own_daemon.start()
        for person in (juliet, romeo):
            await person.phone.drop()
            person.phone = await person.back(person.phone)
        call = await romeo.phone.ask("call_request", to=juliet.uid, media=["audio"])
        await juliet.phone.push("incoming_call", call_id=call["call_id"])


@walks("error unavailable", "rule acknowledged is durable")
async def test_a_full_disk_is_said_and_not_hidden(own_daemon: Daemon) -> None:
    async with World(own_daemon.start()) as world:
        juliet, romeo = await world.people("juliet", "romeo")
        before = await juliet.write(romeo, "while there is room")
        status, _ = own_daemon.http("/readyz")
        assert status == 200
        own_daemon.limit_file_size(0)
        message = {"to": romeo.uid, "text": "there is no room for this", "client_message_id": "full"}
        refusal = await juliet.phone.refused("send", "unavailable", **message)
        assert refusal["message"]
        await juliet.phone.refused("contact_request", "unavailable", to=romeo.uid)
        status, _ = own_daemon.http("/readyz")
        assert status == 503
        items = (await juliet.phone.ask("history", peer=romeo.uid))["items"]
        assert [item["message_id"] for item in items] == [before["message_id"]]
        await romeo.phone.event("message", message_id=before["message_id"])
        await romeo.phone.no_event("message")

        own_daemon.limit_file_size(-1)
        sent = await retried(juliet.phone, message)
        assert (await romeo.phone.event("message"))["message_id"] == sent["message_id"]
        await romeo.phone.no_event("message")
        status, _ = own_daemon.http("/readyz")
        assert status == 200


async def retried(device: Device, message: dict[str, str]) -> dict[str, object]:
    """The answer to a message that is sent again until the server takes it."""
    for _ in range(10):
        reply = await device.reply(await device.post("send", **message))
        if reply["type"] == "sent":
            return reply
        assert reply["code"] == "unavailable"
        await anyio.sleep(reply["retry_after_ms"] / 1000)
    raise AssertionError("there is room, and the server still takes nothing")


@walks("rule content stays out of the log")
async def test_what_people_say_stays_out_of_the_log(own_daemon: Daemon) -> None:
    own_daemon.settings.update({"MSGD_LOG__LEVEL": "debug", "MSGD_DRAIN__SECONDS": "0"})
    async with World(own_daemon.start()) as world:
        juliet, romeo = await world.friends("juliet", "romeo")
        await juliet.write(romeo, "for no ears but yours")
        await juliet.phone.refused("send", "bad_frame", to=7, text="for no ears but yours", client_message_id="1")
        await juliet.phone.refused("send", "not_found", to="nobody", text="for nobody's ears", client_message_id="2")
        await juliet.phone.refused("login", "invalid_credentials", login=juliet.login, password="a guess at a password")
        call = await juliet.phone.ask("call_request", to=romeo.uid, media=["audio"], commitment="commitment-of-juliet")
        proof = {"nonce": "nonce-of-romeo-1", "fingerprint": "AB:CD:EF:01"}
        await romeo.phone.ask("call_accept", call_id=call["call_id"], **proof)
        await juliet.phone.ask("offer", call_id=call["call_id"], sdp="v=0 secret-ice-password", nonce="nonce-of-juliet")
        await juliet.phone.ask("search_messages", query="for no ears")
        await juliet.phone.send_raw('{"type":"send","text":"words that are no frame')
        own_daemon.secrets |= {"words that are no frame", "commitment-of-juliet", "secret-ice-password", "AB:CD:EF:01"}
        _, metrics = own_daemon.http("/metrics")
        shown = [secret for secret in (*own_daemon.secrets, juliet.login, juliet.uid) if secret in metrics]
        assert not shown
        assert own_daemon.stop() == 0
        assert own_daemon.log
