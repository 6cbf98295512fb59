"""Two homes behind their NATs, and between them a public network with a daemon and a TURN server.

    home A: 192.168.1.10, .11 — natA 203.0.113.2 ┐
                                                 ├ 203.0.113.0/24 — 203.0.113.10: daemon, Coturn
    home B: 192.168.2.10      — natB 203.0.113.3 ┘

A *cone* keeps the port of a host towards everybody (port-restricted, as most home routers do); a *symmetric* NAT takes
another port for each destination. Both drop what nobody behind them has asked for.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from .stage import inside, ip

PUBLIC = "203.0.113.10"
SECRET = "the secret of the lab"

TURN_CONF = """\
listening-ip={public}
relay-ip={public}
listening-port=3478
tls-listening-port=5349
min-port=49160
max-port=49960
use-auth-secret
static-auth-secret={secret}
realm=lab.example
fingerprint
no-multicast-peers
no-cli
no-dtls
no-tlsv1
no-tlsv1_1
cert={folder}/turn.pem
pkey={folder}/turn.key
pidfile={folder}/turn.pid
userdb={folder}/turn.db
log-file=stdout
simple-log
"""


@dataclass
class Lab:
    """The namespaces, by what stands in them."""

    prefix: str
    folder: Path

    def name(self, host: str) -> str:
        return f"{self.prefix}-{host}"

    def run(self, host: str, *command: str, stdin: str | None = None) -> None:
        subprocess.run(inside(self.name(host), *command), check=True, capture_output=True, text=True, input=stdin)

    def nat(self, side: str, mode: str) -> None:
        """Make a home's router `cone`, `symmetric` or `blocked` (a cone that lets no UDP through)."""
        masquerade = "masquerade fully-random" if mode == "symmetric" else "masquerade"
        rules = f"""
        flush ruleset
        table ip home {{
            chain after {{ type nat hook postrouting priority 100; oifname "wan" {masquerade}; }}
            chain through {{
                type filter hook forward priority 0; policy drop;
                {"meta l4proto udp drop;" if mode == "blocked" else ""}
                ct state established,related accept;
                iifname "lan" accept;
            }}
            chain into {{ type filter hook input priority 0; iifname "wan" ct state new drop; }}
        }}
        """
        self.run(f"nat{side}", "nft", "-f", "-", stdin=rules)


@contextmanager
def nat_lab(folder: Path) -> Iterator[Lab]:
    """The lab, for as long as it is needed."""
    lab = Lab(f"lab{os.getpid()}", folder)
    hosts = ["pub", "natA", "natB", "a1", "a2", "b1"]
    turn: subprocess.Popen[bytes] | None = None
    try:
        for host in hosts:
            ip("netns", "add", lab.name(host))
            ip("-n", lab.name(host), "link", "set", "lo", "up")
        _wire(lab)
        for side in "AB":
            lab.nat(side, "cone")
        turn = _start_turn(lab)
        yield lab
    finally:
        if turn is not None:
            turn.terminate()
            turn.wait(10)
        for host in hosts:
            subprocess.run(["ip", "netns", "del", lab.name(host)], check=False, capture_output=True)


def _wire(lab: Lab) -> None:
    pub = lab.name("pub")
    ip("-n", pub, "link", "add", "net", "type", "bridge")
    ip("-n", pub, "addr", "add", f"{PUBLIC}/24", "dev", "net")
    ip("-n", pub, "link", "set", "net", "up")
    for number, side in enumerate("AB", 1):
        router = lab.name(f"nat{side}")
        ip("link", "add", "wan", "netns", router, "type", "veth", "peer", "name", f"to{side}", "netns", pub)
        ip("-n", pub, "link", "set", f"to{side}", "master", "net", "up")
        ip("-n", router, "addr", "add", f"203.0.113.{number + 1}/24", "dev", "wan")
        ip("-n", router, "link", "set", "wan", "up")
        ip("-n", router, "link", "add", "lan", "type", "bridge")
        ip("-n", router, "addr", "add", f"192.168.{number}.1/24", "dev", "lan")
        ip("-n", router, "link", "set", "lan", "up")
        lab.run(f"nat{side}", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    for host, side, address in (("a1", "A", "1.10"), ("a2", "A", "1.11"), ("b1", "B", "2.10")):
        name, router = lab.name(host), lab.name(f"nat{side}")
        ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", host, "netns", router)
        ip("-n", router, "link", "set", host, "master", "lan", "up")
        ip("-n", name, "addr", "add", f"192.168.{address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", f"192.168.{address[0]}.1")


def _start_turn(lab: Lab) -> "subprocess.Popen[bytes]":
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(lab.folder / "ca.pem"))
    certificate = authority.issue_cert(PUBLIC)
    certificate.private_key_pem.write_to_path(str(lab.folder / "turn.key"))
    (lab.folder / "turn.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    conf = lab.folder / "turnserver.conf"
    conf.write_text(TURN_CONF.format(public=PUBLIC, secret=SECRET, folder=lab.folder))
    program = shutil.which("turnserver")
    assert program is not None
    turn = subprocess.Popen(
        inside(lab.name("pub"), program, "-c", str(conf)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 15
    while True:
        listening = subprocess.run(
            inside(lab.name("pub"), "ss", "-ltn"), check=True, capture_output=True, text=True
        ).stdout
        if ":5349" in listening and ":3478" in listening:
            return turn
        assert time.monotonic() < end, "Coturn does not start"
        time.sleep(0.05)
