"""Network namespaces with names of their own for each run, gone afterwards, also after a crash.

A name is `msglab-PID-START-LABEL`, PID and START (in clock ticks since boot) being those of the process that made it.
Whoever makes the next one removes those whose process is gone. What runs inside dies with its parent.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from msgbench.faults import Unusable

_PREFIX = "msglab"
_NAMES = Path("/run/netns")
_FILES = Path("/etc/netns")
PROGRAMS = {"ip": "iproute2", "nft": "nftables", "setpriv": "util-linux"}


def missing(programs: Mapping[str, str]) -> str | None:
    """Why a laboratory cannot be built here, in a sentence; None where it can.

    Args:
        programs: command → Debian package, beside those that namespaces need.
    """
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not Path("/dev/net/tun").exists():
        return "network namespaces need /dev/net/tun"
    packages = {package for command, package in {**PROGRAMS, **programs}.items() if shutil.which(command) is None}
    return f"it needs these Debian packages: {' '.join(sorted(packages))}" if packages else None


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command to its end; what it printed. Raises `Unusable` with its complaint."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unusable(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def _started_at(pid: int) -> str | None:
    """When a process started, in clock ticks since boot (proc(5)); None where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


class Namespace:
    """One network namespace: a computer on a network of its own. Its loopback is up."""

    def __init__(self, label: str) -> None:
        pid = os.getpid()
        self.name = f"{_PREFIX}-{pid}-{_started_at(pid)}-{label}"

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove(self.name)

    def ip(self, *words: str) -> str:
        """Run iproute2's `ip` inside."""
        return run("ip", "-n", self.name, *words)

    def sysctl(self, key: str, value: str) -> None:
        """Set a kernel parameter of this network."""
        self.run("sysctl", "-qw", f"{key}={value}")

    def nft(self, rules: str) -> str:
        """Load rules of nftables inside; with `list …` or `reset …`, what they print."""
        return self.run("nft", "-f", "-", stdin=rules)

    def name_host(self, address: str, host: str) -> None:
        """Let programs started later inside find a host by name (ip-netns(8))."""
        folder = _FILES / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{address} {host}\n", encoding="utf-8")

    def command(self, *command: str) -> list[str]:
        """The words that run a command inside, ended by the kernel when its parent ends."""
        return ["ip", "netns", "exec", self.name, "setpriv", "--pdeathsig", "KILL", *command]

    def run(self, *command: str, stdin: str | None = None) -> str:
        """Run a command inside to its end."""
        return run("ip", "netns", "exec", self.name, *command, stdin=stdin)

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: int | IO[Any] = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.DEVNULL,
        stderr: int | IO[Any] = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start a command inside."""
        return subprocess.Popen(
            self.command(*command), stdin=stdin, stdout=stdout, stderr=stderr, text=True, env=environment
        )


def connect(one: tuple[Namespace, str], other: tuple[Namespace, str]) -> None:
    """Lay a cable between two namespaces, each with the name of its end."""
    (here, near), (there, far) = one, other
    run("ip", "link", "add", near, "netns", here.name, "type", "veth", "peer", "name", far, "netns", there.name)
    for namespace, end in (one, other):
        namespace.ip("link", "set", end, "up")


def _remove(name: str) -> None:
    run("ip", "netns", "del", name)
    shutil.rmtree(_FILES / name, ignore_errors=True)


def sweep() -> None:
    """Remove the namespaces of runs that have crashed."""
    for path in _NAMES.glob(f"{_PREFIX}-*-*-*"):
        _, pid, started, _ = path.name.split("-", 3)
        if _started_at(int(pid)) != started:
            # What still runs inside holds the network open, and does nobody any good.
            for inside in run("ip", "netns", "pids", path.name).split():
                os.kill(int(inside), 9)
            _remove(path.name)
