"""The generator against a small relay: it must count what is right and call void what is not."""

import os
import ssl
from pathlib import Path

import pytest
import trustme

from msgbench.cores import Cores
from msgbench.faults import VoidRun
from msgbench.generator import Load, Raw, idle_connections, run_load
from msgbench.served import Daemon
from msgbench.target import Target

from .relay_server import Relay, served

CORES = Cores(0, 0)


def drive(relay: Relay, load: Load, tls: ssl.SSLContext | None = None) -> Raw:
    with served(relay, tls) as port:
        daemon = Daemon(Target("127.0.0.1", port, tls=tls is not None), "0", os.getpid())
        clients = [(f"u{n}", f'{{"type":"authenticate","request_id":"open","access_token":"u{n}"}}') for n in range(8)]
        return run_load(daemon, CORES, clients, load)


def load(
    *, in_flight: int = 0, rate: float = 0.0, measure_s: float = 0.3, text_bytes: int = 100, one_by_one: bool = False
) -> Load:
    return Load(
        pairs=4,
        in_flight=in_flight,
        rate=rate,
        warmup_s=0.1,
        measure_s=measure_s,
        text_bytes=text_bytes,
        one_by_one=one_by_one,
    )


@pytest.mark.parametrize("in_flight", [1, 16])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_closed_loop_counts_every_relay_and_acknowledges_all(built: Path, in_flight: int, one_by_one: bool) -> None:
    relay = Relay(older=3)
    raw = drive(relay, load(in_flight=in_flight, one_by_one=one_by_one))
    assert raw.sends_total == relay.sends
    assert 0 < raw.relays <= relay.sends
    assert len(raw.sent_ms) == len(raw.event_ms) == raw.relays
    assert sorted(relay.closed) == sorted(mailbox.head for mailbox in relay.mailboxes.values())
    assert 0.2 < raw.window_s < 0.6
    assert raw.generator_cpu_s < raw.window_s


def test_tls_and_long_texts(built: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    relay = Relay()
    raw = drive(relay, load(in_flight=16, text_bytes=16384), context)
    assert raw.sends_total == relay.sends > 64


def test_fragments_and_pings_are_taken(built: Path) -> None:
    relay = Relay(in_pieces=True, older=2)
    assert drive(relay, load(in_flight=3)).sends_total == relay.sends > 12


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("altered", "another text"),
        ("refused", "error rate_limited: slow"),
        ("hole", "a hole"),
        ("sent twice", "answered twice"),
        ("repeated", "was due"),
        ("seq twice", "came twice"),
        ("closed", "code 1013"),
    ],
)
def test_a_breach_of_the_contract_voids_the_run(built: Path, fault: str, sentence: str) -> None:
    with pytest.raises(VoidRun, match=sentence):
        drive(Relay(fault=fault), load(in_flight=4))


@pytest.mark.parametrize(("fault", "sentence"), [("unsent", "unanswered"), ("lost", "was due")])
def test_a_message_that_stays_out_voids_the_run(built: Path, fault: str, sentence: str) -> None:
    with pytest.raises(VoidRun, match=sentence):
        drive(Relay(fault=fault), load(in_flight=4, measure_s=1.0))


def test_open_loop_keeps_its_schedule(built: Path) -> None:
    relay = Relay()
    raw = drive(relay, load(rate=500, measure_s=1.0))
    assert relay.sends == raw.sends_total == 550
    assert len(raw.sent_ms) == 500


def test_open_loop_charges_a_stall_to_every_message_that_was_due_in_it(built: Path) -> None:
    """A closed loop would see one late message; of an open one at 500/s, 0.4 s hold back 200."""
    raw = drive(Relay(at=100, stall_s=0.4), load(rate=500, measure_s=1.0))
    late = [ms for ms in raw.sent_ms if ms > 200]
    assert len(raw.sent_ms) == 500
    assert len(late) >= 90
    assert raw.sent_ms[-1] >= 390


def test_idle_connections_open_and_stay(built: Path) -> None:
    relay = Relay()
    with served(relay) as port:
        daemon = Daemon(Target("127.0.0.1", port, tls=False), "0", os.getpid())
        clients = [(f"u{n}", f'{{"type":"authenticate","request_id":"open","access_token":"u{n}"}}') for n in range(30)]
        with idle_connections(daemon, CORES, clients) as opened_s:
            assert opened_s > 0
            assert len(relay.mailboxes) == 30
            assert relay.closed == []
