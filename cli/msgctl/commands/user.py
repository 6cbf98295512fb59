"""Accounts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from msgctl import asking
from msgctl.failures import Failure
from msgctl.invocation import Invocation
from msgctl.output import say

if TYPE_CHECKING:
    from msgd.admin.contract import AccountDetail, AccountLine

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="Login or uid of the account.", show_default=False)]
NewLogin = Annotated[
    str,
    typer.Argument(metavar="LOGIN", help="2 to 32 of a-z 0-9 . _ - and starting with a letter.", show_default=False),
]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Take the password from the first line of stdin.")]
FromFile = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="Take the password from the first line of a file."),
]
Generate = Annotated[bool, typer.Option("--generate-password", help="Make a password and print it, this once.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]

# 120 bits: no list of guesses reaches it.
_GENERATED_BYTES = 15


def add(
    run: Invocation,
    login: NewLogin,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Kept with the account.")] = None,
    from_stdin: FromStdin = False,
    from_file: FromFile = None,
    generate: Generate = False,
) -> None:
    """Make an account, whatever the registration mode.

    The password comes from --password-stdin or --password-file, is made by --generate-password, or is asked for twice
    on a terminal. It never stands on the command line, where every user of the machine could read it.
    """
    from msgd.admin.contract import AddUser

    password = _password(from_stdin, from_file, generate)
    made = run.call(AddUser(login=login, password=password, email=email))
    run.show({"login": made.login, "uid": made.uid} | ({"password": password} if generate else {}))


def list_(run: Invocation) -> None:
    """List all accounts by login."""
    run.show_many(_accounts(run))


def show(run: Invocation, login: Login) -> None:
    """Show one account and its devices."""
    run.show(_find(run, login))


def disable(
    run: Invocation,
    login: Login,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the account and in the audit log.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Lock an account out and cut its connections. Nothing is deleted; `user enable` undoes it."""
    from msgd.admin.contract import DisableUser

    if dry_run:
        _would(run, login, "disable")
        return
    run.show(run.call(DisableUser(login=login, reason=reason)))


def enable(run: Invocation, login: Login) -> None:
    """Let a disabled account sign in again."""
    from msgd.admin.contract import EnableUser

    done = run.call(EnableUser(login=login))
    run.show({"login": done.login, "uid": done.uid})


def delete(run: Invocation, login: Login, dry_run: DryRun = False) -> None:
    """Delete an account for good: devices, contacts, mailbox, password. Its login is never given out again.

    Messages that it wrote to others stay theirs. Asks first; --yes answers.
    """
    from msgd.admin.contract import DeleteUser

    if dry_run:
        _would(run, login, "delete")
        return
    run.confirm(f"Delete the account {login} for good?")
    run.show(run.call(DeleteUser(login=login)))


def passwd(
    run: Invocation,
    login: Login,
    from_stdin: FromStdin = False,
    from_file: FromFile = None,
    generate: Generate = False,
    dry_run: DryRun = False,
) -> None:
    """Set a password. Every device of the account is revoked, and its connections are cut."""
    from msgd.admin.contract import SetUserPassword

    if dry_run:
        _would(run, login, "set the password of")
        return
    password = _password(from_stdin, from_file, generate)
    done = run.call(SetUserPassword(login=login, password=password))
    run.show(
        {
            "login": done.login,
            "uid": done.uid,
            "devices_revoked": done.devices_revoked,
            "connections_cut": done.connections_cut,
        }
        | ({"password": password} if generate else {})
    )


def _password(from_stdin: bool, from_file: Path | None, generate: bool) -> str:
    """Take or make a password."""
    if generate:
        if from_stdin or from_file:
            raise Failure("usage", "--generate-password takes no password from elsewhere.")
        return generate_password()
    given = asking.password(from_stdin=from_stdin, from_file=from_file)
    if given is None:
        raise Failure(
            "usage",
            "There is no terminal to ask on: say --password-stdin, --password-file FILE or --generate-password.",
        )
    return given


def generate_password() -> str:
    """Make a password that nobody guesses."""
    import secrets

    return secrets.token_urlsafe(_GENERATED_BYTES)


def _accounts(run: Invocation) -> "Iterator[AccountLine]":
    from msgd.admin.contract import ListUsers

    after, more = "", True
    while more:
        page = run.call(ListUsers(after=after))
        yield from page.accounts
        more = page.more
        after = page.accounts[-1].login if page.accounts else after


def _find(run: Invocation, login: str) -> "AccountDetail":
    from msgd.admin.contract import ShowUser

    return run.call(ShowUser(login=login))


def _would(run: Invocation, login: str, verb: str) -> None:
    """Tell what a change would meet, after the same look-up as the change itself."""
    found = _find(run, login)
    say(f"Would {verb} the account {found.login}; nothing was done.")
    effect: dict[str, Any] = {"login": found.login, "uid": found.uid, "devices": len(found.devices)}
    run.show(effect | {"connections": found.connections, "dry_run": True})
