"""Every command, with the daemon stopped and running: its data, and each exit code that it can end with."""

import json
import os
import shlex
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from msgctl.commands import echo
from msgctl.table import COMMANDS

PASSWORD = "correct horse battery"
Ctl = Any

CHANGES_AND_READS = {
    "status": "status",
    "user add": "user add bob --password-stdin",
    "user list": "user list",
    "user show": "user show alice",
    "user disable": "user disable alice",
    "user enable": "user enable alice",
    "user delete": "user delete alice --yes",
    "user passwd": "user passwd alice --password-stdin",
    "invite create": "invite create",
    "invite list": "invite list",
    "invite revoke": "invite revoke 1",
    "echo run": "echo run",
}
"""A line for every command that works through the daemon or on its store."""

WITHOUT_STORE = {"init": "init --yes", "config check": "config check", "config show": "config show"}


def test_every_command_is_tried_here() -> None:
    assert set(CHANGES_AND_READS) | set(WITHOUT_STORE) == {row.words for row in COMMANDS}


@pytest.fixture
def alice(at: Ctl, either: str) -> str:
    made = at("user", "add", "alice", "--password-stdin", stdin=PASSWORD + "\n")
    assert made.code == 0, made.stderr
    uid: str = made.data["uid"]
    return uid


# Exit code 0


@pytest.mark.usefixtures("alice")
def test_the_life_of_an_account(at: Ctl) -> None:
    assert at("user", "add", "bob", "--password-stdin", "--email", "b@example.org", stdin=PASSWORD).code == 0
    assert [row["login"] for row in at("user", "list").data] == ["alice", "bob"]
    assert at("user", "disable", "bob", "--reason", "spam").code == 0
    shown = at("user", "show", "bob").data
    assert (shown["disabled"], shown["disabled_reason"], shown["email"]) == (True, "spam", "b@example.org")
    assert at("user", "enable", "bob").code == 0
    assert at("user", "show", "bob").data["disabled"] is False
    assert at("user", "passwd", "bob", "--password-stdin", stdin="another secret 9").data["devices_revoked"] == 0
    assert at("user", "delete", "bob", "--yes").code == 0
    assert at("user", "show", "bob").code == 5
    # Its login is never given out again.
    assert at("user", "add", "bob", "--password-stdin", stdin=PASSWORD).error == "login_taken"


def test_the_life_of_an_invite(at: Ctl, either: str) -> None:
    made = at("invite", "create", "--uses", "3", "--expires", "2d", "--note", "team").data
    assert made["token"].startswith("msgd_inv_")
    [row] = at("invite", "list").data
    assert (row["state"], row["uses"], row["used"], row["note"]) == ("active", 3, 0, "team")
    assert row["expires_at"] - row["created_at"] == 2 * 86_400_000
    assert "token" not in row
    assert at("invite", "revoke", str(row["invite_id"])).code == 0
    assert at("invite", "list").data[0]["state"] == "revoked"
    assert at("invite", "create", "--expires", "never").data["expires_at"] is None


def test_the_way_is_told(at: Ctl, either: str) -> None:
    said = at("invite", "create")
    assert {"stopped": "The daemon is stopped", "running": "running daemon"}[either] in said.stderr


