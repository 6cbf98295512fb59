"""Offers that cross, are lost, or come twice."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from msgclient.call.negotiation import MAX_REPEATS, REPEAT_S, Negotiation, Verdict


def opened(*, is_caller: bool, offers: bool, epoch: int = 0) -> Negotiation:
    negotiation = Negotiation(is_caller=is_caller)
    negotiation.opened(epoch, offers=offers)
    return negotiation


def test_an_offer_waits_for_its_answer_and_for_one_only() -> None:
    caller = opened(is_caller=True, offers=True)
    assert caller.offered(0, "sdp", 0.0)
    assert not caller.answer_came(1)
    assert caller.answer_came(0)
    assert not caller.answer_came(0)


def test_older_epochs_are_dropped_and_newer_ones_followed() -> None:
    side = opened(is_caller=True, offers=False, epoch=3)
    assert side.offer_came(2) is Verdict.IGNORE
    assert side.offer_came(4) is Verdict.FOLLOW
    assert not side.offered(2, "late", 0.0)
    assert not side.answered(2)


def test_the_caller_s_offer_stands_when_both_begin_an_epoch() -> None:
    caller, callee = opened(is_caller=True, offers=True, epoch=1), opened(is_caller=False, offers=True, epoch=1)
    assert callee.offer_came(1) is Verdict.YIELD, "even before its own is made"
    callee = opened(is_caller=False, offers=True, epoch=1)
    for side in (caller, callee):
        side.offered(1, "sdp", 0.0)
    assert caller.offer_came(1) is Verdict.IGNORE
    assert callee.offer_came(1) is Verdict.YIELD
    assert callee.pending is None


def test_the_caller_s_offer_stands_when_both_hold_at_once() -> None:
    caller, callee = opened(is_caller=True, offers=True), opened(is_caller=False, offers=False)
    caller.offered(0, "first", 0.0)
    assert callee.offer_came(0) is Verdict.ANSWER
    assert callee.answered(0)
    assert caller.answer_came(0)
    for side in (caller, callee):
        side.offered(0, "hold", 1.0)
    assert caller.offer_came(0) is Verdict.IGNORE
    assert callee.offer_came(0) is Verdict.ANSWER
    assert callee.pending is None


def test_an_offer_is_repeated_until_it_is_answered_and_not_for_ever() -> None:
    side = opened(is_caller=True, offers=True)
    side.offered(0, "sdp", 0.0)
    assert side.due(REPEAT_S / 2) is None
    now_s, sent = 0.0, 0
    for _ in range(100):
        now_s += REPEAT_S
        sent += side.due(now_s) is not None
    assert sent == MAX_REPEATS
    side.offered(0, "again", now_s)
    side.repeat_soon()
    assert side.due(now_s) is not None
    side.answer_came(0)
    assert side.due(now_s + 100) is None


def test_no_repr_holds_a_description() -> None:
    side = opened(is_caller=True, offers=True)
    side.offered(0, "secret", 0.0)
    assert "secret" not in repr(side.pending)


@dataclass
class Side:
    negotiation: Negotiation
    is_caller: bool
    inbox: list[tuple[str, int]] = field(default_factory=list)
    agreed: set[int] = field(default_factory=set)


def handle(side: Side, other: Side, kind: str, epoch: int, now_s: float) -> None:
    negotiation = side.negotiation
    if kind == "answer":
        if negotiation.answer_came(epoch):
            side.agreed.add(epoch)
        return
    verdict = negotiation.offer_came(epoch)
    if verdict is Verdict.IGNORE:
        return
    if verdict in {Verdict.FOLLOW, Verdict.YIELD}:
        negotiation.opened(epoch, offers=False)
    if negotiation.answered(epoch):
        side.agreed.add(epoch)
        other.inbox.append(("answer", epoch))


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["a", "b", "renew a", "renew b", "lose a", "lose b"]), max_size=40))
def test_both_sides_agree_in_the_end_whatever_is_lost(script: list[str]) -> None:
    sides = {"a": Side(Negotiation(is_caller=True), True), "b": Side(Negotiation(is_caller=False), False)}
    sides["a"].negotiation.opened(0, offers=True)
    sides["b"].negotiation.opened(0, offers=False)
    sides["a"].negotiation.offered(0, "sdp", 0.0)
    sides["b"].inbox.append(("offer", 0))
    now_s = 0.0
    for line in script:
        side, other = sides[line[-1]], sides["b" if line[-1] == "a" else "a"]
        if line.startswith("renew"):
            epoch = side.negotiation.epoch + 1
            side.negotiation.opened(epoch, offers=True)
            side.negotiation.offered(epoch, "sdp", now_s)
            other.inbox.append(("offer", epoch))
        elif side.inbox:
            kind, epoch = side.inbox.pop(0)
            if not line.startswith("lose"):
                handle(side, other, kind, epoch, now_s)
    for _ in range(20):
        now_s += REPEAT_S
        for name, side in sides.items():
            other = sides["b" if name == "a" else "a"]
            offer = side.negotiation.due(now_s)
            if offer is not None:
                other.inbox.append(("offer", offer.epoch))
            while side.inbox:
                handle(side, other, *side.inbox.pop(0), now_s)
    one, two = sides["a"], sides["b"]
    assert one.negotiation.epoch == two.negotiation.epoch
    assert one.negotiation.epoch in one.agreed & two.agreed
