"""The way of an operation: to the running daemon, or to the store of a stopped one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from msgctl.failures import Failure
from msgctl.link import Link, NobodyThere
from msgd.admin.contract import Refused, Request

if TYPE_CHECKING:
    from msgd.config import Settings

R = TypeVar("R")


class Reach:
    """Carries operations out. The first one finds the way, which is told once."""

    def __init__(self, settings: "Settings", say: Callable[[str], None]) -> None:
        """Take the settings, for the socket and the store, and what narrates."""
        self._settings = settings
        self._say = say
        self._link: Link | None = None
        self._is_stopped = False

    def call(self, request: Request[R]) -> R:
        """Carry one operation out.

        Raises:
            Failure: It was refused, or there is no way.
        """
        try:
            if self._link is None and not self._is_stopped:
                self._find_way()
            return self._link.call(request) if self._link else self._on_store(request)
        except Refused as refusal:
            raise Failure(refusal.code, refusal.message) from None

    def close(self) -> None:
        """Let go of the daemon."""
        if self._link is not None:
            self._link.close()

    def _find_way(self) -> None:
        path = self._settings.admin.socket
        try:
            self._link = Link(path)
        except NobodyThere:
            self._is_stopped = True
            self._say(f"The daemon is stopped, as nobody answers at {path}: working on {self._settings.store.path}.")
        else:
            self._say(f"Through the running daemon at {path}.")

    def _on_store(self, request: Request[R]) -> R:
        # The store, argon2 and trio take a quarter of a second to import: only this way needs them.
        from msgd.admin.stopped import StoreHeld, carry_out

        try:
            return carry_out(self._settings, request)
        except StoreHeld as error:
            raise Failure("unreachable", str(error)) from error
