"""sd_notify and the watchdog: what is sent, and that nothing of it can block or fail."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from msgd.systemd import Notifier, feed_watchdog, watchdog_interval_s


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Listen where the service manager would, and give the NOTIFY_SOCKET for it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@msgd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as listener:
        listener.bind(name.replace("@", "\0", 1) if request.param == "abstract" else name)
        yield listener, name


def test_every_message_is_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": name})
    notifier.ready("listening on 127.0.0.1:7443")
    notifier.reloading(123_456)
    notifier.status("bad configuration:\nREADY=1\n  kept the old one")
    notifier.stopping("draining")
    notifier.extend_timeout(2.5)
    notifier.feed()
    assert [listener.recv(4096).decode() for _ in range(6)] == [
        "READY=1\nSTATUS=listening on 127.0.0.1:7443",
        "RELOADING=1\nMONOTONIC_USEC=123456",
        "STATUS=bad configuration: READY=1 kept the old one",
        "STOPPING=1\nSTATUS=draining",
        "EXTEND_TIMEOUT_USEC=2500000",
        "WATCHDOG=1",
    ]
    notifier.close()
    notifier.feed()
    with pytest.raises(BlockingIOError):
        listener.recv(1)


def test_full_socket_loses_messages_and_never_blocks(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Notifier(name)
    for _ in range(10_000):
        notifier.feed()
    received = 0
    try:
        while listener.recv(100) == b"WATCHDOG=1":
            received += 1
    except BlockingIOError:
        pass
    assert 0 < received < 10_000
    notifier.feed()
    assert listener.recv(100) == b"WATCHDOG=1"
    notifier.close()


@pytest.mark.parametrize("name", [None, "", "relative", "vsock:2:1234", "/nowhere/at/all", "/" + "x" * 200])
def test_no_manager_is_silence(name: str | None) -> None:
    notifier = Notifier(name)
    notifier.ready("fine")
    notifier.close()
    notifier.close()


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "me"}, None),
    ],
)
def test_watchdog_interval(environ: dict[str, str], interval_s: float | None) -> None:
    assert watchdog_interval_s(environ, pid=77) == interval_s


class CountingNotifier(Notifier):
    """Notes when it was fed."""

    def __init__(self) -> None:
        super().__init__(None)
        self.fed_at: list[float] = []

    def feed(self) -> None:
        self.fed_at.append(trio.current_time())


@pytest.mark.trio
async def test_watchdog_is_fed_after_each_turn(autojump_clock: trio.testing.MockClock) -> None:
    notifier = CountingNotifier()
    started = trio.current_time()
    with trio.move_on_after(35):
        await feed_watchdog(notifier, 10.0, trio.lowlevel.checkpoint)
    assert [moment - started for moment in notifier.fed_at] == [0, 10, 20, 30]


@pytest.mark.trio
async def test_watchdog_starves_when_the_writer_hangs(autojump_clock: trio.testing.MockClock) -> None:
    notifier = CountingNotifier()
    with trio.move_on_after(100):
        await feed_watchdog(notifier, 10.0, trio.sleep_forever)
    assert notifier.fed_at == []


@pytest.mark.trio
async def test_failing_turn_is_survived_and_not_fed_for(autojump_clock: trio.testing.MockClock) -> None:
    notifier = CountingNotifier()
    outcomes = iter([True, False, True])

    async def turn() -> None:
        if not next(outcomes):
            raise OSError

    started = trio.current_time()
    with trio.move_on_after(25):
        await feed_watchdog(notifier, 10.0, turn)
    assert [moment - started for moment in notifier.fed_at] == [0, 20]
