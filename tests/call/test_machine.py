"""The client's call table: every state and event, two machines that talk, and the server's table beside it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from msgclient.call.machine import (
    TRANSITIONS,
    Do,
    Event,
    Machine,
    Reason,
    State,
    as_markdown,
    timeout_of,
)
from msgwire import CallState, Party, Signal
from msgwire.call_state import TRANSITIONS as SERVER

ENDED_BY = {Event.ENDED: Reason.HANGUP, Event.REFUSED: Reason.BUSY}
TALKING = {State.ACTIVE, State.HELD}


def after(machine: Machine, *events: Event) -> Machine:
    for event in events:
        epoch = machine.epoch + 1 if event is Event.NEXT_EPOCH else machine.epoch
        machine, _ = machine.apply(event, reason=ENDED_BY.get(event), epoch=epoch)
    return machine


REACHED = {
    State.IDLE: Machine(),
    State.OUTGOING: after(Machine(), Event.PLACE),
    State.INCOMING: after(Machine(), Event.INCOMING),
    State.CONNECTING: after(Machine(), Event.PLACE, Event.ACCEPTED),
    State.ACTIVE: after(Machine(), Event.PLACE, Event.ACCEPTED, Event.CONNECTED),
    State.HELD: after(Machine(), Event.PLACE, Event.ACCEPTED, Event.CONNECTED, Event.HOLD),
    State.RECONNECTING: after(Machine(), Event.PLACE, Event.ACCEPTED, Event.CONNECTED, Event.MEDIA_LOST),
    State.ENDED: after(Machine(), Event.PLACE, Event.HANG_UP),
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_state_and_event(state: State, event: Event) -> None:
    before = REACHED[state]
    assert before.state is state
    machine, do = before.apply(event, reason=ENDED_BY.get(event), epoch=before.epoch + (event is Event.NEXT_EPOCH))
    step = TRANSITIONS.get((state, event))
    if step is None:
        assert (machine, do) == (before, ())
        return
    if machine == before:
        # A row that changes nothing: holding twice, or a step that stays.
        assert not do or event is Event.RINGING or step.state is state
    if machine.state is State.ENDED:
        assert machine.reason is not None
        assert do[-2:] == (Do.CLOSE_MEDIA, Do.STOP_TIMER)
    else:
        assert machine.reason is None


def test_an_ended_call_stays_ended() -> None:
    assert not [state for state, _ in TRANSITIONS if state is State.ENDED]


def test_every_state_that_waits_has_an_end() -> None:
    for state in State:
        waits = state in {State.OUTGOING, State.INCOMING, State.CONNECTING, State.RECONNECTING}
        assert (timeout_of(state) is not None) is waits
        assert ((state, Event.TIME_OUT) in TRANSITIONS) is waits
    for (state, event), step in TRANSITIONS.items():
        if timeout_of(step.state) is not None and step.state is not state:
            assert Do.START_TIMER in step.do, (state, event)


def test_holds_of_both_sides_are_kept_apart() -> None:
    machine = REACHED[State.ACTIVE]
    machine = after(machine, Event.HOLD, Event.PEER_HOLDS, Event.RESUME)
    assert (machine.state, machine.held_here, machine.held_there) == (State.HELD, False, True)
    assert after(machine, Event.PEER_RESUMES).state is State.ACTIVE


def test_a_held_call_that_loses_its_network_is_held_when_it_is_back() -> None:
    machine = after(REACHED[State.HELD], Event.MEDIA_LOST)
    assert machine.state is State.RECONNECTING
    assert after(machine, Event.CONNECTED).state is State.HELD
    assert after(machine, Event.RESUME, Event.CONNECTED).state is State.ACTIVE


def test_each_renewal_is_the_next_epoch_and_older_ones_are_silent() -> None:
    machine = after(REACHED[State.ACTIVE], Event.MEDIA_LOST)
    assert machine.epoch == 1
    for event in (Event.CONNECTED, Event.MEDIA_LOST, Event.MEDIA_CLOSED, Event.PEER_HOLDS):
        assert machine.apply(event, epoch=0) == (machine, ())
    assert machine.apply(Event.NEXT_EPOCH, epoch=1) == (machine, ())
    assert machine.apply(Event.NEXT_EPOCH, epoch=3)[0].epoch == 3
    assert machine.apply(Event.CONNECTED, epoch=1)[0].state is State.ACTIVE


def test_losing_the_server_never_ends_a_conversation() -> None:
    for state in TALKING:
        assert REACHED[state].apply(Event.GONE) == (REACHED[state], ())


def test_a_call_that_is_answered_elsewhere_stops_ringing() -> None:
    machine = after(REACHED[State.INCOMING], Event.TAKEN)
    assert (machine.state, machine.reason) == (State.ENDED, Reason.TAKEN)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(Event), st.integers(0, 4)), max_size=60))
def test_no_sequence_of_events_breaks_it(events: list[tuple[Event, int]]) -> None:
    machine = Machine()
    for event, epoch in events:
        was = machine
        machine, do = machine.apply(event, reason=Reason.BUSY, epoch=epoch)
        assert machine.epoch >= was.epoch
        assert machine.has_talked or not was.has_talked
        assert (machine.reason is not None) is (machine.state is State.ENDED)
        assert not (machine.state is State.ACTIVE and (machine.held_here or machine.held_there))
        assert not (machine.state is State.HELD and not (machine.held_here or machine.held_there))
        if was.state is State.ENDED:
            assert machine == was
        if Do.RENEW in do:
            assert machine.epoch == was.epoch + 1


class TwoPeople(RuleBasedStateMachine):
    """A caller and a callee, each behind its own machine, with a server that passes on what they do, as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = {"caller": Machine(), "callee": Machine()}
        self.wire: list[tuple[str, Event, Reason | None, int | None]] = []

    def other(self, side: str) -> str:
        return "callee" if side == "caller" else "caller"

    def happen(self, side: str, event: Event, reason: Reason | None = None, epoch: int | None = None) -> None:
        was = self.sides[side]
        self.sides[side], do = was.apply(event, reason=reason, epoch=epoch)
        for act in do:
            match act:
                case Do.REQUEST:
                    self.wire.append((self.other(side), Event.INCOMING, None, None))
                case Do.ACCEPT:
                    self.wire.append((self.other(side), Event.ACCEPTED, None, None))
                case Do.REJECT:
                    self.wire.append((self.other(side), Event.ENDED, Reason.DECLINED, None))
                case Do.SEND_HANGUP | Do.SEND_FAILED | Do.SEND_LOST:
                    self.wire.append((self.other(side), Event.ENDED, Reason.HANGUP, None))
                case Do.RENEW:
                    self.wire.append((self.other(side), Event.NEXT_EPOCH, None, self.sides[side].epoch))

    @rule()
    def place(self) -> None:
        self.happen("caller", Event.PLACE)

    @rule(side=st.sampled_from(["caller", "callee"]))
    def answer_or_hang_up(self, side: str) -> None:
        self.happen(side, Event.ANSWER if self.sides[side].state is State.INCOMING else Event.HANG_UP)

    @rule(side=st.sampled_from(["caller", "callee"]), event=st.sampled_from([Event.HOLD, Event.RESUME]))
    def hold(self, side: str, event: Event) -> None:
        self.happen(side, event)

    @rule(side=st.sampled_from(["caller", "callee"]))
    def lose_media(self, side: str) -> None:
        self.happen(side, Event.MEDIA_LOST, epoch=self.sides[side].epoch)

    @rule()
    def connect(self) -> None:
        one, other = self.sides.values()
        if one.epoch == other.epoch and {one.state, other.state} <= TALKING | {State.CONNECTING, State.RECONNECTING}:
            for side in self.sides:
                self.happen(side, Event.CONNECTED, epoch=one.epoch)

    @rule()
    def deliver(self) -> None:
        if self.wire:
            side, event, reason, epoch = self.wire.pop(0)
            self.happen(side, event, reason, epoch)

    @invariant()
    def nobody_talks_alone_once_everything_has_arrived(self) -> None:
        if self.wire:
            return
        one, other = self.sides.values()
        if State.ENDED in (one.state, other.state):
            assert one.state in {State.ENDED, State.IDLE}
            assert other.state in {State.ENDED, State.IDLE}
        else:
            # A call that has ended counts no more connections.
            assert one.epoch == other.epoch


