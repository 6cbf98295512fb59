"""Where calls are played: a daemon, people as processes, and network namespaces to put them in."""

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2 for network namespaces"
)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def two_hosts() -> Iterator[tuple[str, str]]:
    """Two namespaces with one cable between them: 10.77.0.1 and 10.77.0.2."""
    names = tuple(f"call-{os.getpid()}-{side}" for side in "ab")
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for number, name in enumerate(names, 1):
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        yield names[0], names[1]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def inside(namespace: str | None, *command: str) -> list[str]:
    return list(command) if namespace is None else ["ip", "netns", "exec", namespace, *command]


class Daemon:
    """A daemon in a namespace, that can be killed and started again on the same address."""

    def __init__(self, folder: Path, namespace: str | None, listen: str) -> None:
        self.folder = folder
        self.namespace = namespace
        self._run("msgctl.main", "init", "--dir", str(folder), "--listen", listen, "--registration", "open", "--yes")
        self.url = ""
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "MSGD_LIMITS__PER_ADDRESS": "off"}
        command = inside(self.namespace, sys.executable, "-m", "msgd.main", "--config", str(self.folder / "msgd.toml"))
        command += ["--ops-listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment, cwd=ROOT
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            found = re.search(r"wss://\S+/v1/ws", line)
            if found:
                self.url = found[0]
                break
        else:
            raise AssertionError("the daemon does not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        if self.process is not None and self.process.stderr is not None:
            self.process.stderr.close()

    def _run(self, *words: str) -> None:
        subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True, cwd=ROOT)


class Person:
    """The other end of `person.py`."""

    def __init__(self, folder: Path, login: str, url: str, *options: str, namespace: str | None = None) -> None:
        self.login = login
        self.views: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        command = inside(namespace, sys.executable, "-m", "tests.call.person", "--server", url)
        command += ["--folder", str(folder), "--login", login, *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put({**json.loads(line), "t": time.monotonic()})
        self._lines.put(None)

    def do(self, *words: str) -> dict[str, Any]:
        """Do something; returns what was said to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(words) + "\n")
        told: dict[str, Any] = {}
        while True:
            line = self._next(30)
            if line["kind"] in {"done", "impossible"}:
                return told or line
            if line["kind"] != "view":
                told = line

    def until(self, wanted: Callable[[dict[str, Any]], Any], timeout_s: float = 20) -> dict[str, Any]:
        """Wait for a view of the call, which is returned."""
        end = time.monotonic() + timeout_s
        if self.views and self.views[-1]["call"] is not None and wanted(self.views[-1]["call"]):
            return dict(self.views[-1]["call"])
        while True:
            line = self._next(end - time.monotonic())
            if line["kind"] == "view" and line["call"] is not None and wanted(line["call"]):
                return dict(line["call"])

    def until_state(self, *states: str, timeout_s: float = 20) -> dict[str, Any]:
        return self.until(lambda call: call["state"] in states, timeout_s)

    def until_ready(self) -> None:
        while not (self.views and self.views[-1]["ready"]):
            self._next(40)

    def catch_up(self) -> None:
        """Read what is already there."""
        while not self._lines.empty():
            self._next(1)

    def _next(self, timeout_s: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=max(0.01, timeout_s))
        except queue.Empty:
            last = self.views[-1] if self.views else None
            raise AssertionError(f"{self.login} waited in vain; last view: {last}") from None
        assert line is not None, f"{self.login} is gone"
        if line["kind"] == "view":
            self.views.append(line)
        return line

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(15)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(5)
            self.process.stdout.close()
