"""What is not JSON, not a frame, or has a field of the wrong kind gets `bad_frame`, and the connection lives."""

import json
from typing import Any

import pytest

from .contract import AUTHENTICATED, REQUESTS, walks
from .people import World

pytestmark = pytest.mark.anyio

NOT_JSON = {
    "nothing": "",
    "spaces": " \t\n",
    "half an object": '{"type":"ping"',
    "half an array": '[{"type":"ping"}',
    "a word": "ping",
    "a typo": "{'type':'ping'}",
    "a trailing comma": '{"type":"ping",}',
    "two objects": '{"type":"ping"}{"type":"ping"}',
    "NaN": '{"type":"ack","seq":NaN}',
    "a comment": '{"type":"ping"} // now',
    "a byte order mark": '\ufeff{"type":"ping"}',
    "a raw control character": '{"type":"pi\nng"}',
    "a bad escape": '{"type":"\\x41"}',
    "NUL": "\0",
    "an open string": '{"type":"' + "a" * 1000,
    "deep arrays": "[" * 100_000,
    "deep closed arrays": "[" * 50_000 + "]" * 50_000,
    "deep objects": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "deep in a field": '{"type":"ping","pad":' + "[" * 50_000 + "]" * 50_000 + "}",
}
NOT_A_FRAME = {
    "null": "null",
    "a number": "17",
    "a string": '"ping"',
    "true": "true",
    "an array of numbers": "[1]",
    "an array in an array": '[[{"type":"ping"}]]',
    "an object without type": "{}",
    "a type that is a number": '{"type":1}',
    "a type that is null": '{"type":null}',
    "a type that is an object": '{"type":{"type":"ping"}}',
    "a huge number": '{"type":"ack","seq":1e400}',
    "a number of 5,000 digits": '{"type":"ack","seq":' + "9" * 5000 + "}",
    "a number past 64 bits": '{"type":"ack","seq":18446744073709551616}',
    "a negative seq": '{"type":"ack","seq":-1}',
    "a fraction": '{"type":"ack","seq":1.5}',
    "true for a number": '{"type":"ack","seq":true}',
    "half a surrogate pair": '{"type":"typing","to":"\\ud800","active":true}',
}


@walks("error bad_frame", "rule bad input never ends the connection")
@pytest.mark.parametrize("raw", [*NOT_JSON.values(), *NOT_A_FRAME.values()], ids=[*NOT_JSON, *NOT_A_FRAME])
async def test_garbage(world: World, raw: str) -> None:
    juliet = await world.person()
    await juliet.phone.send_raw(raw)
    error = await juliet.phone.push("error")
    assert (error["code"], error.get("re")) == ("bad_frame", None)
    await juliet.phone.barrier()
    await juliet.phone.no_push("error")


async def test_an_empty_array_is_no_frame(world: World) -> None:
    juliet = await world.person()
    await juliet.phone.send_raw("[]")
    await juliet.phone.barrier()


async def test_a_field_twice_is_one_or_the_other(world: World) -> None:
    stranger = await world.connect()
    for each in "ab":
        stranger.transcript.asked(each)
    await stranger.send_raw('{"type":"ping","request_id":"a","request_id":"b"}')
    await stranger.until(lambda: stranger.transcript.replies or stranger.transcript.pushes)
    await stranger.barrier()


async def test_text_that_is_not_utf8(world: World) -> None:
    stranger = await world.connect()
    await stranger.socket.send(b'{"type":"\xff\xfe"}', text=True)
    # RFC 6455, section 8.1: the connection fails; 1007 is its code.
    await stranger.closed(1007)
    await (await world.connect()).barrier()


@walks("error bad_frame")
@pytest.mark.parametrize("kind", [kind for kind, (fields, _) in REQUESTS.items() if fields])
async def test_a_field_of_the_wrong_kind(world: World, kind: str) -> None:
    juliet = await world.person()
    fields = REQUESTS[kind][0]
    good = {spelled.rstrip("?"): sample(takes, juliet.uid) for spelled, takes in fields.items()}
    for spelled, takes in fields.items():
        field = spelled.rstrip("?")
        for wrong in wrong_for(takes):
            frame = await juliet.phone.refused(kind, "bad_frame", **{**good, field: wrong})
            assert frame["message"]
            assert "Traceback" not in frame["message"]
        if not spelled.endswith("?"):
            if field != "candidate":  # null is the end of the candidates
                await juliet.phone.refused(kind, "bad_frame", **{**good, field: None})
            await juliet.phone.refused(kind, "bad_frame", **{**good, field: ...})
    await juliet.phone.barrier()


def sample(takes: str, uid: str) -> Any:
    """A value of the right kind."""
    return {"text": uid, "number": 1, "flag": True, "list": ["audio"], "object": {"candidate": ""}}[takes]


def wrong_for(takes: str) -> list[Any]:
    """Values of every other kind."""
    values: dict[str, list[Any]] = {
        "text": ["words"],
        "number": [1],
        "flag": [True],
        "list": [["audio"]],
        "object": [{"a": "b"}],
    }
    return [value for kind, some in values.items() if kind != takes for value in some]


@walks("error bad_frame")
@pytest.mark.parametrize("media", [[], ["smell"], [1], ["audio", 2]])
async def test_media_that_is_none(world: World, media: list[Any]) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.refused("call_request", "bad_frame", to=romeo.uid, media=media)


@pytest.mark.parametrize(
    "kind", [kind for kind, (fields, _) in AUTHENTICATED.items() if {"to", "peer"} & fields.keys()]
)
@pytest.mark.parametrize("uid", ["", "nobody", "../../etc/passwd", "0" * 36, "x" * 10_000, "' OR 1=1 --", "\0"])
async def test_a_uid_that_is_none(world: World, kind: str, uid: str) -> None:
    juliet = await world.person()
    takes = AUTHENTICATED[kind][0]
    fields = {field: sample(takes[field], uid) for field in takes if not field.endswith("?")}
    fields |= {field: "m" for field in fields if field not in {"to", "peer", "active", "media"}}
    await juliet.phone.refused(kind, "bad_frame", "not_found", "too_large", **fields)


async def test_a_cursor_in_history_that_is_none(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.write(romeo, "a first word")
    for junk in ("", "zzz", "-1", "9" * 500, "' OR 1=1 --", "\0", "💌"):
        for field in ("before", "after"):
            reply = await juliet.phone.reply(await juliet.phone.post("history", peer=romeo.uid, **{field: junk}))
            assert reply["type"] == "history" or reply["code"] in {"bad_frame", "not_found", "too_large"}, reply


@walks("rule no request id, no success reply, but an error")
async def test_bad_frames_without_a_request_id(world: World) -> None:
    juliet = await world.person()
    for frame in ({"type": "send"}, {"type": "send", "to": 1}, {"type": "ack"}, {"type": "ack", "seq": "1"}):
        await juliet.phone.send_raw(json.dumps(frame))
        error = await juliet.phone.push("error")
        assert (error["code"], error.get("re")) == ("bad_frame", None)