TestTwoPeople = TwoPeople.TestCase
TestTwoPeople.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)

# The server's table beside this one.

CLIENT_STATES = {
    (CallState.RINGING, Party.CALLER): [State.OUTGOING],
    (CallState.RINGING, Party.CALLEE): [State.INCOMING],
    (CallState.ACCEPTED, Party.CALLER): [State.CONNECTING, State.ACTIVE, State.HELD, State.RECONNECTING],
    (CallState.ACCEPTED, Party.CALLEE): [State.CONNECTING, State.ACTIVE, State.HELD, State.RECONNECTING],
}

SENDS = {
    Do.ACCEPT: [Signal.ACCEPT],
    Do.REJECT: [Signal.DECLINE, Signal.BUSY],
    Do.SEND_HANGUP: [Signal.HANG_UP],
    Do.SEND_FAILED: [Signal.FAIL],
    Do.SEND_LOST: [Signal.FAIL],
    Do.OFFER: [Signal.OFFER, Signal.CANDIDATE],
    Do.RENEW: [Signal.OFFER, Signal.CANDIDATE],
    Do.REPEAT_HOLD: [Signal.OFFER],
    Do.FOLLOW: [Signal.ANSWER, Signal.CANDIDATE],
    Do.AWAIT_OFFER: [Signal.ANSWER, Signal.CANDIDATE],
}

