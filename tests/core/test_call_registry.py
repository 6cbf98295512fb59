"""The registry of calls: who may do what, glare, loss and return, and that nothing is left behind."""

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from msgd.core.calls import CallError, CallRegistry, Ended, LiveCall, Who
from msgwire import CallState, ErrorCode, Party, Signal

JULIET = Who(1, "aaa", "juliet")
ROMEO = Who(2, "bbb", "romeo")
NURSE = Who(3, "ccc", "nurse")

numbers = itertools.count()


def call(caller: Who, callee: Who, *, silent: bool = False) -> LiveCall:
    return LiveCall(f"call-{next(numbers)}", caller, callee, f"{caller.login}-phone", 1000, 46_000, silent=silent)


def code_of(do: object) -> ErrorCode:
    with pytest.raises(CallError) as caught:
        do()  # type: ignore[operator]
    return caught.value.code


def test_a_call_from_ringing_to_its_end() -> None:
    calls = CallRegistry(10)
    ringing = call(JULIET, ROMEO)
    assert calls.start(ringing) is None
    accepted = calls.accept(ringing.call_id, ROMEO.account, "romeo-laptop", 5000)
    assert accepted.state is CallState.ACCEPTED
    ended = calls.end(ringing.call_id, JULIET.account, "juliet-phone", Signal.HANG_UP)
    assert (ended.reason, ended.by, ended.caller_outcome, ended.callee_outcome) == (
        "hangup",
        Party.CALLER,
        "answered",
        "answered",
    )
    assert ended.duration_ms(9000) == 4000
    assert len(calls) == 0
    assert not calls.is_busy(JULIET.account)
    assert not calls.is_busy(ROMEO.account)


def test_of_eight_devices_that_answer_one_wins() -> None:
    calls = CallRegistry(10)
    ringing = call(JULIET, ROMEO)
    calls.start(ringing)
    calls.accept(ringing.call_id, ROMEO.account, "device-0", 1)
    for number in range(1, 8):
        device = f"device-{number}"
        assert code_of(lambda d=device: calls.accept(ringing.call_id, 2, d, 1)) is ErrorCode.CALL_STATE


def test_signaling_goes_only_between_the_two_devices() -> None:
    calls = CallRegistry(10)
    ringing = call(JULIET, ROMEO)
    calls.start(ringing)
    assert code_of(lambda: calls.relay(ringing.call_id, 1, "juliet-phone", Signal.OFFER)) is ErrorCode.CALL_STATE
    calls.accept(ringing.call_id, 2, "romeo-phone", 1)
    assert calls.relay(ringing.call_id, 1, "juliet-phone", Signal.OFFER) == (ringing, Party.CALLEE)
    assert calls.relay(ringing.call_id, 2, "romeo-phone", Signal.ANSWER) == (ringing, Party.CALLER)
    for account, device in ((1, "juliet-tablet"), (2, "romeo-laptop"), (3, "nurse-phone")):
        assert (
            code_of(lambda a=account, d=device: calls.relay(ringing.call_id, a, d, Signal.OFFER))
            is ErrorCode.CALL_NOT_FOUND
        )


@pytest.mark.parametrize("first", [JULIET, ROMEO])
def test_of_two_crossing_calls_the_one_from_the_lower_uid_stands(first: Who) -> None:
    calls = CallRegistry(10)
    second = ROMEO if first is JULIET else JULIET
    one, two = call(first, second), call(second, first)
    assert calls.start(one) is None
    ended = calls.start(two)
    assert ended is not None
    assert ended.reason == "glare"
    assert (ended.caller_outcome, ended.callee_outcome) == (None, None)
    standing = calls.of(JULIET.account)
    assert standing is not None
    assert standing.caller is JULIET
    assert len(calls) == 1


def test_who_is_in_a_call_is_busy_and_cannot_start_another() -> None:
    calls = CallRegistry(10)
    calls.start(call(JULIET, ROMEO))
    assert code_of(lambda: calls.start(call(NURSE, ROMEO))) is ErrorCode.BUSY
    assert code_of(lambda: calls.start(call(JULIET, NURSE))) is ErrorCode.CONFLICT


def test_a_full_server_says_so() -> None:
    calls = CallRegistry(0)
    assert code_of(lambda: calls.start(call(JULIET, ROMEO))) is ErrorCode.RATE_LIMITED


def test_a_blocked_caller_rings_out_and_the_callee_never_knows() -> None:
    calls = CallRegistry(10)
    silent = call(JULIET, ROMEO, silent=True)
    calls.start(silent)
    assert not calls.is_busy(ROMEO.account)
    assert code_of(lambda: calls.accept(silent.call_id, 2, "romeo-phone", 1)) is ErrorCode.CALL_NOT_FOUND
    calls.start(call(NURSE, ROMEO))
    ended = calls.time_out(silent.call_id)
    assert ended is not None
    assert ended.reason == "no_answer"
    assert calls.is_busy(ROMEO.account), "the nurse still rings"


