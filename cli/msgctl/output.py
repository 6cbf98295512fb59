"""Data on stdout as table, JSON or JSON lines; narration and errors on stderr."""

import datetime
import enum
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

from msgctl.failures import Failure

_BOLD, _RED, _RESET = "\x1b[1m", "\x1b[31m", "\x1b[0m"
_KIB = 1024


class Output(enum.StrEnum):
    """How data and errors are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class ReaderGone(Exception):
    """Whoever read stdout had enough. Not an OSError, as typer would turn that into an exit code of its own."""


def show_one(record: Mapping[str, Any], output: Output) -> None:
    """Write one record: its fields, and every list in it as a table of its own."""
    if output is not Output.TABLE:
        _write(_json(record))
        return
    lists = {name: value for name, value in record.items() if isinstance(value, list)}
    fields = [(_title(name), cell(name, value)) for name, value in record.items() if name not in lists]
    width = max((_columns(title) for title, _ in fields), default=0)
    for title, text in fields:
        _write(f"{_pad(title, width)}  {text}")
    for name, rows in lists.items():
        if rows:
            _write("")
            _write(_bold(_title(name)))
            _table(rows)


def show_many(records: Iterable[Mapping[str, Any]], output: Output) -> None:
    """Write a list; JSON lines are written as they come, the others need all of them."""
    if output is Output.JSONL:
        for record in records:
            _write(_json(record))
        return
    rows = list(records)
    if output is Output.JSON:
        _write(_json(rows))
    elif rows:
        _table(rows)


def say(text: str) -> None:
    """Tell the administrator something that is no data."""
    sys.stderr.write(visible(text, keep="\n") + "\n")


def show_failure(failure: Failure, output: Output) -> None:
    """Write an error to stderr in the chosen format."""
    if output is Output.TABLE:
        head = f"{_RED}error{_RESET}" if _may_color(sys.stderr) else "error"
        sys.stderr.write(f"{head}: {visible(failure.message, keep=chr(10))} [{failure.code}]\n")
    else:
        sys.stderr.write(_json({"error": {"code": failure.code, "message": failure.message}}) + "\n")


def cell(name: str, value: object) -> str:
    """Write one value for people; the end of its name gives the unit."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    for suffix, write in _BY_UNIT.items():
        if name.endswith(suffix) and isinstance(value, int | float):
            return write(value)
    if isinstance(value, list):
        return ", ".join(cell(name, item) for item in value) or "-"
    return visible(str(value)) or "-"


def visible(text: str, keep: str = "") -> str:
    """Show control and direction characters as escapes, so that nobody's text moves the cursor or reorders a line."""
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in text
    )


def _time(value: float) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return str(value)
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def _duration(value: float) -> str:
    minutes, seconds = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hours:02}:{minutes:02}:{seconds:02}"


def _size(value: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if value < _KIB:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _KIB
    return f"{value:.1f} GiB"


_BY_UNIT: dict[str, Callable[[float], str]] = {"_at": _time, "_s": _duration, "_bytes": _size}


def _title(name: str) -> str:
    for suffix in ("_bytes", "_s"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def _table(rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(rows[0])
    lines = [[cell(name, row[name]) for name in names] for row in rows]
    titles = [_title(name) for name in names]
    widths = [max(map(_columns, column)) for column in zip(titles, *lines, strict=True)]
    _write(_bold(_line(titles, widths)))
    for line in lines:
        _write(_line(line, widths))


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(_pad(text, width) for text, width in zip(texts, widths, strict=True)).rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))


def _columns(text: str) -> int:
    """Count the columns that a terminal gives a text (UAX #11)."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
        for char in text
    )


def _bold(text: str) -> str:
    return f"{_BOLD}{text}{_RESET}" if _may_color(sys.stdout) else text


def _may_color(stream: TextIO) -> bool:
    """Whether to color: a terminal, and nobody who asked for none (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _json(value: object) -> str:
    # ASCII: exact for programs, and harmless when a terminal shows it.
    return json.dumps(value, ensure_ascii=True)


def _write(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
    except BrokenPipeError:
        raise ReaderGone from None
