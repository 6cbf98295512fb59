"""The real daemon inside a namespace, and accounts on it with their profiles on disk."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from msgbench.calls.netns import Namespace
from msgbench.faults import Unusable
from msgbench.served import CHEAP_PASSWORDS, HARNESS, READY
from msgclient import CertificateQuestion, Client, Profile

_ROOT = Path(__file__).parents[4]
_PORT = 8443
_START_S = 30.0
_PASSWORD = "two households, both alike"


def environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """What programs of this tree run with, wherever they are started."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MSGD_")}
    paths = [str(_ROOT / part) for part in ("daemon", "cli", "tui", "ops/bench")]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", **overrides}


class Server:
    """A daemon that listens on `address` inside a namespace; a context manager.

    Args:
        namespace: where it runs. address: one that the namespace has. folder: made here.
        turn_urls, stun_urls, turn_secret: what devices are told of.
    """

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        folder: Path,
        *,
        turn_urls: Sequence[str] = (),
        stun_urls: Sequence[str] = (),
        turn_secret: str = "",
    ) -> None:
        self.namespace = namespace
        self.folder = folder
        self.url = f"wss://{address}:{_PORT}/v1/ws"
        self.log: list[str] = []
        self._environment = environment({**HARNESS, **CHEAP_PASSWORDS})
        self._process: subprocess.Popen[str] | None = None
        self._is_ready = False
        made = self._msgctl("init", "--dir", str(folder), "--listen", f"{address}:{_PORT}", *_INIT)
        self.fingerprint = str(json.loads(made)["fingerprint"])
        if turn_secret:
            (folder / "turn-secret").touch(mode=0o600)
            (folder / "turn-secret").write_text(turn_secret, encoding="utf-8")
            self._environment |= {"MSGD_TURN__SECRET_FILE": str(folder / "turn-secret")}
        self._environment |= {
            "MSGD_TURN__URLS": ",".join(turn_urls),
            "MSGD_TURN__STUN_URLS": ",".join(stun_urls),
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the daemon; it is ready afterwards."""
        command = [sys.executable, "-m", "msgd.main", "--config", str(self.folder / "msgd.toml")]
        self._process = self.namespace.start(
            [*command, "--ops-listen", "127.0.0.1:0"], environment=self._environment, stderr=subprocess.PIPE
        )
        self._is_ready = False
        settled = threading.Event()
        threading.Thread(target=self._listen_to, args=(self._process, settled), daemon=True).start()
        if not settled.wait(_START_S) or not self._is_ready:
            raise Unusable("the daemon did not start:\n" + "".join(self.log[-20:]))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon, by SIGTERM or as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def sign_up(self, root: Path, *people: str) -> None:
        """Make accounts, with a profile of the same name in `root`, signed in and with the certificate pinned.

        A name `juliet@tablet` is one more device of `juliet`, whose account must come first.
        """
        command = [sys.executable, "-m", __name__, self.url, self.fingerprint, str(root), *people]
        self.namespace.run("env", f"PYTHONPATH={self._environment['PYTHONPATH']}", *command)

    def _listen_to(self, process: subprocess.Popen[str], settled: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.log.append(line)
                if READY.search(line):
                    self._is_ready = True
                    settled.set()
        settled.set()

    def _msgctl(self, *words: str) -> str:
        return self.namespace.run(
            "env", f"PYTHONPATH={self._environment['PYTHONPATH']}", sys.executable, "-m", "msgctl.main", *words
        )


_INIT = ("--registration", "open", "--ops-listen", "127.0.0.1:0", "--output", "json", "--yes")


async def _sign_up(url: str, fingerprint: str, root: Path, name: str) -> None:
    async def compare(question: CertificateQuestion) -> bool:
        return question.fingerprint == fingerprint

    login, _, device = name.partition("@")
    async with Client(Profile.create(name, url, root), on_certificate=compare) as client:
        if not device:
            await client.register(login, _PASSWORD)
        await client.log_in(login, _PASSWORD)


async def _sign_all_up(url: str, fingerprint: str, root: Path, *names: str) -> None:
    for name in names:
        await _sign_up(url, fingerprint, root, name)


if __name__ == "__main__":
    _url, _fingerprint, _root, *_names = sys.argv[1:]
    asyncio.run(_sign_all_up(_url, _fingerprint, Path(_root), *_names))
