"""A load test stays on this machine."""

import pytest

from msgbench.faults import Unusable
from msgbench.target import Target, parse_target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("wss://127.0.0.1:7443/v1/ws", Target("127.0.0.1", 7443, tls=True)),
        ("ws://127.8.9.10:80", Target("127.8.9.10", 80, tls=False)),
        ("ws://localhost:7443/", Target("127.0.0.1", 7443, tls=False)),
        ("wss://[::1]:7443/v1/ws", Target("::1", 7443, tls=True)),
    ],
)
def test_loopback_is_taken(url: str, target: Target) -> None:
    assert parse_target(url) == target
    assert parse_target(target.url) == target


@pytest.mark.parametrize(
    "url",
    [
        "wss://192.0.2.1:7443/v1/ws",
        "wss://chat.example:7443/v1/ws",
        "wss://127.0.0.1.example:7443/v1/ws",
        "wss://0.0.0.0:7443/v1/ws",
        "wss://[::]:7443/v1/ws",
        "wss://[2001:db8::1]:7443/v1/ws",
        "wss://127.0.0.1@192.0.2.1:7443/v1/ws",
    ],
)
def test_any_other_host_is_refused(url: str) -> None:
    with pytest.raises(Unusable, match="not a loopback address"):
        parse_target(url)


@pytest.mark.parametrize(
    "url", ["", "http://127.0.0.1:80", "wss://127.0.0.1", "ws://127.0.0.1:99999", "wss://127.0.0.1:7443/other"]
)
def test_what_is_no_address_of_a_daemon_is_refused(url: str) -> None:
    with pytest.raises(Unusable):
        parse_target(url)
