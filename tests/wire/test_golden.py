"""Every frame of the contract against its golden vectors, and those against the published schema."""

import json
from typing import Any

import jsonschema
import msgspec
import pytest
from golden import vectors

from msgwire import (
    CLIENT_FRAMES,
    SERVER_FRAMES,
    AnyEvent,
    decode_client_frame,
    decode_server_message,
    encode,
    reference,
    tag,
)


def same(raw: bytes) -> Any:
    return json.loads(raw)


@pytest.mark.parametrize("vector", vectors("client"), ids=lambda vector: vector["type"])
def test_a_client_frame_is_read_and_written_as_it_stands(vector: dict[str, Any]) -> None:
    frame = decode_client_frame(json.dumps(vector).encode())
    assert same(encode(frame)) == vector


@pytest.mark.parametrize("vector", vectors("server"), ids=lambda vector: vector["type"])
def test_a_server_frame_is_read_and_written_as_it_stands(vector: dict[str, Any]) -> None:
    (frame,) = decode_server_message(json.dumps(vector).encode())
    assert same(encode(frame)) == vector


def test_no_frame_and_no_event_lacks_a_vector() -> None:
    assert {vector["type"] for vector in vectors("client")} == {tag(frame) for frame in CLIENT_FRAMES}
    assert {vector["type"] for vector in vectors("server")} == {tag(frame) for frame in SERVER_FRAMES}
    kinds = {vector["event"]["kind"] for vector in vectors("server") if vector["type"] == "event"}
    assert kinds == {tag(kind) for kind in AnyEvent.__args__}


@pytest.mark.parametrize("direction", ["client", "server"])
def test_the_vectors_fit_the_published_schema(direction: str) -> None:
    schema = msgspec.json.decode(reference.json_schema())
    schema["$ref"] = f"#/$defs/{direction.capitalize()}Frame"
    check = jsonschema.Draft202012Validator(schema)
    for vector in vectors(direction):
        check.validate(vector)
