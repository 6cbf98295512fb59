"""Where values come from: the TOML file with its line numbers, and the environment; unknown names are findings here."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from msgd.config.kinds import Secret
from msgd.config.problems import ConfigError, Problem
from msgd.config.settings import SECTIONS
from msgd.config.values import from_text, holds

PREFIX = "MSGD_"
_HEADER = re.compile(r"\s*\[\s*([\w-]+)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w-]+(?:\s*\.\s*[\w-]+)?)\s*=")
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

KINDS: dict[str, Any] = {
    f"{section}.{field.name}": field.type
    for section, struct in SECTIONS.items()
    for field in msgspec.structs.fields(struct)
}
"""The type of every key, by its full path."""


class Given(msgspec.Struct, frozen=True):
    """A value that somebody set, before its type was checked.

    Attributes:
        where: `FILE:LINE` or the name of the variable.
        value: As TOML holds it.
    """

    where: str
    value: object


def env_name(key: str) -> str:
    """Name the environment variable that overrides a key: `MSGD_LIMITS__WINDOW` for `limits.window`."""
    return PREFIX + key.upper().replace(".", "__")


def from_file(path: Path, problems: list[Problem]) -> dict[str, Given]:
    """Read the values that the file sets, by full path of the key; unknown keys are added to the problems.

    Raises:
        ConfigError: The file cannot be read, or is not TOML.
    """
    try:
        text = path.read_bytes().decode()
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(Problem(str(path), "", f"cannot be read: {error.strerror}")) from error
    except UnicodeDecodeError as error:
        raise ConfigError(Problem(str(path), "", "is not UTF-8 text")) from error
    except tomllib.TOMLDecodeError as error:
        place = _AT_LINE.search(str(error))
        line = f":{place[1]}" if place and place[1] else ""
        raise ConfigError(Problem(f"{path}{line}", "", "not TOML: " + _AT_LINE.sub("", str(error)))) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            Problem(str(path), "", "not TOML that can be read: a number or a nesting is absurd")
        ) from error
    lines = dict(_lines(text))

    def where(key: str) -> str:
        line = lines.get(key)
        return f"{path}:{line}" if line else str(path)

    given: dict[str, Given] = {}
    for section, content in document.items():
        if section not in SECTIONS:
            problems.append(Problem(where(section), section, f"unknown section [{section}]{_nearest_section(section)}"))
        elif not isinstance(content, dict):
            problems.append(Problem(where(section), section, f"{section} must be a section: write [{section}]"))
        else:
            for name, value in content.items():
                key = f"{section}.{name}"
                if key not in KINDS:
                    problems.append(Problem(where(key), key, f"unknown key {key}{nearest(key)}"))
                elif holds(KINDS[key], Secret):
                    problems.append(
                        Problem(
                            where(key),
                            key,
                            f"{key}: a secret may not stand in this file; put it into "
                            f"a file of its own and name that in {key}_file",
                        )
                    )
                else:
                    given[key] = Given(where(key), value)
    return given


def from_environment(environ: Mapping[str, str], problems: list[Problem]) -> dict[str, Given]:
    """Read the overrides `MSGD_SECTION__KEY`, by full path of the key.

    A variable that names a section or has the double underscore is meant as an override, so a wrong one is a problem;
    other variables with the prefix are somebody else's.
    """
    names = {env_name(key): key for key in KINDS}
    sections = tuple(f"{PREFIX}{section.upper()}_" for section in SECTIONS)
    given: dict[str, Given] = {}
    for name, text in environ.items():
        key = names.get(name)
        if key is not None:
            given[key] = Given(name, from_text(KINDS[key], text))
        elif name.startswith(sections) or (name.startswith(PREFIX) and "__" in name):
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f": did you mean {close[0]}?" if close else ""
            problems.append(Problem(name, "", f"unknown setting{hint}"))
    return given


def from_overrides(overrides: Mapping[str, str]) -> dict[str, Given]:
    """Read values given by key on a command line, as text.

    Raises:
        KeyError: There is no such key; the keys are the program's own, so this is a defect.
    """
    return {key: Given(f"override of {key}", from_text(KINDS[key], text)) for key, text in overrides.items()}


def nearest(key: str) -> str:
    """Propose the valid key that was probably meant, or nothing."""
    name = key.partition(".")[2]
    elsewhere = [known for known in KINDS if known.partition(".")[2] == name]
    close = elsewhere or difflib.get_close_matches(key, KINDS, n=1, cutoff=0.6)
    return f": did you mean {close[0]}?" if close else ""


def _nearest_section(section: str) -> str:
    close = difflib.get_close_matches(section, SECTIONS, n=1, cutoff=0.5)
    if close:
        return f": did you mean [{close[0]}]?"
    elsewhere = [known for known in KINDS if known.partition(".")[2] == section]
    return f": did you mean {elsewhere[0]}?" if elsewhere else ""


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Find the line of each section and key; good enough for a message, as the parser gives no places."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = header[1]
            yield section, number
        elif key := _KEY.match(line):
            dotted = re.sub(r"\s", "", key[1])
            yield (f"{section}.{dotted}" if section else dotted), number
