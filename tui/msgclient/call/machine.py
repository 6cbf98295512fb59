"""The call as its client sees it: every state, every event, and what follows, in one table.

Pure: no clock, no I/O, no randomness. The server has a table of its own (`msgwire.call_state`), which is the truth
about who is in a call; this one says what the device does. The rules:

1. Nothing but TRANSITIONS moves a call. An event without a row is ignored: it came too late, and is no error.
2. Active and held are one place, told apart by whether anybody holds. So a call that is held and loses its network is
   held when it is back.
3. Events of the media carry their epoch. Those of an older one are dropped: a new connection is under way.
4. Every state but `idle` and `ended` has a timer, or ends when the server or a person says so.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

RING_TIMEOUT_S = 45.0
"""The server's `ring_timeout_s` by default; the client's own timer is a little longer, so that the server speaks."""
RING_SLACK_S = 5.0
CONNECT_TIMEOUT_S = 15.0
RECONNECT_TIMEOUT_S = 30.0


class State(enum.StrEnum):
    """Where a call stands on this device."""

    IDLE = "idle"
    OUTGOING = "outgoing"
    INCOMING = "incoming"
    CONNECTING = "connecting"
    ACTIVE = "active"
    HELD = "held"
    RECONNECTING = "reconnecting"
    ENDED = "ended"


class Event(enum.StrEnum):
    """What happens to a call. The first group comes from the person, then server, media and clock."""

    PLACE = "place"
    ANSWER = "answer"
    DECLINE = "decline"
    HANG_UP = "hang_up"
    HOLD = "hold"
    RESUME = "resume"

    RINGING = "ringing"
    INCOMING = "incoming"
    ACCEPTED = "accepted"
    TAKEN = "taken"
    REFUSED = "refused"
    ENDED = "ended"
    GONE = "gone"
    NEXT_EPOCH = "next_epoch"

    CONNECTED = "connected"
    MEDIA_LOST = "media_lost"
    MEDIA_CLOSED = "media_closed"
    MEDIA_UNUSABLE = "media_unusable"
    PEER_HOLDS = "peer_holds"
    PEER_RESUMES = "peer_resumes"
    ENGINE_STOPPED = "engine_stopped"
    UNTRUSTED = "untrusted"

    TIME_OUT = "time_out"


class Do(enum.StrEnum):
    """What the shell does after a transition, in this order."""

    REQUEST = "request"
    ACCEPT = "accept"
    REJECT = "reject"
    SEND_HANGUP = "send_hangup"
    SEND_FAILED = "send_failed"
    SEND_LOST = "send_lost"
    OFFER = "offer"
    AWAIT_OFFER = "await_offer"
    RENEW = "renew"
    FOLLOW = "follow"
    REPEAT_HOLD = "repeat_hold"
    CLOSE_MEDIA = "close_media"
    START_TIMER = "start_timer"
    STOP_TIMER = "stop_timer"


class Reason(enum.StrEnum):
    """How a call ended: the wire's reasons, and what only this device knows."""

    HANGUP = "hangup"
    DECLINED = "declined"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"
    GLARE = "glare"
    TAKEN = "taken"
    OFFLINE = "offline"
    REFUSED = "refused"
    ENGINE_STOPPED = "engine_stopped"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Step:
    """What an event does. `reason` stands where the call ends; None there means that the event brings it."""

    state: State
    do: tuple[Do, ...] = ()
    reason: Reason | None = None


_S, _E, _D, _R = State, Event, Do, Reason
_CLOSE = (_D.CLOSE_MEDIA, _D.STOP_TIMER)


def _end(reason: Reason | None, *do: Do) -> Step:
    return Step(_S.ENDED, (*do, *_CLOSE), reason)


_RENEWED = Step(_S.RECONNECTING, (_D.RENEW, _D.START_TIMER))
_FOLLOWED = Step(_S.RECONNECTING, (_D.FOLLOW, _D.START_TIMER))

