"""msgctl as a process: what it loads, what it does with a closed pipe and with a terminal, and its documentation."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from msgctl import reference
from msgctl.table import COMMANDS, build

ROOT = Path(__file__).parents[2]
MSGCTL = [sys.executable, "-m", "msgctl.main"]
Ctl = Any

# Each costs more than the rest of msgctl together.
HEAVY = ("trio", "argon2", "cryptography", "sqlite3", "msgspec", "rich", "msgd.store")


def loaded_by(arguments: Sequence[str], **environ: str) -> set[str]:
    code = (
        "import sys; from msgctl.main import run\n"
        f"try: run({list(arguments)!r})\n"
        "except SystemExit: pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environ}
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["user", "add", "--help"], ["--version"], ["nonsense"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(arguments) & set(HEAVY) == set()


def test_completion_loads_nothing_heavy_and_knows_the_table() -> None:
    environ = {"_MSGCTL_COMPLETE": "complete_bash", "COMP_WORDS": "msgctl user ", "COMP_CWORD": "2"}
    assert loaded_by([], **environ) & set(HEAVY) == set()
    done = subprocess.run(MSGCTL, capture_output=True, text=True, check=True, env={**os.environ, **environ})
    assert set(done.stdout.split()) == {row.words.split()[1] for row in COMMANDS if row.words.startswith("user ")}


def test_a_reader_that_had_enough_is_no_finding(home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*MSGCTL, "--config", str(home / "msgd.toml"), "config", "show"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_defect_is_no_finding(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("msgctl.main.build", broken)
    assert ctl("status").code == 70


def on_terminal(arguments: Sequence[str], answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run msgctl on a terminal of its own, and type each answer once its question stands there."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [*MSGCTL, *arguments])
    shown, answered = "", 0
    try:
        for question, answer in answers:
            while question not in shown[answered:]:
                shown += _read(terminal)
            answered = len(shown)
            os.write(terminal, answer.encode())
        with contextlib.suppress(OSError):  # EIO: the other end is closed.
            while True:
                shown += _read(terminal)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
        os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def _read(terminal: int) -> str:
    ready, _, _ = select.select([terminal], [], [], 20)
    assert ready, "msgctl says nothing and does not end"
    return os.read(terminal, 4096).decode()


def test_init_asks_on_a_terminal(tmp_path: Path) -> None:
    home = tmp_path / "server"
    code, shown = on_terminal(
        ["init"],
        [
            ("Directory", f"{home}\n"),
            ("Where clients connect", "127.0.0.1:7555\n"),
            ("Host name", "\n"),
            ("Who may make an account", "open\n"),
            ("Write a new server", "y\n"),
        ],
    )
    assert code == 0, shown
    assert 'address = "127.0.0.1:7555"' in (home / "msgd.toml").read_text()


def test_a_no_is_a_no(tmp_path: Path) -> None:
    words = ["init", "--dir", str(tmp_path / "x"), "--listen", "h:1", "--public-name", "", "--registration", "open"]
    code, shown = on_terminal(words, [("Write a new server", "n\n")])
    assert code == 4
    assert "declined" in shown
    assert not (tmp_path / "x").exists()


def test_a_typed_password_is_hidden_and_asked_twice(home: Path, at: Ctl) -> None:
    config = ["--config", str(home / "msgd.toml")]
    code, shown = on_terminal(
        [*config, "user", "add", "alice"], [("Password", "correct horse\n"), ("Repeat", "correct horse\n")]
    )
    assert code == 0, shown
    assert "correct horse" not in shown
    assert at("user", "show", "alice").code == 0


@pytest.mark.parametrize("second", ["something else\n", "\n"])
def test_two_different_passwords_are_none(home: Path, second: str) -> None:
    code, shown = on_terminal(
        ["--config", str(home / "msgd.toml"), "user", "add", "alice"],
        [("Password", "correct horse\n"), ("Repeat", second)],
    )
    assert code == 2
    assert "not the same" in shown


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_interrupt(key: str) -> None:
    code, shown = on_terminal(["init"], [("Directory", key)])
    assert code == 130
    assert "Traceback" not in shown


def test_the_page_of_all_commands_is_fresh() -> None:
    page = (ROOT / "docs" / "msgctl.md").read_text()
    assert page == reference.page(), "run: python -m msgctl.reference > docs/msgctl.md"
    for row in COMMANDS:
        assert f"msgctl {row.words}" in page


def test_a_command_without_help_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COMMANDS[0].function, "__doc__", None)
    with pytest.raises(ValueError, match="help"):
        build()
