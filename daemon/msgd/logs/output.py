"""Lines on stderr: text or JSON, by a thread of its own, so that a slow reader never holds the event loop."""

import contextlib
import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

# Priorities of sd-daemon(3) by level of the logging module.
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_QUEUE_LINES = 10_000
_LAST_WORDS_S = 2.0

Fields = Mapping[str, object]


def as_text(created_s: float, level: int, event: str, fields: Fields, *, stamped: bool = True) -> str:
    """Write `TIME LEVEL EVENT key=value …`; texts with spaces are quoted, and nothing can end the line early."""
    parts = [datetime.fromtimestamp(created_s, UTC).isoformat(timespec="milliseconds")] if stamped else []
    parts += [f"{logging.getLevelName(level).lower():7}", event]
    parts += [f"{name}={_value(value)}" for name, value in fields.items()]
    return " ".join(parts)


def as_json(created_s: float, level: int, event: str, fields: Fields) -> str:
    """Write one JSON object: `at` (UTC epoch ms), `level`, `event`, and the fields."""
    opening = {"at": int(created_s * 1000), "level": logging.getLevelName(level).lower(), "event": event}
    return msgspec.json.encode(opening | dict(fields)).decode()


def _value(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and value and not set(value) & set(' "='):
        return value
    return json.dumps(value)


def runs_under_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Tell whether the journal reads this descriptor (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def with_priority(line: str, level: int) -> str:
    """Tell the journal how severe a line is."""
    return f"<{_PRIORITY.get(level, 6)}>{line}"


class LineWriter:
    """Writes lines to a descriptor from a thread; `put` never blocks and never raises.

    Attributes:
        dropped_total: Lines lost because the queue was full or the descriptor is gone.
    """

    def __init__(self, descriptor: int, on_drop: Callable[[int], str], queue_lines: int = _QUEUE_LINES) -> None:
        """Start the thread; `on_drop` makes the line that tells how many were dropped."""
        self._descriptor = descriptor
        self._on_drop = on_drop
        self._lines: queue.Queue[str | None] = queue.Queue(queue_lines)
        self.dropped_total = 0
        self._told = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Queue one line."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped_total += 1

    def close(self) -> None:
        """Write what is queued, for two seconds at most, and stop the thread."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=_LAST_WORDS_S)
        self._thread.join(_LAST_WORDS_S)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line)
            missing = self.dropped_total - self._told
            if missing and self._lines.empty():
                self._told += missing
                self._write(self._on_drop(missing))

    def _write(self, line: str) -> None:
        rest = memoryview((line + "\n").encode("utf-8", "replace"))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BlockingIOError:
            # Somebody made the descriptor non-blocking, and its reader is slow.
            self.dropped_total += 1
        except OSError:
            self.dropped_total += 1
            self._told += 1
