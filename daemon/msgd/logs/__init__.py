"""Structured logs on stderr that cannot hold content: fixed events, allow-listed fields, exceptions without words."""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType

from msgd.config import Log as LogSettings
from msgd.logs.events import EVENTS, FIELDS, Sentence
from msgd.logs.exceptions import describe
from msgd.logs.output import Fields, LineWriter, as_json, as_text, runs_under_journal, with_priority

__all__ = ["EVENTS", "FIELDS", "Sentence", "log", "set_level", "writing"]

_LOGGER = logging.getLogger("msgd")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_STDERR = 2


def log(level: str, event: str, /, **fields: object) -> None:
    """Write one line, if the level asks for it.

    Args:
        level: "debug", "info", "warning" or "error".
        event: A name of `EVENTS`.
        fields: Names of `FIELDS`. A value of the wrong form is written as `?`, None and unknown fields are left out.
    """
    number = _LEVELS[level]
    if _LOGGER.isEnabledFor(number):
        _LOGGER.log(number, "%s", event, extra={"msgd_event": event, "msgd_fields": clean(fields)})


def clean(fields: Fields) -> dict[str, object]:
    """Keep what the allow-list lets through."""
    kept: dict[str, object] = {}
    for name, value in fields.items():
        field = FIELDS.get(name)
        if field is None or value is None:
            continue
        checked = field.check(value)
        kept[name] = "?" if checked is None else describe(checked) if isinstance(checked, BaseException) else checked
    return kept


def set_level(level: str) -> None:
    """Change the least severe level that is written."""
    _LOGGER.setLevel(_LEVELS[level])


class _Handler(logging.Handler):
    """Formats records of ours; of any other library it writes only who spoke and where."""

    def __init__(self, settings: LogSettings, environ: Mapping[str, str], descriptor: int) -> None:
        super().__init__()
        self._json = settings.format == "json"
        self._journal = runs_under_journal(environ, descriptor)
        self.writer = LineWriter(descriptor, self._dropped)

    def emit(self, record: logging.LogRecord) -> None:
        event: str | None = getattr(record, "msgd_event", None)
        if event is None:
            error = record.exc_info[1] if record.exc_info else None
            place = f"{os.path.basename(record.pathname)}:{record.lineno}"  # noqa: PTH119 - a name, no file is touched
            fields = clean({"logger": record.name, "place": place, "error": error})
            self.writer.put(self._line(record.created, record.levelno, "log.foreign", fields))
        else:
            self.writer.put(self._line(record.created, record.levelno, event, getattr(record, "msgd_fields", {})))

    def _line(self, created_s: float, level: int, event: str, fields: Fields) -> str:
        if self._json:
            line = as_json(created_s, level, event, fields)
        else:
            # The journal has a clock of its own.
            line = as_text(created_s, level, event, fields, stamped=not self._journal)
        return with_priority(line, level) if self._journal else line

    def _dropped(self, count: int) -> str:
        record = logging.makeLogRecord({})
        return self._line(record.created, logging.WARNING, "log.dropped", {"count": count})


@contextlib.contextmanager
def writing(settings: LogSettings, environ: Mapping[str, str], descriptor: int = _STDERR) -> Iterator[LineWriter]:
    """Send all logging of the process to a descriptor while inside, uncaught exceptions included.

    An exception that leaves the block is logged and becomes SystemExit(1), as Python itself would print its words.

    Args:
        settings: Level and format.
        environ: The process environment; JOURNAL_STREAM says whether the journal reads along.
        descriptor: Where lines go.

    Yields:
        The writer, whose `dropped_total` belongs into the metrics.
    """
    handler = _Handler(settings, environ, descriptor)
    root = logging.getLogger()
    before = root.handlers[:], root.level, _LOGGER.level, sys.excepthook, threading.excepthook, sys.unraisablehook
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    set_level(settings.level)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    try:
        yield handler.writer
    except Exception as error:
        log("error", "daemon.crashed", error=error)
        raise SystemExit(1) from None
    finally:
        handlers, root_level, level, sys.excepthook, threading.excepthook, sys.unraisablehook = before
        root.handlers[:] = handlers
        root.setLevel(root_level)
        _LOGGER.setLevel(level)
        handler.writer.close()


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Log an exception that nobody caught; Python itself would print its words."""
    log("error", "daemon.uncaught", error=error if error is not None else kind.__name__)
