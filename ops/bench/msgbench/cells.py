"""The relay and idle cells of the table: each loads the daemon for a few seconds and gives one row."""

import math
import time
from collections.abc import Sequence

import msgspec

from msgbench.accounts import Account
from msgbench.cores import Cores
from msgbench.faults import VoidRun
from msgbench.generator import Load, Raw, idle_connections, run_load
from msgbench.served import Daemon
from msgbench.stats import percentile

# Above this share of its own core the generator may be what limits the row.
GENERATOR_LIMIT = 0.70
# Above this share of the daemon's core taken by others, the row says less than the daemon can do.
NOISE_LIMIT = 0.10
IDLE_WATCH_S = 5.0


class RelayRow(msgspec.Struct, kw_only=True):
    """Durable relays under one load; shares are of one core, `in_flight` is 0 in an open loop."""

    transport: str
    pairs: int
    in_flight: int
    offered_per_s: float
    relays_per_s: float = math.nan
    sent_p50_ms: float = math.nan
    sent_p99_ms: float = math.nan
    event_p50_ms: float = math.nan
    event_p99_ms: float = math.nan
    event_max_ms: float = math.nan
    daemon_us_per_relay: float = math.nan
    written_kib_per_relay: float = math.nan
    daemon_cpu: float = math.nan
    others_cpu: float = math.nan
    generator_cpu: float = math.nan
    frames_per_message: float = math.nan
    fault: str = ""

    @property
    def marks(self) -> str:
        """`G` where the generator may have been the limit, `N` where others used the daemon's core."""
        return ("G" if self.generator_cpu > GENERATOR_LIMIT else "") + ("N" if self.others_cpu > NOISE_LIMIT else "")


class IdleRow(msgspec.Struct, kw_only=True):
    """Authenticated connections that do nothing."""

    transport: str
    connections: int
    opened_per_s: float = math.nan
    kib_per_connection: float = math.nan
    daemon_mib: float = math.nan
    daemon_cpu: float = math.nan
    fault: str = ""


def relay_row(transport: str, load: Load, raw: Raw, *, knows_daemon: bool) -> RelayRow:
    """Turn counts into rates and shares; without the daemon's process its shares stay NaN.

    A daemon that acknowledges more text than it writes to a disk is not durable, whatever it says: that voids the row.
    """
    row = RelayRow(
        transport=transport,
        pairs=load.pairs,
        in_flight=load.in_flight,
        offered_per_s=load.rate or math.nan,
        relays_per_s=raw.relays / raw.window_s,
        sent_p50_ms=percentile(raw.sent_ms, 0.5),
        sent_p99_ms=percentile(raw.sent_ms, 0.99),
        event_p50_ms=percentile(raw.event_ms, 0.5),
        event_p99_ms=percentile(raw.event_ms, 0.99),
        event_max_ms=percentile(raw.event_ms, 1.0),
        generator_cpu=raw.generator_cpu_s / raw.window_s,
        frames_per_message=raw.frames_in / raw.messages_in if raw.messages_in else math.nan,
    )
    if knows_daemon:
        row.daemon_cpu = raw.daemon_cpu_s / raw.window_s
        row.others_cpu = max(0.0, raw.core_busy_s - raw.daemon_cpu_s) / raw.window_s
        row.written_kib_per_relay = raw.daemon_written_bytes / raw.relays / 1024 if raw.relays else math.nan
        if raw.daemon_written_bytes < raw.relays * load.text_bytes:
            row.fault = f"{raw.relays} messages were acknowledged, {raw.daemon_written_bytes} bytes went to a disk"
        row.daemon_us_per_relay = raw.daemon_cpu_s / raw.relays * 1e6 if raw.relays else math.nan
    return row


def measure_relays(daemon: Daemon, cores: Cores, accounts: Sequence[Account], load: Load) -> RelayRow:
    """Measure one load over existing pairs; a breach of the contract is the row's `fault`."""
    clients = [(account.uid, account.authenticate_frame) for account in accounts[: 2 * load.pairs]]
    transport = daemon.target.transport
    try:
        raw = run_load(daemon, cores, clients, load)
    except VoidRun as fault:
        return RelayRow(
            transport=transport,
            pairs=load.pairs,
            in_flight=load.in_flight,
            offered_per_s=load.rate or math.nan,
            fault=str(fault),
        )
    return relay_row(transport, load, raw, knows_daemon=daemon.pid is not None)


def measure_idle(daemon: Daemon, cores: Cores, accounts: Sequence[Account], count: int) -> IdleRow:
    """Hold `count` connections, each a device of its own, and see what they cost the daemon."""
    clients = [
        (accounts[number % len(accounts)].uid, accounts[number % len(accounts)].login_frame(f"idle-{number}"))
        for number in range(count)
    ]
    row = IdleRow(transport=daemon.target.transport, connections=count)
    try:
        # A few first, so that what the daemon loads once is not charged to the connections.
        with idle_connections(daemon, cores, clients[: len(clients) // 100 + 1]):
            pass
        before_kib = daemon.memory_kib()
        with idle_connections(daemon, cores, clients) as opened_s:
            row.opened_per_s = count / opened_s
            start, start_cpu = time.monotonic(), daemon.cpu_s()
            time.sleep(IDLE_WATCH_S)
            row.daemon_cpu = (daemon.cpu_s() - start_cpu) / (time.monotonic() - start)
            after_kib = daemon.memory_kib()
    except VoidRun as fault:
        row.fault = str(fault)
        return row
    row.kib_per_connection = (after_kib - before_kib) / count
    row.daemon_mib = after_kib / 1024
    return row
