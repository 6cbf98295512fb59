"""The table of a connection's life: every state with every event."""

import pytest

from msgd.net.closing import TRANSITIONS, Event, State, after

S, E = State, Event

EXPECTED = {
    S.OPEN: {E.CLOSE: S.DRAINING, E.PEER_CLOSE: S.ANSWERING, E.FAIL: S.FAILING},
    S.DRAINING: {E.PEER_CLOSE: S.ANSWERING, E.FAIL: S.FAILING, E.DRAINED: S.AWAITING},
    S.AWAITING: {E.PEER_CLOSE: S.GONE, E.FAIL: S.LINGERING},
    S.ANSWERING: {E.DRAINED: S.GONE},
    S.FAILING: {E.DRAINED: S.LINGERING},
    S.LINGERING: {},
    S.GONE: {},
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_state_with_every_event(state: State, event: Event) -> None:
    expected = State.GONE if event is Event.LOST else EXPECTED[state].get(event, state)
    assert after(state, event) is expected


def test_every_state_can_be_left_and_only_forward() -> None:
    order = [S.OPEN, S.DRAINING, S.AWAITING, S.ANSWERING, S.FAILING, S.LINGERING, S.GONE]
    assert set(order) == set(State)
    assert all(order.index(source) < order.index(target) for (source, _), target in TRANSITIONS.items())
    assert {source for source, _ in TRANSITIONS} == set(State) - {S.GONE}
