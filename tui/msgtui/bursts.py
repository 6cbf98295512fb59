"""Takes the SDK's updates in bursts: what comes together is shown together, thirty times a second at most."""

from collections.abc import AsyncIterator

import anyio

from msgclient import Update

PAUSE_S = 1 / 30
"""Between bursts; meanwhile the SDK lets newer updates take the place of older ones."""

MAX_BURST = 1024


async def next_burst(stream: AsyncIterator[Update]) -> list[Update]:
    """Wait for an update and take all that have come by then; empty when the stream has ended."""
    burst: list[Update] = []
    try:
        burst.append(await anext(stream))
        # An expired scope ends the first wait, and only that: what is there already is taken without waiting.
        with anyio.move_on_after(0):
            while len(burst) < MAX_BURST:
                burst.append(await anext(stream))
    except StopAsyncIteration:
        pass
    return burst
