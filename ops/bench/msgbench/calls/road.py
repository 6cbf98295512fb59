"""Two computers with a bad road between them and a good one to the daemon each, so that only the sound suffers."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from msgbench.calls.emulator import Link
from msgbench.calls.netns import Namespace, connect, sweep

DAEMON = "10.8.0.1"


class Road:
    """The three namespaces; a context manager.

    Attributes:
        inn: where the daemon runs, on `DAEMON`. near, far: the two computers. link: the road between them.
    """

    def __init__(self, seed: int) -> None:
        self._stack = ExitStack()
        self._seed = seed

    def __enter__(self) -> Self:
        sweep()
        try:
            self.inn, self.near, self.far = (
                self._stack.enter_context(Namespace(label)) for label in ("inn", "near", "far")
            )
            self.inn.ip("addr", "add", f"{DAEMON}/32", "dev", "lo")
            # Nobody forwards between the two ways to the daemon, so the sound finds only the road.
            for number, end in enumerate((self.near, self.far), 1):
                end.sysctl("net.ipv6.conf.all.disable_ipv6", "1")
                connect((end, "toinn"), (self.inn, f"way{number}"))
                end.ip("addr", "add", f"10.8.{number}.2/24", "dev", "toinn")
                self.inn.ip("addr", "add", f"10.8.{number}.1/24", "dev", f"way{number}")
                end.ip("route", "add", f"{DAEMON}/32", "via", f"10.8.{number}.1")
            self.link = self._stack.enter_context(Link(self.near, "10.9.0.1", self.far, "10.9.0.2", self._seed))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
