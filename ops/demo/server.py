"""The demo's daemon: made by `msgctl init`, started and stopped as a sysadmin would by hand."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

READY = re.compile(r"ready: (wss://\S+)")
START_S = 30
STOP_S = 15


class DemoFailed(Exception):
    """Something did not work; the text says what."""


class Server:
    """A daemon in a folder of its own, with its own certificate, on a free port of 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "server" / "msgd.toml"
        self.url = ""
        self.fingerprint = ""
        self._listen = "127.0.0.1:0"
        self._daemon: subprocess.Popen[str] | None = None
        self._echo: subprocess.Popen[bytes] | None = None
        self._said: deque[str] = deque(maxlen=50)

    def __enter__(self) -> Self:
        made = json.loads(
            self.msgctl(
                "init",
                *("--dir", str(self.config.parent)),
                *("--listen", self._listen),
                *("--ops-listen", "127.0.0.1:0"),
                *("--registration", "open"),
                *("--output", "json"),
                "--yes",
            )
        )
        self.fingerprint = made["fingerprint"]
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._echo is not None:
            self._echo.terminate()
            self._echo.wait(STOP_S)
        self.stop()

    def msgctl(self, *words: str, secret: str | None = None) -> str:
        """Run msgctl to its end; what it printed as data."""
        done = subprocess.run(
            [sys.executable, "-m", "msgctl.main", *words], input=secret, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise DemoFailed(f"msgctl {' '.join(words[:4])} … failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Start the daemon and wait until it says that it is ready."""
        environ = {**os.environ, "MSGD_LISTEN__ADDRESS": self._listen, "MSGD_LIMITS__PER_ADDRESS": "off"}
        self._daemon = subprocess.Popen(
            [sys.executable, "-m", "msgd.main", "--config", str(self.config)],
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            # Ctrl-C is for the client; the daemon is stopped by us.
            start_new_session=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._listen_to, args=(self._daemon, ready), daemon=True).start()
        if not ready.wait(START_S) or not self.url:
            raise DemoFailed("the daemon did not start:\n" + "\n".join(self._said))
        # A restart is to be found where the clients look for it.
        self._listen = self.url.removeprefix("wss://").split("/")[0]

    def _listen_to(self, daemon: subprocess.Popen[str], ready: threading.Event) -> None:
        assert daemon.stderr is not None
        for line in daemon.stderr:
            self._said.append(line.rstrip())
            found = READY.search(line)
            if found:
                self.url = found.group(1)
                ready.set()
        ready.set()

    def stop(self, *, kill: bool = False) -> None:
        """Stop the daemon as systemd would, or kill it."""
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._daemon.wait(STOP_S)
            self._daemon = None

    def start_echo(self) -> None:
        """Start the echo contact, as `msgctl echo run` does for every sysadmin."""
        self._echo = subprocess.Popen(
            [sys.executable, "-m", "msgctl.main", "--config", str(self.config), "echo", "run"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "echo.log").open("wb"),
            start_new_session=True,
        )
