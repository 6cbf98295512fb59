"""The way from a file, the environment and a command line to checked `Settings`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from msgd.config.checks import contradictions
from msgd.config.credentials import read_secrets, resolve, turn_credential
from msgd.config.kinds import Secret
from msgd.config.problems import ConfigError, Problem
from msgd.config.settings import SECTIONS, Settings
from msgd.config.sources import Given, from_environment, from_file, from_overrides
from msgd.config.values import convert, holds


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration; an override wins over the environment, and that over the file.

    Args:
        path: The TOML file; None takes defaults, with relative paths starting at the working directory.
        environ: The process environment: `MSGD_SECTION__KEY` and systemd's CREDENTIALS_DIRECTORY.
        overrides: Values of a command line as text, by full path of the key, such as `{"ops.address": ""}`.

    Raises:
        ConfigError: Anything is wrong; every finding is in it.
    """
    problems: list[Problem] = []
    base = Path.cwd() if path is None else path.absolute().parent
    given = {} if path is None else from_file(path, problems)
    given |= from_environment(environ, problems)
    given |= from_overrides(overrides or {})
    file_name = str(path) if path is not None else "defaults"

    def problem(key: str, what: str) -> None:
        problems.append(Problem(given[key].where if key in given else file_name, key, f"{key}: {what}"))

    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for section, struct in SECTIONS.items():
        for field in msgspec.structs.fields(struct):
            key = f"{section}.{field.name}"
            try:
                value = _value(field, given.get(key))
                sections[section][field.name] = resolve(value, base, environ) if isinstance(value, Path) else value
            except ValueError as error:
                problem(key, str(error))
    try:
        sections["turn"]["secret"] = _turn_secrets(sections["turn"], environ)
    except ValueError as error:
        problem("turn.secret_file", str(error))
    if not problems:
        built: dict[str, Any] = {name: struct(**sections[name]) for name, struct in SECTIONS.items()}
        settings = Settings(**built)
        for key, what in contradictions(settings):
            problem(key, what)
    if problems:
        raise ConfigError(*problems)
    return settings


def _value(field: msgspec.structs.FieldInfo, given: Given | None) -> object:
    if given is None:
        return field.default
    if holds(field.type, Secret) and not isinstance(given.value, list):
        raise ValueError("must be a list of secrets")
    return convert(field.type, given.value)


def _turn_secrets(turn: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Take the secrets from the environment, else from the named file, else from the credential."""
    set_by_environment: tuple[Secret, ...] = turn.get("secret", ())
    path = turn.get("secret_file") or turn_credential(environ)
    if set_by_environment or path is None:
        return set_by_environment
    return read_secrets(path)
