"""The log: what a line looks like, and that no content can get into one."""

import ast
import errno
import json
import logging
import os
import re
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from msgd import logs
from msgd.config import Log
from msgd.logs.events import EVENTS, FIELDS
from msgd.logs.exceptions import describe
from msgd.logs.output import LineWriter, as_text
from msgwire import ErrorCode

SOURCES = Path(__file__).parents[2] / "daemon/msgd"
UID = "6f1f6d0e-5c07-4c07-a5b8-7f4a0a1f3c11"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


class Pipe:
    """A pipe in place of stderr."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def lines(self) -> list[str]:
        os.close(self.writer)
        with os.fdopen(self.reader) as file:
            return file.read().splitlines()


def lines_of(
    settings: Log, *calls: tuple[str, str, dict[str, object]], environ: dict[str, str] | None = None
) -> list[str]:
    pipe = Pipe()
    with logs.writing(settings, environ or {}, pipe.writer):
        for level, event, fields in calls:
            logs.log(level, event, **fields)
    return pipe.lines()


def test_text_line() -> None:
    (line,) = lines_of(Log(), ("info", "connection.opened", {"conn": 12, "address": "192.0.2.7", "device": None}))
    stamp, rest = line.split(" ", 1)
    assert stamp.endswith("+00:00")
    assert rest == "info    connection.opened conn=12 address=192.0.2.7"


def test_json_line() -> None:
    fields: dict[str, object] = {"code": ErrorCode.MAILBOX_FULL, "what": logs.Sentence('a "b"\n'), "duration_ms": 1.5}
    (line,) = lines_of(Log(format="json"), ("warning", "config.rejected", fields))
    told = json.loads(line)
    assert told.pop("at") > 1_600_000_000_000
    assert told == {
        "level": "warning",
        "event": "config.rejected",
        "code": "mailbox_full",
        "what": 'a "b"\n',
        "duration_ms": 1.5,
    }


def test_nothing_ends_a_line_early() -> None:
    (line,) = lines_of(Log(), ("error", "config.rejected", {"what": logs.Sentence("one\ntwo\x1b[31m =x")}))
    assert line.endswith('what="one\\ntwo\\u001b[31m =x"')
    assert as_text(0.0, logging.INFO, "x", {"a": ""}, stamped=False) == 'info    x a=""'


def test_level_decides() -> None:
    calls: list[tuple[str, str, dict[str, object]]] = [
        (level, "daemon.ready", {}) for level in ("debug", "info", "warning", "error")
    ]
    assert len(lines_of(Log(level="debug"), *calls)) == 4
    assert len(lines_of(Log(level="error"), *calls)) == 1
    pipe = Pipe()
    with logs.writing(Log(level="error"), {}, pipe.writer):
        logs.set_level("info")
        logs.log("info", "daemon.ready")
    assert len(pipe.lines()) == 1


@pytest.mark.parametrize("format_", ["text", "json"])
def test_journal_gets_priorities(format_: str) -> None:
    pipe = Pipe()
    status = os.fstat(pipe.writer)
    environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    with logs.writing(Log(format=format_), environ, pipe.writer):  # type: ignore[arg-type]  # from the parameters
        logs.log("error", "store.failed")
        logs.log("info", "store.recovered")
    assert [line[:3] for line in pipe.lines()] == ["<3>", "<6>"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", JWT),
        ("account", "ann"),
        ("device", UID.upper() + "x"),
        ("conn", "hello there"),
        ("code", "Hello"),
        ("code", 4401j),
        ("address", "example.org"),
        ("count", "many"),
        ("what", "a plain string is not a sentence of ours"),
        ("path", "/a/string"),
        ("error", "two words"),
        ("name", {"text": "hello"}),
        ("listen", ["hello"]),
        ("place", "x = 'secret'"),
        ("key", "Limits"),
    ],
)
def test_value_of_the_wrong_form_is_not_written(field: str, value: object) -> None:
    assert field in FIELDS
    assert logs.clean({field: value}) == {field: "?"}


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("account", UID, UID),
        ("conn", 7, 7),
        ("conn", "c7", "c7"),
        ("address", "2001:db8::1", "2001:db8::1"),
        ("address", "fe80::1%eth0", "fe80::1%eth0"),
        ("listen", "[::1]:7443", "[::1]:7443"),
        ("code", 4401, 4401),
        ("code", "bad_frame", "bad_frame"),
        ("error", "ENOSPC", "ENOSPC"),
        ("passed", True, True),
        ("path", Path("/srv/msgd.toml"), "/srv/msgd.toml"),
        ("version", "0.1.0+g1", "0.1.0+g1"),
        ("place", "a/b.py:3 <module> < c.py:4 f", "a/b.py:3 <module> < c.py:4 f"),
    ],
)
def test_value_of_the_right_form_is_written(field: str, value: object, written: object) -> None:
    assert logs.clean({field: value}) == {field: written}


def test_fields_outside_the_list_are_left_out() -> None:
    assert logs.clean({"text": "hello", "password": "x", "token": JWT, "count": 3}) == {"count": 3}


def raising(words: str) -> Exception:
    try:
        try:
            raise KeyError(words)
        except KeyError as error:
            raise ValueError(words) from error
    except ValueError as error:
        return error


def test_exception_is_told_by_class_and_place() -> None:
    told = describe(raising("secret words"))
    assert "secret" not in told
    outer, inner = told.split("; from ")
    assert outer.startswith("ValueError < tests/ops/test_logs.py:")
    assert outer.endswith(":raising")
    assert inner.startswith("KeyError < ")


def test_group_is_told_by_its_members() -> None:
    group = ExceptionGroup(
        "secret words", [raising("secret"), ExceptionGroup("secret", [OSError(errno.ENOSPC, "secret")])]
    )
    told = describe(group)
    assert "secret" not in told
    assert told.endswith("; from OSError(ENOSPC)")


def test_sqlite_error_has_its_symbol() -> None:
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect("/nowhere/at/all")
    assert describe(caught.value).startswith("OperationalError(SQLITE_CANTOPEN)")


def test_long_and_circular_exceptions_are_bounded() -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$") as caught:
        deep(200)
    assert len(describe(caught.value)) < 1000
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert describe(first).endswith("; from …")
    assert describe(ExceptionGroup("x", [ValueError() for _ in range(1000)])).count("ValueError") == 4


def test_libraries_are_named_and_not_quoted() -> None:
    pipe = Pipe()
    with logs.writing(Log(), {}, pipe.writer):
        foreign = logging.getLogger("some.library")
        foreign.info("secret %s", "words")
        foreign.warning("secret %s", "words")
        try:
            raise KeyError("secret")
        except KeyError:
            foreign.exception("secret words")
    first, second = pipe.lines()
    assert "log.foreign logger=some.library" in first
    assert 'error="KeyError < ' in second
    assert "secret" not in first + second


def test_uncaught_exceptions_lose_their_words() -> None:
    pipe = Pipe()

    def fails() -> None:
        raise ValueError("secret words")

    with logs.writing(Log(), {}, pipe.writer):
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()
        sys.excepthook(ValueError, raising("secret words"), None)
    lines = pipe.lines()
    assert [line.split()[2] for line in lines] == ["daemon.uncaught"] * 2
    assert "secret" not in "".join(lines)


def test_crash_is_logged_and_ends_with_a_code() -> None:
    pipe = Pipe()
    with pytest.raises(SystemExit) as caught, logs.writing(Log(), {}, pipe.writer):
        raise ValueError("secret words")
    assert caught.value.code == 1
    assert caught.value.__suppress_context__
    (line,) = pipe.lines()
    assert "daemon.crashed" in line
    assert "secret" not in line


def test_logging_of_the_process_is_given_back() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    lines_of(Log())
    assert (root.handlers[:], root.level, sys.excepthook, threading.excepthook) == before


def test_gone_reader_raises_nothing() -> None:
    pipe = Pipe()
    os.close(pipe.reader)
    with logs.writing(Log(), {}, pipe.writer) as writer:
        for _ in range(100):
            logs.log("error", "daemon.ready")
    assert writer.dropped_total == 100
    os.close(pipe.writer)


def test_slow_reader_costs_lines_and_never_time() -> None:
    pipe = Pipe()
    writer = LineWriter(pipe.writer, lambda count: f"dropped {count}", queue_lines=10)
    for _ in range(2000):
        writer.put("x" * 1000)
    assert writer.dropped_total > 1000
    # Until the reader wakes up: then all is told, with the number of lines that are missing.
    received = bytearray()
    while b"dropped" not in received:
        received += os.read(pipe.reader, 65_536)
    told = sum(int(line.split()[1]) for line in received.decode().splitlines() if line.startswith("dropped"))
    assert told == writer.dropped_total
    assert received.count(b"xxxx\n") == 2000 - told
    writer.close()
    os.close(pipe.writer)
    os.close(pipe.reader)


def test_missing_lines_are_told_in_the_log() -> None:
    pipe = Pipe()
    received = bytearray()
    with logs.writing(Log(), {}, pipe.writer) as writer:
        while not writer.dropped_total:
            logs.log("info", "daemon.ready")
        while b"log.dropped" not in received:
            received += os.read(pipe.reader, 65_536)
    os.close(pipe.reader)
    os.close(pipe.writer)
    assert re.search(rb"warning log\.dropped count=\d+\n", received)


def test_nonblocking_descriptor_loses_lines_and_goes_on() -> None:
    pipe = Pipe()
    os.set_blocking(pipe.writer, False)
    with logs.writing(Log(), {}, pipe.writer) as writer:
        while not writer.dropped_total:
            logs.log("error", "config.rejected", what=logs.Sentence("x" * 4000))
        os.read(pipe.reader, 65_536)
    os.close(pipe.reader)
    os.close(pipe.writer)


def calls_in_the_daemon() -> Iterator[tuple[str, ast.Call]]:
    """Find every call of a name or attribute `log` whose first argument is a level."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and len(node.args) == 2:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in {"log", "_log"}:
                    yield f"{path.relative_to(SOURCES)}:{node.lineno}", node


def test_every_event_and_field_that_the_daemon_logs_is_in_the_tables() -> None:
    unknown = []
    calls = list(calls_in_the_daemon())
    for place, call in calls:
        event = call.args[1]
        if isinstance(event, ast.Constant) and event.value not in EVENTS:
            unknown.append(f"{place}: event {event.value!r}")
        unknown += [f"{place}: field {keyword.arg}" for keyword in call.keywords if keyword.arg not in FIELDS]
    assert len(calls) >= 5
    assert unknown == []


def test_every_event_and_field_has_its_sentence() -> None:
    sentences = [*EVENTS.values(), *(field.sentence for field in FIELDS.values())]
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in sentences)
