"""The command line: options in, a table or JSON on standard output, an exit code that a script can act on."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from msgbench.baseline import Comparison, compare
from msgbench.cores import allow_connections, choose_cores, pinned
from msgbench.faults import Unusable, VoidRun
from msgbench.generator import build
from msgbench.plan import CELLS, TRANSPORTS, Plan
from msgbench.relay import run_against, run_relay
from msgbench.report import Report
from msgbench.served import Daemon
from msgbench.target import parse_target

if TYPE_CHECKING:
    from msgbench.calls.quality import Quality

# What --baseline compares where nothing else is asked: both loops, in a few seconds a side.
BASELINE_CELLS = ("relay", "latency")
CALL_CONDITIONS = ("clean", "5 % loss", "10 % loss", "20 % loss", "10 % in bursts of 3", "20 ms, jitter 50 ms")
CALL_BY = ("msgclient", "aiortc")
EXIT_CODES = """exit codes: 0 measured; 1 the daemon lost, doubled, reordered or refused something, the run is void;
2 it could not be run as asked"""


def _names(known: tuple[str, ...]) -> type[argparse.Action]:
    class Names(argparse.Action):
        def __call__(
            self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, *_: object
        ) -> None:
            chosen = tuple(str(values).split(","))
            for name in chosen:
                if name not in known:
                    parser.error(f"{self.option_strings[0]}: {name!r} is none of {', '.join(known)}")
            setattr(namespace, self.dest, chosen)

    return Names


def _counts(text: str) -> tuple[int, ...]:
    counts = tuple(int(part) for part in text.split(","))
    if min(counts) < 1:
        raise ValueError
    return counts


def _positive(text: str) -> float:
    if not 0 < float(text) <= 1e6:
        raise ValueError
    return float(text)


def parser() -> argparse.ArgumentParser:
    """Define the options; defaults are those of the published table."""
    root = argparse.ArgumentParser(
        prog="ops/bench", description=__doc__, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = root.add_subparsers(dest="command", required=True)
    _add_calls(commands.add_parser("calls", help="the sound of calls over bad networks", epilog=EXIT_CODES))
    relay = commands.add_parser("relay", help="the durable text relay of one daemon on one core", epilog=EXIT_CODES)
    plan = Plan()
    add = relay.add_argument
    add("--cells", action=_names(CELLS), help=f"which parts, of {','.join(CELLS)} (default: all)")
    add("--transports", action=_names(TRANSPORTS), default=plan.transports, help="wss,ws (default: both)")
    add("--pairs", type=_counts, help="numbers of pairs (default: 10,100,1000; with --baseline 100)")
    add("--in-flight", type=_counts, default=plan.in_flight, help="messages in flight a pair (default: 1,16)")
    add("--seconds", type=_positive, default=plan.seconds, help="measured time of a row (default: %(default)s)")
    add("--warmup", type=_positive, default=plan.warmup_s, help="time before it, in s (default: %(default)s)")
    add("--rate", type=_positive, default=plan.rate, help="messages/s of the open loop (default: %(default)s)")
    add("--rate-pairs", type=int, default=plan.rate_pairs, help="pairs of the open loop (default: %(default)s)")
    add("--idle", type=int, default=plan.idle, help="idle connections (default: %(default)s)")
    add("--text-bytes", type=int, default=plan.text_bytes, help="16 to 16384 (default: %(default)s)")
    add("--one-by-one", action="store_true", help="clients send each frame as a message of its own, never an array")
    add("--url", help="measure this running daemon, on a loopback address, instead of one of our own")
    add("--pid", type=int, help="its process, for its share of CPU and its memory")
    add("--baseline", metavar="TREE-ISH", help="compare with this commit, in turn, and print ratios of medians")
    add("--rounds", type=int, default=3, help="turns of each side with --baseline (default: %(default)s)")
    add("--dir", type=Path, default=Path(tempfile.gettempdir()), help="where the store goes (default: %(default)s)")
    add("--json", action="store_true", help="print JSON instead of tables")
    return root


def _add_calls(calls: argparse.ArgumentParser) -> None:
    add = calls.add_argument
    add("--conditions", action=_names(CALL_CONDITIONS), default=CALL_CONDITIONS, help="which, by name (default: all)")
    add("--by", action=_names(CALL_BY), default=CALL_BY, help="msgclient,aiortc (default: both)")
    add("--seconds", type=_positive, default=20.0, help="of speech in a call (default: %(default)s)")
    add("--runs", type=int, default=3, help="calls a row (default: %(default)s)")
    add("--json", action="store_true", help="print JSON instead of tables")


def _plan(options: argparse.Namespace) -> Plan:
    compares = options.baseline is not None
    return Plan(
        cells=options.cells or (BASELINE_CELLS if compares else CELLS),
        transports=options.transports,
        pairs=options.pairs or ((100,) if compares else Plan().pairs),
        in_flight=options.in_flight,
        rate=options.rate,
        rate_pairs=options.rate_pairs,
        idle=options.idle,
        seconds=options.seconds,
        warmup_s=options.warmup,
        text_bytes=options.text_bytes,
        one_by_one=options.one_by_one,
    )


def _run(options: argparse.Namespace) -> "Report | Comparison | Quality":
    if options.command == "calls":
        # Needs what the relay does not: NumPy, scores of speech, the client's engine.
        from msgbench.calls.quality import measure

        return measure(options.conditions, options.by, options.seconds, options.runs)
    target = parse_target(options.url) if options.url else None
    plan = _plan(options)
    if target is not None and options.baseline is not None:
        raise Unusable("--baseline starts its own daemons, so it takes no --url")
    cores = choose_cores()
    allow_connections(plan.needed_connections)
    if plan.needed_pairs:
        build()
    with pinned(cores.generator):
        if target is not None:
            return run_against(plan, cores, options.dir, Daemon(target, "", options.pid))
        if options.baseline is not None:
            return compare(plan, cores, options.dir, options.baseline, options.rounds)
        return run_relay(plan, cores, options.dir)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    # Unwinds every context manager, and with them every process started here.
    raise SystemExit(128 + signal.SIGTERM)


def main() -> NoReturn:
    """Run one subcommand and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    options = parser().parse_args()
    try:
        result = _run(options)
    except VoidRun as fault:
        print(f"void: {fault}", file=sys.stderr)
        raise SystemExit(1) from None
    except Unusable as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    print(result.to_json() if options.json else result.to_text())
    raise SystemExit(1 if result.is_void else 0)
