"""Tells systemd how the daemon is (sd_notify(3)), and feeds its watchdog; neither can ever block or fail the daemon."""

import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

import trio

from msgd.logs import log


class Notifier:
    """Sends state to the service manager, or nowhere when there is none.

    Each message is one non-blocking datagram: when the manager's socket is full, the message is lost and nothing waits.
    """

    def __init__(self, address: str | None) -> None:
        """Keep the address: a path, or `@NAME` for the abstract namespace; None and other families are silence."""
        self._socket: socket.socket | None = None
        self._address = ""
        if address is not None and address[:1] in {"/", "@"}:
            self._address = "\0" + address[1:] if address.startswith("@") else address
            with contextlib.suppress(OSError):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Take the address from NOTIFY_SOCKET."""
        return cls(environ.get("NOTIFY_SOCKET"))

    def ready(self, status: str) -> None:
        """The start, or a reload, is complete."""
        self._send("READY=1", _status(status))

    def reloading(self, monotonic_us: int) -> None:
        """A reload begins; `monotonic_us` is CLOCK_MONOTONIC, which Type=notify-reload demands."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}")

    def status(self, status: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(_status(status))

    def stopping(self, status: str) -> None:
        """The daemon begins to stop."""
        self._send("STOPPING=1", _status(status))

    def extend_timeout(self, seconds: float) -> None:
        """Ask for this much more time to start, reload or stop."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def feed(self) -> None:
        """The watchdog may wait for its next meal."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Send nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *assignments: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(assignments).encode(), self._address)


def watchdog_interval_s(environ: Mapping[str, str], pid: int | None = None) -> float | None:
    """Say how often to feed the watchdog: half of what it waits, as sd_watchdog_enabled(3) advises.

    Args:
        environ: WATCHDOG_USEC, and WATCHDOG_PID when it is meant for one process.
        pid: This process; asked of the system when not given.

    Returns:
        Seconds, or None when no watchdog waits for this process.
    """
    try:
        period_us = int(environ.get("WATCHDOG_USEC", "0"))
        meant_for = int(environ.get("WATCHDOG_PID", "0"))
    except ValueError:
        return None
    if period_us <= 0 or meant_for not in {0, os.getpid() if pid is None else pid}:
        return None
    return period_us / 2_000_000


async def feed_watchdog(notifier: Notifier, interval_s: float, turn: Callable[[], Awaitable[object]]) -> None:
    """Feed the watchdog until cancelled, each time after `turn` has shown that the daemon works.

    Args:
        notifier: Where to send it.
        interval_s: Seconds from one meal to the next.
        turn: A real turn through the writer thread. A turn that does not end starves the watchdog, and systemd
            restarts the daemon; one that raises is logged, and not fed for either.
    """
    while True:
        try:
            await turn()
        except Exception as error:
            log("error", "systemd.turn_failed", error=error)
        else:
            notifier.feed()
        await trio.sleep(interval_s)


def _status(text: str) -> str:
    """Make one assignment, whatever the text holds: a line break would begin another."""
    return "STATUS=" + " ".join(text.split())
