"""What every coordination has to keep: who is where, and one winner for each move of a call."""

from collections.abc import Callable

import pytest
import trio

from msgd.coord import Coord, LocalCoord

COORDS: dict[str, Callable[[], Coord]] = {"local": lambda: LocalCoord("here")}
"""Each implementation by its factory; a further one is a row here."""


@pytest.fixture(params=COORDS)
def coord(request: pytest.FixtureRequest) -> Coord:
    return COORDS[request.param]()


@pytest.mark.trio
async def test_an_account_is_where_its_connections_are(coord: Coord) -> None:
    await coord.up(1, 10)
    await coord.up(1, 11)
    await coord.up(2, 12)
    where = await coord.where([1, 2, 3])
    assert set(where) == {1, 2}
    assert len(where[1]) == 1, "one node, however many connections"
    await coord.down(1, 10)
    assert set(await coord.where([1])) == {1}
    await coord.down(1, 11)
    assert await coord.where([1]) == {}


@pytest.mark.trio
async def test_coming_or_going_twice_is_once(coord: Coord) -> None:
    await coord.up(1, 10)
    await coord.up(1, 10)
    await coord.down(1, 10)
    assert await coord.where([1]) == {}
    await coord.down(1, 10)
    await coord.down(9, 9)
    assert await coord.where([1, 9]) == {}


@pytest.mark.trio
async def test_a_call_moves_only_from_where_it_stands(coord: Coord) -> None:
    assert await coord.call_transition("c", None, "ringing", "here")
    assert not await coord.call_transition("c", None, "ringing", "here"), "it exists"
    assert not await coord.call_transition("c", "accepted", "ended", "here"), "it rings"
    assert await coord.call_transition("c", "ringing", "accepted", "here")
    assert await coord.call_transition("c", "accepted", None, "here")
    assert not await coord.call_transition("c", "accepted", None, "here"), "it is forgotten"
    assert await coord.call_transition("c", None, "ringing", "here")


@pytest.mark.trio
async def test_of_many_who_answer_at_once_one_wins(coord: Coord) -> None:
    assert await coord.call_transition("c", None, "ringing", "here")
    winners: list[int] = []

    async def answer(number: int) -> None:
        if await coord.call_transition("c", "ringing", "accepted", "here"):
            winners.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(answer, number)
    assert len(winners) == 1
