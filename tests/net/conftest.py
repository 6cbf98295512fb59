"""Fixtures of the transport's tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trio

from .rig import Rig

StartRig = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def start_rig(nursery: trio.Nursery) -> AsyncIterator[StartRig]:
    """Start a hub with the given settings; it runs until the test ends."""
    rigs: list[Rig] = []

    async def start(**settings: Any) -> Rig:
        rig = Rig(**settings)
        rigs.append(rig)
        await nursery.start(rig.hub.run)
        return rig

    yield start
    nursery.cancel_scope.cancel()
    for rig in rigs:
        rig.close()


@pytest.fixture
async def rig(start_rig: StartRig) -> Rig:
    """A hub with default settings."""
    return await start_rig()
