"""The first start."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from msgctl import asking
from msgctl.commands.user import DryRun
from msgctl.failures import Failure
from msgctl.invocation import Invocation
from msgctl.output import say

if TYPE_CHECKING:
    from msgd.admin.contract import InviteCreated
    from msgd.admin.first_files import Plan
    from msgd.config import Address

_LISTEN = "127.0.0.1:7443"
_OPS = "127.0.0.1:9464"
_MODES = ("open", "invite", "closed")


def init(
    run: Invocation,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where everything goes; made if it is missing.", show_default=False),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help=f"Where clients connect [default: {_LISTEN}]", show_default=False),
    ] = None,
    registration: Annotated[
        str | None,
        typer.Option(metavar="|".join(_MODES), help="Who may make an account [default: invite]", show_default=False),
    ] = None,
    public_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Host name that people use; stands in the certificate.", show_default=False),
    ] = None,
    ops_listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where metrics and health are served; empty for nowhere.")
    ] = _OPS,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the files of an earlier init; never a store.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Write what a new server needs.

    That is a commented configuration, signing keys, a certificate and the place of the store, all of it readable by its
    owner only; and a first invite, where registration takes invites. Asks for what is missing on a terminal; --yes
    takes the defaults instead.
    """
    from msgd.admin.first_files import FirstFilesError, Plan, write

    plan = Plan(
        directory=_directory(directory),
        listen=_address(_asked(run, "Where clients connect", listen, "--listen", _LISTEN), "--listen"),
        public_name=_asked(run, "Host name that people use, empty for none", public_name, "--public-name", ""),
        registration=_mode(
            _asked(run, f"Who may make an account ({', '.join(_MODES)})", registration, "--registration", "invite")
        ),
        ops=_address(ops_listen, "--ops-listen") if ops_listen else None,
    )
    existing = plan.existing()
    if existing and not force:
        names = ", ".join(map(str, existing))
        raise Failure("exists", f"There already: {names}. Say --force to replace them; a store is never replaced.")
    if dry_run:
        say("Would write these files; nothing was done." + (" Some of them are there." if existing else ""))
        run.show(_paths(plan) | {"replaced": [str(path) for path in existing], "dry_run": True})
        return
    if existing:
        run.confirm(
            f"Replace the configuration, the keys and the certificate in {plan.directory}? Everybody has to sign in "
            "again and to trust the new certificate."
        )
    else:
        run.confirm(f"Write a new server into {plan.directory}?")
    try:
        fingerprint = write(plan, time.time_ns() // 1_000_000)
    except FirstFilesError as error:
        raise Failure("not_written", str(error)) from error
    shown = _paths(plan) | {"fingerprint": fingerprint}
    invite = _first_invite(run, plan) if plan.registration == "invite" else None
    if invite is not None:
        shown |= {"invite": invite.token, "invite_expires_at": invite.expires_at}
    run.show(shown)
    _say_what_next(plan, fingerprint)


def _directory(given: Path | None) -> Path:
    chosen = given or Path(asking.ask("Directory of the new server", "--dir"))
    return chosen.expanduser().absolute()


def _asked(run: Invocation, question: str, given: str | None, flag: str, default: str) -> str:
    """Take the flag, else the default under --yes, else the answer of a terminal."""
    if given is not None:
        return given
    if run.yes:
        return default
    if not asking.has_terminal():
        raise Failure("usage", f"There is no terminal to ask on: say {flag}, or --yes for the defaults.")
    return asking.ask(question, flag, default)


def _address(text: str, flag: str) -> "Address":
    from msgd.config import Address

    try:
        return Address.parse(text)
    except ValueError:
        raise Failure("usage", f"{flag} takes HOST:PORT or [IPV6]:PORT.") from None


def _mode(text: str) -> str:
    if text not in _MODES:
        raise Failure("usage", f"--registration takes {', '.join(_MODES)}.")
    return text


def _first_invite(run: Invocation, plan: "Plan") -> "InviteCreated":
    """Make the invite of the first account: on the store, which that creates, or by a daemon that runs already."""
    from msgd.admin.contract import CreateInvite

    run.config = plan.config
    return run.call(CreateInvite(note="first account"))


def _paths(plan: "Plan") -> dict[str, object]:
    return {
        "config": str(plan.config),
        "keys": str(plan.keys),
        "certificate": str(plan.certificate),
        "certificate_key": str(plan.key),
        "store": str(plan.store),
    }


def _say_what_next(plan: "Plan", fingerprint: str) -> None:
    say(f"The certificate's SHA-256 fingerprint, to compare when a client asks:\n  {fingerprint}")
    if os.geteuid() == 0:
        say(f"Where the daemon is to run as another user, give it the files:\n  chown -R USER: {plan.directory}")
    say(f"Start the daemon:\n  msgd --config {plan.config}")
    if plan.registration == "invite":
        say("Give the invite to the first person: a client asks for it at registration. More of them:")
        say(f"  msgctl invite create --config {plan.config}")
    elif plan.registration == "closed":
        say(f"Make accounts:\n  msgctl user add LOGIN --config {plan.config}")
