"""Updates are taken together when they come together."""

import anyio
import pytest

from msgtui.bursts import MAX_BURST, next_burst

from .conftest import Run
from .fake import Stream
from .seen import until
from .world import busy

pytestmark = pytest.mark.anyio


async def test_one_comes_alone_and_at_once() -> None:
    stream = Stream()
    stream.put(1)
    assert await next_burst(stream) == [1]


async def test_what_is_there_comes_together_and_bounded() -> None:
    stream = Stream()
    for number in range(MAX_BURST + 5):
        stream.put(number)
    assert await next_burst(stream) == list(range(MAX_BURST))
    assert await next_burst(stream) == list(range(MAX_BURST, MAX_BURST + 5))


async def test_the_end_of_the_stream_gives_the_rest_and_then_nothing() -> None:
    stream = Stream()
    stream.put("last")
    stream.close()
    assert await next_burst(stream) == ["last"]
    assert await next_burst(stream) == []


async def test_a_wait_can_be_cancelled_and_loses_nothing() -> None:
    stream = Stream()
    with anyio.move_on_after(0.01):
        await next_burst(stream)
    stream.put("kept")
    assert await next_burst(stream) == ["kept"]


async def test_a_client_that_dies_takes_the_program_with_it(run: Run) -> None:
    """A screen that looks alive and hears nothing would be worse."""
    client = busy()

    class Dying(Stream):
        async def __anext__(self) -> object:
            raise RuntimeError("a defect")

    client.updates = Dying  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a defect"):
        async with run(client) as pilot:
            await until(pilot, lambda: pilot.app._exit or not pilot.app.is_running)
