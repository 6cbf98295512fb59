"""The reference pages of the contract, made from its types: Markdown for people, JSON Schema for programs."""

import functools
import operator
import re
from typing import Any, Literal, cast, get_args, get_origin

import msgspec

from .call_state import TRANSITIONS
from .calls import Candidate, IceServer
from .errors import CLOSE_SENTENCES, SENTENCES
from .events import AnyEvent
from .frames import CLIENT_FRAMES, PATH, PUSHES, REQUESTS, SERVER_FRAMES, SUBPROTOCOL
from .opening import Device, HelloLimits, ReadyCall
from .people import ContactEntry, FoundUser
from .text import CallItem, Conversation, MessageItem
from .types import tag

_HEAD = f"""# The wire contract, version 1

This page is generated from `msgwire` by `make docs`; a client that knows only this page works against the daemon.

One WebSocket (RFC 6455) per device: `wss://HOST:PORT{PATH}`, subprotocol `{SUBPROTOCOL}`. A text message carries one
frame (a JSON object) or an array of frames, in both directions; frames of an array are handled in order. Binary
messages are refused with 1003, messages over `limits.max_message_bytes` with 1009. Unknown fields are ignored; an
optional field may be absent or null. Times are UTC epoch milliseconds.

A client frame may carry `request_id`; it then gets exactly one reply, whose `re` is that id. A frame without one gets
no success reply, but still gets `error`. A push has no `re`. An `event` is durable and has a `seq`; every other push is
a hint of the moment and may be lost.

The access token is also accepted as `Authorization: Bearer …` in the handshake; then `ready` comes unasked. `ready`
also comes, as a push, where the frame that signed in had no `request_id`.

Every account has a mailbox: events numbered 1, 2, 3 … with no holes. A device acknowledges with `ack`; the server
pushes what follows its cursor, in order, at most `limits.window` ahead of the acknowledgment. `sent.seq` is the event's
place in the sender's own mailbox: where it directly follows the last one that came on this connection, the reply stands
for the event. A client ignores an event whose `seq` it has.
"""

PARTS: tuple[type[msgspec.Struct], ...] = (
    HelloLimits,
    ReadyCall,
    Device,
    FoundUser,
    ContactEntry,
    MessageItem,
    CallItem,
    Conversation,
    Candidate,
    IceServer,
)


def markdown() -> str:
    """The whole contract as one Markdown page."""
    parts = [_HEAD]
    parts += _requests()
    parts += ["\n## Pushes\n"]
    parts += [_describe(frame, section) for frame, section in PUSHES]
    parts += ["\n## Events\n\nThe `event` of an `event` push, tagged by `kind`.\n"]
    parts += [_describe(kind, None) for kind in get_args(AnyEvent)]
    parts += ["\n## Parts\n\nWhat stands inside frames.\n"]
    parts += [f"### {part.__name__}\n\n{_sentence(part)}\n\n{_fields(part)}" for part in PARTS]
    parts += ["\n## Error codes\n\n| code | meaning |\n| --- | --- |"]
    parts += [f"| `{code}` | {sentence} |" for code, sentence in SENTENCES.items()]
    parts += ["\n## Close codes\n\n| code | meaning |\n| --- | --- |"]
    parts += [f"| {int(code)} | {sentence} |" for code, sentence in CLOSE_SENTENCES.items()]
    parts += [
        "\n## The state of a call on the server\n",
        "Anything that is not in this table gets `call_state`.\n",
        "| while | who | does | becomes | reason | caller's record | callee's record |\n"
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    parts += [
        f"| {state} | {party} | {signal} | {step.state} | {step.reason or ''} | {step.caller_outcome or ''} "
        f"| {step.callee_outcome or ''} |"
        for (state, party, signal), step in TRANSITIONS.items()
    ]
    return "\n".join(parts) + "\n"


def _requests() -> list[str]:
    parts: list[str] = []
    section = ""
    for row in REQUESTS:
        if row.section != section:
            section = row.section
            parts.append(f"\n## {section}\n")
        when = " Allowed before sign-in." if row.before_sign_in else ""
        parts.append(f"### `{tag(row.frame)}`\n\n{_sentence(row.frame)}{when}\n")
        parts.append(_fields(row.frame))
        if row.reply is not None:
            parts.append(f"\nReply: `{tag(row.reply)}`. {_sentence(row.reply)}\n")
            parts.append(_fields(row.reply))
    return parts


def _describe(frame: type[msgspec.Struct], section: str | None) -> str:
    where = f" ({section})" if section else ""
    return f"### `{tag(frame)}`{where}\n\n{_sentence(frame)}\n\n{_fields(frame)}"


def _sentence(frame: type[msgspec.Struct]) -> str:
    return " ".join((frame.__doc__ or "").split())


def _fields(frame: type[msgspec.Struct]) -> str:
    rows = [
        f"| `{field.encode_name}`{'' if field.required else '?'} | {_type(field.type)} | {_meaning(field.type)} |"
        for field in msgspec.structs.fields(frame)
        if field.name not in {"request_id", "re"}
    ]
    return "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows]) + "\n" if rows else "No fields.\n"


def _type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " ".join(f"`{value}`" for value in get_args(kind))
    if hasattr(kind, "__metadata__"):
        bounds = [
            f"{name.replace('_', ' ')} {value}"
            for meta in kind.__metadata__
            for name in ("min_length", "max_length", "ge", "le")
            if (value := getattr(meta, name)) is not None and value < 2**62
        ]
        return _type(kind.__origin__) + (f" ({', '.join(bounds)})" if bounds else "")
    if get_origin(kind) is list:
        return f"list of {_type(get_args(kind)[0])}"
    members = get_args(kind)
    if members:
        return " or ".join("null" if member is type(None) else _type(member) for member in members)
    name = cast("str", getattr(kind, "__name__", str(kind)))
    return {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}.get(name, name)


def _meaning(kind: Any) -> str:
    for meta in getattr(kind, "__metadata__", ()):
        if meta.description:
            return str(meta.description)
    return next((found for member in get_args(kind) if not isinstance(member, str) and (found := _meaning(member))), "")


def _union(frames: tuple[type[msgspec.Struct], ...]) -> Any:
    return functools.reduce(operator.or_, frames[1:], cast("Any", frames[0]))


def json_schema() -> bytes:
    """Every frame as JSON Schema (draft 2020-12): `ClientFrame` and `ServerFrame` under `$defs`."""
    unions = [
        functools.reduce(operator.or_, frames[1:], cast("Any", frames[0])) for frames in (CLIENT_FRAMES, SERVER_FRAMES)
    ]
    (client, server), components = msgspec.json.schema_components(unions, ref_template="#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Frames of {SUBPROTOCOL}",
        "$defs": {"ClientFrame": client, "ServerFrame": server, **components},
    }
    text = msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2)
    return re.sub(rb"[ \t]+\n", b"\n", text) + b"\n"
