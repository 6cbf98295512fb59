"""`relay`: the durable text relay of one daemon on one core, from the disk below it to the logins above it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgbench.accounts import Account, make_pairs
from msgbench.cells import RelayRow, measure_idle, measure_relays
from msgbench.cores import Cores, describe_machine
from msgbench.fsync import measure_fsync
from msgbench.generator import Load
from msgbench.logins import measure_logins
from msgbench.plan import Plan
from msgbench.report import Report
from msgbench.served import CHEAP_PASSWORDS, HARNESS, PLAIN, Daemon, make_folder, running
from msgbench.table import number

TREE = Path(__file__).resolve().parents[3]
FSYNC_S = 1.5


def narrate(text: str) -> None:
    """Tell a waiting person what goes on; results go to standard output."""
    print(text, file=sys.stderr, flush=True)


def describe_tree(tree: Path) -> str:
    """Name the commit of a work tree, and whether anything in it has changed since."""
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown commit"


def measure_loads(plan: Plan, daemon: Daemon, cores: Cores, accounts: Sequence[Account], report: Report) -> None:
    """Fill in the relay and latency rows of one running daemon."""

    def measure(load: Load) -> RelayRow:
        row = measure_relays(daemon, cores, accounts, load)
        loop = f"{load.in_flight} in flight" if load.in_flight else f"{load.rate:g}/s offered"
        narrate(f"{row.transport} {load.pairs} pairs, {loop}: {row.fault or f'{number(row.relays_per_s)} relays/s'}")
        return row

    if "relay" in plan.cells:
        report.relay += [
            measure(
                Load(
                    pairs=pairs,
                    in_flight=in_flight,
                    warmup_s=plan.warmup_s,
                    measure_s=plan.seconds,
                    text_bytes=plan.text_bytes,
                    one_by_one=plan.one_by_one,
                )
            )
            for pairs in plan.pairs
            for in_flight in plan.in_flight
        ]
    if "latency" in plan.cells:
        # Twice as long: the 99th percentile stands on a hundredth of the messages.
        load = Load(
            pairs=plan.rate_pairs,
            rate=plan.rate,
            warmup_s=plan.warmup_s,
            measure_s=2 * plan.seconds,
            text_bytes=plan.text_bytes,
            one_by_one=plan.one_by_one,
        )
        report.open_loop.append(measure(load))


def new_report(plan: Plan, cores: Cores, daemon: str, overrides: dict[str, str]) -> Report:
    """Start a report with what was run where."""
    settings = " ".join(f"{name}={value}" for name, value in overrides.items())
    return Report(
        machine=describe_machine(),
        daemon=daemon,
        cores=f"daemon pinned to core {cores.daemon}, generator to core {cores.generator}",
        settings=f"settings: {settings or 'those of the running daemon'}",
        seconds=plan.seconds,
        text_bytes=plan.text_bytes,
    )


def measure_fsyncs(plan: Plan, folder: Path, report: Report) -> None:
    """Fill in what the disk under `folder` can do."""
    if "fsync" in plan.cells:
        report.fsync = [measure_fsync(folder, kind, FSYNC_S) for kind in ("append", "overwrite")]


def run_relay(plan: Plan, cores: Cores, parent: Path, tree: Path = TREE) -> Report:
    """Start the daemon of `tree` in a new folder below `parent` and measure all that the plan asks.

    Raises:
        Unusable: The daemon does not start.
        VoidRun: Accounts cannot be made.
    """
    run = os.urandom(3).hex()
    report = new_report(plan, cores, f"msgd at {describe_tree(tree)}", {**HARNESS, **CHEAP_PASSWORDS})
    accounts: Sequence[Account] = []
    with tempfile.TemporaryDirectory(prefix="msgbench-", dir=parent) as name:
        folder = Path(name) / "msgd"
        measure_fsyncs(plan, Path(name), report)
        make_folder(tree, folder)
        for transport in plan.transports:
            overrides = {**CHEAP_PASSWORDS, **(PLAIN if transport == "ws" else {})}
            if not plan.needed_pairs:
                break
            with running(tree, folder, cores.daemon, overrides) as daemon:
                report.daemon = f"msgd {daemon.version} at {describe_tree(tree)}"
                if not accounts:
                    narrate(f"making {2 * plan.needed_pairs} accounts")
                    accounts = make_pairs(daemon.target, plan.needed_pairs, run)
                measure_loads(plan, daemon, cores, accounts, report)
            if "idle" in plan.cells:
                # A process that has done nothing yet, so that no memory freed by other cells hides what these cost.
                with running(tree, folder, cores.daemon, overrides) as daemon:
                    narrate(f"{transport}: {plan.idle} idle connections")
                    report.idle.append(measure_idle(daemon, cores, accounts, plan.idle))
        if "logins" in plan.cells:
            overrides = PLAIN if "wss" not in plan.transports else {}
            with running(tree, folder, cores.daemon, overrides) as daemon:
                narrate("logins at the default cost of a hash")
                report.logins.append(measure_logins(daemon, run, plan.seconds))
    return report


def run_against(plan: Plan, cores: Cores, parent: Path, daemon: Daemon) -> Report:
    """Measure a daemon that somebody else started; without its process no idle row and no shares of it.

    Raises:
        Unusable: Nobody answers.
        VoidRun: Accounts cannot be made: it must allow open registration, and any number of it from one address.
    """
    run = os.urandom(3).hex()
    report = new_report(plan, cores, f"the daemon at {daemon.target.url}", {})
    report.cores = f"generator pinned to core {cores.generator}, the daemon where its administrator put it"
    measure_fsyncs(plan, parent, report)
    accounts = make_pairs(daemon.target, plan.needed_pairs, run)
    measure_loads(plan, daemon, cores, accounts, report)
    if "idle" in plan.cells and daemon.pid is not None:
        report.idle.append(measure_idle(daemon, cores, accounts, plan.idle))
    if "logins" in plan.cells:
        report.logins.append(measure_logins(daemon, run, plan.seconds))
    return report
