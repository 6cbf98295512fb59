"""What an operation works with: the store, the settings, passwords, and the running daemon where there is one."""

import os
import time
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from msgd.config import Settings
from msgd.store.commands import AccountId
from msgd.store.interface import Store

CutReason = Literal["account_disabled", "account_deleted", "password_changed"]


class Passwords(Protocol):
    """What turns a password into what is kept of it."""

    async def hash(self, password: str) -> str:
        """Hash a new password; raises where too many are being hashed already."""
        ...


class LiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """What only a running daemon knows of itself.

    Attributes:
        url: Where clients reach it, such as "wss://127.0.0.1:7443/v1/ws", with the port that was really taken.
        started_at: UTC epoch milliseconds.
        connections: WebSockets that are open.
        sessions: Of these, the authenticated ones.
        queue_depth: Commands that wait for the store's writer.
    """

    url: str
    started_at: int
    connections: int
    sessions: int
    queue_depth: int


class LiveDaemon(Protocol):
    """The running daemon, as administrators may touch it. No method blocks."""

    def report(self) -> LiveReport:
        """Count what is going on now."""
        ...

    def connections_of(self, account: AccountId) -> int:
        """Count the open connections that are authenticated as this account."""
        ...

    def cut(self, account: AccountId, reason: CutReason) -> int:
        """Close every connection of the account with 4403, and say how many there were.

        It is called after the change is durable, so that a connection cannot slip in between.
        """
        ...


class Caller(msgspec.Struct, frozen=True):
    """Who asks, as the audit log names them.

    Attributes:
        actor: Login name and uid of the system's user.
        origin: The way they came, and the process.
    """

    actor: str
    origin: str


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class AdminContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the handler of an operation may use; clock and randomness are replaced in tests.

    `caller` is set anew for each connection to the admin socket.
    """

    store: Store
    settings: Settings
    passwords: Passwords
    live: LiveDaemon | None = None
    caller: Caller = Caller("msgd", "")
    now_ms: Callable[[], int] = _now_ms
    random_bytes: Callable[[int], bytes] = os.urandom
