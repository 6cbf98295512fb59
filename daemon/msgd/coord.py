"""Coordination: who is on which node, and the state of calls. One node's version is a few maps."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Protocol

from .bus import NodeId


class Coord(Protocol):
    """Who is where, and compare-and-set for the state of calls."""

    async def up(self, account: int, connection: int) -> None:
        """A connection of an account is ready on this node."""
        ...

    async def down(self, account: int, connection: int) -> None:
        """A connection is gone. Harmless where it was never up."""
        ...

    async def where(self, accounts: Collection[int]) -> Mapping[int, Collection[NodeId]]:
        """The nodes that each account has connections on; accounts with none are left out."""
        ...

    async def call_transition(self, call: str, expected: str | None, new: str | None, by: NodeId) -> bool:
        """Move a call's state if it stands at `expected` (None: it does not exist). False where it does not.

        A `new` of None forgets the call.
        """
        ...


class LocalCoord:
    """The coordination of a single node."""

    def __init__(self, node: NodeId) -> None:
        self.node = node
        self._connections: Counter[int] = Counter()
        self._up: set[tuple[int, int]] = set()
        self._calls: dict[str, str] = {}

    async def up(self, account: int, connection: int) -> None:
        """A connection of an account is ready."""
        if (account, connection) not in self._up:
            self._up.add((account, connection))
            self._connections[account] += 1

    async def down(self, account: int, connection: int) -> None:
        """A connection is gone."""
        if (account, connection) in self._up:
            self._up.discard((account, connection))
            self._connections[account] -= 1
            if not self._connections[account]:
                del self._connections[account]

    async def where(self, accounts: Collection[int]) -> Mapping[int, Collection[NodeId]]:
        """This node, for each account that has a connection."""
        return {account: (self.node,) for account in accounts if account in self._connections}

    async def call_transition(self, call: str, expected: str | None, new: str | None, by: NodeId) -> bool:
        """Compare and set, at once."""
        if self._calls.get(call) != expected:
            return False
        if new is None:
            self._calls.pop(call, None)
        else:
            self._calls[call] = new
        return True
