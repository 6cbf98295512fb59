"""The server's call table: every transition of a call, and what each side's record says of its end.

Rule 1: nothing but TRANSITIONS moves a call.
Rule 2: this module does not know who asks; the caller of it says which party acts.
Rule 3: it decides; clocks, sockets and storage are elsewhere.
"""

import enum
from dataclasses import dataclass


class CallState(enum.StrEnum):
    """Where a call stands on the server."""

    RINGING = "ringing"
    ACCEPTED = "accepted"
    ENDED = "ended"


class Party(enum.StrEnum):
    """Who acts on a call."""

    CALLER = "caller"
    CALLEE = "callee"
    SERVER = "server"


class Signal(enum.StrEnum):
    """What is done to a call."""

    ACCEPT = "accept"
    DECLINE = "decline"
    BUSY = "busy"
    HANG_UP = "hang_up"
    FAIL = "fail"
    TIMEOUT = "timeout"
    LOST = "lost"
    GLARE = "glare"
    OFFER = "offer"
    ANSWER = "answer"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Step:
    """What a signal does: the next state and, where the call ends, its reason and each side's outcome.

    An outcome of None leaves no record on that side: the call became another one (glare).
    """

    state: CallState
    reason: str | None = None
    caller_outcome: str | None = None
    callee_outcome: str | None = None


_S, _P, _G = CallState, Party, Signal
_STAY = Step(_S.ACCEPTED)
_HUNG_UP = Step(_S.ENDED, "hangup", "answered", "answered")
_FAILED = Step(_S.ENDED, "failed", "failed", "failed")

TRANSITIONS: dict[tuple[CallState, Party, Signal], Step] = {
    (_S.RINGING, _P.CALLEE, _G.ACCEPT): _STAY,
    (_S.RINGING, _P.CALLEE, _G.DECLINE): Step(_S.ENDED, "declined", "declined", "declined"),
    (_S.RINGING, _P.CALLEE, _G.HANG_UP): Step(_S.ENDED, "declined", "declined", "declined"),
    (_S.RINGING, _P.CALLEE, _G.BUSY): Step(_S.ENDED, "busy", "busy", "missed"),
    (_S.RINGING, _P.CALLEE, _G.FAIL): Step(_S.ENDED, "failed", "failed", "missed"),
    (_S.RINGING, _P.CALLER, _G.HANG_UP): Step(_S.ENDED, "cancelled", "cancelled", "missed"),
    (_S.RINGING, _P.CALLER, _G.FAIL): Step(_S.ENDED, "failed", "failed", "missed"),
    (_S.RINGING, _P.SERVER, _G.TIMEOUT): Step(_S.ENDED, "no_answer", "missed", "missed"),
    (_S.RINGING, _P.SERVER, _G.LOST): Step(_S.ENDED, "lost", "failed", "missed"),
    (_S.RINGING, _P.SERVER, _G.GLARE): Step(_S.ENDED, "glare", None, None),
    (_S.ACCEPTED, _P.CALLER, _G.OFFER): _STAY,
    (_S.ACCEPTED, _P.CALLEE, _G.OFFER): _STAY,
    (_S.ACCEPTED, _P.CALLER, _G.ANSWER): _STAY,
    (_S.ACCEPTED, _P.CALLEE, _G.ANSWER): _STAY,
    (_S.ACCEPTED, _P.CALLER, _G.CANDIDATE): _STAY,
    (_S.ACCEPTED, _P.CALLEE, _G.CANDIDATE): _STAY,
    (_S.ACCEPTED, _P.CALLER, _G.HANG_UP): _HUNG_UP,
    (_S.ACCEPTED, _P.CALLEE, _G.HANG_UP): _HUNG_UP,
    (_S.ACCEPTED, _P.CALLER, _G.FAIL): _FAILED,
    (_S.ACCEPTED, _P.CALLEE, _G.FAIL): _FAILED,
    (_S.ACCEPTED, _P.SERVER, _G.TIMEOUT): _FAILED,
    (_S.ACCEPTED, _P.SERVER, _G.LOST): Step(_S.ENDED, "lost", "answered", "answered"),
}
"""Every (state, who, signal) that is allowed. Anything else is `call_state`."""


class IllegalSignal(ValueError):
    """The signal is not allowed from this party in this state."""


def step(state: CallState, party: Party, signal: Signal) -> Step:
    """What `signal` from `party` does to a call in `state`; raises `IllegalSignal` where nothing is allowed."""
    try:
        return TRANSITIONS[state, party, signal]
    except KeyError:
        raise IllegalSignal(f"{party} cannot {signal} while the call is {state}") from None


def glare_winner(caller_uid: str, callee_uid: str) -> str:
    """Of two crossing calls, the uid whose call stands: the lower one."""
    return min(caller_uid, callee_uid)
