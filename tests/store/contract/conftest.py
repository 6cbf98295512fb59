from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from .stage import FACTORIES, Place, Stage


@pytest.fixture(params=sorted(FACTORIES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(FACTORIES[request.param], tmp_path)


@pytest.fixture
async def stage(place: Place) -> AsyncIterator[Stage]:
    async with place.open() as stage:
        yield stage


@pytest.fixture
async def ann(stage: Stage) -> Any:
    return await stage.person("ann")


@pytest.fixture
async def bob(stage: Stage) -> Any:
    return await stage.person("bob")
