"""The server's call table: every state, party and signal."""

import itertools

import pytest

from msgwire import TRANSITIONS, CallState, IllegalSignal, Party, Signal, glare_winner, step

EVERY = list(itertools.product(CallState, Party, Signal))


@pytest.mark.parametrize(("state", "party", "signal"), EVERY)
def test_each_signal_is_in_the_table_or_refused(state: CallState, party: Party, signal: Signal) -> None:
    if (state, party, signal) in TRANSITIONS:
        taken = step(state, party, signal)
        assert (taken.reason is not None) == (taken.state is CallState.ENDED)
        assert taken.state is not CallState.RINGING
    else:
        with pytest.raises(IllegalSignal):
            step(state, party, signal)


def test_nothing_moves_a_call_that_has_ended() -> None:
    assert not [key for key in TRANSITIONS if key[0] is CallState.ENDED]


def test_only_the_callee_answers_and_only_while_it_rings() -> None:
    accepting = [key for key in TRANSITIONS if key[2] is Signal.ACCEPT]
    assert accepting == [(CallState.RINGING, Party.CALLEE, Signal.ACCEPT)]


def test_media_is_described_only_once_the_call_is_answered() -> None:
    describing = {Signal.OFFER, Signal.ANSWER, Signal.CANDIDATE}
    assert {key[0] for key in TRANSITIONS if key[2] in describing} == {CallState.ACCEPTED}


def test_an_unanswered_call_is_a_missed_one_to_the_callee_unless_they_declined() -> None:
    for (state, party, signal), taken in TRANSITIONS.items():
        if state is CallState.RINGING and taken.state is CallState.ENDED and signal is not Signal.GLARE:
            said_no = party is Party.CALLEE and signal in {Signal.DECLINE, Signal.HANG_UP}
            assert taken.callee_outcome == ("declined" if said_no else "missed")


def test_glare_is_decided_alike_on_both_sides() -> None:
    assert glare_winner("a", "b") == glare_winner("b", "a") == "a"
