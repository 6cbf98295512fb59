"""Speech through the whole media chain over a bad link, in both directions, the client's engine beside stock aiortc."""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from msgbench.calls import speech
from msgbench.calls.emulator import Conditions
from msgbench.calls.engines import Engine, dial, join, wait_ready
from msgbench.calls.netns import missing
from msgbench.calls.processes import Talker, environment
from msgbench.calls.road import Road
from msgbench.calls.scoring import Score, score
from msgbench.faults import Unusable
from msgbench.table import render
from msgclient.call import messages

CONDITIONS = {
    "clean": Conditions(),
    "5 % loss": Conditions(loss=0.05),
    "10 % loss": Conditions(loss=0.10),
    "20 % loss": Conditions(loss=0.20),
    "10 % in bursts of 3": Conditions(loss=0.10, burst=3),
    "20 ms, jitter 50 ms": Conditions(delay_ms=20, jitter_ms=50),
}
WHO = ("msgclient", "aiortc")
_TAIL_S = 1.5
_VOICES = {"near": speech.ALICE, "far": speech.BOB}


class Row(msgspec.Struct, kw_only=True):
    """Medians over runs and both directions; `cpu` is of one core, of one side."""

    who: str
    condition: str
    pesq: float
    worst_pesq: float
    stoi: float
    cpu: float


class Quality(msgspec.Struct, kw_only=True):
    """What `ops/bench calls` measures."""

    rows: list[Row]
    is_void: bool = False

    def to_json(self) -> str:
        """For scripts."""
        return msgspec.json.encode(self).decode()

    def to_text(self) -> str:
        """For people."""
        return render(
            "Speech by espeak-ng through a call, both directions (medians; PESQ-WB at most 4.64, STOI at most 1)",
            ("condition, by", "PESQ median", "PESQ worst", "STOI median", "CPU a side"),
            [
                (f"{r.condition}, {r.who}", f"{r.pesq:.2f}", f"{r.worst_pesq:.2f}", f"{r.stoi:.3f}", f"{r.cpu:.1%}")
                for r in self.rows
            ],
        )


def measure(conditions: Sequence[str], who: Sequence[str], seconds: float, runs: int) -> Quality:
    """Call again and again. Raises `Unusable` where it cannot be measured here."""
    why_not = missing({"espeak-ng": "espeak-ng"})
    if why_not is not None:
        raise Unusable(f"calls cannot be measured: {why_not}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for side, voice in _VOICES.items():
            speech.say(voice, path / f"{side}.wav", seconds)
        for condition in conditions:
            for name in who:
                rows.append(_row(path, name, condition, seconds, runs))
    return Quality(rows=rows)


def _row(folder: Path, who: str, condition: str, seconds: float, runs: int) -> Row:
    scores: list[Score] = []
    cpu: list[float] = []
    for run in range(runs):
        with Road(seed=run) as road:
            call = _engines if who == "msgclient" else _stock
            cpu += call(road, folder, CONDITIONS[condition], seconds)
        scores += [
            score(speech.read(folder / f"{said}.wav"), speech.read(folder / f"{heard}.heard.wav"))
            for said, heard in (("near", "far"), ("far", "near"))
        ]
    return Row(
        who=who,
        condition=condition,
        pesq=statistics.median(one.pesq for one in scores),
        worst_pesq=min(one.pesq for one in scores),
        stoi=statistics.median(one.stoi for one in scores),
        cpu=statistics.median(cpu),
    )


def _watch(road: Road, sides: Sequence[Engine | Talker], conditions: Conditions, seconds: float) -> list[float]:
    """Let the call go on under these conditions; each side's share of a core meanwhile."""
    road.link.set(conditions)
    before = [side.cpu_s() for side in sides]
    time.sleep(seconds)
    shares = [(side.cpu_s() - then) / seconds for side, then in zip(sides, before, strict=True)]
    time.sleep(_TAIL_S)
    return shares


def _engines(road: Road, folder: Path, conditions: Conditions, seconds: float) -> list[float]:
    near, far = (
        Engine(name, end, folder, play=folder / f"{name}.wav", record=folder / f"{name}.heard.wav")
        for name, end in (("near", road.near), ("far", road.far))
    )
    try:
        join(near, far)
        wait_ready(near, far)
        dial(near, far)
        for engine in (near, far):
            engine.wait(messages.Connected, 15)
        return _watch(road, (near, far), conditions, seconds)
    finally:
        for engine in (near, far):
            engine.end()


def _stock(road: Road, folder: Path, conditions: Conditions, seconds: float) -> list[float]:
    def side(name: str, *options: str) -> Talker:
        files = ("--play", str(folder / f"{name}.wav"), "--record", str(folder / f"{name}.heard.wav"))
        command = [sys.executable, "-m", "msgbench.calls.stock", *files, "--duration", str(seconds + _TAIL_S)]
        end = road.near if name == "near" else road.far
        return Talker(name, end, [*command, *options], environment({}), folder / f"{name}.log")

    near, far = side("near", "--offer"), side("far")
    try:
        for one, other in ((near, far), (far, near)):
            described = one.wait_for(lambda line: "sdp" in line, 60)
            other.tell(sdp=described["sdp"], type=described["type"])
        for one in (near, far):
            one.event("connected")
        for one in (near, far):
            one.tell(event="begin")
        return _watch(road, (near, far), conditions, seconds)
    finally:
        for one in (near, far):
            one.end()