TRANSITIONS: Mapping[tuple[State, Event], Step] = {
    (_S.IDLE, _E.PLACE): Step(_S.OUTGOING, (_D.REQUEST, _D.START_TIMER)),
    (_S.IDLE, _E.INCOMING): Step(_S.INCOMING, (_D.START_TIMER,)),
    (_S.OUTGOING, _E.RINGING): Step(_S.OUTGOING),
    (_S.OUTGOING, _E.ACCEPTED): Step(_S.CONNECTING, (_D.OFFER, _D.START_TIMER)),
    (_S.OUTGOING, _E.HANG_UP): _end(_R.CANCELLED, _D.SEND_HANGUP),
    (_S.OUTGOING, _E.REFUSED): _end(None),
    (_S.OUTGOING, _E.ENDED): _end(None),
    (_S.OUTGOING, _E.GONE): _end(_R.LOST),
    (_S.OUTGOING, _E.ENGINE_STOPPED): _end(_R.ENGINE_STOPPED, _D.SEND_FAILED),
    (_S.OUTGOING, _E.UNTRUSTED): _end(_R.UNTRUSTED, _D.SEND_FAILED),
    (_S.OUTGOING, _E.TIME_OUT): _end(_R.NO_ANSWER, _D.SEND_HANGUP),
    (_S.INCOMING, _E.ANSWER): Step(_S.CONNECTING, (_D.ACCEPT, _D.AWAIT_OFFER, _D.START_TIMER)),
    (_S.INCOMING, _E.DECLINE): _end(_R.DECLINED, _D.REJECT),
    (_S.INCOMING, _E.HANG_UP): _end(_R.DECLINED, _D.REJECT),
    (_S.INCOMING, _E.TAKEN): _end(_R.TAKEN),
    (_S.INCOMING, _E.ENDED): _end(None),
    (_S.INCOMING, _E.GONE): _end(_R.CANCELLED),
    (_S.INCOMING, _E.TIME_OUT): _end(_R.NO_ANSWER),
    (_S.CONNECTING, _E.CONNECTED): Step(_S.ACTIVE, (_D.STOP_TIMER,)),
    (_S.CONNECTING, _E.HANG_UP): _end(_R.HANGUP, _D.SEND_HANGUP),
    (_S.CONNECTING, _E.TAKEN): _end(_R.TAKEN),
    (_S.CONNECTING, _E.REFUSED): _end(None),
    (_S.CONNECTING, _E.ENDED): _end(None),
    (_S.CONNECTING, _E.GONE): _end(_R.LOST),
    (_S.CONNECTING, _E.NEXT_EPOCH): Step(_S.CONNECTING, (_D.FOLLOW,)),
    (_S.CONNECTING, _E.MEDIA_LOST): Step(_S.CONNECTING, (_D.RENEW,)),
    (_S.CONNECTING, _E.MEDIA_CLOSED): _end(_R.HANGUP, _D.SEND_HANGUP),
    (_S.CONNECTING, _E.MEDIA_UNUSABLE): _end(_R.FAILED, _D.SEND_FAILED),
    (_S.CONNECTING, _E.ENGINE_STOPPED): _end(_R.ENGINE_STOPPED, _D.SEND_FAILED),
    (_S.CONNECTING, _E.UNTRUSTED): _end(_R.UNTRUSTED, _D.SEND_FAILED),
    (_S.CONNECTING, _E.TIME_OUT): _end(_R.FAILED, _D.SEND_FAILED),
    (_S.ACTIVE, _E.HOLD): Step(_S.HELD, (_D.REPEAT_HOLD,)),
    (_S.ACTIVE, _E.PEER_HOLDS): Step(_S.HELD),
    (_S.HELD, _E.HOLD): Step(_S.HELD, (_D.REPEAT_HOLD,)),
    (_S.HELD, _E.RESUME): Step(_S.ACTIVE, (_D.REPEAT_HOLD,)),
    (_S.HELD, _E.PEER_HOLDS): Step(_S.HELD),
    (_S.HELD, _E.PEER_RESUMES): Step(_S.ACTIVE),
    (_S.RECONNECTING, _E.CONNECTED): Step(_S.ACTIVE, (_D.STOP_TIMER,)),
    (_S.RECONNECTING, _E.HOLD): Step(_S.RECONNECTING, (_D.REPEAT_HOLD,)),
    (_S.RECONNECTING, _E.RESUME): Step(_S.RECONNECTING, (_D.REPEAT_HOLD,)),
    (_S.RECONNECTING, _E.PEER_HOLDS): Step(_S.RECONNECTING),
    (_S.RECONNECTING, _E.PEER_RESUMES): Step(_S.RECONNECTING),
    (_S.RECONNECTING, _E.HANG_UP): _end(_R.HANGUP, _D.SEND_HANGUP),
    (_S.RECONNECTING, _E.ENDED): _end(None),
    (_S.RECONNECTING, _E.GONE): _end(_R.LOST),
    (_S.RECONNECTING, _E.NEXT_EPOCH): Step(_S.RECONNECTING, (_D.FOLLOW,)),
    (_S.RECONNECTING, _E.MEDIA_LOST): Step(_S.RECONNECTING, (_D.RENEW,)),
    (_S.RECONNECTING, _E.MEDIA_CLOSED): _end(_R.HANGUP, _D.SEND_HANGUP),
    (_S.RECONNECTING, _E.MEDIA_UNUSABLE): Step(_S.RECONNECTING, (_D.RENEW,)),
    (_S.RECONNECTING, _E.ENGINE_STOPPED): _end(_R.ENGINE_STOPPED, _D.SEND_FAILED),
    (_S.RECONNECTING, _E.UNTRUSTED): _end(_R.UNTRUSTED, _D.SEND_FAILED),
    (_S.RECONNECTING, _E.TIME_OUT): _end(_R.LOST, _D.SEND_LOST),
    **{
        (talking, event): step
        for talking in (_S.ACTIVE, _S.HELD)
        for event, step in {
            _E.HANG_UP: _end(_R.HANGUP, _D.SEND_HANGUP),
            _E.ENDED: _end(None),
            _E.NEXT_EPOCH: _FOLLOWED,
            _E.MEDIA_LOST: _RENEWED,
            _E.MEDIA_CLOSED: _end(_R.HANGUP, _D.SEND_HANGUP),
            _E.ENGINE_STOPPED: _end(_R.ENGINE_STOPPED, _D.SEND_FAILED),
            _E.UNTRUSTED: _end(_R.UNTRUSTED, _D.SEND_FAILED),
        }.items()
    },
}
"""Every (state, event) that moves a call. `active` and `held` have no row for GONE: a server that has forgotten the
call, because it was started anew, is no reason to stop talking."""

