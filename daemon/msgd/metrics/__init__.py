"""Every metric of the daemon in one table, and the words in which the rest of the daemon counts.

Labels are bounded sets of the contract: never an account, a device or an address.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector

from msgd.clock import epoch_ms
from msgd.metrics.cells import Cell, Histogram, Number, Numbers
from msgwire import CLIENT_FRAMES, ErrorCode
from msgwire.types import tag

C = TypeVar("C", bound=Cell)

THROTTLES = ("login", "register", "search")
OUTCOMES = ("answered", "missed", "declined", "busy", "failed", "cancelled")
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class Metrics:
    """The daemon's numbers; methods are called on the event loop unless they say otherwise."""

    def __init__(self, now_ms: Callable[[], int] = epoch_ms) -> None:
        """Start everything at zero, in a registry of its own; `now_ms` is the wall clock, UTC epoch ms."""
        self._now_ms = now_ms
        self.cells: list[Cell] = []
        add, counter, gauge = self._add, _counter, _gauge
        seconds = _SECONDS

        # Connections
        self.connections_open = add(gauge("msgd_connections_open", "Connections that are open."))
        self.handshakes_pending = add(gauge("msgd_handshakes_pending", "Sockets whose handshake is not done yet."))
        self.connections_accepted = add(counter("msgd_connections_accepted_total", "Handshakes that succeeded."))
        self.connections_refused = add(
            _counters("msgd_connections_refused_total", "Sockets that never became a connection.", "reason", ())
        )
        self.connections_closed = add(_counters("msgd_connections_closed_total", "Connections that ended.", "code", ()))
        self.accept_failures = add(counter("msgd_accept_failures_total", "Times that accept(2) failed."))
        self.outbox_overflows = add(
            counter("msgd_outbox_overflows_total", "Connections cut off because limits.outbox_bytes were waiting.")
        )
        self.write_deadlines = add(
            counter("msgd_write_deadlines_total", "Connections cut off because the client took nothing for too long.")
        )
        self.largest_outbox = add(gauge("msgd_outbox_largest_bytes", "Fullest outbox since the start."))
        self.pings_sent = add(counter("msgd_pings_sent_total", "Keepalive pings."))

        # Traffic
        client_frames = [tag(frame) for frame in CLIENT_FRAMES]
        self.frames_received = add(
            _counters("msgd_frames_received_total", "Frames from clients that were understood.", "type", client_frames)
        )
        self.frames_sent = add(counter("msgd_frames_sent_total", "Frames given to the kernel."))
        self.websocket_received = add(counter("msgd_websocket_messages_received_total", "WebSocket messages received."))
        self.websocket_sent = add(
            counter(
                "msgd_websocket_messages_sent_total",
                "WebSocket messages given to the kernel; frames sent over these is what coalescing carries.",
            )
        )
        self.bytes_received = add(counter("msgd_received_bytes_total", "Bytes from clients, with TLS taken off."))
        self.bytes_sent = add(counter("msgd_sent_bytes_total", "Bytes to clients, before TLS is put on."))
        self.errors = add(_counters("msgd_errors_sent_total", "Error frames.", "code", [*ErrorCode]))
        self.floods = add(counter("msgd_floods_total", "Connections closed for sending too many frames."))
        self.handler_failures = add(
            counter("msgd_handler_failures_total", "Requests that failed by a defect; each is in the log.")
        )
        self.peer_failures = add(
            counter("msgd_connection_failures_total", "Defects that were fenced at a connection; each is in the log.")
        )

        # The life of a message
        self.messages_accepted = add(counter("msgd_messages_accepted_total", "New messages on stable storage."))
        self.accept_to_durable = add(
            Histogram("msgd_accept_to_durable_seconds", "From a message's frame to its commit.", seconds)
        )
        self.accept_to_pushed = add(
            Histogram("msgd_accept_to_pushed_seconds", "From an event's timestamp to a connected device.", seconds)
        )
        self.pushed_to_acknowledged = add(
            Histogram("msgd_pushed_to_acknowledged_seconds", "From a push to the device's acknowledgment.", seconds)
        )
        self.sessions_dirty = add(gauge("msgd_sessions_dirty", "Sessions that are behind and wait for a read."))

        # Store
        self.store_queue = add(gauge("msgd_store_queue_commands", "Commands that wait for the writer."))
        self.store_batch = add(Histogram("msgd_store_batch_commands", "Commands in a transaction.", _COMMANDS))
        self.store_commit = add(
            Histogram("msgd_store_commit_seconds", "A transaction from its start to stable storage.", seconds)
        )
        self.store_failures = add(
            counter("msgd_store_failures_total", "Transactions that failed as a whole; nothing in them was accepted.")
        )

        # Accounts
        self.logins = add(Histogram("msgd_login_seconds", "A successful login, password check included.", seconds))
        self.throttled_requests = add(
            _counters("msgd_throttle_refusals_total", "Requests refused as rate_limited.", "kind", THROTTLES)
        )
        self.throttle_evictions = add(
            _counters("msgd_throttle_evictions_total", "Busy keys dropped for a full map.", "kind", THROTTLES)
        )
        self.passwords_waiting = add(gauge("msgd_password_checks_waiting", "Password checks without a worker."))
        self.passwords_running = add(gauge("msgd_password_checks_running", "Password checks being computed."))
        self.passwords_refused = add(
            counter("msgd_password_checks_refused_total", "Password checks refused because the queue was full.")
        )

        # Presence and calls
        self.presence_pushes = add(counter("msgd_presence_pushes_total", "Presence frames pushed to contacts."))
        self.calls_live = add(gauge("msgd_calls_live", "Calls that ring or are connected."))
        self.calls_ended = add(
            _counters("msgd_calls_ended_total", "Calls that ended, as the caller sees it.", "outcome", OUTCOMES)
        )

        # The process
        self.loop_lag = add(
            Histogram("msgd_event_loop_lag_seconds", "How late the event loop wakes a task that slept.", seconds)
        )
        self.ready = add(Numbers("gauge", "msgd_ready", "1 when the last readiness check passed.", "check", ()))
        self.log_lines_dropped = add(
            counter("msgd_log_lines_dropped_total", "Log lines dropped because stderr took them too slowly.")
        )
        self.build_info = add(Numbers("gauge", "msgd_build_info", "1, with the daemon's version.", "version", ()))

        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    # The words of the daemon.

    def received(self, frame_type: str) -> None:
        """A frame of this type came from a client."""
        self.frames_received.add(frame_type)

    def error(self, code: str) -> None:
        """An error frame goes to a client."""
        self.errors.add(code)

    def flooded(self) -> None:
        """A connection is closed for sending too much."""
        self.floods.value += 1

    def handler_failed(self) -> None:
        """A request failed by a defect."""
        self.handler_failures.value += 1

    def stored(self, seconds: float) -> None:
        """A new message is on stable storage, this long after its frame came."""
        self.messages_accepted.value += 1
        self.accept_to_durable.observe(seconds)

    def pushed(self, at: int) -> None:
        """An event with this timestamp, UTC epoch ms, goes to a device that is caught up."""
        self.accept_to_pushed.observe((self._now_ms() - at) / 1000)

    def acknowledged(self, seconds: float) -> None:
        """A device acknowledged an event this long after it was pushed."""
        self.pushed_to_acknowledged.observe(seconds)

    def committed(self, commands: int, seconds: float) -> None:
        """A batch is on stable storage; may be called from the writer's thread, by that one only."""
        self.store_batch.observe(commands)
        self.store_commit.observe(seconds)

    def commit_failed(self) -> None:
        """A batch failed as a whole; may be called from the writer's thread, by that one only."""
        self.store_failures.value += 1

    def logged_in(self, seconds: float) -> None:
        """A login succeeded after this long."""
        self.logins.observe(seconds)

    def throttled(self, kind: str) -> None:
        """A request was refused as rate_limited; the kinds are `THROTTLES`."""
        self.throttled_requests.add(kind)

    def presence_pushed(self) -> None:
        """A presence frame goes to one contact."""
        self.presence_pushes.value += 1

    def call_ended(self, outcome: str) -> None:
        """A call ended; the outcomes are those of the `call` event, for the caller."""
        self.calls_ended.add(outcome)

    def checked(self, check: str, passed: bool) -> None:
        """A readiness check ran."""
        self.ready.values[check] = float(passed)

    # For the registry.

    def collect(self) -> Iterator[Metric]:
        """Give every family; called by the registry at a scrape."""
        for cell in self.cells:
            yield cell.family()

    def describe(self) -> list[Metric]:
        """Spare the registry a collection at the start, when no source can answer yet."""
        return []

    def _add(self, cell: C) -> C:
        self.cells.append(cell)
        return cell


def _counter(name: str, sentence: str) -> Number:
    return Number("counter", name, sentence)


def _gauge(name: str, sentence: str) -> Number:
    return Number("gauge", name, sentence)


def _counters(name: str, sentence: str, label: str, known: Iterable[str]) -> Numbers:
    return Numbers("counter", name, sentence, label, known)
