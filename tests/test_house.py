"""The house itself: the wheel holds every package, every dependency has its reason, generated pages are fresh."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_wheel_holds_every_package_and_its_commands(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    for package in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        sources = {str(path.relative_to((ROOT / package).parent)) for path in (ROOT / package).rglob("*.py")}
        assert sources, package
        assert sources <= set(names)
    for command in PROJECT["project"]["scripts"]:
        assert f"{command} = " in points


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    groups = PROJECT["dependency-groups"]
    named = [*PROJECT["project"]["dependencies"], *groups["test"], *groups["build"]]
    for requirement in named:
        match = re.match(r"[A-Za-z0-9-]+", requirement)
        assert match
        if not match[0].startswith("types-"):
            assert re.search(rf"\b{match[0]}\b", page), match[0]


@pytest.mark.parametrize("lock", ["run", "test"])
def test_the_locks_have_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert "://" not in text
    for pin in re.findall(r"^[a-z0-9-]+==.*$", text, re.MULTILINE):
        assert pin.endswith("\\"), f"{pin} has no hash"


def test_the_locks_agree() -> None:
    def pins(lock: str) -> set[str]:
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        return set(re.findall(r"^[a-z0-9-]+==[^ \\]+", text, re.MULTILINE))

    assert pins("run") <= pins("test")


def test_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_pages_link_to_is_there() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "ops").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_every_source_file_opens_with_a_sentence_and_is_short() -> None:
    for folder in ("daemon", "cli", "tui"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            assert text.lstrip().startswith('"""'), path
            assert text.count("\n") <= 400, path
