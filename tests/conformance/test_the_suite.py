"""The suite about itself: it imports nothing of ours, it walks every row, and its checks bite on a server that lies."""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .contract import ERROR_CODES, EVENTS, PUSHES, REPLIES, REQUESTS, Frame, rows
from .transcript import Broken, Transcript

FOLDER = Path(__file__).parent
FOREIGN = {"anyio", "conformance", "hypothesis", "pytest", "websockets"}
CRASH = FOLDER.with_name("crash")
HELLO: Frame = {
    "type": "hello",
    "protocol": "msgd.v1",
    "server": "msgd/0",
    "registration": "open",
    "features": [],
    "limits": {
        "max_message_bytes": 1,
        "max_text_bytes": 1,
        "window": 2,
        "max_mailbox": 1,
        "idle_timeout_s": 1,
        "auth_timeout_s": 1,
    },
}
UID = "6f1cbb0c-12a7-4a7a-8a94-5a4e9d7ce0f0"


def modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.glob("*.py")):
        yield path, ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
            "import_module",
            "__import__",
            "importorskip",
        }:
            yield "an import at run time"


@pytest.mark.parametrize("folder", [FOLDER, CRASH], ids=["conformance", "crash"])
def test_nothing_of_ours_is_imported(folder: Path) -> None:
    allowed = FOREIGN | set(sys.stdlib_module_names)
    for path, tree in modules(folder):
        names = {name.partition(".")[0] for name in imported(tree)}
        assert names <= allowed, f"{path.name} imports {names - allowed}"


def claimed_rows() -> set[str]:
    claimed = set()
    for _, tree in modules(FOLDER):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for call in node.decorator_list:
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "walks":
                        claimed |= {each.value for each in ast.walk(call) if isinstance(each, ast.Constant)}
    return {str(each) for each in claimed}


def test_every_row_has_a_test() -> None:
    # `internal` has no test that provokes it: the transcript fails every test in which it comes.
    assert rows() - claimed_rows() == {"error internal"}


def test_every_published_frame_and_event_is_a_row() -> None:
    definitions = json.loads((FOLDER.parents[1] / "docs" / "protocol.schema.json").read_text())["$defs"]
    assert published(definitions, "type") == {*REQUESTS, *REPLIES, *PUSHES, "error"}
    assert published(definitions, "kind") == set(EVENTS)


def published(definitions: Frame, tag: str) -> set[str]:
    """The values that a tag takes in a schema."""
    tags = [definition.get("properties", {}).get(tag, {}) for definition in definitions.values()]
    return {value for each in tags for value in each.get("enum", [])}


def test_there_are_26_error_codes() -> None:
    assert len(set(ERROR_CODES)) == len(ERROR_CODES) == 26


def ready(cursor: int, head: int) -> Frame:
    return {"type": "ready", "uid": UID, "login": "juliet", "device_id": UID, "cursor": cursor, "head": head}


def event(seq: int) -> Frame:
    return {"type": "event", "seq": seq, "at": 1_700_000_000_000, "event": {"kind": "later"}}


def sent(seq: int) -> Frame:
    names = {"re": "r1", "message_id": "m", "client_message_id": "c"}
    return {"type": "sent", **names, "at": 1_700_000_000_000, "seq": seq, "status": "stored"}


def take(*frames: Frame | list[Frame]) -> Transcript:
    transcript = Transcript()
    transcript.asked("r1")
    for frame in frames:
        transcript.take(json.dumps(frame))
    return transcript


LIES = {
    "no hello": [ready(0, 0)],
    "two hellos": [HELLO, HELLO],
    "a hello without limits": [{**HELLO, "limits": {}}],
    "not an object": [HELLO, [["event"]]],
    "a field of the wrong kind": [HELLO, {"type": "pong", "re": "r1", "at": "noon"}],
    "seconds for milliseconds": [HELLO, {"type": "pong", "re": "r1", "at": 1_700_000_000}],
    "an answer to nothing": [HELLO, {"type": "ok", "re": "r2"}],
    "two answers": [HELLO, {"type": "ok", "re": "r1"}, {"type": "ok", "re": "r1"}],
    "an unknown code": [HELLO, {"type": "error", "code": "oops", "message": "Oops."}],
    "internal": [HELLO, {"type": "error", "code": "internal", "message": "Sorry."}],
    "a stream past its head": [HELLO, ready(2, 1)],
    "an event before ready": [HELLO, event(1)],
    "a hole": [HELLO, ready(0, 3), event(1), event(3)],
    "a hole at the start": [HELLO, ready(1, 3), event(3)],
    "an event twice": [HELLO, ready(0, 3), event(1), event(1)],
    "an event out of order": [HELLO, ready(0, 3), event(1), event(2), event(1)],
    "an event twice after sent": [HELLO, ready(0, 3), event(1), sent(2), event(2), event(2)],
    "more than the window": [HELLO, ready(0, 3), [event(1), event(2), event(3)]],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_caught(lie: list[Frame | list[Frame]]) -> None:
    take(*lie[:-1])
    with pytest.raises(Broken):
        take(*lie)


def test_the_truth_is_believed() -> None:
    transcript = take(HELLO, [ready(4, 9), event(5)], sent(6), event(6), event(7))
    assert transcript.position == 7
    assert [frame["seq"] for frame in transcript.events] == [5, 7]
    assert transcript.replies["r1"]["seq"] == 6


def test_an_acknowledgment_makes_room_in_the_window() -> None:
    transcript = take(HELLO, ready(0, 9), [event(1), event(2)])
    transcript.acked(1)
    transcript.take(json.dumps(event(3)))
    assert transcript.is_behind
