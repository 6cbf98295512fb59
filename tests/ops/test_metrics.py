"""The table of metrics: documented, bounded, named by the rules, and right at a scrape."""

import re
from pathlib import Path

import pytest
import trio
import trio.testing
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from msgd.auth.passwords import Passwords
from msgd.auth.throttle import Rate, Throttle
from msgd.config import Auth
from msgd.metrics import Metrics
from msgd.metrics.cells import Histogram, Number, Numbers
from msgd.metrics.lag import measure_lag
from msgd.metrics.page import page
from msgd.metrics.sources import read_gateway, read_passwords, read_throttles, state_version
from msgd.net.counters import GatewayCounters
from msgwire import ErrorCode

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
Samples = dict[tuple[str, tuple[str, ...]], float]


def samples(metrics: Metrics) -> Samples:
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def test_page_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run: python -m msgd.metrics.page > docs/metrics.md"


def test_names_and_sentences_follow_the_rules() -> None:
    cells = Metrics().cells
    assert len({cell.name for cell in cells}) == len(cells)
    for cell in cells:
        assert re.fullmatch(r"msgd(_[a-z]+)+", cell.name), cell.name
        assert cell.name.endswith("_total") == (cell.kind == "counter"), cell.name
        assert cell.sentence.endswith("."), cell.name
        if cell.kind == "histogram":
            assert cell.name.endswith(("_seconds", "_commands")), cell.name


def test_labels_are_never_identities() -> None:
    assert {cell.label for cell in Metrics().cells} == {
        "",
        "reason",
        "code",
        "type",
        "kind",
        "outcome",
        "check",
        "version",
    }


def test_both_formats_are_well_formed() -> None:
    metrics = Metrics()
    metrics.stored(0.003)
    metrics.error(ErrorCode.MAILBOX_FULL)
    assert {family.name for family in parse_text(generate_latest(metrics.registry).decode())}
    text = generate_openmetrics(metrics.registry).decode()  # type: ignore[no-untyped-call]  # the library's gap
    families = {family.name for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]  # likewise
    assert {"msgd_messages_accepted", "msgd_errors_sent", "process_resident_memory_bytes"} <= families


def test_each_word_moves_its_metric() -> None:
    metrics = Metrics(now_ms=lambda: 1500)
    metrics.ready.know(["disk", "store"])
    metrics.received("send")
    metrics.error(ErrorCode.BAD_FRAME)
    metrics.flooded()
    metrics.handler_failed()
    metrics.stored(0.004)
    metrics.pushed(1470)
    metrics.acknowledged(0.2)
    metrics.committed(3, 0.0004)
    metrics.commit_failed()
    metrics.logged_in(0.06)
    metrics.throttled("login")
    metrics.presence_pushed()
    metrics.call_ended("missed")
    metrics.checked("disk", passed=True)
    seen = samples(metrics)
    expected: Samples = {
        ("msgd_frames_received_total", ("send",)): 1,
        ("msgd_frames_received_total", ("login",)): 0,
        ("msgd_errors_sent_total", ("bad_frame",)): 1,
        ("msgd_errors_sent_total", ("mailbox_full",)): 0,
        ("msgd_floods_total", ()): 1,
        ("msgd_handler_failures_total", ()): 1,
        ("msgd_messages_accepted_total", ()): 1,
        ("msgd_accept_to_durable_seconds_sum", ()): 0.004,
        ("msgd_accept_to_pushed_seconds_sum", ()): 0.03,
        ("msgd_pushed_to_acknowledged_seconds_count", ()): 1,
        ("msgd_store_batch_commands_sum", ()): 3,
        ("msgd_store_commit_seconds_bucket", ("0.0005",)): 1,
        ("msgd_store_failures_total", ()): 1,
        ("msgd_login_seconds_count", ()): 1,
        ("msgd_throttle_refusals_total", ("login",)): 1,
        ("msgd_presence_pushes_total", ()): 1,
        ("msgd_calls_ended_total", ("missed",)): 1,
        ("msgd_ready", ("disk",)): 1,
        ("msgd_ready", ("store",)): 0,
    }
    assert {key: seen[key] for key in expected} == expected


def test_unknown_labels_cannot_make_new_series() -> None:
    numbers = Numbers("counter", "msgd_x_total", "X.", "type", ["a"])
    for number in range(1000):
        numbers.add(f"stranger-{number}")
    numbers.add("a")
    assert {sample.labels["type"]: sample.value for sample in numbers.family().samples} == {"a": 1.0, "other": 1000.0}
    numbers.source = lambda: {"a": 5, "b": 2, "c": 3}
    assert numbers.family().samples[0].value == 5


def test_source_is_bounded_as_well_and_does_not_add_up() -> None:
    numbers = Numbers("counter", "msgd_x_total", "X.", "type", ["a"])
    numbers.source = lambda: {"a": 5, "b": 2, "c": 3}
    for _ in range(2):
        assert {sample.labels["type"]: sample.value for sample in numbers.family().samples} == {"a": 5, "other": 5}


def test_histogram_counts_at_the_bounds() -> None:
    histogram = Histogram("msgd_x_seconds", "X.", [0.1, 1])
    for value in (0.0, 0.1, 0.100001, 1.0, 7.0):
        histogram.observe(value)
    values = {sample.labels.get("le", sample.name): sample.value for sample in histogram.family().samples}
    assert values == {
        "0.1": 2,
        "1": 4,
        "+Inf": 5,
        "msgd_x_seconds_count": 5,
        "msgd_x_seconds_sum": pytest.approx(8.200001),
    }


def test_gauge_and_counter_without_labels() -> None:
    gauge = Number("gauge", "msgd_x", "X.")
    gauge.value = 3
    assert gauge.family().samples[0].value == 3
    gauge.source = lambda: 4
    assert gauge.family().samples[0].value == 4


@pytest.mark.trio
async def test_parts_of_the_daemon_are_read_at_a_scrape() -> None:
    metrics, counters, throttle = Metrics(), GatewayCounters(), Throttle(Rate(1, 60.0), max_keys=1)
    read_gateway(metrics, counters)
    read_passwords(metrics, Passwords(Auth(argon2_memory_kib=8)))
    read_throttles(metrics, {"login": throttle})
    state_version(metrics)
    counters.open_connections = 7
    counters.count_close(4408)
    counters.count_close(1000)
    counters.count_close(3999)
    throttle.spend("a", 0.0)
    throttle.spend("b", 0.0)
    seen = samples(metrics)
    assert seen["msgd_connections_open", ()] == 7
    assert seen["msgd_connections_closed_total", ("4408",)] == 1
    assert seen["msgd_connections_closed_total", ("other",)] == 1
    assert seen["msgd_connections_refused_total", ("address",)] == 0
    assert seen["msgd_throttle_evictions_total", ("login",)] == 1
    assert seen["msgd_password_checks_waiting", ()] == 0
    assert [key[1] for key in seen if key[0] == "msgd_build_info"] != []


@pytest.mark.trio
async def test_lag_is_what_the_loop_was_late(mock_clock: trio.testing.MockClock) -> None:
    metrics = Metrics()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(measure_lag, metrics, 0.25)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(0.25)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(0.25 + 1.5)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    seen = samples(metrics)
    assert seen["msgd_event_loop_lag_seconds_count", ()] == 2
    assert seen["msgd_event_loop_lag_seconds_sum", ()] == 1.5
