"""Several rows in one statement: SQLite runs it in one call, with the GIL released once and not once per row."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from sqlite3 import Connection
from typing import Any

_LARGEST = 256
"""Rows of the largest statement; with 16 columns still far below SQLite's least limit of variables (32,766)."""


@lru_cache(maxsize=256)
def _statement(before: str, width: int, count: int, after: str) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return before + ",".join([row] * count) + after


def run_values(db: Connection, before: str, rows: Sequence[tuple[Any, ...]], after: str = "") -> list[Any]:
    """Run `before (?,…),(?,…) after` over all rows, in as few statements as powers of two allow; all that they return.

    Powers of two, so that the connection's cache of prepared statements holds them all.
    """
    found: list[Any] = []
    start, left = 0, len(rows)
    while left:
        count = min(_LARGEST, 1 << (left.bit_length() - 1))
        sql = _statement(before, len(rows[0]), count, after)
        cursor = db.execute(sql, list(chain.from_iterable(rows[start : start + count])))
        if cursor.description is not None:
            found += cursor.fetchall()
        start += count
        left -= count
    return found
