"""Every setting is documented, and the page and the template agree with the code."""

import re
from pathlib import Path

import pytest

from msgd.config import Settings, dump, load
from msgd.config.reference import keys, page, section_sentence
from msgd.config.settings import SECTIONS
from msgd.config.sources import KINDS
from msgd.config.template import render

PAGE = Path(__file__).parents[2] / "docs/configuration.md"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_has_its_sentence(section: str) -> None:
    assert section_sentence(section).endswith(".")
    for key in keys(section):
        assert key.sentence[:1].isupper(), key.name
        assert key.sentence.endswith("."), key.name


def test_page_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run: python -m msgd.config.reference > docs/configuration.md"


def test_page_names_every_key_once() -> None:
    assert re.findall(r"^\| `([a-z0-9_.]+)`", page(), re.MULTILINE) == list(KINDS)


def test_template_changes_nothing_until_it_is_edited(tmp_path: Path) -> None:
    path = tmp_path / "msgd.toml"
    path.write_text(render({}))
    assert load(path, {}) == load(_empty(tmp_path), {})


def test_template_holds_every_default(tmp_path: Path) -> None:
    path = tmp_path / "msgd.toml"
    path.write_text(re.sub(r"^#(\w+ =)", r"\1", render({}), flags=re.MULTILINE))
    assert load(path, {}) == load(_empty(tmp_path), {})
    assert len(re.findall(r"^\w+ =", path.read_text(), re.MULTILINE)) == len(KINDS) - 1  # turn.secret is no key there


def test_template_takes_overrides(tmp_path: Path) -> None:
    path = tmp_path / "msgd.toml"
    overrides = {
        "listen.address": "[::]:7443",
        "listen.plain": True,
        "listen.public_name": 'a "b" \\ é 😀',
        "turn.stun_urls": ["stun:a:1"],
        "limits.window": 7,
    }
    path.write_text(render(overrides))
    changed = dump(load(path, {}))
    for key, value in overrides.items():
        section, name = key.split(".")
        assert changed[section][name] == value


@pytest.mark.parametrize("key", ["limits.widnow", "turn.secret"])
def test_template_refuses_what_cannot_stand_in_it(key: str) -> None:
    with pytest.raises(KeyError):
        render({key: "x"})


def test_template_fits_a_terminal() -> None:
    assert max(map(len, render({}).splitlines())) <= 120


def test_defaults_are_valid() -> None:
    assert dump(Settings())["limits"] == dump(load(None, {}))["limits"]


def _empty(directory: Path) -> Path:
    path = directory / "empty.toml"
    path.write_text("")
    return path