def test_a_device_that_comes_back_in_time_goes_on() -> None:
    calls = CallRegistry(10)
    ringing = call(JULIET, ROMEO)
    calls.start(ringing)
    calls.accept(ringing.call_id, 2, "romeo-phone", 1)
    assert calls.socket_lost(2, "romeo-phone") is ringing
    assert calls.socket_back(2, "romeo-phone") == (ringing, Party.CALLEE)
    assert calls.grace_over(ringing.call_id, 2) is None
    assert calls.socket_lost(2, "romeo-phone") is ringing
    ended = calls.grace_over(ringing.call_id, 2)
    assert ended is not None
    assert (ended.reason, ended.by, ended.caller_outcome) == ("lost", None, "answered")


def test_a_call_that_has_ended_is_told_from_one_that_never_was() -> None:
    calls = CallRegistry(10)
    ringing = call(JULIET, ROMEO)
    calls.start(ringing)
    calls.end(ringing.call_id, 2, "romeo-phone", Signal.DECLINE)
    assert code_of(lambda: calls.accept(ringing.call_id, 2, "romeo-phone", 1)) is ErrorCode.CALL_STATE
    assert code_of(lambda: calls.accept(ringing.call_id, 3, "nurse-phone", 1)) is ErrorCode.CALL_NOT_FOUND
    assert code_of(lambda: calls.accept("never", 2, "romeo-phone", 1)) is ErrorCode.CALL_NOT_FOUND


def test_what_is_remembered_of_ended_calls_is_bounded() -> None:
    calls = CallRegistry(10, remembered=2)
    ids = []
    for _ in range(3):
        one = call(JULIET, ROMEO)
        calls.start(one)
        calls.end(one.call_id, 1, "juliet-phone", Signal.HANG_UP)
        ids.append(one.call_id)
    assert code_of(lambda: calls.accept(ids[0], 2, "romeo-phone", 1)) is ErrorCode.CALL_NOT_FOUND
    assert code_of(lambda: calls.accept(ids[2], 2, "romeo-phone", 1)) is ErrorCode.CALL_STATE


PEOPLE = (JULIET, ROMEO, NURSE)
DEVICES = ("phone", "laptop")


class AnyoneDoesAnything(RuleBasedStateMachine):
    """Whatever people do, an account is in one call at most, and every call ends exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = CallRegistry(2)
        self.ids: list[str] = []
        self.ended: list[str] = []

    def note(self, ended: Ended | None) -> None:
        if ended is not None:
            self.ended.append(ended.call.call_id)

    @rule(caller=st.sampled_from(PEOPLE), callee=st.sampled_from(PEOPLE), silent=st.booleans())
    def calls_somebody(self, caller: Who, callee: Who, silent: bool) -> None:
        if caller is callee:
            return
        one = LiveCall(f"id-{len(self.ids)}", caller, callee, "phone", 0, 0, silent=silent)
        try:
            self.note(self.calls.start(one))
        except CallError:
            return
        self.ids.append(one.call_id)

    @rule(
        data=st.data(),
        who=st.sampled_from(PEOPLE),
        device=st.sampled_from(DEVICES),
        signal=st.sampled_from([*Signal]),
    )
    def does_something(self, data: st.DataObject, who: Who, device: str, signal: Signal) -> None:
        if not self.ids:
            return
        call_id = data.draw(st.sampled_from(self.ids))
        try:
            if signal is Signal.ACCEPT:
                self.calls.accept(call_id, who.account, device, 1)
            elif signal is Signal.TIMEOUT:
                self.note(self.calls.time_out(call_id))
            elif signal is Signal.LOST:
                self.calls.socket_lost(who.account, device)
                self.note(self.calls.grace_over(call_id, who.account))
            elif signal in {Signal.OFFER, Signal.ANSWER, Signal.CANDIDATE}:
                self.calls.relay(call_id, who.account, device, signal)
            elif signal is not Signal.GLARE:
                self.note(self.calls.end(call_id, who.account, device, signal))
        except CallError:
            pass

    @invariant()
    def every_call_is_alive_or_ended_once(self) -> None:
        assert len(self.ended) == len(set(self.ended))
        alive = [call_id for call_id in self.ids if call_id not in self.ended]
        assert len(self.calls) == len(alive) <= 2
        for who in PEOPLE:
            found = self.calls.of(who.account)
            assert found is None or found.call_id in alive


TestAnyoneDoesAnything = AnyoneDoesAnything.TestCase
TestAnyoneDoesAnything.settings = settings(max_examples=60, stateful_step_count=40)
