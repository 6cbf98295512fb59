"""What the store tells about itself, for metrics."""

from typing import Protocol


class StoreObserver(Protocol):
    """Called in the writer's thread, once per batch; must neither block nor raise."""

    def committed(self, commands: int, seconds: float) -> None:
        """A batch of commands is on stable storage; from taking it up to the end of the commit took `seconds`."""
        ...

    def commit_failed(self) -> None:
        """The storage refused a batch, and nothing of it was carried out."""
        ...


class Unobserved:
    """An observer that looks away."""

    def committed(self, commands: int, seconds: float) -> None:
        """Do nothing."""

    def commit_failed(self) -> None:
        """Do nothing."""
