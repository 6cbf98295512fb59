"""A daemon of our own: made with msgctl, started on one core, read from /proc, ended whatever happens."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgbench.cores import pinned
from msgbench.faults import Unusable
from msgbench.target import Target, parse_target

READY = re.compile(r"^msgd (\S+) ready: (wss?://\S+)", re.MULTILINE)
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
# One address makes all accounts here, and no client has to be told to come back later.
HARNESS = {"MSGD_LIMITS__PER_ADDRESS": "off", "MSGD_DRAIN__SECONDS": "0"}
# Accounts are made by the thousand; `logins per second` is measured without this.
CHEAP_PASSWORDS = {"MSGD_AUTH__ARGON2_TIME": "1", "MSGD_AUTH__ARGON2_MEMORY_KIB": "64"}
PLAIN = {"MSGD_LISTEN__PLAIN": "true"}


@dataclass(frozen=True)
class Daemon:
    """A running daemon; `pid` is None where it is somebody else's and its process is not known."""

    target: Target
    version: str
    pid: int | None

    def memory_kib(self) -> int:
        """Resident memory of the process, in KiB; buffers of the kernel are not in it."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise Unusable(f"process {self.pid} has no memory of its own")

    def cpu_s(self) -> float:
        """CPU time of all threads so far, in seconds (proc(5): utime and stime)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _environment(tree: Path, overrides: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MSGD_")}
    paths = os.pathsep.join(str(tree / part) for part in ("daemon", "cli", "tui"))
    return {**kept, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", **overrides}


def make_folder(tree: Path, folder: Path) -> None:
    """Let msgctl write the configuration, keys and certificate of a new daemon.

    Raises:
        Unusable: It refuses.
    """
    command = [sys.executable, "-m", "msgctl.main", "init", "--dir", str(folder)]
    command += ["--listen", "127.0.0.1:0", "--registration", "open", "--yes"]
    done = subprocess.run(
        command, cwd=tree, env=_environment(tree, {}), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise Unusable(f"msgctl init failed:\n{done.stderr.decode(errors='replace')[-2000:]}")


def _wait_ready(process: subprocess.Popen[bytes], log: Path) -> Daemon:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        text = log.read_text(encoding="utf-8", errors="replace")
        if found := READY.search(text):
            return Daemon(parse_target(found[2]), found[1], process.pid)
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise Unusable(f"the daemon did not become ready:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running(tree: Path, folder: Path, core: int, overrides: Mapping[str, str]) -> Iterator[Daemon]:
    """Serve `folder` with the code of `tree`, on one core, until the block ends.

    Raises:
        Unusable: It is not ready in time; the end of its log is in the text.
    """
    log = folder / "bench.log"
    command = [sys.executable, "-m", "msgd.main", "--config", str(folder / "msgd.toml")]
    command += ["--ops-listen", "127.0.0.1:0"]
    with log.open("wb") as output, pinned(core):
        process = subprocess.Popen(
            command,
            cwd=tree,
            env=_environment(tree, {**HARNESS, **overrides}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield _wait_ready(process, log)
    finally:
        _stop(process)
