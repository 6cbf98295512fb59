"""However the program ends, the terminal is left sane, and a program without a terminal ends."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

PATIENCE_S = 30.0


class Program:
    """The real program on a terminal of its own, and an emulator that reads it."""

    def __init__(self, data: Path, *, controls: bool = True) -> None:
        self.master, slave = pty.openpty()
        self.screen = pyte.Screen(80, 24)
        self._modes = set(self.screen.mode)
        self._stream = pyte.ByteStream(self.screen)
        self._written = b""
        os.set_blocking(self.master, False)
        command = [sys.executable, "-m", "msgtui.main", "--data", str(data)]
        if controls:
            # A session leader that opens a terminal gets it as its own; `setsid --ctty` does just that.
            command = ["setsid", "--ctty", "--wait", *command]
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=not controls
        )
        self.slave = slave

    def read(self, wanted_s: float = 0.05) -> None:
        if select.select([self.master], [], [], wanted_s)[0]:
            try:
                self._written += (data := os.read(self.master, 65536))
            except OSError:
                return
            self._stream.feed(data)

    def see(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not any(words in line for line in self.screen.display):
            assert time.monotonic() < deadline, "\n".join(self.screen.display)
            self.read()

    def wait(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it did not end"
            self.read()
        self.read(0)
        return self.process.returncode

    def assert_sane(self) -> None:
        """Every mode that was switched on is off again, and the keyboard works as a shell expects."""
        written = self._written
        for mode in (b"?1049", b"?1000", b"?1003", b"?1006", b"?2004", b"?1004"):
            assert written.rfind(b"\x1b[" + mode + b"l") > written.rfind(b"\x1b[" + mode + b"h"), mode
        assert written.rfind(b"\x1b[?25h") > written.rfind(b"\x1b[?25l")
        assert written.rfind(b"\x1b[<u") > written.rfind(b"\x1b[>")
        settings = subprocess.run(["stty", "-a"], stdin=self.slave, check=True, capture_output=True, text=True).stdout
        assert {"icanon", "echo", "isig", "icrnl"} <= set(settings.split()), settings

    def pid(self) -> int:
        """The program itself, under `setsid`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in (self.master, self.slave):
            try:
                os.close(descriptor)
            except OSError:
                pass


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        program.close()


def test_quitting(tmp_path: Path, programs: list[Program]) -> None:
    program = Program(tmp_path)
    programs.append(program)
    program.see("Which one?")
    os.write(program.master, b"\x11")
    assert program.wait() == 0
    program.assert_sane()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order(tmp_path: Path, programs: list[Program], number: signal.Signals) -> None:
    program = Program(tmp_path)
    programs.append(program)
    program.see("Which one?")
    os.kill(program.pid(), number)
    assert program.wait() == 128 + number
    program.assert_sane()


@pytest.mark.parametrize("controls", [True, False])
def test_a_closed_terminal_ends_it(tmp_path: Path, programs: list[Program], controls: bool) -> None:
    """With the hang-up signal that a controlling terminal sends, and without."""
    program = Program(tmp_path, controls=controls)
    programs.append(program)
    program.see("Which one?")
    os.close(program.slave)
    os.close(program.master)
    assert program.process.wait(PATIENCE_S) == 128 + signal.SIGHUP


def test_without_a_terminal_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "msgtui.main"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    script = (
        "import sys\nfrom msgtui.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'textual', 'msgclient', 'msgspec', 'rich', 'asyncio', 'sqlite3'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "--profile" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--theme", "nothing"], "no theme"), (["--server", "http://x"], "wss:// URL")]
)
def test_a_wrong_command_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "msgtui.main", "--data", str(tmp_path), *arguments],
            stdin=slave, stdout=subprocess.PIPE, stderr=slave, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert words in os.read(master, 4096).decode()
    finally:
        os.close(slave)
        os.close(master)
