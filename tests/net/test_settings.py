"""Settings that could not work are refused where they are made."""

from dataclasses import fields
from typing import Any

import pytest

from msgd.net.settings import GatewaySettings

NUMBERS = [field.name for field in fields(GatewaySettings) if field.type in {int, float, "int", "float"}]


@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "max_connections_per_address"])
def test_every_bound_must_be_positive(name: str) -> None:
    nothing: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=name):
        GatewaySettings(**nothing)


def test_no_bound_per_address_is_allowed_and_a_negative_one_is_not() -> None:
    assert GatewaySettings(max_connections_per_address=0).max_connections_per_address == 0
    with pytest.raises(ValueError, match="max_connections_per_address"):
        GatewaySettings(max_connections_per_address=-1)


def test_a_client_must_have_time_to_answer_a_ping() -> None:
    with pytest.raises(ValueError, match="ping_interval_s must be less"):
        GatewaySettings(ping_interval_s=60, idle_timeout_s=60)
