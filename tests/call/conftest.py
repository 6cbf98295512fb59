"""What every test of calls starts from."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The engine runs on asyncio, because aiortc does."""
    return "asyncio"


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let two connections in this process meet on 127.0.0.1, an address that ICE leaves out by default."""
    from aioice import ice

    monkeypatch.setattr(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    return
