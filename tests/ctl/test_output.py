"""How data, narration and errors look, and where they go."""

import io
import json
import sys
from typing import Any

import pytest

from msgctl.failures import Failure
from msgctl.main import requested_output
from msgctl.output import Output, cell, show_failure, show_many, show_one, visible

ROWS = [
    {"login": "al", "created_at": 0, "disabled": False, "note": None},
    {"login": "бела", "created_at": 1_700_000_000_000, "disabled": True, "note": "日本"},
]


def test_a_table_lines_up(capsys: pytest.CaptureFixture[str]) -> None:
    show_many(ROWS, Output.TABLE)
    assert capsys.readouterr().out.splitlines() == [
        "login  created at            disabled  note",
        "al     1970-01-01 00:00:00Z  no        -",
        "бела   2023-11-14 22:13:20Z  yes       日本",
    ]


@pytest.mark.parametrize("rows", [[], ROWS])
def test_json_is_exact(capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]]) -> None:
    show_many(rows, Output.JSON)
    assert json.loads(capsys.readouterr().out) == rows
    show_many(rows, Output.JSONL)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows


def test_one_record_shows_its_lists_below(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({"login": "al", "store_bytes": 3 << 20, "uptime_s": 90061, "devices": [{"name": "x"}]}, Output.TABLE)
    assert capsys.readouterr().out.splitlines() == [
        "login   al",
        "store   3.0 MiB",
        "uptime  1 d 01:01:01",
        "",
        "devices",
        "name",
        "x",
    ]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202eevil", "\x9b31m", "\r", "\ud800"])
def test_nobodys_text_moves_the_cursor(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert visible(text).isprintable()
    show_many([{"name": text}], Output.TABLE)
    show_many([{"name": text}], Output.JSON)
    shown = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert shown.count("\n") == 3


def test_a_time_that_is_none_is_shown_as_it_is() -> None:
    assert cell("created_at", 10**30) == str(10**30)


@pytest.mark.parametrize("output", [Output.JSON, Output.JSONL])
def test_errors_come_in_the_same_format(capsys: pytest.CaptureFixture[str], output: Output) -> None:
    show_failure(Failure("not_found", "Nobody \x1b."), output)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err) == {"error": {"code": "not_found", "message": "Nobody \x1b."}}
    assert "\x1b" not in shown.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "colored"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colors_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], colored: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    show_many(ROWS, Output.TABLE)
    assert ("\x1b[" in terminal.getvalue()) is colored


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ([], "table"),
        (["user", "--output", "json"], "json"),
        (["--output=jsonl", "x"], "jsonl"),
        (["-o", "json", "x", "-o", "table"], "table"),
        (["--output"], "table"),
        (["--output", "nonsense"], "table"),
    ],
)
def test_the_format_of_errors_is_found_in_wrong_arguments(arguments: list[str], output: str) -> None:
    assert requested_output(arguments) == output
