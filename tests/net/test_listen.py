"""Where listening sockets come from, and what is said when there are none."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from msgd.net.listen import ListenError, inherit_sockets, listening_sockets


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_port_0_takes_a_free_port() -> None:
    (sock,) = listening_sockets("127.0.0.1", 0)
    with sock:
        assert sock.getsockname()[1] > 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert not sock.getblocking()
        assert not sock.get_inheritable()


def test_a_name_with_several_addresses_is_bound_on_one_port() -> None:
    sockets = listening_sockets("localhost", 0)
    assert len({sock.getsockname()[1] for sock in sockets}) == 1
    for sock in sockets:
        sock.close()


def test_every_interface() -> None:
    sockets = listening_sockets("", 0)
    hosts = {sock.getsockname()[0] for sock in sockets}
    assert "0.0.0.0" in hosts
    assert hosts <= {"0.0.0.0", "::"}
    for sock in sockets:
        sock.close()


def test_a_port_that_was_just_left_can_be_bound_again() -> None:
    (sock,) = listening_sockets("127.0.0.1", 0)
    port = sock.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = sock.accept()
        accepted.close()  # the server closes first, so the port is left in TIME_WAIT
        assert client.recv(1) == b""
    sock.close()
    (again,) = listening_sockets("127.0.0.1", port)
    again.close()


def test_a_port_in_use_is_named(taken: int) -> None:
    with pytest.raises(ListenError, match=rf"127\.0\.0\.1 port {taken}: another process already does"):
        listening_sockets("127.0.0.1", taken)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.1 port 0: this machine has no such address"):
        listening_sockets("192.0.2.1", 0)


def test_a_name_that_does_not_resolve_is_named() -> None:
    with pytest.raises(ListenError, match=r"cannot listen on nowhere\.invalid"):
        listening_sockets("nowhere.invalid", 0)


def test_a_port_that_is_not_permitted_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ListenError, match="port 443: not permitted; a port below 1024 needs CAP_NET_BIND_SERVICE"):
        listening_sockets("127.0.0.1", 443)


def test_without_the_variables_nothing_is_inherited() -> None:
    assert inherit_sockets({}) == {}


@pytest.mark.parametrize("pid", ["1", "", "me"])
def test_sockets_meant_for_another_process_are_left_and_the_variables_unset(pid: str) -> None:
    environ = {"LISTEN_PID": pid, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "wss:ops", "PATH": "/bin"}
    assert inherit_sockets(environ) == {}
    assert environ == {"PATH": "/bin"}


CHILD = """
import os, socket, sys
from msgd.net.listen import ListenError, inherit_sockets, listening_sockets
environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": sys.argv[1], "LISTEN_FDNAMES": sys.argv[2]}
try:
    inherited = inherit_sockets(environ)
except ListenError as error:
    sys.exit(str(error))
assert not environ
for sockets in inherited.values():
    for sock in sockets:
        assert not sock.getblocking() and not os.get_inheritable(sock.fileno())
print({name: [sock.getsockname()[1] for sock in sockets] for name, sockets in inherited.items()})
assert listening_sockets("192.0.2.1", 1, inherited) == inherited["wss"]
"""


def start_with(sockets: list[socket.socket], names: str) -> "subprocess.CompletedProcess[str]":
    """Run a child that finds `sockets` at descriptor 3 and after, as systemd would start it."""
    script = "import os, sys\nfds = [int(fd) for fd in sys.argv[1].split(',')]\n" + (
        "held = [os.dup(fd) for fd in fds]\nsafe = [__import__('fcntl').fcntl(fd, 0, 100) for fd in held]\n"
        "for place, fd in enumerate(safe): os.dup2(fd, 3 + place)\n"
        "os.execv(sys.executable, [sys.executable, '-c', sys.argv[2], str(len(fds)), sys.argv[3]])"
    )
    fds = [sock.fileno() for sock in sockets]
    return subprocess.run(
        [sys.executable, "-c", script, ",".join(map(str, fds)), CHILD, names],
        pass_fds=fds,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def test_sockets_from_systemd_are_told_apart_by_name() -> None:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    wss, ops, nameless, admin = [sock.getsockname()[1] for sock in sockets]
    done = start_with(sockets, "wss:ops:msgd.socket:admin")
    for sock in sockets:
        sock.close()
    assert done.stderr == ""
    assert done.stdout.strip() == str({"wss": [wss, nameless], "ops": [ops], "admin": [admin]})


def test_a_descriptor_that_is_not_a_listening_socket_is_named() -> None:
    with socket.socket() as sock:
        done = start_with([sock], "wss")
    assert "descriptor 3, which is not a listening stream socket" in done.stderr
    assert done.returncode == 1
