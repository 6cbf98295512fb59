"""The bus: hints between nodes. Lossy by contract: the store is the truth, a hint only wakes."""

from collections.abc import Callable
from typing import Protocol

import msgspec
import trio

NodeId = str


class Hint(msgspec.Struct, frozen=True, tag=True):
    """Something that another node should look at."""


class MailboxHint(Hint, frozen=True):
    """An account's mailbox has grown up to `seq`."""

    account: int
    seq: int


class PushHint(Hint, frozen=True):
    """An encoded frame of the moment for an account's devices, or for one of them."""

    account: int
    frame: bytes
    device_id: str | None = None


class CutHint(Hint, frozen=True):
    """An account's connections, or those of one device, are to be closed."""

    account: int
    close_code: int
    device_id: str | None = None


class Bus(Protocol):
    """What carries hints between nodes."""

    async def run(
        self,
        on_hint: Callable[[Hint], None],
        on_resync: Callable[[], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Deliver hints until cancelled. `on_resync` says that hints may have been lost: look at everything."""
        ...

    def hint(self, node: NodeId, hint: Hint) -> None:
        """Send a hint. Never blocks; hints that say the same may become one; may drop."""
        ...


class LocalBus:
    """The bus of a single node: a bounded queue to itself, in which mailbox hints of one account become one."""

    def __init__(self, max_hints: int = 10_000) -> None:
        self._max_hints = max_hints
        self._mailboxes: dict[int, MailboxHint] = {}
        self._others: list[Hint] = []
        self._lost = False
        self._wake = trio.Event()

    def __len__(self) -> int:
        return len(self._mailboxes) + len(self._others)

    async def run(
        self,
        on_hint: Callable[[Hint], None],
        on_resync: Callable[[], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Deliver hints until cancelled."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            lost, self._lost = self._lost, False
            hints = [*self._mailboxes.values(), *self._others]
            self._mailboxes.clear()
            self._others.clear()
            for hint in hints:
                on_hint(hint)
            if lost:
                on_resync()

    def hint(self, node: NodeId, hint: Hint) -> None:
        """Queue a hint for this node; past the bound it is dropped, and a resync follows."""
        if len(self) >= self._max_hints:
            self._lost = True
        elif isinstance(hint, MailboxHint):
            known = self._mailboxes.get(hint.account)
            if known is None or known.seq < hint.seq:
                self._mailboxes[hint.account] = hint
        else:
            self._others.append(hint)
        self._wake.set()
