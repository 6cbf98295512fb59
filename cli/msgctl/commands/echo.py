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
    try:
        make_private_directory(home)
        password = _kept_password(credentials)
        password = _ensure_account(run, password)
        content = {
            "server": server or _url(run, settings),
            "login": _LOGIN,
            "password": password,
            "fingerprint": _fingerprint(settings),
        }
        write_private(credentials, json.dumps(content, indent=2).encode() + b"\n")
    except OSError as error:
        raise Failure("not_written", f"{error.filename} cannot be used: {error.strerror}.") from error
    run.close()
    say(f"Echo answers as {_LOGIN} at {content['server']}; its state is in {home}.")
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

    try:
        run.call(ShowUser(login=_LOGIN))
    except Failure as failure:
        if failure.code != "not_found":
            raise
        password = kept or generate_password()
        run.call(AddUser(login=_LOGIN, password=password))
        say(f"Made the account {_LOGIN}.")
        return password
    if kept is not None:
        return kept
    password = generate_password()
    run.call(SetUserPassword(login=_LOGIN, password=password))
    say(f"The account {_LOGIN} was there without a password file: it got a new password.")
    return password


def _url(run: Invocation, settings: "Settings") -> str:
    """Where the daemon is: by its own word, else by the configuration."""
    from msgd.admin.contract import ShowStatus

    said = run.call(ShowStatus()).url
    if said is not None:
        return said
    if settings.listen.address.port == 0:
        raise Failure("usage", "The daemon is stopped and takes any free port when it starts: say --server.")
    host = settings.listen.address.host
    address = type(settings.listen.address)(_WILDCARDS.get(host, host), settings.listen.address.port)
    return f"{'ws' if settings.listen.plain else 'wss'}://{address}"


def _fingerprint(settings: "Settings") -> str | None:
    """The certificate to trust, where it is a server's own; None where authorities answer for it, or without TLS."""
    from msgd.admin.certificate import CertificateError, own_fingerprint

    if settings.listen.plain:
        return None
    try:
        return own_fingerprint(settings.listen.tls_cert)
    except CertificateError as error:
        raise Failure("config_invalid", str(error)) from error
