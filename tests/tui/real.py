"""A real daemon, and real programs in tmux."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

PATIENCE_S = 40.0
SETTINGS = {
    "MSGD_LIMITS__PER_ADDRESS": "off",
    "MSGD_AUTH__ARGON2_TIME": "1",
    "MSGD_AUTH__ARGON2_MEMORY_KIB": "64",
    "MSGD_PRESENCE__GRACE_S": "1",
}


class Daemon:
    """One daemon in a folder, on a port that stays its own across restarts."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, **SETTINGS}
        self._config = folder / "msgd.toml"
        self._process: subprocess.Popen[str] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        options = ["--dir", str(folder), "--listen", f"127.0.0.1:{self.port}", "--registration", "open", "--yes"]
        done = subprocess.run(
            [sys.executable, "-m", "msgctl.main", "init", *options],
            env=self._environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        (self.fingerprint,) = set(re.findall(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", done.stdout))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "msgd.main", "--config", str(self._config), "--ops-listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(command, env=self._environment, stderr=subprocess.PIPE, text=True)
        ready = threading.Event()
        threading.Thread(target=self._read, args=(self._process, ready), daemon=True).start()
        assert ready.wait(PATIENCE_S)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)

    @staticmethod
    def _read(process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                if " ready: " in line:
                    ready.set()


class Tmux:
    """A tmux server of the test's own, without anybody's configuration."""

    def __init__(self) -> None:
        self._socket = f"msgtui-test-{uuid.uuid4().hex[:8]}"

    def run(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, "-f", "/dev/null", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], check=False, capture_output=True)


class Face:
    """One msgtui in a window of tmux; a shell stands behind it."""

    def __init__(self, tmux: Tmux, name: str, data: Path, *arguments: str, size: tuple[int, int] = (80, 24)) -> None:
        self._tmux = tmux
        self._name = name
        program = shlex.join([sys.executable, "-m", "msgtui.main", "--data", str(data), *arguments])
        command = f"{program}; echo it left with $?; stty -a; exec sleep 1000"
        width, height = size
        tmux.run("new-session", "-d", "-s", name, "-x", str(width), "-y", str(height), "sh", "-c", command)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names; everything else is typed."""
        self._tmux.run("send-keys", "-t", self._name, *keys)

    def type(self, text: str) -> None:
        self._tmux.run("send-keys", "-t", self._name, "-l", text)

    def text(self) -> str:
        return self._tmux.run("capture-pane", "-p", "-t", self._name)

    def mode(self, variable: str) -> str:
        return self._tmux.run("display-message", "-p", "-t", self._name, f"#{{{variable}}}").strip()

    def see(self, *wanted: str, gone: tuple[str, ...] = ()) -> str:
        """Wait until the screen shows all of `wanted` and none of `gone`."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            text = self.text()
            flat = " ".join(text.split())
            missing = [words for words in wanted if words not in flat]
            left = [words for words in gone if words in flat]
            if not missing and not left:
                return text
            assert time.monotonic() < deadline, f"missing {missing}, still there {left}:\n{text}"
            time.sleep(0.05)

    def register(self, login: str, fingerprint: str) -> None:
        """From the first start to the list."""
        self.see("First time at", fingerprint[:23])
        self.press("Tab", "Enter")
        self.see("Sign in at", "Create an account")
        self.press("Tab", "Tab", "Tab", "Enter")
        self.see("New account at")
        for text in (login, "a long password"):
            self.type(text)
            self._press_and_move_on("Enter")
        self.type("a long password")
        self.press("Enter")
        self.see(login, "Nobody here yet.", "● online")

    def _press_and_move_on(self, key: str) -> None:
        """Until the cursor stands on another line: what is typed before goes to the old field."""
        before, deadline = self.mode("cursor_y"), time.monotonic() + PATIENCE_S
        self.press(key)
        while self.mode("cursor_y") == before:
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.02)
