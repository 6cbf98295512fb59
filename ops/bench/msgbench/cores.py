"""Which core runs what, and what machine this is."""

import os
import platform
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgbench.faults import Unusable

# A connection needs one descriptor on each side; the rest is for files and pipes.
SPARE_DESCRIPTORS = 200


@dataclass(frozen=True)
class Cores:
    """The daemon has one core to itself; the generator and this driver share another."""

    daemon: int
    generator: int


def choose_cores() -> Cores:
    """Take the first two cores that this process may use.

    Raises:
        Unusable: There is only one, where a generator would measure itself.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Unusable("a benchmark needs two cores, one for the daemon and one for the generator")
    return Cores(allowed[0], allowed[1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep to one core for a while; a process started meanwhile inherits that, with all its threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_connections(count: int) -> None:
    """Raise the limit of open files for this process and those that it starts.

    Raises:
        Unusable: The hard limit is too low.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_DESCRIPTORS
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Unusable(f"{count} connections need `ulimit -n {wanted}`, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def describe_machine() -> str:
    """Name the processor, its cores, the kernel and the interpreter."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
