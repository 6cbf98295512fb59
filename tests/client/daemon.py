"""The real daemon as a subprocess, on a port that stays its own across restarts."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

START_S = 30.0

SETTINGS = {
    "MSGD_LIMITS__PER_ADDRESS": "off",
    "MSGD_AUTH__ARGON2_TIME": "1",
    "MSGD_AUTH__ARGON2_MEMORY_KIB": "64",
}


class Daemon:
    """One daemon in a folder. `msgctl init` writes its configuration; its log is kept for the test to read."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.log: list[str] = []
        self._environment = {**os.environ, **SETTINGS, **settings}
        self._process: subprocess.Popen[str] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        options = ["--dir", str(folder), "--listen", f"127.0.0.1:{self.port}", "--registration", "open", "--yes"]
        done = self._run([sys.executable, "-m", "msgctl.main", "init", *options])
        (self.fingerprint,) = set(re.findall(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", done.stdout))

    @property
    def url(self) -> str:
        return f"wss://127.0.0.1:{self.port}/v1/ws"

    @property
    def config(self) -> Path:
        return self.folder / "msgd.toml"

    def start(self) -> None:
        command = [sys.executable, "-m", "msgd.main", "--config", str(self.config), "--ops-listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(command, env=self._environment, stderr=subprocess.PIPE, text=True)
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self._process, ready), daemon=True).start()
        assert ready.wait(START_S), self.log

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_S)
            assert self._process.stderr is not None
            self._process = None

    def control(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "-m", "msgctl.main", "--config", str(self.config), *arguments])

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.log.append(line)
                if " ready: " in line:
                    ready.set()

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self._environment, check=True, capture_output=True, text=True, timeout=30)
