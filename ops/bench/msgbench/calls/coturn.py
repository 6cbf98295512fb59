"""A real Coturn (Debian's package) with time-limited credentials, on UDP, TCP and TLS; ended with the block."""

import base64
import hmac
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from msgbench.calls.nat import STUN, TURN, TURN_PORT, TURNS_PORT
from msgbench.calls.netns import Namespace
from msgbench.faults import Unusable

HOST = "turn.lab"
_START_S = 10.0
# A comment is one only at the start of a line: after a value it becomes a part of it. `secure-stun` stays off, because
# clients ask for their address without credentials. The laboratory's own 203.0.113.0/24 stands for the internet.
_CONFIG = """
listening-ip={turn}
listening-ip={stun}
relay-ip={turn}
listening-port={port}
tls-listening-port={tls_port}
min-port=49160
max-port=49960
use-auth-secret
static-auth-secret={secret}
realm={host}
fingerprint
stale-nonce=600
user-quota=12
total-quota=400
max-bps=64000
no-tcp-relay
no-multicast-peers
denied-peer-ip=0.0.0.0-0.255.255.255
denied-peer-ip=10.0.0.0-10.255.255.255
denied-peer-ip=127.0.0.0-127.255.255.255
denied-peer-ip=169.254.0.0-169.254.255.255
denied-peer-ip=172.16.0.0-172.31.255.255
denied-peer-ip=192.168.0.0-192.168.255.255
no-cli
no-software-attribute
no-rfc5780
no-stun-backward-compatibility
response-origin-only-with-rfc5780
cert={folder}/cert.pem
pkey={folder}/key.pem
no-tlsv1
no-tlsv1_1
no-dtls
pidfile={folder}/turn.pid
userdb={folder}/turn.sqlite
log-file=stdout
simple-log
"""


@dataclass(frozen=True)
class TurnServer:
    """A running server. `secret` is shared with the daemon; `authority` is the file of the CA of its certificate."""

    secret: str
    authority: Path
    log: Path

    def credentials(self, user: str, life_s: int = 600) -> tuple[str, str]:
        """User name and password that the server takes for so long (draft-uberti-behave-turn-rest-00 section 2.2)."""
        name = f"{int(time.time()) + life_s}:{user}"
        digest = hmac.digest(self.secret.encode(), name.encode(), "sha1")
        return name, base64.b64encode(digest).decode()

    @property
    def urls(self) -> list[str]:
        """What the daemon tells devices."""
        return [
            f"turn:{TURN}:{TURN_PORT}?transport=udp",
            f"turn:{TURN}:{TURN_PORT}?transport=tcp",
            f"turns:{HOST}:{TURNS_PORT}?transport=tcp",
        ]

    @property
    def stun_urls(self) -> list[str]:
        """What the daemon tells devices."""
        return [f"stun:{STUN}:{TURN_PORT}"]


@contextmanager
def serving(namespace: Namespace, folder: Path) -> Iterator[TurnServer]:
    """Run Coturn inside; ready when it listens on all three ways. Raises `Unusable` with the end of its log."""
    folder.mkdir()
    authority = trustme.CA()
    server = TurnServer(secrets.token_hex(32), folder / "ca.pem", folder / "turn.log")
    authority.cert_pem.write_to_path(str(server.authority))
    certificate = authority.issue_cert(HOST)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "cert.pem").write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    config = folder / "turnserver.conf"
    config.touch(mode=0o600)
    config.write_text(
        _CONFIG.format(
            turn=TURN, stun=STUN, port=TURN_PORT, tls_port=TURNS_PORT, secret=server.secret, host=HOST, folder=folder
        ),
        encoding="utf-8",
    )
    with server.log.open("w") as log:
        process = namespace.start(["turnserver", "-c", str(config)], stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(namespace, process, server.log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(namespace: Namespace, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    wanted = {(socket.SOCK_DGRAM, TURN_PORT), (socket.SOCK_STREAM, TURN_PORT), (socket.SOCK_STREAM, TURNS_PORT)}
    while time.monotonic() < deadline and process.poll() is None:
        if wanted <= _listening(namespace):
            return
        time.sleep(0.05)
    raise Unusable(f"Coturn did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _listening(namespace: Namespace) -> set[tuple[int, int]]:
    """Which ports are open inside, as ss(8) lists them."""
    found = set()
    for line in namespace.run("ss", "-Hlntu").splitlines():
        protocol, _, _, _, local, *_ = line.split()
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        found.add((int(kind), int(local.rpartition(":")[2])))
    return found
