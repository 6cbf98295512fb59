"""One value of the configuration: from text or TOML to its type, or the sentence that says what it must be."""

import json
import math
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

from msgd.config.kinds import Address, Secret
from msgd.config.settings import plain

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# How much of a wrong value an error repeats.
_SHOWN_CHARACTERS = 60


def from_text(kind: Any, text: str) -> object:
    """Read an environment variable as TOML would hold it; a text that does not fit comes back as it is.

    Lists are separated by commas, or are a JSON list.
    """
    shape = inspect.type_info(kind)
    stripped = text.strip()
    try:
        match shape:
            case inspect.BoolType():
                return _TRUTH.get(stripped.lower(), text)
            case inspect.IntType():
                return int(stripped)
            case inspect.FloatType():
                return float(stripped)
            case inspect.VarTupleType():
                if stripped.startswith("["):
                    return json.loads(stripped)
                return [item.strip() for item in stripped.split(",") if item.strip()]
    except ValueError:
        pass
    return text


def convert(kind: Any, value: object) -> object:
    """Give the value its type; a path stays as written and is not made absolute here.

    Raises:
        ValueError: The value does not fit; the error's sentence says what it must be.
    """
    if is_optional(kind) and value == "":
        return None
    try:
        if holds(kind, Address):
            return Address.parse(msgspec.convert(value, str))
        converted: object = msgspec.convert(value, kind, dec_hook=_wrap)
    except (msgspec.ValidationError, ValueError):
        raise ValueError(f"must be {expectation(kind)}, is {_shown(kind, value)}") from None
    if isinstance(converted, float) and not math.isfinite(converted):
        raise ValueError(f"must be {expectation(kind)}, is {_shown(kind, value)}")
    if isinstance(converted, str) and not converted.isprintable():
        raise ValueError("must not hold control characters")
    return converted


def _wrap(target: type[Any], value: object) -> object:
    """Build the types that msgspec does not know."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("not a text")
    return Path(value) if target is Path else target(value)


def expectation(kind: Any) -> str:
    """Say what a value of this type must be, to follow "must be"."""
    if get_origin(kind) is Literal:
        return " or ".join(json.dumps(choice) for choice in get_args(kind))
    if holds(kind, Address):
        return "HOST:PORT or [IPV6]:PORT" + (", or empty" if is_optional(kind) else "")
    if holds(kind, Path):
        return "a path" + (", or empty" if is_optional(kind) else "")
    match inspect.type_info(kind):
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, le=high):
            return f"a number from {low} to {high}"
        case inspect.StrType(pattern=str()):
            return 'four octal digits in quotes, such as "0660"'
        case inspect.VarTupleType():
            return "a list of strings"
    return "a string"


def holds(kind: Any, wanted: type) -> bool:
    """Tell whether values of this type are, or are lists of, the wanted class."""
    return kind is wanted or any(holds(part, wanted) for part in get_args(kind) if not isinstance(part, str))


def is_optional(kind: Any) -> bool:
    """Tell whether an empty string means that there is nothing."""
    return type(None) in get_args(kind)


def _shown(kind: Any, value: object) -> str:
    if holds(kind, Secret):
        return "something else"
    text = json.dumps(plain(value), ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def to_toml(value: object) -> str:
    """Write a plain value as TOML; its strings are JSON strings, which TOML takes, without escaped pairs."""
    if isinstance(value, list):
        return "[" + ", ".join(to_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
