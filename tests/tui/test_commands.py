"""What was typed: a text, a command, or a slip."""

import pytest

from msgtui.actions import ACTIONS, BY_COMMAND, Scope, key_name
from msgtui.commands import Command, Slip, Text, completed, completions, parse


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("hello", "hello"),
        ("//etc/hosts is a file", "/etc/hosts is a file"),
        ("a /quit in the middle", "a /quit in the middle"),
        ("  /nonsense is no command", "  /nonsense is no command"),
    ],
)
def test_texts(typed: str, text: str) -> None:
    assert parse(typed) == Text(text)


@pytest.mark.parametrize(
    ("typed", "name", "argument"),
    [
        ("/help", "help", ""),
        ("/ADD romeo Hi there", "add", "romeo Hi there"),
        ("/edit two\nlines", "edit", "two\nlines"),
    ],
)
def test_commands(typed: str, name: str, argument: str) -> None:
    said = parse(typed)
    assert isinstance(said, Command)
    assert (said.action.commands[0], said.argument) == (name, argument)


def test_an_unknown_command_is_not_sent_and_the_nearest_is_named() -> None:
    said = parse("/serach dinner")
    assert isinstance(said, Slip)
    assert "/search" in said.sentence
    assert "//" in said.sentence


def test_a_space_before_a_command_is_taken_for_a_slip() -> None:
    said = parse(" /quit")
    assert isinstance(said, Slip)
    assert said.may_insist


def test_completion() -> None:
    assert [action.id for action in completions("/de")] == ["decline", "delete", "devices"]
    assert completed("/dev") == "/devices "
    assert completed("/whois") == "/whois "
    assert completed("/zzz") is None
    assert completions("//x") == completions("/away for") == completions("hello") == []


def test_the_table_has_no_name_or_key_twice_and_a_sentence_for_all() -> None:
    names = [name for action in ACTIONS for name in action.commands]
    assert len(names) == len(set(names)) == len(BY_COMMAND)
    keys = [(key, action.scope is Scope.MESSAGE) for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    for action in ACTIONS:
        assert action.help.endswith(".")
        assert action.run.__doc__
        assert action.keys or action.commands


def test_keys_as_people_write_them() -> None:
    assert [key_name(key) for key in ("ctrl+k", "alt+down", "f1", "r", "R")] == [
        "Ctrl-K",
        "Alt-↓",
        "F1",
        "R",
        "Shift-R",
    ]
