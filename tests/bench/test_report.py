"""What a reader and a script get to see."""

import json
import math
import re

from msgbench.cells import IdleRow, RelayRow
from msgbench.fsync import FsyncRow
from msgbench.logins import LoginRow
from msgbench.report import Report
from msgbench.table import number, render, share


def report(**rows: object) -> Report:
    return Report(
        machine="a machine",
        daemon="msgd 0.1.0",
        cores="pinned",
        settings="none",
        seconds=3,
        text_bytes=64,
        **rows,  # type: ignore[arg-type]
    )


def test_a_table_breaks_its_heads_aligns_its_cells_and_ends_no_line_in_space() -> None:
    text = render("Title", ("name", "in flight"), [["a", "1"], ["longer", "1,000"]], ["", "note"])
    assert text.splitlines() == [
        "Title",
        "",
        "            in",
        "name    flight",
        "------  ------",
        "a            1",
        "longer   1,000  note",
    ]


def test_figures_are_grouped_rounded_and_dashed_when_unknown() -> None:
    assert number(12345.678) == "12,346"
    assert number(0.25, 2) == "0.25"
    assert number(math.nan) == share(math.nan) == "–"
    assert share(0.704) == "70%"


def test_every_part_is_in_the_text_and_marks_are_explained() -> None:
    relay = RelayRow(transport="wss", pairs=100, in_flight=1, offered_per_s=math.nan, relays_per_s=6543.2)
    relay.generator_cpu = 0.8
    text = report(
        fsync=[FsyncRow(kind="append", per_s=3000, p50_ms=0.3, p99_ms=1)],
        relay=[relay],
        open_loop=[RelayRow(transport="ws", pairs=7, in_flight=0, offered_per_s=1000, relays_per_s=999)],
        idle=[IdleRow(transport="wss", connections=5000, kib_per_connection=17.25)],
        logins=[LoginRow(transport="wss", at_once=8, logins_per_s=41.5)],
    ).to_text()
    assert re.search(r"^append +3,000 +0\.30 +1\.00$", text, re.MULTILINE)
    assert re.search(r"^wss +100 +1 +6,543 .* 80%  G$", text, re.MULTILINE)
    assert re.search(r"^ws +7 +1,000 +999 ", text, re.MULTILINE)
    assert re.search(r"^wss +5,000 +– +17\.2 ", text, re.MULTILINE)
    assert re.search(r"^wss +8 +41\.5 ", text, re.MULTILINE)
    assert "G: the generator used more than 70%" in text
    assert "N:" not in text


def test_one_void_cell_voids_the_run_and_says_why_in_its_row() -> None:
    row = RelayRow(transport="wss", pairs=10, in_flight=1, offered_per_s=math.nan, fault="a hole: seq 7 follows 5")
    assert not report().is_void
    for kind in ("relay", "open_loop"):
        void = report(**{kind: [row]})
        assert void.is_void
        assert re.search(r"^wss +10 .*  VOID: a hole: seq 7 follows 5$", void.to_text(), re.MULTILINE)
    assert report(logins=[LoginRow(transport="wss", at_once=8, fault="busy")]).faults == ["busy"]


def test_json_has_every_row_and_a_null_for_what_is_not_known() -> None:
    row = RelayRow(transport="wss", pairs=10, in_flight=1, offered_per_s=math.nan, relays_per_s=5.0)
    decoded = json.loads(report(relay=[row]).to_json())
    assert decoded["relay"][0]["relays_per_s"] == 5.0
    assert decoded["relay"][0]["offered_per_s"] is None
    assert decoded["idle"] == []
