"""Fixtures of the transport's tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from msgd.net.tls import TlsBox, make_ssl_context

from .door import Door
from .rig import Rig

StartRig = Callable[..., Awaitable[Rig]]
StartDoor = Callable[..., Awaitable[Door]]


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


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The certificate authority that clients trust."""
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1 and its key."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


@pytest.fixture
async def open_door(nursery: trio.Nursery, authority: trustme.CA, certificate: Path) -> AsyncIterator[StartDoor]:
    """Serve on a free port of loopback with the given settings, with TLS or without; it runs until the test ends."""
    doors: list[Door] = []

    async def start(*, tls: bool = False, **settings: Any) -> Door:
        box = TlsBox(make_ssl_context(certificate, certificate)) if tls else None
        door = Door(authority if tls else None, box, settings)
        doors.append(door)
        await nursery.start(door.serve)
        return door

    yield start
    for door in doors:
        door.scope.cancel()


@pytest.fixture
async def door(open_door: StartDoor) -> Door:
    """A gateway without TLS, with default settings."""
    return await open_door()
