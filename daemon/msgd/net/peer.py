"""What the layer above gives for each connection."""

from typing import Protocol


class Peer(Protocol):
    """Hears one connection. Every call is synchronous, in order, and must not block."""

    def message(self, payload: bytes) -> None:
        """Take one complete text message: valid UTF-8, not decoded. An exception closes the connection with 1011."""

    def closed(self, code: int | None) -> None:
        """Learn that the connection is over; called exactly once, when the socket is gone.

        `code` is that of the close frame that began the end, the peer's or ours; 1005 when the peer's had none; 1006
        when the connection broke without one.
        """
