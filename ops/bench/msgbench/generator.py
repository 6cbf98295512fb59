"""The load generator: built from C when its sources are newer, run on this driver's core, read as JSON."""

import json
import os
import subprocess
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from msgbench.cores import Cores
from msgbench.faults import Unusable, VoidRun
from msgbench.served import Daemon

SOURCES = Path(__file__).parent.parent / "loadgen"
BUILD = Path(__file__).parent.parent / "build"
# Beyond its own deadlines for opening and draining (main.c), the generator has hung.
GRACE_S = 150.0


class Load(msgspec.Struct, kw_only=True, frozen=True):
    """One cell: a closed loop with `in_flight` messages a pair, or an open one at `rate` a second over all pairs."""

    pairs: int
    in_flight: int = 0
    rate: float = 0.0
    warmup_s: float
    measure_s: float
    text_bytes: int
    one_by_one: bool = False


class Raw(msgspec.Struct, kw_only=True):
    """What the generator counted in its window; latencies in ms, ascending."""

    opened_s: float
    window_s: float
    relays: int
    sends_total: int
    frames_in: int
    messages_in: int
    generator_cpu_s: float
    daemon_cpu_s: float
    core_busy_s: float
    daemon_written_bytes: int
    sent_ms: Sequence[float] = ()
    event_ms: Sequence[float] = ()


def build(folder: Path = BUILD) -> Path:
    """Compile the generator unless that is done; give its path.

    Raises:
        Unusable: No C compiler, or no OpenSSL headers (Debian: gcc libssl-dev).
    """
    binary = folder / "loadgen"
    files = sorted(SOURCES.glob("*.[ch]"))
    if binary.exists() and binary.stat().st_mtime > max(file.stat().st_mtime for file in files):
        return binary
    folder.mkdir(parents=True, exist_ok=True)
    sources = [str(file) for file in files if file.suffix == ".c"]
    # Written beside and moved, so that two runs at once never execute half a file.
    fresh = folder / f"loadgen.{os.getpid()}"
    command = [os.environ.get("CC", "cc"), "-std=c17", "-O2", "-Wall", "-Wextra", "-o", str(fresh), *sources]
    try:
        done = subprocess.run([*command, "-lssl", "-lcrypto"], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Unusable("the load generator needs a C compiler (Debian: gcc libssl-dev)") from error
    if done.returncode != 0:
        raise Unusable(f"the load generator does not compile:\n{done.stderr.decode(errors='replace')[-2000:]}")
    fresh.replace(binary)
    return binary


def _command(binary: Path, daemon: Daemon, cores: Cores, clients: Path) -> list[str]:
    target = daemon.target
    command = [str(binary), "--host", target.host, "--port", str(target.port), "--clients", str(clients)]
    command += ["--tls"] if target.tls else []
    return [*command, "--daemon-pid", str(daemon.pid or 0), "--daemon-core", str(cores.daemon)]


def _result(line: bytes, exit_code: int) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(line)
    except ValueError:
        raise VoidRun(f"the generator died with code {exit_code}") from None
    if result["fault"] is not None:
        raise (VoidRun if exit_code == 1 else Unusable)(result["fault"])
    return result


def _write_clients(folder: Path, clients: Sequence[tuple[str, str]]) -> Path:
    path = folder / "clients"
    path.touch(0o600)
    path.write_text("".join(f"{uid}\t{frame}\n" for uid, frame in clients), encoding="utf-8")
    return path


def run_load(daemon: Daemon, cores: Cores, clients: Sequence[tuple[str, str]], load: Load) -> Raw:
    """Run one cell over the first `2 * load.pairs` clients, each a uid and its opening frame.

    Raises:
        VoidRun: A message was lost, doubled, changed or out of order, or the daemon answered with an error.
    """
    binary = build()
    with tempfile.TemporaryDirectory(prefix="msgbench-") as name:
        folder = Path(name)
        samples = folder / "samples"
        command = _command(binary, daemon, cores, _write_clients(folder, clients))
        command += ["--pairs", str(load.pairs), "--samples", str(samples), "--run", os.urandom(8).hex()]
        command += ["--rate", str(load.rate)] if load.rate else ["--in-flight", str(load.in_flight)]
        command += ["--warmup-s", str(load.warmup_s), "--measure-s", str(load.measure_s)]
        command += ["--text-bytes", str(load.text_bytes)] + (["--one-by-one"] if load.one_by_one else [])
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=load.warmup_s + load.measure_s + GRACE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise VoidRun("the generator did not come to an end") from None
        raw = msgspec.convert(_result(done.stdout, done.returncode), Raw)
        both = array("I", samples.read_bytes())
    raw.sent_ms = sorted(us / 1000 for us in both[0::2])
    raw.event_ms = sorted(us / 1000 for us in both[1::2])
    return raw


@contextmanager
def idle_connections(daemon: Daemon, cores: Cores, clients: Sequence[tuple[str, str]]) -> Iterator[float]:
    """Hold one connection for each client; give the seconds that opening them all took.

    Raises:
        VoidRun: The daemon refused or cut one.
    """
    binary = build()
    with tempfile.TemporaryDirectory(prefix="msgbench-") as name:
        command = _command(binary, daemon, cores, _write_clients(Path(name), clients))
        command += ["--idle", str(len(clients))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                yield float(_result(line, process.poll() or 1)["opened_s"])
                if process.poll() is not None:
                    _result(process.stdout.readline(), process.returncode)
            finally:
                process.stdin.close()
                try:
                    process.wait(GRACE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
