"""Percentiles, ratios and the figures of a row, by numbers that can be checked by hand."""

import math

import pytest

from msgbench.cells import relay_row
from msgbench.generator import Load, Raw
from msgbench.stats import percentile, ratio_of_medians

LOAD = Load(pairs=100, in_flight=16, warmup_s=1, measure_s=2, text_bytes=64)


def raw(**changed: float) -> Raw:
    counts = {
        "opened_s": 0.5,
        "window_s": 2.0,
        "relays": 20_000,
        "sends_total": 31_000,
        "frames_in": 60_000,
        "messages_in": 15_000,
        "generator_cpu_s": 0.5,
        "daemon_cpu_s": 1.8,
        "core_busy_s": 1.9,
        "daemon_written_bytes": 20_000 * 2048,
    }
    return Raw(**{**counts, **changed}, sent_ms=[1.0, 2.0], event_ms=[1.5, 2.5])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "wanted"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (0.999, 100), (1.0, 100)]
)
def test_percentile_is_the_nearest_rank(share: float, wanted: int) -> None:
    assert percentile(range(1, 101), share) == wanted


def test_percentile_of_one_value_is_that_value_and_of_none_nothing() -> None:
    assert percentile([7.0], 0.99) == 7.0
    assert math.isnan(percentile([], 0.5))


def test_ratio_is_of_medians_so_one_bad_round_does_not_move_it() -> None:
    assert ratio_of_medians([200, 210, 90], [100, 105, 400]) == pytest.approx(200 / 105)
    assert math.isnan(ratio_of_medians([], [1.0]))
    assert math.isnan(ratio_of_medians([1.0], [0.0]))


def test_a_row_divides_by_the_window_that_was_measured() -> None:
    row = relay_row("wss", LOAD, raw(), knows_daemon=True)
    assert row.relays_per_s == 10_000
    assert row.daemon_us_per_relay == pytest.approx(90)
    assert row.daemon_cpu == pytest.approx(0.9)
    assert row.others_cpu == pytest.approx(0.05)
    assert row.generator_cpu == 0.25
    assert row.frames_per_message == 4
    assert row.written_kib_per_relay == 2
    assert row.marks == row.fault == ""


def test_a_row_is_marked_when_the_generator_or_a_neighbour_may_have_been_the_limit() -> None:
    assert relay_row("wss", LOAD, raw(generator_cpu_s=1.5), knows_daemon=True).marks == "G"
    assert relay_row("wss", LOAD, raw(core_busy_s=2.1), knows_daemon=True).marks == "N"
    assert relay_row("wss", LOAD, raw(generator_cpu_s=1.5, core_busy_s=2.1), knows_daemon=True).marks == "GN"


def test_a_daemon_that_writes_less_than_it_acknowledges_is_void() -> None:
    row = relay_row("wss", LOAD, raw(daemon_written_bytes=20_000 * 64 - 1), knows_daemon=True)
    assert row.fault == "20000 messages were acknowledged, 1279999 bytes went to a disk"
    assert not relay_row("wss", LOAD, raw(daemon_written_bytes=20_000 * 64), knows_daemon=True).fault


def test_without_the_daemon_process_its_shares_are_unknown_not_zero() -> None:
    row = relay_row("ws", LOAD, raw(daemon_cpu_s=0, core_busy_s=0, daemon_written_bytes=0), knows_daemon=False)
    assert math.isnan(row.daemon_cpu)
    assert math.isnan(row.daemon_us_per_relay)
    assert row.marks == row.fault == ""
