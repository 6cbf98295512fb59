"""The commented `msgd.toml` that a first start writes: every key with its sentence and its default."""

import textwrap
from collections.abc import Iterator, Mapping

from msgd.config.reference import keys, section_sentence
from msgd.config.settings import SECTIONS
from msgd.config.sources import env_name
from msgd.config.values import to_toml

_OPENING = """\
# msgd configuration. A key that is commented out shows its default.
# Any key can be overridden in the environment: MSGD_LIMITS__WINDOW=512 sets window in [limits].
# Check a change with: msgctl config check
"""
_WIDTH = 118
# Ranges and choices; that a path is a path the default shows.
_WORTH_SAYING = ("a whole number", "a number", '"')


def render(overrides: Mapping[str, object]) -> str:
    """Write the file; each override, by full path of its key, stands uncommented and everything else as a comment.

    Args:
        overrides: Plain values, as TOML holds them: strings, numbers, truth values, lists of strings.

    Raises:
        KeyError: A key does not exist, or is a secret, which may not stand in the file.
    """
    settable = {key.name for section in SECTIONS for key in keys(section) if not key.is_secret}
    for wrong in overrides.keys() - settable:
        raise KeyError(wrong)
    return "".join([_OPENING, *(line for section in SECTIONS for line in _section(section, overrides))])


def _section(section: str, overrides: Mapping[str, object]) -> Iterator[str]:
    yield f"\n[{section}]\n{_comment(section_sentence(section))}"
    for key in keys(section):
        name = key.name.partition(".")[2]
        yield "\n"
        if key.is_secret:
            yield _comment(f"{name}: {key.sentence} Or set {env_name(key.name)}.")
            continue
        takes = f" Takes {key.expects}." if key.expects.startswith(_WORTH_SAYING) else ""
        yield _comment(key.sentence + takes)
        if key.name in overrides:
            yield f"{name} = {to_toml(overrides[key.name])}\n"
        else:
            yield f"#{name} = {to_toml(key.default)}\n"


def _comment(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) + "\n"
