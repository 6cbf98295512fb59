"""What the disk itself can do: durable 4 KiB writes, one by one, as a commit of the write-ahead log makes them."""

import os
import time
from pathlib import Path

import msgspec

from msgbench.stats import percentile

PAGE_BYTES = 4096
# The log is written over again from its start after a checkpoint; so many pages lie between two of those by default.
LOG_PAGES = 1000


class FsyncRow(msgspec.Struct, kw_only=True):
    """One way of writing: `append` grows the file, `overwrite` does not."""

    kind: str
    per_s: float
    p50_ms: float
    p99_ms: float


def measure_fsync(folder: Path, kind: str, seconds: float) -> FsyncRow:
    """Write and fdatasync for `seconds` in a new file of `folder`, and delete it."""
    page = os.urandom(PAGE_BYTES)
    path = folder / "fsync-probe"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if kind == "overwrite":
            os.pwrite(handle, page * LOG_PAGES, 0)
            os.fsync(handle)
        took_ms: list[float] = []
        start = before = time.perf_counter()
        while before - start < seconds:
            number = len(took_ms)
            os.pwrite(handle, page, PAGE_BYTES * (number % LOG_PAGES if kind == "overwrite" else number))
            os.fdatasync(handle)
            after = time.perf_counter()
            took_ms.append((after - before) * 1000)
            before = after
    finally:
        os.close(handle)
        path.unlink()
    rate = len(took_ms) / (before - start)
    took_ms.sort()
    return FsyncRow(kind=kind, per_s=rate, p50_ms=percentile(took_ms, 0.5), p99_ms=percentile(took_ms, 0.99))
