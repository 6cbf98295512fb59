import pytest

from msgd.store import commands
from msgd.store.contact_state import ACTIONS, STATES, Pair, move, possible
from msgd.store.interface import AccountRow
from msgwire import ContactEvent, ErrorCode

from .stage import Place, Stage

# The shortest way to each pair of states: who does what.
WAYS: dict[Pair, str] = {
    Pair("none", "none"): "",
    Pair("requested", "pending"): "a:request",
    Pair("pending", "requested"): "b:request",
    Pair("accepted", "accepted"): "a:request b:accept",
    Pair("blocked", "none"): "a:block",
    Pair("blocked", "requested"): "b:request a:block",
    Pair("blocked", "pending"): "a:request a:block",
    Pair("blocked", "accepted"): "a:request b:accept a:block",
    Pair("blocked", "blocked"): "a:block b:block",
    Pair("none", "blocked"): "b:block",
    Pair("requested", "blocked"): "a:request b:block",
    Pair("pending", "blocked"): "b:request b:block",
    Pair("accepted", "blocked"): "a:request b:accept b:block",
}


def test_every_possible_pair_has_a_way() -> None:
    assert set(WAYS) == {Pair(mine, theirs) for mine in STATES for theirs in STATES if possible(Pair(mine, theirs))}


@pytest.mark.trio
@pytest.mark.parametrize("pair", WAYS, ids="-".join)
@pytest.mark.parametrize("action", ACTIONS)
async def test_each_action_in_each_state(
    stage: Stage, ann: AccountRow, bob: AccountRow, pair: Pair, action: str
) -> None:
    sides = {"a": (ann, bob), "b": (bob, ann)}
    for step in WAYS[pair].split():
        who, what = step.split(":")
        await stage.contact(*sides[who], what)
    assert (await state(stage, ann, bob), await state(stage, bob, ann)) == pair
    before = await stage.store.heads([ann.account, bob.account])
    expected = move(pair, action)  # type: ignore[arg-type]  # parametrized
    if isinstance(expected, ErrorCode):
        fields = {"account": ann.account, "peer": bob.account, "action": action}
        await stage.refused(expected, commands.ChangeContact, **fields)
        expected = pair
    else:
        row = await stage.contact(ann, bob, action)
        assert (row.state, row.changed, row.blocked_by_peer) == (
            expected.mine,
            expected.mine != pair.mine,
            expected.theirs == "blocked",
        )
    assert (await state(stage, ann, bob), await state(stage, bob, ann)) == expected
    for person, peer, was, now in ((ann, bob, pair.mine, expected.mine), (bob, ann, pair.theirs, expected.theirs)):
        events = await stage.mailbox(person, before[person.account])
        assert [(event.body.peer, event.body.state) for event in events] == ([(peer.uid, now)] if was != now else [])


async def state(stage: Stage, one: AccountRow, other: AccountRow) -> str:
    return (await stage.store.contact(one.account, other.account)).state


@pytest.mark.trio
async def test_a_note_goes_with_the_request(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    await stage.contact(ann, bob, "request", note="it is me")
    [event] = await stage.mailbox(bob)
    assert event.body == ContactEvent(peer=ann.uid, login="ann", state="pending", since=event.at, note="it is me")
    [row] = await stage.store.contacts(bob.account)
    assert (row.uid, row.login, row.state, row.since, row.note) == (ann.uid, "ann", "pending", event.at, "it is me")


@pytest.mark.trio
async def test_the_list_is_by_login_and_holds_no_strangers(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    carl = await stage.person("carl")
    await stage.contact(ann, carl, "request")
    await stage.contact(ann, bob, "block")
    assert [(row.login, row.state) for row in await stage.store.contacts(ann.account)] == [
        ("bob", "blocked"),
        ("carl", "requested"),
    ]
    await stage.contact(ann, carl, "remove")
    assert [row.login for row in await stage.store.contacts(ann.account)] == ["bob"]


@pytest.mark.trio
async def test_bounds_and_strays(place: Place) -> None:
    async with place.open(max_contacts=1, max_pending_requests=1) as stage:
        ann, bob, carl = [await stage.person(login) for login in ("ann", "bob", "carl")]
        fields = {"account": ann.account, "action": "request"}
        await stage.refused("not_found", commands.ChangeContact, peer=999, **fields)
        await stage.refused("conflict", commands.ChangeContact, peer=ann.account, **fields)
        await stage.contact(ann, carl, "request")
        await stage.refused("too_large", commands.ChangeContact, peer=bob.account, **fields)
        await stage.refused(
            "rate_limited", commands.ChangeContact, account=bob.account, peer=carl.account, action="request"
        )
        assert (await stage.contact(carl, ann, "accept")).state == "accepted"
        assert (await stage.contact(bob, carl, "block")).state == "blocked"
