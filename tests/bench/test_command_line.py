"""The entry point as a script calls it: exit codes, and where words go."""

import subprocess
import sys

import pytest

from msgbench.main import parser

from .conftest import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "ops" / "bench"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("url", ["wss://192.0.2.1:7443/v1/ws", "wss://chat.example:7443/v1/ws"])
def test_another_host_is_refused_before_anything_is_built_or_sent(url: str) -> None:
    done = run("relay", "--url", url)
    assert done.returncode == 2
    assert "not a loopback address" in done.stderr
    assert done.stdout == ""


def test_nobody_at_the_target_is_told_in_one_line() -> None:
    done = run("relay", "--url", "ws://127.0.0.1:1/v1/ws", "--cells", "logins")
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong", [["--cells", "relay,lunch"], ["--transports", "tcp"], ["--pairs", "0"], ["--rate", "0"]]
)
def test_an_unknown_choice_is_a_usage_error(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parser().parse_args(["relay", *wrong])
    assert exit_info.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_every_option_is_in_the_readme() -> None:
    text = (ROOT / "ops" / "bench" / "README.md").read_text(encoding="utf-8")
    relay = parser().parse_args(["relay"])
    options = {f"--{name.replace('_', '-')}" for name in vars(relay) if name != "command"}
    assert {option for option in options if f"`{option}" not in text} == set()
