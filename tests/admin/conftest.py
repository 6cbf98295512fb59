"""An admin context on a store in memory, a daemon that notes what is asked of it, and a quick password hasher."""

from pathlib import Path
from typing import cast

import msgspec
import pytest
from memory_store import MemoryStore

from msgd.admin.context import AdminContext, Caller, CutReason, LiveReport
from msgd.config import Settings, load
from msgd.store.interface import Store

NOW_MS = 1_700_000_000_000


class PlainPasswords:
    def __init__(self) -> None:
        self.refusal: Exception | None = None

    async def hash(self, password: str) -> str:
        if self.refusal is not None:
            raise self.refusal
        return f"hash of {len(password)} characters"


class NotedDaemon:
    def __init__(self) -> None:
        self.cuts: list[tuple[int, CutReason]] = []

    def report(self) -> LiveReport:
        return LiveReport(
            url="wss://127.0.0.1:7443/v1/ws", started_at=NOW_MS - 90_000, connections=3, sessions=2, queue_depth=1
        )

    def connections_of(self, account: int) -> int:
        return 2

    def cut(self, account: int, reason: CutReason) -> int:
        self.cuts.append((account, reason))
        return 2


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def live() -> NotedDaemon:
    return NotedDaemon()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "store").mkdir()
    (tmp_path / "msgd.toml").write_text("[listen]\nplain = true\n")
    return load(tmp_path / "msgd.toml", {})


@pytest.fixture
def context(store: MemoryStore, live: NotedDaemon, settings: Settings) -> AdminContext:
    return AdminContext(
        store=cast("Store", store),
        settings=settings,
        passwords=PlainPasswords(),
        live=live,
        caller=Caller("root (uid 0)", "admin socket, pid 7"),
        now_ms=lambda: NOW_MS,
        random_bytes=lambda size: bytes(range(size)),
    )


@pytest.fixture
def stopped_context(context: AdminContext) -> AdminContext:
    return msgspec.structs.replace(context, live=None)
