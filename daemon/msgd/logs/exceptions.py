"""Exceptions for the log: what class, where in the code, never what they say, as that may quote content."""

import errno
import traceback
from collections.abc import Iterator
from pathlib import PurePath

_MOST_EXCEPTIONS = 4
_MOST_PLACES = 8
_PATH_PARTS = 3


def describe(error: BaseException) -> str:
    """Give one line: each exception with its places, innermost first, and those that caused it.

    An exception group is told by its members, at most four in all. Of a system or SQLite error the symbolic name is
    safe and says most, so it is added: `OSError(ENOSPC)`, `OperationalError(SQLITE_FULL)`.
    """
    told = []
    for number, one in enumerate(_chain(error)):
        if number == _MOST_EXCEPTIONS:
            told.append("…")
            break
        told.append(_one(one))
    return "; from ".join(told)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk members of groups and causes; a cycle ends at the bound of the caller."""
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _chain(member)
        return
    yield error
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before)


def _one(error: BaseException) -> str:
    frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)
    places = [f"{_short(frame.filename)}:{frame.lineno}:{frame.name}" for frame in frames[-_MOST_PLACES:]]
    return " < ".join([_class(error), *reversed(places)])


def _class(error: BaseException) -> str:
    name = type(error).__name__
    symbol = getattr(error, "sqlite_errorname", None)
    if symbol is None and isinstance(error, OSError) and error.errno is not None:
        symbol = errno.errorcode.get(error.errno)
    return f"{name}({symbol})" if isinstance(symbol, str) else name


def _short(filename: str) -> str:
    return "/".join(PurePath(filename).parts[-_PATH_PARTS:])
