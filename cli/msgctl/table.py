"""The table of all commands: a new one is a function and a row here."""

from collections.abc import Callable
from typing import NamedTuple

import typer

from msgctl.commands import config, echo, first, invite, status, user
from msgctl.invocation import before_command, with_invocation


class Command(NamedTuple):
    """A row: the words that call the command, and the function whose docstring is its help."""

    words: str
    function: Callable[..., int | None]


COMMANDS = (
    Command("init", first.init),
    Command("status", status.status),
    Command("config check", config.check),
    Command("config show", config.show),
    Command("user add", user.add),
    Command("user list", user.list_),
    Command("user show", user.show),
    Command("user disable", user.disable),
    Command("user enable", user.enable),
    Command("user delete", user.delete),
    Command("user passwd", user.passwd),
    Command("invite create", invite.create),
    Command("invite list", invite.list_),
    Command("invite revoke", invite.revoke),
    Command("echo run", echo.run_echo),
)

GROUPS = {
    "config": "Check and show the configuration.",
    "user": "Accounts: make, show, lock out, delete.",
    "invite": "Invites: make, list, revoke.",
    "echo": "The service account that answers every message.",
}


def build() -> typer.Typer:
    """Make the application from the table.

    Raises:
        ValueError: A command or group has no help.
    """
    app = _group("Administer msgd: works while the daemon runs, and most of it while it is stopped.")
    # Completion is Typer's own: --install-completion and --show-completion.
    app.callback()(before_command)
    groups: dict[str, typer.Typer] = {}
    for words, function in COMMANDS:
        if not function.__doc__:
            raise ValueError(f"msgctl {words} has no help")
        *group, name = words.split()
        parent = app
        for noun in group:
            if noun not in groups:
                groups[noun] = _group(GROUPS[noun])
                app.add_typer(groups[noun], name=noun)
            parent = groups[noun]
        parent.command(name)(with_invocation(function))
    return app


def _group(text: str) -> typer.Typer:
    # Plain help: rich would double the time to show it. Errors are shown by `main`, in the chosen format.
    return typer.Typer(
        help=text,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