ONLY_AFTER_ACCEPT = {Do.OFFER, Do.AWAIT_OFFER}
"""What is sent when the server has moved on to `accepted`."""


@pytest.mark.parametrize("key", list(TRANSITIONS), ids=lambda key: f"{key[0]}-{key[1]}")
def test_what_a_client_sends_is_allowed_by_the_server(key: tuple[State, Event]) -> None:
    state, event = key
    for (server_state, party), states in CLIENT_STATES.items():
        if state not in states:
            continue
        for act in TRANSITIONS[key].do:
            at = CallState.ACCEPTED if act in ONLY_AFTER_ACCEPT else server_state
            for signal in SENDS.get(act, []):
                assert (at, party, signal) in SERVER, (state, event, act)


OTHER_SIDE_LEARNS = {
    Signal.ACCEPT: Event.ACCEPTED,
    Signal.DECLINE: Event.ENDED,
    Signal.BUSY: Event.ENDED,
    Signal.HANG_UP: Event.ENDED,
    Signal.FAIL: Event.ENDED,
    Signal.TIMEOUT: Event.ENDED,
    Signal.GLARE: Event.ENDED,
    Signal.LOST: Event.GONE,
    Signal.OFFER: Event.NEXT_EPOCH,
}


@pytest.mark.parametrize("key", list(SERVER), ids="-".join)
def test_what_the_server_says_moves_the_client(key: tuple[CallState, Party, Signal]) -> None:
    server_state, actor, signal = key
    event = OTHER_SIDE_LEARNS.get(signal)
    if event is None:
        return  # answers and candidates feed the connection, not the call
    for party in (Party.CALLER, Party.CALLEE):
        if party is actor:
            continue
        for state in CLIENT_STATES[server_state, party]:
            if event is Event.GONE and state in TALKING:
                continue  # the conversation outlives the server
            assert (state, event) in TRANSITIONS, (state, event)
            step = TRANSITIONS[state, event]
            assert (step.state is State.ENDED) is (SERVER[key].state is CallState.ENDED)


def test_the_table_can_be_printed() -> None:
    assert as_markdown().count("\n") == len(TRANSITIONS) + 1
