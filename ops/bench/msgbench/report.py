"""The result of a run: as JSON for machines, as tables for people."""

from collections.abc import Iterator

import msgspec

from msgbench.cells import GENERATOR_LIMIT, NOISE_LIMIT, IdleRow, RelayRow
from msgbench.fsync import FsyncRow
from msgbench.logins import LoginRow
from msgbench.table import number, render, share

RELAY_HEADER = (
    "transport", "pairs", "in flight", "relays /s", "sent p50 ms", "sent p99 ms", "event p50 ms", "event p99 ms",
    "disk KiB/relay", "daemon µs/relay", "daemon core", "others there", "generator core",
)  # fmt: skip
OPEN_HEADER = (
    "transport", "pairs", "offered /s", "relays /s", "sent p50 ms", "sent p99 ms", "event p50 ms", "event p99 ms",
    "event max ms", "daemon core", "others there", "generator core",
)  # fmt: skip
IDLE_HEADER = ("transport", "connections", "opened /s", "KiB each", "daemon MiB", "daemon core")
LOGIN_HEADER = ("transport", "at once", "logins /s", "p50 ms", "p99 ms", "daemon core", "driver core")


class Report(msgspec.Struct, kw_only=True):
    """Everything that one run found."""

    machine: str
    daemon: str
    cores: str
    settings: str
    seconds: float
    text_bytes: int
    fsync: list[FsyncRow] = msgspec.field(default_factory=list)
    relay: list[RelayRow] = msgspec.field(default_factory=list)
    open_loop: list[RelayRow] = msgspec.field(default_factory=list)
    idle: list[IdleRow] = msgspec.field(default_factory=list)
    logins: list[LoginRow] = msgspec.field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Every breach of the contract, in the order of the tables."""
        faults = [row.fault for row in [*self.relay, *self.open_loop]]
        faults += [row.fault for row in self.idle]
        faults += [row.fault for row in self.logins]
        return [fault for fault in faults if fault]

    @property
    def is_void(self) -> bool:
        """True when the daemon broke the contract in any cell."""
        return bool(self.faults)

    def to_json(self) -> str:
        """Give all rows, with a null for each figure that is not known."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_text(self) -> str:
        """Give the tables and what their marks mean."""
        return "\n\n".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield "\n".join([self.daemon, self.machine, self.cores, self.settings])
        if self.fsync:
            rows = [[row.kind, number(row.per_s), number(row.p50_ms, 2), number(row.p99_ms, 2)] for row in self.fsync]
            yield render("The disk: 4 KiB write + fdatasync, one by one", ("way", "/s", "p50 ms", "p99 ms"), rows)
        if self.relay:
            title = f"Durable relays, closed loop, {self.text_bytes} bytes of text, {self.seconds:g} s a row"
            yield render(title, RELAY_HEADER, [_closed(row) for row in self.relay], [_note(row) for row in self.relay])
        if self.open_loop:
            title = "Latency at a fixed rate, open loop, counted from when each message was due"
            rows = [_open(row) for row in self.open_loop]
            yield render(title, OPEN_HEADER, rows, [_note(row) for row in self.open_loop])
        if self.idle:
            rows = [_idle(row) for row in self.idle]
            yield render("Idle connections, authenticated", IDLE_HEADER, rows, [_void(row.fault) for row in self.idle])
        if self.logins:
            rows = [_login(row) for row in self.logins]
            title = "Logins by password, default argon2id"
            yield render(title, LOGIN_HEADER, rows, [_void(row.fault) for row in self.logins])
        marks = "".join(row.marks for row in [*self.relay, *self.open_loop])
        if "G" in marks:
            yield f"G: the generator used more than {GENERATOR_LIMIT:.0%} of its core and may have been the limit."
        if "N" in marks:
            yield f"N: others used more than {NOISE_LIMIT:.0%} of the daemon's core; alone it does better."


def _void(fault: str) -> str:
    return f"VOID: {fault}" if fault else ""


def _note(row: RelayRow) -> str:
    return _void(row.fault) or row.marks


def _latencies(row: RelayRow) -> list[str]:
    figures = (row.sent_p50_ms, row.sent_p99_ms, row.event_p50_ms, row.event_p99_ms)
    return [number(figure, 2) for figure in figures]


def _shares(row: RelayRow) -> list[str]:
    return [share(row.daemon_cpu), share(row.others_cpu), share(row.generator_cpu)]


def _closed(row: RelayRow) -> list[str]:
    first = [row.transport, number(row.pairs), number(row.in_flight), number(row.relays_per_s)]
    costs = [number(row.written_kib_per_relay, 2), number(row.daemon_us_per_relay, 1)]
    return [*first, *_latencies(row), *costs, *_shares(row)]


def _open(row: RelayRow) -> list[str]:
    first = [row.transport, number(row.pairs), number(row.offered_per_s), number(row.relays_per_s)]
    return [*first, *_latencies(row), number(row.event_max_ms, 2), *_shares(row)]


def _idle(row: IdleRow) -> list[str]:
    figures = [number(row.opened_per_s), number(row.kib_per_connection, 1), number(row.daemon_mib)]
    return [row.transport, number(row.connections), *figures, share(row.daemon_cpu)]


def _login(row: LoginRow) -> list[str]:
    figures = [number(row.logins_per_s, 1), number(row.p50_ms), number(row.p99_ms)]
    return [row.transport, number(row.at_once), *figures, share(row.daemon_cpu), share(row.generator_cpu)]
