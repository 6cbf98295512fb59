"""The contact machine of two accounts: every pair of states and every action, in one table.

Each side has a state of its own. As long as neither has blocked the other they mirror each other (`requested` and
`pending`, both `accepted`, both `none`). A block hides itself: the blocked side goes on in the state it sees, and
its actions move that side alone, until the block is taken back and both start again from `none`.
"""

from typing import Final, NamedTuple, get_args

from msgwire import ErrorCode
from msgwire.types import ContactState

from .commands import ContactAction

STATES: Final[tuple[ContactState, ...]] = get_args(ContactState)
ACTIONS: Final[tuple[ContactAction, ...]] = get_args(ContactAction)


class Pair(NamedTuple):
    """The states of the two sides: who acts, and the other."""

    mine: ContactState
    theirs: ContactState


_MIRROR: Final[dict[ContactState, ContactState]] = {
    "none": "none",
    "requested": "pending",
    "pending": "requested",
    "accepted": "accepted",
}

_MOVES: Final[dict[tuple[ContactState, ContactAction], ContactState | ErrorCode]] = {
    ("none", "request"): "requested",
    ("none", "accept"): ErrorCode.CONFLICT,
    ("none", "decline"): ErrorCode.CONFLICT,
    ("none", "remove"): "none",
    ("none", "block"): "blocked",
    ("none", "unblock"): "none",
    ("requested", "request"): "requested",
    ("requested", "accept"): ErrorCode.CONFLICT,
    ("requested", "decline"): ErrorCode.CONFLICT,
    ("requested", "remove"): "none",
    ("requested", "block"): "blocked",
    ("requested", "unblock"): "requested",
    ("pending", "request"): "accepted",
    ("pending", "accept"): "accepted",
    ("pending", "decline"): "none",
    ("pending", "remove"): "none",
    ("pending", "block"): "blocked",
    ("pending", "unblock"): "pending",
    ("accepted", "request"): "accepted",
    ("accepted", "accept"): "accepted",
    ("accepted", "decline"): ErrorCode.CONFLICT,
    ("accepted", "remove"): "none",
    ("accepted", "block"): "blocked",
    ("accepted", "unblock"): "accepted",
    ("blocked", "request"): ErrorCode.BLOCKED,
    ("blocked", "accept"): ErrorCode.BLOCKED,
    ("blocked", "decline"): ErrorCode.BLOCKED,
    ("blocked", "remove"): ErrorCode.BLOCKED,
    ("blocked", "block"): "blocked",
    ("blocked", "unblock"): "none",
}


def possible(pair: Pair) -> bool:
    """Whether two sides can stand like this."""
    return "blocked" in pair or _MIRROR[pair.mine] == pair.theirs


def move(pair: Pair, action: ContactAction) -> Pair | ErrorCode:
    """Where `action` leads the two sides, or why it is refused."""
    mine = _MOVES[pair.mine, action]
    if isinstance(mine, ErrorCode):
        return mine
    if mine == pair.mine:
        return pair
    if mine == "blocked" or pair.theirs == "blocked":
        return Pair(mine, pair.theirs)
    return Pair(mine, _MIRROR[mine])
