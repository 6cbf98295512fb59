"""Ties the numbers that parts of the daemon keep themselves to their metrics: read at each scrape, free until then."""

from collections.abc import Mapping

from msgd import __version__
from msgd.auth.passwords import Passwords
from msgd.auth.throttle import Throttle
from msgd.metrics import Metrics
from msgd.net.counters import NAMED_CLOSE_CODES, GatewayCounters
from msgd.net.websocket import Refusal


def read_gateway(metrics: Metrics, counters: GatewayCounters) -> None:
    """Take what the gateway counts, under the labels that it counts by."""
    metrics.connections_refused.know(Refusal)
    metrics.connections_closed.know(map(str, sorted(NAMED_CLOSE_CODES)))
    metrics.connections_open.source = lambda: counters.open_connections
    metrics.handshakes_pending.source = lambda: counters.pending_handshakes
    metrics.connections_accepted.source = lambda: counters.accepted
    metrics.connections_refused.source = lambda: counters.refused
    metrics.connections_closed.source = lambda: counters.closes
    metrics.accept_failures.source = lambda: counters.accept_errors
    metrics.outbox_overflows.source = lambda: counters.outbox_overflows
    metrics.write_deadlines.source = lambda: counters.write_deadlines
    metrics.largest_outbox.source = lambda: counters.largest_outbox_bytes
    metrics.pings_sent.source = lambda: counters.pings_sent
    metrics.frames_sent.source = lambda: counters.frames_sent
    metrics.websocket_received.source = lambda: counters.messages_received
    metrics.websocket_sent.source = lambda: counters.messages_sent
    metrics.bytes_received.source = lambda: counters.bytes_received
    metrics.bytes_sent.source = lambda: counters.bytes_sent
    metrics.peer_failures.source = lambda: counters.peer_errors


def read_passwords(metrics: Metrics, passwords: Passwords) -> None:
    """Take the length of the queue for password checks."""
    metrics.passwords_waiting.source = lambda: passwords.waiting
    metrics.passwords_running.source = lambda: passwords.running
    metrics.passwords_refused.source = lambda: passwords.refused_total


def read_throttles(metrics: Metrics, throttles: Mapping[str, Throttle]) -> None:
    """Take what the throttles had to forget, by kind as in `THROTTLES`; `throttled` counts their refusals."""
    metrics.throttle_evictions.source = lambda: {kind: throttle.evicted_total for kind, throttle in throttles.items()}


def state_version(metrics: Metrics) -> None:
    """Say which version runs."""
    metrics.build_info.values[__version__] = 1.0
