"""What every test of the SDK starts from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from msgclient import Client, Profile
from msgclient.reconnect import Backoff

from .model_server import Mailbox, ModelServer
from .network import Network


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> ModelServer:
    return ModelServer()


@pytest.fixture
def network(server: ModelServer) -> Network:
    return Network(server)


@pytest.fixture
def make_client(tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Client]:
    """A client of the profile with that name; reconnects take no time."""
    monkeypatch.setattr(Backoff, "next_delay_s", lambda *_: 0.01)

    def make(name: str = "juliet", **options: Any) -> Client:
        profile = Profile.create(name, "ws://model.invalid:80", tmp_path)
        return Client(profile, connect=options.pop("connect", network), **options)

    return make


@pytest.fixture
def juliet_box(server: ModelServer) -> Mailbox:
    return server.register("juliet", "a good password")


@pytest.fixture
def romeo(server: ModelServer, juliet_box: Mailbox) -> Mailbox:
    return server.register("romeo")
