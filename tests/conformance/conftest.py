"""One daemon for each profile of settings, started when the first test needs it and shared by all that do."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from .daemon import Daemon
from .people import World

TURN_SECRET: Final = "a long secret that coturn shares"

# What each daemon has besides cheap password hashes. Short times are for what a test has to wait out.
PROFILES: Final[Mapping[str, Mapping[str, str]]] = {
    "usual": {},
    "hasty": {
        "MSGD_PRESENCE__GRACE_S": "1",
        "MSGD_CALLS__RING_TIMEOUT_S": "2",
        "MSGD_CALLS__GRACE_S": "2",
        "MSGD_TURN__SECRET": TURN_SECRET,
        "MSGD_TURN__URLS": "turn:127.0.0.1:3478?transport=udp",
    },
    "impatient": {"MSGD_LIMITS__AUTH_TIMEOUT_S": "2"},
    "tight": {
        "MSGD_LIMITS__WINDOW": "4",
        "MSGD_LIMITS__MAX_MAILBOX": "12",
        "MSGD_LIMITS__MAX_TEXT_BYTES": "512",
        "MSGD_LIMITS__MAX_MESSAGE_BYTES": "8192",
    },
    "forgetful": {
        "MSGD_AUTH__ACCESS_TTL_S": "4",
        "MSGD_AUTH__REFRESH_TTL_S": "6",
        "MSGD_LIMITS__AUTH_TIMEOUT_S": "3",
    },
    "small": {
        "MSGD_LIMITS__IDLE_TIMEOUT_S": "3",
        "MSGD_LIMITS__MAX_CONNECTIONS": "4",
        "MSGD_LIMITS__FRAMES_PER_S": "100",
        "MSGD_LIMITS__FRAMES_BURST": "300",
    },
    "throttling": {"MSGD_LIMITS__PER_ADDRESS": "on"},
    "invited": {"registration": "invite"},
    "shut": {"registration": "closed"},
}


class Daemons:
    """The running daemons by the name of their profile."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._running: dict[str, Daemon] = {}

    def get(self, profile: str) -> Daemon:
        """The daemon of this profile, started if it is not running yet."""
        if profile not in self._running:
            settings = dict(PROFILES[profile])
            registration = settings.pop("registration", "open")
            self._running[profile] = Daemon(self._home / profile, settings, registration).init().start()
        return self._running[profile]

    def stop(self) -> None:
        """End them all; each must end in peace."""
        ends = {}
        for profile, daemon in self._running.items():
            ends[profile] = (daemon.stop(), daemon.faults())
        assert all(end == (0, []) for end in ends.values()), f"exit code and log faults: {ends}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemons]:
    """Every daemon that the tests share."""
    running = Daemons(tmp_path_factory.mktemp("conformance"))
    yield running
    running.stop()


def profile(name: str) -> object:
    """A fixture that gives a test its own people on the daemon of one profile."""

    async def people_of(daemons: Daemons, anyio_backend: str) -> AsyncIterator[World]:
        async with World(daemons.get(name)) as world:
            yield world

    return pytest.fixture(people_of, name="world" if name == "usual" else name)


usual, hasty, impatient, tight, forgetful = map(profile, ("usual", "hasty", "impatient", "tight", "forgetful"))
small, throttling, invited, shut = map(profile, ("small", "throttling", "invited", "shut"))


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon for one test, which may stop, kill and starve it."""
    daemon = Daemon(tmp_path / "own").init()
    yield daemon
    daemon.kill()
    faults = daemon.faults()
    assert not faults, f"in the log of the daemon: {faults}"
