import pytest

from msgd.store.contact_state import ACTIONS, STATES, Pair, move, possible
from msgwire import ErrorCode

PAIRS = [Pair(mine, theirs) for mine in STATES for theirs in STATES if possible(Pair(mine, theirs))]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_move_ends_in_a_possible_pair(pair: Pair, action: str) -> None:
    after = move(pair, action)  # type: ignore[arg-type]  # parametrized
    if isinstance(after, ErrorCode):
        return
    assert possible(after)
    if pair.theirs == "blocked":
        assert after.theirs == "blocked", "nobody takes back a block but the blocker"
    if action == "block":
        assert after == Pair("blocked", pair.theirs), "a block shows on one side only"


def test_crossing_requests_become_a_contact() -> None:
    first = move(Pair("none", "none"), "request")
    assert first == Pair("requested", "pending")
    assert move(Pair("pending", "requested"), "request") == Pair("accepted", "accepted")


@pytest.mark.parametrize(
    ("state", "action"),
    [("pending", "decline"), ("accepted", "remove"), ("requested", "remove"), ("pending", "remove")],
)
def test_an_end_is_an_end_for_both(state: str, action: str) -> None:
    pair = next(pair for pair in PAIRS if pair.mine == state and pair.theirs != "blocked")
    assert move(pair, action) == Pair("none", "none")  # type: ignore[arg-type]  # parametrized


@pytest.mark.parametrize("seen", [state for state in STATES if state != "blocked"])
def test_what_the_blocked_side_sees_depends_on_its_own_moves_alone(seen: str) -> None:
    for action in ACTIONS:
        blind = move(Pair(seen, "blocked"), action)  # type: ignore[arg-type]  # parametrized
        open_pair = next(pair for pair in PAIRS if pair.mine == seen and pair.theirs != "blocked")
        plain = move(open_pair, action)
        assert (blind if isinstance(blind, ErrorCode) else blind.mine) == (
            plain if isinstance(plain, ErrorCode) else plain.mine
        )


def test_after_a_block_both_start_again() -> None:
    for seen in STATES:
        expected = "blocked" if seen == "blocked" else "none"
        assert move(Pair("blocked", seen), "unblock") == Pair("none", expected)
