"""The daemon as an operator runs it: `msgctl init` once, then `msgd` as its own process, read through its log."""

import json
import os
import re
import resource
import signal
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

START_S: Final = 30.0
STOP_S: Final = 30.0

# Cheap password hashes, no throttling by address, since hundreds of accounts register from one within a minute, and
# presence without the delay that spares real servers some pushes.
TEST_SETTINGS: Final[Mapping[str, str]] = {
    "MSGD_LIMITS__PER_ADDRESS": "off",
    "MSGD_PRESENCE__TICK_S": "0.02",
    "MSGD_AUTH__ARGON2_TIME": "1",
    "MSGD_AUTH__ARGON2_MEMORY_KIB": "64",
}


def executable(program: str) -> list[str]:
    """The command line of `msgd` or `msgctl`: from the environment, beside the interpreter, or as a module."""
    named = os.environ.get(program.upper())
    if named:
        return [named]
    beside = Path(sys.executable).with_name(program)
    return [str(beside)] if beside.exists() else [sys.executable, "-m", f"{program}.main"]


class Daemon:
    """One daemon on its own directory; it can be started, stopped, killed and started again."""

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None, registration: str = "open") -> None:
        self.home = home
        self.settings = {**TEST_SETTINGS, **(settings or {})}
        self.registration = registration
        self.log: list[str] = []
        self.secrets: set[str] = set()  # what the log must never show
        self.url = ""
        self.ops_url = ""
        self._looked_at = 0
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._ready = threading.Event()

    @property
    def config(self) -> Path:
        return self.home / "msgd.toml"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the daemon is not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def init(self) -> "Daemon":
        """Write the first configuration, keys and certificate into `home`."""
        command = ["init", "--dir", str(self.home), "--listen", "127.0.0.1:0", "--registration", self.registration]
        self._run_ctl([*command, "--yes"])
        return self

    def start(self) -> "Daemon":
        """Serve, and wait for the line that names the address."""
        self._ready.clear()
        self._process = subprocess.Popen(
            [*executable("msgd"), "--config", str(self.config), "--ops-listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            env=self._environment(),
        )
        self._reader = threading.Thread(target=self._read_log, args=(self._process,), daemon=True)
        self._reader.start()
        if not self._ready.wait(START_S):
            self.kill()
            raise AssertionError("the daemon did not become ready:\n" + "\n".join(self.log[-30:]))
        if not self.url:
            raise AssertionError("the daemon ended before it was ready:\n" + "\n".join(self.log[-30:]))
        return self

    def terminate(self) -> None:
        """Ask the daemon to drain and to end."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self) -> int:
        """The exit code of the daemon, once it has ended."""
        assert self._process is not None
        assert self._reader is not None
        code = self._process.wait(STOP_S)
        self._reader.join(STOP_S)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process = None
        return code

    def stop(self) -> int:
        """End the daemon as an operator does, with SIGTERM."""
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """End the daemon between two instructions, with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self.wait()

    def ctl(self, *arguments: str) -> Any:
        """What `msgctl` answers in JSON, or None where it prints nothing."""
        said = self._run_ctl(["--config", str(self.config), "--output", "json", *arguments])
        return json.loads(said) if said.strip() else None

    def limit_file_size(self, max_bytes: int) -> None:
        """Let every write past `max_bytes` of a file fail, as on a full disk; -1 takes the limit away."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard if max_bytes < 0 else max_bytes, hard))

    def http(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the metrics and health listener."""
        assert self.ops_url, "the ready line names no address for metrics and health"
        try:
            # The address is the one that the daemon printed, on loopback.
            with urllib.request.urlopen(self.ops_url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def rss_kib(self) -> int:
        """Resident memory of the process in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1])

    def tls(self) -> ssl.SSLContext:
        """Trust this daemon's own certificate, and check that it stands for the address."""
        return ssl.create_default_context(cafile=self.home / "tls" / "cert.pem")

    def faults(self) -> list[str]:
        """What the log must never hold, in the lines since the last call: tracebacks, and what people wrote."""
        lines, self._looked_at = self.log[self._looked_at :], len(self.log)
        found = [line for line in lines if "Traceback" in line]
        secrets = [secret for secret in self.secrets if len(secret.strip()) >= 8]
        for line in lines:
            shown = next((secret for secret in secrets if secret in line), None)
            if shown is not None:
                found.append(f"content in the log: {line.replace(shown, '…')}")
        return found

    def _read_log(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        self.url = self.ops_url = ""
        for line in process.stderr:
            self.log.append(line.rstrip("\n"))
            if not self.url and (found := re.search(r"\bready: (wss?://\S+)", line)):
                self.url = found[1]
                ops = re.search(r"\bops (http://[^\s/]+)", line)
                self.ops_url = ops[1] if ops else ""
                self._ready.set()
        self._ready.set()

    def _run_ctl(self, arguments: Sequence[str]) -> str:
        done = subprocess.run(
            [*executable("msgctl"), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_S,
            env=self._environment(),
            check=False,
        )
        assert done.returncode == 0, f"msgctl {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("MSGD_")}
        return {**inherited, **self.settings}