_HOLDS: Mapping[Event, tuple[str, bool]] = {
    _E.HOLD: ("held_here", True),
    _E.RESUME: ("held_here", False),
    _E.PEER_HOLDS: ("held_there", True),
    _E.PEER_RESUMES: ("held_there", False),
}

_MEDIA = frozenset({_E.CONNECTED, _E.MEDIA_LOST, _E.MEDIA_CLOSED, _E.MEDIA_UNUSABLE, _E.PEER_HOLDS, _E.PEER_RESUMES})


def timeout_of(state: State, ring_s: float = RING_TIMEOUT_S) -> float | None:
    """How long a state may last, in seconds; None where it may last."""
    return {
        State.OUTGOING: ring_s + RING_SLACK_S,
        State.INCOMING: ring_s + RING_SLACK_S,
        State.CONNECTING: CONNECT_TIMEOUT_S,
        State.RECONNECTING: RECONNECT_TIMEOUT_S,
    }.get(state)


@dataclass(frozen=True, slots=True)
class Machine:
    """One call. Immutable: `apply` gives the next one.

    Attributes:
        epoch: of the connection that is in use or under way.
        held_here, held_there: who holds.
        has_talked: whether the two have ever been connected.
        reason: how it ended.
    """

    state: State = State.IDLE
    epoch: int = 0
    held_here: bool = False
    held_there: bool = False
    has_talked: bool = False
    reason: Reason | None = None

    def apply(
        self, event: Event, *, reason: Reason | None = None, epoch: int | None = None
    ) -> tuple["Machine", tuple[Do, ...]]:
        """The call after an event, and what to do.

        Args:
            event: what happened.
            reason: how it ended, with `ENDED` and `REFUSED`.
            epoch: of an event of the media, and the new one with `NEXT_EPOCH`.
        """
        step = TRANSITIONS.get((self.state, event))
        if step is None or self._is_stale(event, epoch):
            return self, ()
        if event in _HOLDS:
            return self._hold(event, step)
        state = step.state
        if state is State.ENDED:
            return replace(self, state=state, reason=step.reason or reason or Reason.FAILED), step.do
        after = replace(self, state=state)
        if Do.RENEW in step.do:
            after = replace(after, epoch=self.epoch + 1)
        elif Do.FOLLOW in step.do:
            assert epoch is not None, "a stale or missing epoch was dropped above"
            after = replace(after, epoch=epoch)
        if event is Event.CONNECTED:
            after = replace(after, has_talked=True)
        return after._settled(), step.do

    def _is_stale(self, event: Event, epoch: int | None) -> bool:
        if event is Event.NEXT_EPOCH:
            return epoch is None or epoch <= self.epoch
        return event in _MEDIA and epoch is not None and epoch != self.epoch

    def _hold(self, event: Event, step: Step) -> tuple["Machine", tuple[Do, ...]]:
        name, is_held = _HOLDS[event]
        if getattr(self, name) is is_held:
            return self, ()
        after = replace(self, held_here=is_held) if name == "held_here" else replace(self, held_there=is_held)
        return replace(after, state=step.state)._settled(), step.do

    def _settled(self) -> "Machine":
        """Active and held are told apart by who holds."""
        if self.state not in {State.ACTIVE, State.HELD}:
            return self
        return replace(self, state=State.HELD if self.held_here or self.held_there else State.ACTIVE)


def as_markdown() -> str:
    """The table for the documentation."""
    rows = ["| while | event | becomes | then |", "| --- | --- | --- | --- |"]
    for (state, event), step in TRANSITIONS.items():
        reason = "" if step.state is not State.ENDED else f" ({step.reason or 'as told'})"
        rows.append(f"| {state} | {event} | {step.state}{reason} | {', '.join(step.do)} |")
    return "\n".join(rows)
