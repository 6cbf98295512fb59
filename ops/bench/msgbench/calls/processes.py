"""Programs that talk in lines of JSON: what they have said so far, waiting for more, and the CPU time they take."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgbench.calls.netns import Namespace
from msgbench.faults import Unusable

Line = dict[str, Any]
_ROOT = Path(__file__).parents[4]
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """What programs of this tree run with, wherever they are started."""
    paths = [str(_ROOT / part) for part in ("daemon", "cli", "tui", "ops/bench")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", **overrides}


class Talker:
    """A program in a namespace. Each line it prints is kept, with `at`: when it came, in monotonic seconds."""

    def __init__(
        self, name: str, namespace: Namespace, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.lines: list[Line] = []
        self._log = log
        self._news = threading.Condition()
        self._is_over = False
        self._looked_at = 0
        with log.open("w") as errors:
            self.process = namespace.start(
                command, environment=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for text in self.process.stdout:
                line = json.loads(text)
                with self._news:
                    self.lines.append({**line, "at": time.monotonic()})
                    self._news.notify_all()
        with self._news:
            self._is_over = True
            self._news.notify_all()

    def wait_for(self, wanted: Callable[[Line], bool], timeout_s: float, *, after: int = 0) -> Line:
        """The first line that is wanted, from line number `after` on. Raises `Unusable` when it does not come."""
        deadline = time.monotonic() + timeout_s
        looked_at = after
        with self._news:
            while True:
                for line in self.lines[looked_at:]:
                    if wanted(line):
                        return line
                looked_at = len(self.lines)
                left_s = deadline - time.monotonic()
                if self._is_over or left_s <= 0:
                    why = "it has ended" if self._is_over else f"{timeout_s:.0f} s have passed"
                    raise Unusable(f"{self.name}: {why}; it said {self.told()}")
                self._news.wait(left_s)

    def event(self, name: str, timeout_s: float = 20.0, *, after: int = 0, **fields: object) -> Line:
        """The first line with this `event`, and with these fields."""
        wanted = {"event": name, **fields}
        return self.wait_for(lambda line: wanted.items() <= line.items(), timeout_s, after=after)

    def told(self) -> str:
        """All lines but the regular ones, and the end of its log: for the reader of a failure."""
        said = [line for line in self.lines if line.get("event") not in {"stats", "levels"}]
        return f"{said[-12:]}\n{self._log.read_text(encoding='utf-8', errors='replace')[-3000:]}"

    def tell(self, **fields: object) -> None:
        """Send it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(fields) + "\n")
        self.process.stdin.flush()

    def cpu_s(self) -> float:
        """CPU time so far, in seconds."""
        return cpu_of(self.process.pid)

    def end(self, timeout_s: float = 15.0) -> int:
        """Wait for its end; kills what does not end. Its exit code."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        return self.process.returncode

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.end()


def _family(pid: int) -> list[int]:
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text(encoding="ascii").split()
        ]
    except FileNotFoundError:
        return []
    return [pid, *(found for child in children for found in _family(child))]


def cpu_of(pid: int) -> float:
    """CPU time of a process and of those it has started, user and system (proc(5)), in seconds."""
    return sum(_cpu_of_one(member) for member in _family(pid))


def _cpu_of_one(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
