"""What was typed into the composer: a text, a `/` command, or something that looks like a slip. Pure."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from .actions import ACTIONS, BY_COMMAND, Action

_SLIP = re.compile(r"\s+/([a-z]+)\b")
_COMMAND = re.compile(r"/(\S*)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """Send this."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """Do this."""

    action: Action
    argument: str


@dataclass(frozen=True, slots=True)
class Slip:
    """Neither is done; `sentence` says why, and what to type instead. `may_insist` when typing it again sends it."""

    sentence: str
    may_insist: bool = False


def parse(typed: str) -> Text | Command | Slip:
    """Read what was typed. `//` at the start sends a text that begins with `/`."""
    if typed.startswith("//"):
        return Text(typed[1:])
    if not typed.startswith("/"):
        slip = _SLIP.match(typed)
        if slip is not None and slip[1] in BY_COMMAND:
            sentence = f"A space stands before /{slip[1]}. Remove it to run the command; Enter again sends it as text."
            return Slip(sentence, may_insist=True)
        return Text(typed)
    found = _COMMAND.fullmatch(typed)
    assert found is not None  # it begins with a slash
    name, argument = found[1], found[2]
    action = BY_COMMAND.get(name.lower())
    if action is not None:
        return Command(action, argument)
    near = get_close_matches(name.lower(), BY_COMMAND, 1)
    hint = f"Did you mean /{near[0]}?" if near else "/help lists the commands."
    return Slip(f"There is no such command. {hint} Type // to send a text that begins with a slash.")


def completions(typed: str) -> list[Action]:
    """The actions whose command begins as typed; none once an argument is being typed."""
    if not typed.startswith("/") or typed.startswith("//") or any(char.isspace() for char in typed):
        return []
    prefix = typed[1:].lower()
    return [action for action in ACTIONS if any(name.startswith(prefix) for name in action.commands)]


def completed(typed: str) -> str | None:
    """The command that is meant, with a space after it; None when nothing fits."""
    fitting = completions(typed)
    if not fitting:
        return None
    prefix = typed[1:].lower()
    name = next(name for name in fitting[0].commands if name.startswith(prefix))
    return f"/{name} "
