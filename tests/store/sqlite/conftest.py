from pathlib import Path

import pytest

from ..contract.stage import FACTORIES, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(FACTORIES["sqlite"], tmp_path)
