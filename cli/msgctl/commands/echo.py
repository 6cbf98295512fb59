"""The service account that answers every message."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from msgctl.commands.user import generate_password
from msgctl.failures import Failure
from msgctl.invocation import Invocation
from msgctl.output import say

if TYPE_CHECKING:
    from msgd.config import Settings

_LOGIN = "echo"
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - replaced, not bound


def run_echo(
    run: Invocation,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the daemon is [default: what the daemon says]")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where the bot keeps its state [default: echo, beside the store]"),
    ] = None,
) -> None:
    """Answer messages as the account `echo`, until stopped. The account is made where it is missing.

    Its password is made by msgctl and stands in a file that only its owner can read. Where that file is gone, the
    account gets a new password.
    """
    from msgd.admin.private_file import make_private_directory, write_private

    settings = run.settings()
    home = (directory or settings.store.path.parent / "echo").absolute()
    credentials = home / "credentials.json"
    fingerprint = _fingerprint(settings)
    try:
        url = server or _url(run, settings, by_name=fingerprint is None)
        make_private_directory(home)
        password = _ensure_account(run, _kept_password(credentials))
        content = {"server": url, "login": _LOGIN, "password": password, "fingerprint": fingerprint}
        write_private(credentials, json.dumps(content, indent=2).encode() + b"\n")
    except OSError as error:
        raise Failure("not_written", f"{error.filename} cannot be used: {error.strerror}.") from error
    run.close()
    say(f"Echo answers as {_LOGIN} at {url}; its state is in {home}.")
    sys.stdout.flush()
    sys.stderr.flush()
    # The bot takes the place of this process, so that signals and a service manager reach it.
    # Nothing of it comes from a shell or from anybody else: our own interpreter, module and paths.
    os.execv(  # noqa: S606 - see above
        sys.executable,
        [sys.executable, "-m", "msgclient.echo", "--credentials", str(credentials), "--data", str(home)],
    )


def _kept_password(credentials: Path) -> str | None:
    try:
        kept: dict[str, Any] = json.loads(credentials.read_bytes())
        return str(kept["password"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise Failure("conflict", f"{credentials} is no file of msgctl: move it away.") from None


def _ensure_account(run: Invocation, kept: str | None) -> str:
    """Make the account, or give it a password that is known; a known one is left alone."""
    from msgd.admin.contract import AddUser, SetUserPassword, ShowUser

    password = kept or generate_password()
    try:
        run.call(AddUser(login=_LOGIN, password=password))
    except Failure as failure:
        if failure.code != "login_taken":
            raise
    else:
        say(f"Made the account {_LOGIN}.")
        return password
    # Where the account was deleted, its login stays taken, and this says so.
    run.call(ShowUser(login=_LOGIN))
    if kept is None:
        run.call(SetUserPassword(login=_LOGIN, password=password))
        say(f"The account {_LOGIN} was there without its password file: it got a new password.")
    return password


def _url(run: Invocation, settings: "Settings", *, by_name: bool) -> str:
    """Where the daemon is: by its own word, else by the configuration; by its name where that has to be proved."""
    from urllib.parse import urlsplit

    from msgd.admin.contract import ShowStatus
    from msgd.config import Address
    from msgwire import PATH

    listen = settings.listen
    try:
        said = run.call(ShowStatus()).url
    except Failure as failure:
        # Before the first start there is nothing to ask; the configuration may be enough.
        if failure.code != "unreachable" or not listen.address.port:
            raise
        said = None
    port = urlsplit(said).port if said else listen.address.port
    if not port:
        raise Failure("usage", "The daemon is stopped and takes any free port when it starts: say --server.")
    host = listen.public_name if by_name and listen.public_name else listen.address.host
    return f"{'ws' if listen.plain else 'wss'}://{Address(_WILDCARDS.get(host, host), port)}{PATH}"


def _fingerprint(settings: "Settings") -> str | None:
    """The certificate to trust, where it is a server's own; None where authorities answer for it, or without TLS."""
    from msgd.admin.certificate import CertificateError, own_fingerprint

    if settings.listen.plain:
        return None
    try:
        return own_fingerprint(settings.listen.tls_cert)
    except CertificateError as error:
        raise Failure("config_invalid", str(error)) from error
