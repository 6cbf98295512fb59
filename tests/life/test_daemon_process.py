"""The daemon as a process: start, readiness, reload, inherited sockets, notification, end."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from msgd.admin import certificate
from msgd.clock import epoch_ms

READY = re.compile(r"ready: wss://([\d.]+):(\d+)/v1/ws(?: ops http://([\d.]+):(\d+))?")
PATIENCE_S = 30


def msgctl(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "msgctl.main", *words], check=True, capture_output=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "server"
    msgctl("init", "--dir", str(folder), "--listen", "127.0.0.1:0", "--registration", "open", "--yes")
    config = folder / "msgd.toml"
    config.write_text(config.read_text() + "\n")
    return folder


class Process:
    """A running msgd and what it said."""

    def __init__(self, home: Path, *, prefix: tuple[str, ...] = (), **options: object) -> None:
        environ = {**os.environ, "MSGD_OPS__ADDRESS": "", "MSGD_DRAIN__SECONDS": "0"}
        command = [*prefix, sys.executable, "-m", "msgd.main", "--config", str(home / "msgd.toml")]
        self.popen = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ, **options)  # type: ignore[call-overload]  # options are Popen's
        self.said: list[str] = []

    def until(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.said.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"it ended with {self.popen.wait()} and never said {pattern}:\n{''.join(self.said)}")

    def port(self) -> int:
        return int(self.until(READY)[2])

    def end(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        assert self.popen.stderr is not None
        self.said += self.popen.stderr.readlines()
        return self.popen.wait(PATIENCE_S)


@contextlib.contextmanager
def running(home: Path, **options: object) -> Iterator[Process]:
    process = Process(home, **options)  # type: ignore[arg-type]  # passed on
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.wait(PATIENCE_S)
        assert process.popen.stderr is not None
        process.popen.stderr.close()


def presented(port: int) -> bytes:
    """The certificate that the server shows, in DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain, context.wrap_socket(plain) as secured:
        shown = secured.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def failure(home: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "msgd.main", "--config", str(home / "msgd.toml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={**os.environ, "MSGD_OPS__ADDRESS": ""},
    )
    return done.returncode, done.stderr


def test_it_serves_until_sigterm_and_ends_with_0(home: Path) -> None:
    with running(home) as process:
        assert presented(process.port())
        assert process.end() == 0
    assert "daemon.stopped" in process.said[-1]


def test_the_ready_line_names_both_ports(home: Path) -> None:
    with running(home, prefix=("env", "MSGD_OPS__ADDRESS=127.0.0.1:0")) as process:
        found = process.until(READY)
        assert int(found[4]) > 0
        with socket.create_connection(("127.0.0.1", int(found[4])), PATIENCE_S) as ops:
            ops.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert ops.recv(64).startswith(b"HTTP/1.1 200")


def test_sighup_takes_a_new_certificate_and_leaves_open_connections_alone(home: Path) -> None:
    with running(home) as process:
        port = process.port()
        before = presented(port)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain, context.wrap_socket(plain) as open_one:
            made = certificate.make(["127.0.0.1"], epoch_ms())
            (home / "tls" / "cert.pem").write_bytes(made.certificate)
            (home / "tls" / "key.pem").write_bytes(made.key)
            process.popen.send_signal(signal.SIGHUP)
            process.until("config.reloaded")
            assert presented(port) != before
            open_one.sendall(b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert open_one.recv(16), "the connection of before is still served"
        assert process.end() == 0


@pytest.mark.parametrize("file", ["msgd.toml", "tls/cert.pem", "keys.json"])
def test_sighup_with_a_broken_file_keeps_what_was_and_says_why(home: Path, file: str) -> None:
    with running(home) as process:
        port = process.port()
        before = presented(port)
        (home / file).write_text("this is no such file = [")
        process.popen.send_signal(signal.SIGHUP)
        line = process.until("config.rejected").string
        assert Path(file).name in line
        assert presented(port) == before
        assert process.end() == 0


def test_sighup_changes_limits(home: Path) -> None:
    with running(home) as process:
        process.port()
        config = home / "msgd.toml"
        config.write_text('[log]\nlevel = "debug"\n[limits]\nmax_mailbox = 7\n')
        process.popen.send_signal(signal.SIGHUP)
        process.until("config.reloaded")
        assert process.end() == 0


def test_inherited_sockets_are_served_and_newcomers_wait_for_a_successor(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        port = listener.getsockname()[1]
        # The descriptor has to be number 3, and LISTEN_PID the process itself: so a shell prepares both.
        script = f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        options = {"prefix": ("bash", "-c", script, "bash"), "pass_fds": (listener.fileno(),)}
        with running(home, **options) as first:
            assert first.port() == port
            old = presented(port)
            assert first.end() == 0
        waiting = socket.create_connection(("127.0.0.1", port), PATIENCE_S)  # nobody accepts, nobody refuses
        with running(home, **options) as second, waiting:
            assert second.port() == port
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(waiting) as secured:
                assert secured.getpeercert(binary_form=True) == old


def test_systemd_hears_of_the_start_and_of_the_end_and_is_fed(home: Path, tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(PATIENCE_S)
        prefix = ("env", f"NOTIFY_SOCKET={address}", "WATCHDOG_USEC=400000")
        with running(home, prefix=prefix) as process:
            process.port()
            heard = ""
            while "READY=1" not in heard or heard.count("WATCHDOG=1") < 2:
                heard += manager.recv(4096).decode() + "\n"
            assert "STATUS=serving wss://127.0.0.1:" in heard
            process.popen.send_signal(signal.SIGTERM)
            while "STOPPING=1" not in heard:
                heard += manager.recv(4096).decode() + "\n"


def test_a_port_in_use_is_said(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = home / "msgd.toml"
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config.write_text(config.read_text().replace("127.0.0.1:0", address))
        code, said = failure(home)
    assert code == 1
    assert address.rpartition(":")[2] in said
    assert "listen.address" in said
    assert "Traceback" not in said


def test_a_store_that_is_open_elsewhere_is_said(home: Path) -> None:
    with running(home) as process:
        process.port()
        code, said = failure(home)
    assert code == 1
    assert str(process.popen.pid) in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("text", "place"),
    [("[limits]\nwidnow = 5\n", "limits.window"), ("[limits]\nwindow = 0\n", "limits.window"), ("= 5", "msgd.toml")],
)
def test_a_wrong_configuration_is_told_with_its_place(home: Path, text: str, place: str) -> None:
    (home / "msgd.toml").write_text(text)
    code, said = failure(home)
    assert code == 2
    assert place in said
    assert "Traceback" not in said


@pytest.mark.parametrize("file", ["keys.json", "tls/cert.pem", "tls/key.pem"])
def test_a_missing_file_is_told_by_its_name(home: Path, file: str) -> None:
    (home / file).unlink()
    code, said = failure(home)
    assert code == 1
    assert Path(file).name in said
    assert "Traceback" not in said
