"""A live session takes 100,000 broken frames: the daemon answers, shows no traceback and does not grow."""

import functools
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from conformance.contract import ERROR_CODES, SUBPROTOCOL
from conformance.daemon import Daemon
from conformance.people import Person, World

from .mutate import Mutator

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]
FRAMES = int(os.environ.get("CRASH_FUZZ_FRAMES", "100000"))
BATCH = 100
# What the daemon may keep of this: pages of its store, and what the frames that were good after all have made.
GROWTH_KIB = 48 * 1024
SETTINGS = {
    "MSGD_LIMITS__FRAMES_PER_S": "1000000",
    "MSGD_LIMITS__FRAMES_BURST": "10000000",
    "MSGD_LIMITS__LOGINS_PER_MINUTE_PER_ACCOUNT": "1000000",
}


def golden(me: Person, peer: Person, message_id: str) -> list[dict[str, Any]]:
    """One good frame of every type, in the hands of somebody who has a contact, a conversation and a call."""
    call = {"call_id": "00000000-0000-4000-8000-000000000000"}
    frames: list[dict[str, Any]] = [
        {"type": "register", "login": "somebody", "password": "a long password", "email": "a@b.example", "invite": "x"},
        {"type": "login", "login": me.login, "password": "not the password", "device_name": "fuzz"},
        {"type": "authenticate", "access_token": me.phone.session["access_token"], "cursor": 1},
        {"type": "refresh", "refresh_token": "not a token"},
        {"type": "ping"},
        {"type": "change_password", "old_password": "not the password", "new_password": "another password"},
        {"type": "list_devices"},
        {"type": "revoke_device", "device_id": call["call_id"]},
        {"type": "delete_account", "password": "not the password"},
        {"type": "ack", "seq": 1},
        {"type": "search", "query": peer.login, "limit": 5},
        {"type": "get_user", "uid": peer.uid, "login": peer.login},
        {"type": "contact_request", "to": peer.uid, "note": "hello there"},
        *({"type": f"contact_{each}", "peer": peer.uid} for each in ("accept", "decline", "remove")),
        *({"type": each, "peer": peer.uid} for each in ("block", "unblock")),
        {"type": "list_contacts"},
        {"type": "send", "to": peer.uid, "text": "words", "client_message_id": "1", "reply_to": message_id},
        {"type": "history", "peer": peer.uid, "before": message_id, "after": message_id, "limit": 5},
        {"type": "search_messages", "query": "words", "peer": peer.uid, "before": message_id, "limit": 5},
        {"type": "conversations", "limit": 5, "before": message_id},
        {"type": "edit", "message_id": message_id, "text": "other words"},
        {"type": "delete", "message_id": message_id},
        {"type": "read", "peer": peer.uid, "message_id": message_id},
        {"type": "typing", "to": peer.uid, "active": True},
        {"type": "set_presence", "status": "away", "text": "out"},
        {"type": "call_request", "to": peer.uid, "media": ["audio"], "commitment": "c"},
        {"type": "call_accept", **call, "nonce": "n", "fingerprint": "f"},
        {"type": "call_reject", **call, "reason": "busy"},
        {"type": "offer", **call, "sdp": "v=0", "epoch": 1, "nonce": "n"},
        {"type": "answer", **call, "sdp": "v=0", "epoch": 1, "nonce": "n"},
        {"type": "candidate", **call, "candidate": {"candidate": "candidate:1", "sdpMid": "0"}, "epoch": 1},
        {"type": "call_end", **call, "reason": "hangup"},
        {"type": "ice_servers"},
    ]
    return [{**frame, "request_id": f"g{place}"} for place, frame in enumerate(frames)]


async def test_100_000_broken_frames(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    daemon = Daemon(tmp_path / "fuzzed", SETTINGS).init().start()
    try:
        async with World(daemon) as world:
            juliet, romeo = await world.friends("juliet", "romeo")
            sent = await juliet.write(romeo, "the first words of all")
            source = Mutator(golden(juliet, romeo, sent["message_id"]), seed).frames()
            early = await fuzz(juliet, itertools.islice(source, FRAMES // 4))
            memory = daemon.rss_kib()
            late = await fuzz(juliet, itertools.islice(source, FRAMES - FRAMES // 4))
            growth = daemon.rss_kib() - memory
            assert daemon.is_running
            assert growth < GROWTH_KIB, f"seed {seed}: the daemon grew by {growth} KiB"
            codes = early | late
            assert "internal" not in codes, f"seed {seed}: an internal error"
            assert {"bad_frame", "unknown_type", "not_found"} <= codes, f"seed {seed}: the frames were too tame"
            nurse = await world.person("nurse")
            await nurse.write(romeo, "and life goes on")
            await romeo.phone.event("message", from_=nurse.uid)
    finally:
        daemon.kill()
    assert daemon.faults() == [], f"seed {seed}"


async def fuzz(person: Person, source: Iterator[str]) -> set[str]:
    """Send everything, and see each batch answered by a pong at its end. Returns the error codes that came."""
    codes: set[str] = set()
    batches = iter(lambda: list(itertools.islice(source, BATCH)), [])
    for number, batch in enumerate(batches):
        # One frame may be a good one that ends the session; the next batch has a connection of its own.
        async with await signed_in(person) as socket:
            await take_until(socket, lambda frame: frame["type"] == "ready", codes)
            try:
                for raw in batch:
                    await socket.send(raw)
                await socket.send(json.dumps({"type": "ping", "request_id": f"barrier {number}"}))
                await take_until(socket, functools.partial(is_reply, f"barrier {number}"), codes)
            except ConnectionClosed:
                assert socket.close_code in {1000, 1009, 4401, 4403}, f"closed with {socket.close_code}"
    return codes


def is_reply(request_id: str, frame: dict[str, Any]) -> bool:
    return frame.get("re") == request_id


async def signed_in(person: Person) -> ClientConnection:
    daemon = person.world.daemon
    token = person.phone.session["access_token"]
    return await connect(
        daemon.url,
        ssl=daemon.tls(),
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
        additional_headers=[("Authorization", f"Bearer {token}")],
        compression=None,
        max_size=None,
        max_queue=None,
        proxy=None,
    )


async def take_until(socket: ClientConnection, last: Callable[[dict[str, Any]], bool], codes: set[str]) -> None:
    """Read until the frame that is waited for; everything on the way must be a frame."""
    while True:
        came = json.loads(await socket.recv())
        for frame in came if isinstance(came, list) else [came]:
            assert isinstance(frame["type"], str)
            if frame["type"] == "error":
                assert frame["code"] in ERROR_CODES
                codes.add(frame["code"])
            if last(frame):
                return
