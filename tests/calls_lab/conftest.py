"""Builds the laboratory, or says by name what is missing here."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ops" / "bench"))

if TYPE_CHECKING:
    from msgbench.calls.coturn import TurnServer
    from msgbench.calls.nat import NatLab


@pytest.fixture(scope="session")
def lab() -> "Iterator[NatLab]":
    """Two homes behind routers, and the internet between them."""
    from msgbench.calls import netns
    from msgbench.calls.nat import NatLab

    why_not = netns.missing({"turnserver": "coturn"})
    if why_not is not None:
        pytest.skip(f"the NAT laboratory is not built: {why_not}")
    with NatLab() as built:
        yield built


@pytest.fixture(scope="session")
def turn(lab: "NatLab", tmp_path_factory: pytest.TempPathFactory) -> "Iterator[TurnServer]":
    """Coturn on the laboratory's internet."""
    from msgbench.calls import coturn

    with coturn.serving(lab.pub, tmp_path_factory.mktemp("turn") / "coturn") as server:
        yield server
