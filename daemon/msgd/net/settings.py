"""The bounds of the gateway's transport, each with its unit and its reason."""

from dataclasses import dataclass
from typing import Final

HANDSHAKES_PER_TURN: Final = 8
"""Sockets accepted before the event loop gets its turn back, so that a storm of TLS handshakes delays nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What one gateway accepts. An instance never changes; a reload replaces it (`Gateway.settings`).

    Raises:
        ValueError: a bound is not positive, or the idle timeout would end before a ping could be answered.
    """

    path: str = "/v1/ws"
    """The only path that is served; any other gets 404. A query string is ignored."""
    subprotocol: str = "msgd.v1"
    """The subprotocol that a client must offer; without it the handshake gets 400."""
    max_message_bytes: int = 131_072
    """The greatest payload of one text message from a client, in bytes; past it the connection is closed with 1009."""
    outbox_bytes: int = 1 << 20
    """What may wait for one client; past it the connection is aborted, and the device resumes by its cursor."""
    input_buffer_bytes: int = 256 * 1024
    """What a paused connection holds back before its socket is not read any more."""
    write_deadline_s: float = 20.0
    """How long the kernel may take for one chunk (at most 64 KiB or one frame) before the client counts as stuck."""
    idle_timeout_s: float = 60.0
    """How long a client may be silent, its pongs too, before it is closed with 4408."""
    ping_interval_s: float = 20.0
    """After how much silence a client is pinged."""
    handshake_timeout_s: float = 10.0
    """How long the TLS and the WebSocket handshake may take together."""
    close_timeout_s: float = 5.0
    """How long the peer may take to answer a close frame."""
    max_connections: int = 20_000
    """Open connections; past it a handshake gets 503."""
    max_connections_per_address: int = 0
    """Open connections and handshakes of one address (IPv6: one /64); past it a socket is closed. 0: no bound."""
    max_handshakes: int = 1024
    """Handshakes at a time; past it the rest wait in the kernel's backlog."""

    def __post_init__(self) -> None:
        for name in (
            "max_message_bytes",
            "outbox_bytes",
            "input_buffer_bytes",
            "write_deadline_s",
            "idle_timeout_s",
            "ping_interval_s",
            "handshake_timeout_s",
            "close_timeout_s",
            "max_connections",
            "max_handshakes",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0")
        if self.max_connections_per_address < 0:
            raise ValueError("max_connections_per_address must be 0 (no bound) or greater")
        if self.ping_interval_s >= self.idle_timeout_s:
            raise ValueError("ping_interval_s must be less than idle_timeout_s, or no client could answer in time")
