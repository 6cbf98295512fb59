"""Each import contract bites: broken on purpose in a copy of the tree, it is reported by its name."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

VIOLATIONS = {
    "faces over services over the wire": ("daemon/msgd/clock.py", "import msgctl.main"),
    "the wire is pure": ("daemon/msgwire/calls.py", "import time"),
    "the daemon's core decides without I/O": ("daemon/msgd/core/stream.py", "import trio"),
    "one file knows trio-websocket in the daemon": ("daemon/msgd/link.py", "import trio_websocket"),
    "SQL only in the store": ("daemon/msgd/handlers/text.py", "import sqlite3"),
    "the SDK knows no terminal": ("tui/msgclient/client.py", "import textual"),
    "the transport knows nothing above it": ("daemon/msgd/net/hub.py", "import msgd.link"),
    "msgctl stays outside the live daemon": ("cli/msgctl/main.py", "import msgd.service"),
}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree whose packages come first on the path."""
    code = (
        f"import sys; sys.path[:0] = {[str(tree / room) for room in ('daemon', 'cli', 'tui')]!r};"
        "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and their contracts."""
    copy = tmp_path_factory.mktemp("tree")
    for room in ("daemon", "cli", "tui"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout


def test_there_is_a_violation_for_each_contract() -> None:
    assert {contract["name"] for contract in CONTRACTS} == set(VIOLATIONS)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_broken_contract_is_reported(tree: Path, name: str) -> None:
    file, line = VIOLATIONS[name]
    path = tree / file
    whole = path.read_text()
    try:
        path.write_text(f"{whole}\n{line}\n")
        done = lint(tree)
    finally:
        path.write_text(whole)
    assert done.returncode == 1
    assert f"{name} BROKEN" in done.stdout
