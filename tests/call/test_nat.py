"""The NAT lab: every pair of homes connects, and by exactly the way that its NATs leave open."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .natlab import PUBLIC, SECRET, Lab, nat_lab
from .stage import Daemon, Person, inside, needs_namespaces

pytestmark = [
    needs_namespaces,
    pytest.mark.skipif(
        shutil.which("turnserver") is None or shutil.which("nft") is None, reason="needs coturn and nftables"
    ),
    pytest.mark.timeout(120),
    pytest.mark.slow,
]

UDP, TCP, TLS = f"turn:{PUBLIC}", f"turn:{PUBLIC}?transport=tcp", f"turns:{PUBLIC}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with nat_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


class Town:
    """The daemon of the lab, and the people who live there."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.people: list[Person] = []
        self.daemon: Daemon | None = None

    def serve(self, *turn_urls: str, stun: str | None = f"stun:{PUBLIC}") -> None:
        settings = {
            "MSGD_TURN__URLS": ",".join(turn_urls),
            "MSGD_TURN__STUN_URLS": stun or "",
            "MSGD_TURN__SECRET": SECRET,
        }
        os.environ.update(settings)
        self.daemon = Daemon(self.folder / "daemon", self.lab.name("pub"), f"{PUBLIC}:8443")

    def call(self, caller: str, callee: str, *options: str) -> tuple[dict[str, object], dict[str, object], float]:
        """A call from one host to another; returns both views once they have settled, and the seconds it took."""
        assert self.daemon is not None
        os.environ["SSL_CERT_FILE"] = str(self.lab.folder / "ca.pem")
        ends = []
        for login, host, more in (("juliet", caller, ()), ("romeo", callee, ("--answers",))):
            person = Person(self.folder / login, login, self.daemon.url, *options, *more, namespace=self.lab.name(host))
            self.people.append(person)
            ends.append(person)
        for person in ends:
            person.until_ready()
        started = time.monotonic()
        ends[0].do("place", "romeo")
        views = []
        for person in ends:
            person.until_state("active", "ended", timeout_s=30)
        took_s = time.monotonic() - started
        for person in ends:
            if person.views[-1]["call"]["state"] == "active":
                person.until(lambda call: call["path"])
            views.append(person.views[-1]["call"])
        return views[0], views[1], took_s

    def close(self) -> None:
        for person in self.people:
            person.close()
        if self.daemon is not None:
            self.daemon.close()


@pytest.fixture
def town(lab: Lab, tmp_path: Path) -> Iterator[Town]:
    before = dict(os.environ)
    town = Town(lab, tmp_path)
    yield town
    town.close()
    os.environ.clear()
    os.environ.update(before)
    for side in "AB":
        lab.nat(side, "cone")


CASES = [
    # callee's host, home A, home B, TURN, options, path at the caller, path at the callee
    pytest.param("a2", "cone", "cone", (UDP,), (), {"direct"}, {"direct"}, id="same LAN"),
    pytest.param("b1", "cone", "cone", (UDP,), (), {"punched"}, {"punched"}, id="cone-cone"),
    pytest.param("b1", "cone", "symmetric", (UDP,), (), {"relay", "relay/udp"}, {"relay", "relay/udp"}, id="cone-sym"),
    pytest.param("b1", "symmetric", "symmetric", (UDP,), (), {"relay/udp"}, {"relay/udp"}, id="sym-sym"),
    pytest.param("b1", "cone", "cone", (UDP, TCP, TLS), ("--relay",), {"relay/udp"}, {"relay/udp"}, id="relay UDP"),
    pytest.param("b1", "cone", "cone", (TCP,), ("--relay",), {"relay/tcp"}, {"relay/tcp"}, id="relay TCP"),
    pytest.param("b1", "cone", "cone", (TLS,), ("--relay",), {"relay/tls"}, {"relay/tls"}, id="relay TLS"),
    pytest.param("b1", "blocked", "cone", (UDP, TCP, TLS), (), {"relay/tcp"}, {"relay", "relay/udp"}, id="UDP blocked"),
    pytest.param("b1", "blocked", "cone", (UDP, TLS), (), {"relay/tls"}, {"relay", "relay/udp"}, id="UDP blocked, TLS"),
]


@pytest.mark.parametrize(("callee", "home_a", "home_b", "turn", "options", "at_caller", "at_callee"), CASES)
def test_each_pair_of_homes_connects_by_its_way(
    town: Town,
    callee: str,
    home_a: str,
    home_b: str,
    turn: tuple[str, ...],
    options: tuple[str, ...],
    at_caller: set[str],
    at_callee: set[str],
) -> None:
    town.lab.nat("A", home_a)
    town.lab.nat("B", home_b)
    town.serve(*turn)
    one, other, took_s = town.call("a1", callee, *options)
    assert (one["state"], other["state"]) == ("active", "active")
    assert one["path"] in at_caller
    assert other["path"] in at_callee
    assert one["code"] == other["code"]
    print(f"{home_a}-{home_b} {callee} {one['path']} {other['path']}: {took_s:.2f} s, set-up {one['setup_ms']} ms")


def test_a_dead_stun_server_costs_nothing(town: Town) -> None:
    town.serve(UDP, stun="stun:203.0.113.99")
    one, _, took_s = town.call("a1", "b1")
    assert one["state"] == "active"
    print(f"STUN dead: {took_s:.2f} s, set-up {one['setup_ms']} ms, {one['path']}")
    assert took_s < 6


def test_with_no_way_at_all_the_failure_is_clear_and_soon(town: Town) -> None:
    town.lab.nat("A", "symmetric")
    town.lab.nat("B", "symmetric")
    town.serve()
    one, other, took_s = town.call("a1", "b1")
    assert (one["state"], one["reason"]) == ("ended", "failed")
    assert other["state"] == "ended"
    assert took_s < 16.5


def test_relay_only_without_a_relay_fails_at_once_and_says_why(town: Town) -> None:
    town.serve()
    one, _, took_s = town.call("a1", "b1", "--relay")
    assert (one["state"], one["reason"]) == ("ended", "failed")
    assert "relay" in str(one["sentence"])
    assert took_s < 8


def captured(town: Town, run: Callable[[], object]) -> list[str]:
    """The destinations of everything that leaves home A's host meanwhile."""
    file = town.folder / "packets"
    with file.open("w") as out:
        tcpdump = subprocess.Popen(
            inside(town.lab.name("a1"), "tcpdump", "-lni", "eth0", "-Q", "out", "ip or ip6"),
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(1)
        run()
        time.sleep(1)
        tcpdump.terminate()
        tcpdump.wait()
    lines = [line.split() for line in file.read_text().splitlines() if " > " in line]
    return sorted({line[4].rstrip(":").rsplit(".", 1)[0] for line in lines if line[1] == "IP"})


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump")
def test_no_packet_leaves_for_anybody_who_was_not_named(town: Town) -> None:
    town.serve(UDP)
    allowed = {PUBLIC, "203.0.113.2", "203.0.113.3", "192.168.2.10"}
    assert set(captured(town, lambda: town.call("a1", "b1"))) <= allowed


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump")
def test_relay_only_talks_to_the_server_and_to_nobody_else(town: Town) -> None:
    town.serve(UDP)
    assert captured(town, lambda: town.call("a1", "b1", "--relay")) == [PUBLIC]
