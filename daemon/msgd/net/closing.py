"""The life of a connection as one table: from open, through either closing handshake of RFC 6455, to gone.

The server closes TCP first (section 7.1.1). After a violation it sends its close frame, shuts its own side and reads
what still comes without looking at it, so that the close frame is not lost to a reset (section 7.1.7).
"""

from enum import Enum, auto
from typing import Final


class State(Enum):
    """Where a connection stands."""

    OPEN = auto()
    DRAINING = auto()
    """We close: what is queued goes out, and our close frame after it."""
    AWAITING = auto()
    """Our close frame is out; the peer's is awaited."""
    ANSWERING = auto()
    """The peer's close frame is in; what is queued goes out, and our close frame after it."""
    FAILING = auto()
    """The peer broke the protocol, or our side failed: our close frame goes out, and nothing more is heard."""
    LINGERING = auto()
    """Our side is shut; what comes is thrown away until the peer shuts its own."""
    GONE = auto()


class Event(Enum):
    """What can happen to a connection."""

    CLOSE = auto()
    """The layer above asks for a close."""
    PEER_CLOSE = auto()
    """A close frame came."""
    FAIL = auto()
    """A violation, or an exception in the layer above."""
    DRAINED = auto()
    """Everything up to and including our close frame is with the kernel."""
    LOST = auto()
    """End of stream, a broken socket, a deadline, or an abort."""


_S, _E = State, Event

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (_S.OPEN, _E.CLOSE): _S.DRAINING,
    (_S.OPEN, _E.PEER_CLOSE): _S.ANSWERING,
    (_S.OPEN, _E.FAIL): _S.FAILING,
    (_S.DRAINING, _E.PEER_CLOSE): _S.ANSWERING,
    (_S.DRAINING, _E.FAIL): _S.FAILING,
    (_S.DRAINING, _E.DRAINED): _S.AWAITING,
    (_S.AWAITING, _E.PEER_CLOSE): _S.GONE,
    (_S.AWAITING, _E.FAIL): _S.LINGERING,
    (_S.ANSWERING, _E.DRAINED): _S.GONE,
    (_S.FAILING, _E.DRAINED): _S.LINGERING,
    **{(state, _E.LOST): _S.GONE for state in _S if state is not _S.GONE},
}
"""Every change of state there is; a pair that is missing changes nothing."""

LISTENING: Final = frozenset({State.OPEN, State.DRAINING, State.AWAITING})
"""States in which what the peer sends is still parsed."""


def after(state: State, event: Event) -> State:
    """Return the state that `event` leads to."""
    return TRANSITIONS.get((state, event), state)
