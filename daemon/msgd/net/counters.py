"""What the gateway counts, as plain numbers: the hot path adds to them, and whoever exports metrics reads them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

NAMED_CLOSE_CODES: Final = frozenset(
    {1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 4401, 4403, 4408, 4429}
)
"""Close codes counted by name; a peer may send any of thousands, and the rest are counted together."""


@dataclass(slots=True)
class GatewayCounters:
    """Totals since the start, except those named as a gauge. Read from the event loop's thread."""

    open_connections: int = 0
    """Gauge: connections whose handshake is done and whose socket is not gone yet."""
    pending_handshakes: int = 0
    """Gauge: sockets accepted whose TLS or WebSocket handshake is not done."""
    accepted: int = 0
    """Connections that finished their handshake."""
    refused: Counter[str] = field(default_factory=Counter)
    """Sockets that never became a connection, by reason: the values of `Refusal`."""
    accept_errors: int = 0
    """Times that accept(2) failed, for instance with every file descriptor taken."""
    messages_received: int = 0
    """Text messages received from clients."""
    bytes_received: int = 0
    """Bytes read from clients after the handshake, with TLS taken off."""
    messages_sent: int = 0
    """Text messages given to the kernel."""
    frames_sent: int = 0
    """Frames in those messages: divided by `messages_sent`, how much coalescing carries."""
    bytes_sent: int = 0
    """Bytes given to the kernel after the handshake, before TLS is put on."""
    pings_sent: int = 0
    """Keepalive pings."""
    closes: Counter[str] = field(default_factory=Counter)
    """Connections ended, by close code; codes outside `NAMED_CLOSE_CODES` count as `other`."""
    outbox_overflows: int = 0
    """Connections aborted because their outbox passed `outbox_bytes`."""
    write_deadlines: int = 0
    """Connections aborted because the peer took nothing for `write_deadline_s`."""
    peer_errors: int = 0
    """Exceptions that came out of the layer above and were fenced."""
    largest_outbox_bytes: int = 0
    """The fullest outbox seen since the start."""

    def count_close(self, code: int) -> None:
        """Count one ended connection."""
        self.closes[str(code) if code in NAMED_CLOSE_CODES else "other"] += 1
