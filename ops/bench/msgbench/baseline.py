"""`--baseline`: this tree against an earlier commit, run in turn so that a drifting machine hits both alike."""

import math
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

from msgbench.cells import RelayRow
from msgbench.cores import Cores
from msgbench.faults import Unusable
from msgbench.plan import Plan
from msgbench.relay import TREE, describe_tree, narrate, run_relay
from msgbench.report import Report
from msgbench.stats import ratio_of_medians
from msgbench.table import number, render


class Ratio(msgspec.Struct, kw_only=True):
    """One figure on both sides, all rounds; `ratio` is the median of this tree over that of the baseline."""

    figure: str
    baseline: list[float]
    this: list[float]
    ratio: float


class Comparison(msgspec.Struct, kw_only=True):
    """Two trees on one machine."""

    baseline: str
    this: str
    ratios: list[Ratio]
    faults: list[str]

    @property
    def is_void(self) -> bool:
        """True when either daemon broke the contract in any round."""
        return bool(self.faults)

    def to_json(self) -> str:
        """Give every round of every figure."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_text(self) -> str:
        """Give medians and ratios."""
        title = f"{self.this} against {self.baseline}: medians of {len(self.ratios[0].this)} rounds, in turn"
        rows = [
            [
                ratio.figure,
                number(median(ratio.baseline), 2),
                number(median(ratio.this), 2),
                number(ratio.ratio, 3),
                f"{number(min(ratio.this), 2)} to {number(max(ratio.this), 2)}",
            ]
            for ratio in self.ratios
        ]
        table = render(title, ("figure", "baseline", "this", "ratio", "this, range"), rows)
        return "\n".join([table, *[f"VOID: {fault}" for fault in self.faults]])


@contextmanager
def checked_out(treeish: str, tree: Path = TREE) -> Iterator[Path]:
    """Check a commit out beside the tree, in a temporary folder, until the block ends.

    Raises:
        Unusable: git does not know it.
    """
    with tempfile.TemporaryDirectory(prefix="msgbench-tree-") as name:
        folder = Path(name) / "tree"
        git = ["git", "-C", str(tree), "worktree"]
        done = subprocess.run([*git, "add", "--detach", str(folder), treeish], capture_output=True, check=False)
        if done.returncode != 0:
            raise Unusable(f"git worktree: {done.stderr.decode(errors='replace').strip()}")
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], capture_output=True, check=False)


def figures(report: Report) -> Mapping[str, float]:
    """Name every figure of a report that two trees can be compared by."""
    found: dict[str, float] = {}

    def add(row: RelayRow, load: str, names: Mapping[str, float]) -> None:
        found.update({f"{row.transport} {row.pairs} pairs {load}: {name}": value for name, value in names.items()})

    for row in report.relay:
        names = {"relays/s": row.relays_per_s, "daemon µs/relay": row.daemon_us_per_relay}
        add(row, f"× {row.in_flight}", names)
    for row in report.open_loop:
        names = {"event p50 ms": row.event_p50_ms, "event p99 ms": row.event_p99_ms}
        add(row, f"at {number(row.offered_per_s)}/s", names)
    for idle in report.idle:
        found[f"{idle.transport} idle: KiB a connection"] = idle.kib_per_connection
    for login in report.logins:
        found[f"{login.transport} logins/s"] = login.logins_per_s
    return found


def compare(plan: Plan, cores: Cores, parent: Path, treeish: str, rounds: int) -> Comparison:
    """Run the plan on the baseline and on this tree in turn, `rounds` times each.

    Raises:
        Unusable: The commit is unknown, or one of the daemons does not start.
        VoidRun: Accounts cannot be made.
    """
    faults: list[str] = []
    baseline: dict[str, list[float]] = {}
    this: dict[str, list[float]] = {}
    with checked_out(treeish) as old:
        names = describe_tree(old), describe_tree(TREE)
        for turn in range(rounds):
            for side, tree, found in (("baseline", old, baseline), ("this", TREE, this)):
                narrate(f"round {turn + 1} of {rounds}, {side}")
                report = run_relay(plan, cores, parent, tree)
                faults += [f"{side}: {fault}" for fault in report.faults]
                for figure, value in figures(report).items():
                    found.setdefault(figure, []).extend([] if math.isnan(value) else [value])
    ratios = [
        Ratio(figure=figure, baseline=baseline[figure], this=this[figure], ratio=ratio)
        for figure in this
        if not math.isnan(ratio := ratio_of_medians(this[figure], baseline.get(figure, [])))
    ]
    return Comparison(baseline=names[0], this=names[1], ratios=ratios, faults=faults)