@pytest.mark.usefixtures("alice")
def test_a_password_from_a_file_or_made(at: Ctl, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("  with spaces \r\nsecond line\n")
    assert at("user", "passwd", "alice", "--password-file", str(tmp_path / "secret")).code == 0
    made = at("user", "add", "carol", "--generate-password")
    assert len(made.data["password"]) >= 20
    assert made.data["password"] not in made.stderr
    again = at("user", "passwd", "carol", "--generate-password")
    assert again.data["password"] != made.data["password"]


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("verb", ["disable", "delete", "passwd"])
def test_a_dry_run_changes_nothing(at: Ctl, verb: str) -> None:
    said = at("user", verb, "alice", "--dry-run")
    assert (said.code, said.data["dry_run"], said.data["login"]) == (0, True, "alice")
    assert at("user", "show", "alice").data["disabled"] is False
    assert at("user", verb, "nobody", "--dry-run").code == 5


def test_a_dry_run_of_a_revocation(at: Ctl, either: str) -> None:
    number = str(at("invite", "create").data["invite_id"])
    assert at("invite", "revoke", number, "--dry-run").data["state"] == "active"
    assert at("invite", "list").data[0]["state"] == "active"
    assert at("invite", "revoke", "99", "--dry-run").error == "not_found"


@pytest.mark.usefixtures("alice")
def test_options_stand_before_or_after(ctl: Ctl, home: Path) -> None:
    config = str(home / "msgd.toml")
    before = ctl("--config", config, "user", "list").stdout
    assert ctl("user", "list", "--config", config).stdout == before
    lines = ctl("user", "list", "--config", config, "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(before)


@pytest.mark.usefixtures("alice")
def test_tables_are_for_people(at: Ctl) -> None:
    shown = at("user", "list", output="table").stdout.splitlines()
    assert shown[0].split() == ["login", "uid", "created", "at", "last", "seen", "at", "disabled"]
    assert shown[1].startswith("alice ")


def test_the_configuration_is_found(ctl: Ctl, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ctl("config", "show").error == "config_missing"
    monkeypatch.setenv("MSGD_CONFIG", str(home / "msgd.toml"))
    assert ctl("config", "show").data["registration"]["mode"] == "open"
    monkeypatch.delenv("MSGD_CONFIG")
    monkeypatch.chdir(home)
    assert ctl("config", "show").code == 0


def test_the_configuration_is_shown_without_secrets(at: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSGD_TURN__SECRET", "s3cret-of-turn")
    for output in ("json", "jsonl", "table"):
        shown = at("config", "show", output=output)
        assert shown.code == 0
        assert "s3cret-of-turn" not in shown.stdout
        assert "***" in shown.stdout


def test_a_good_configuration_has_advice_at_most(at: Ctl) -> None:
    checked = at("config", "check")
    assert checked.code == 0
    assert {row["severity"] for row in checked.data} == {"advice"}
    assert "registration.mode" in {row["key"] for row in checked.data}


# Exit code 1


def test_every_problem_of_a_configuration_is_found(at: Ctl, home: Path) -> None:
    (home / "msgd.toml").write_text("[limits]\nwindov = 3\n[nonsense]\n")
    checked = at("config", "check")
    assert checked.code == 1
    assert {row["key"] for row in checked.data} == {"limits.windov", "nonsense"}
    assert {row["severity"] for row in checked.data} == {"error"}


def test_status_of_a_stopped_daemon_is_a_problem(at: Ctl) -> None:
    assert at("invite", "create").code == 0
    shown = at("status")
    assert shown.code == 1
    assert (shown.data["running"], shown.data["accounts"], shown.data["uptime_s"]) == (False, 0, None)
    assert [finding["code"] for finding in shown.data["findings"]] == ["daemon_stopped"]


def test_status_of_a_running_daemon(at: Ctl, daemon: Any) -> None:
    shown = at("status")
    assert shown.code == 0, shown.stdout
    assert (shown.data["running"], shown.data["findings"]) == (True, [])
    assert shown.data["certificate_days_left"] == 824
    assert shown.data["store_bytes"] > 0


# Exit code 2


@pytest.mark.parametrize("line", [*CHANGES_AND_READS.values(), "config check", "config show"])
def test_without_a_configuration_every_command_says_so(ctl: Ctl, line: str) -> None:
    said = ctl(*shlex.split(line), stdin=PASSWORD)
    assert (said.code, said.error, said.stdout) == (2, "config_missing", "")


@pytest.mark.parametrize("line", [*CHANGES_AND_READS.values(), "config show"])
def test_with_a_wrong_configuration_every_command_says_so(at: Ctl, home: Path, line: str) -> None:
    (home / "msgd.toml").write_text("[listen]\nadress = 1\n")
    said = at(*shlex.split(line), stdin=PASSWORD)
    assert (said.code, said.error, said.stdout) == (2, "config_invalid", "")
    assert "listen.address" in said.stderr


@pytest.mark.parametrize("words", [row.words for row in COMMANDS])
def test_an_unknown_option_is_wrong_usage_everywhere(ctl: Ctl, words: str) -> None:
    said = ctl(*words.split(), "--no-such-option")
    assert (said.code, said.error, said.stdout) == (2, "usage", "")
    assert f"msgctl {words} --help" in said.stderr


@pytest.mark.parametrize(
    "line",
    [
        "",
        "user",
        "frobnicate",
        "user add",
        "user show",
        "user add alice",
        "user passwd alice",
        "user delete alice",
        "user add alice --password-stdin",
        "user add alice --password-file /no/such/file",
        "user add alice --password-stdin --password-file x",
        "user add alice --password-stdin --generate-password",
        "invite create --uses 0",
        "invite create --uses many",
        "invite create --expires tomorrow",
        "invite create --expires 5000w",
        "invite revoke one",
        "user list --output yaml",
    ],
)
def test_wrong_usage(at: Ctl, line: str) -> None:
    said = at(*shlex.split(line))
    assert (said.code, said.stdout) == (2, "")


def test_a_question_without_a_terminal_names_its_flag(at: Ctl) -> None:
    assert "--yes" in at("user", "delete", "alice").stderr
    assert "--password-stdin" in at("user", "add", "alice").stderr


# Exit code 3


@pytest.mark.parametrize("line", CHANGES_AND_READS.values())
def test_a_held_store_without_a_socket_is_unreachable(at: Ctl, home: Path, daemon: Any, line: str) -> None:
    (home / "admin.sock").unlink()
    said = at(*shlex.split(line), stdin=PASSWORD)
    assert (said.code, said.error, said.stdout) == (3, "unreachable", "")


@pytest.mark.parametrize("line", ["status", "user list", "user show alice", "invite list"])
def test_before_the_first_start_nothing_can_be_known(at: Ctl, home: Path, line: str) -> None:
    said = at(*shlex.split(line))
    assert (said.code, said.error, said.stdout) == (3, "unreachable", "")
    assert list((home / "store").iterdir()) == [], "looking made a store"


@pytest.mark.parametrize("line", CHANGES_AND_READS.values())
def test_a_daemon_that_hangs_up_is_unreachable(at: Ctl, home: Path, line: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "admin.sock"))
        listener.listen(1)
        hangs_up = threading.Thread(target=_hang_up, args=(listener,))
        hangs_up.start()
        said = at(*shlex.split(line), stdin=PASSWORD)
        hangs_up.join(10)
    assert (said.code, said.error, said.stdout) == (3, "unreachable", "")


def _hang_up(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.close()


# Exit code 4


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("line", "code"),
    [("user add 1bob", "login_invalid"), ("user add bob", "password_weak"), ("user passwd alice", "password_weak")],
)
def test_what_the_rules_refuse(at: Ctl, line: str, code: str) -> None:
    said = at(*shlex.split(line), "--password-stdin", stdin="password")
    assert (said.code, said.error, said.stdout) == (4, code, "")


@pytest.mark.parametrize("line", [line for line in CHANGES_AND_READS.values() if line != "status"])
def test_a_store_of_somebody_else_is_left_alone(at: Ctl, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    at("invite", "create")
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    said = at(*shlex.split(line), stdin=PASSWORD)
    assert (said.code, said.error) == (4, "wrong_user")


def test_a_socket_that_is_not_ours_is_refused(at: Ctl, monkeypatch: pytest.MonkeyPatch, daemon: Any) -> None:
    def denied(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("msgctl.link.socket.socket.connect", denied)
    for line in CHANGES_AND_READS.values():
        said = at(*shlex.split(line), stdin=PASSWORD)
        assert (said.code, said.error, said.stdout) == (4, "forbidden", "")


# Exit code 5


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("user add alice --password-stdin", "login_taken"),
        ("user show nobody", "not_found"),
        ("user disable nobody", "not_found"),
        ("user enable nobody", "not_found"),
        ("user delete nobody --yes", "not_found"),
        ("user passwd nobody --password-stdin", "not_found"),
        ("invite revoke 99", "not_found"),
    ],
)
def test_what_is_not_there_or_there_already(at: Ctl, line: str, code: str) -> None:
    said = at(*shlex.split(line), stdin=PASSWORD)
    assert (said.code, said.error, said.stdout) == (5, code, "")


# Echo


class Started(Exception):
    """The process would have become the bot."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    lines: list[list[str]] = []

    def instead(_program: str, arguments: list[str]) -> None:
        lines.append(arguments)
        raise SystemExit(0)

    monkeypatch.setattr(echo.os, "execv", instead)
    return lines


def run_echo(at: Ctl, *words: str) -> None:
    with pytest.raises(SystemExit):
        at("echo", "run", *words)


def test_echo_gets_an_account_and_becomes_the_bot(at: Ctl, home: Path, daemon: Any, started: list[list[str]]) -> None:
    run_echo(at)
    [arguments] = started
    assert arguments[1:3] == ["-m", "msgclient.echo"]
    credentials = Path(arguments[arguments.index("--credentials") + 1])
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(credentials.parent.stat().st_mode) == 0o700
    kept = json.loads(credentials.read_bytes())
    assert (kept["login"], kept["server"]) == ("echo", "wss://127.0.0.1:7555/v1/ws")
    assert len(kept["fingerprint"]) == 95
    assert kept["password"] not in " ".join(arguments)
    assert at("user", "show", "echo").code == 0

    run_echo(at)
    assert json.loads(credentials.read_bytes()) == kept, "a second start changed the password"

    credentials.unlink()
    run_echo(at)
    assert json.loads(credentials.read_bytes())["password"] != kept["password"]
    assert daemon.cuts == ["password_changed"]


def test_echo_on_a_stopped_daemon_is_told_where_it_will_be(at: Ctl, tmp_path: Path, started: list[list[str]]) -> None:
    run_echo(at, "--server", "wss://chat.example.org/v1/ws", "--dir", str(tmp_path / "bot"))
    kept = json.loads((tmp_path / "bot" / "credentials.json").read_bytes())
    assert kept["server"] == "wss://chat.example.org/v1/ws"


def test_echo_cannot_know_a_port_that_is_not_taken_yet(at: Ctl, started: list[list[str]]) -> None:
    assert at("invite", "create").code == 0
    said = at("echo", "run")
    assert (said.code, said.error, started) == (2, "usage", [])
    assert "--server" in said.stderr
    assert at("user", "list").data == []


def test_a_file_that_is_not_ours_is_no_password(at: Ctl, home: Path) -> None:
    (home / "store" / "echo").mkdir()
    (home / "store" / "echo" / "credentials.json").write_text("[]")
    said = at("echo", "run", "--server", "wss://h/v1/ws")
    assert (said.code, said.error) == (5, "conflict")
