"""What a call needs done by others: signaling, the engine, timers."""

from typing import Protocol

import msgwire

from . import messages


class Hands(Protocol):
    """What a call needs done by others; nothing of it waits."""

    def engine(self, command: messages.Command) -> None:
        """Tell the engine."""

    def signal(self, frame: msgwire.ClientFrame) -> None:
        """Send a frame of this call, in order; what comes of it is told by `refused` and `gone`."""

    def open(self, epoch: int, *, offers: bool, held: bool, after_s: float) -> None:
        """Find out the servers to use, then make the connection, then call `opened`."""

    def timer(self, seconds: float | None) -> None:
        """Call `timed_out` after so long, in place of any timer before; None is never."""

    def changed(self) -> None:
        """The view has changed."""

    def now(self) -> float:
        """Monotonic seconds."""
