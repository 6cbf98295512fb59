"""One run of a command: the options that every command takes, its settings, and its way to the daemon."""

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from msgctl import asking, output
from msgctl.failures import Failure
from msgctl.output import Output

if TYPE_CHECKING:
    from msgctl.reach import Reach
    from msgd.admin.contract import Request
    from msgd.config import Settings

R = TypeVar("R")

# The system's configuration, after the directory that one stands in.
_PLACES = (Path("msgd.toml"), Path("/etc/msgd/msgd.toml"))

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration of the daemon [default: $MSGD_CONFIG, ./msgd.toml, /etc/msgd/msgd.toml]",
    ),
]
OutputOption = Annotated[
    Output | None,
    typer.Option("--output", "-o", metavar="table|json|jsonl", help="How data and errors are written [default: table]"),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")]


class Invocation:
    """What a command works with."""

    def __init__(self, config: Path | None, chosen: Output | None, *, yes: bool) -> None:
        """Take the options, merged from before and after the command."""
        self.config = config
        self.output = chosen or Output.TABLE
        self.yes = yes
        self._reach: Reach | None = None

    def config_file(self) -> Path:
        """The configuration file that is meant.

        Raises:
            Failure: `config_missing`.
        """
        named = self.config or (Path(os.environ["MSGD_CONFIG"]) if os.environ.get("MSGD_CONFIG") else None)
        for path in (named,) if named else _PLACES:
            if path.exists():
                return path
        looked = named or ", ".join(map(str, _PLACES))
        raise Failure("config_missing", f"There is no configuration at {looked}: run msgctl init, or say --config.")

    def settings(self) -> "Settings":
        """The settings of the daemon, checked.

        Raises:
            Failure: `config_missing` or `config_invalid`.
        """
        from msgd.config import ConfigError, load

        try:
            return load(self.config_file(), os.environ)
        except ConfigError as error:
            raise Failure("config_invalid", str(error)) from error

    def call(self, request: "Request[R]") -> R:
        """Carry out an operation, by the daemon or on its store.

        Raises:
            Failure: It was not carried out.
        """
        from msgctl.reach import Reach

        if self._reach is None:
            self._reach = Reach(self.settings(), output.say)
        return self._reach.call(request)

    def show(self, record: object) -> None:
        """Write one record to stdout."""
        output.show_one(_plain(record), self.output)

    def show_many(self, records: Iterable[object]) -> None:
        """Write a list to stdout."""
        output.show_many((_plain(record) for record in records), self.output)

    def confirm(self, question: str) -> None:
        """Go on only when the administrator says so, or said --yes."""
        asking.confirm(question, yes=self.yes)

    def close(self) -> None:
        """Let go of the daemon."""
        if self._reach is not None:
            self._reach.close()


def _plain(record: object) -> dict[str, Any]:
    if isinstance(record, dict):
        return record
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain


def _options(
    context: typer.Context, config: ConfigOption = None, chosen: OutputOption = None, yes: YesOption = False
) -> None:
    """What every command takes, before its words and after them."""


def _show_version(wanted: bool) -> None:
    if wanted:
        from msgd import __version__

        sys.stdout.write(f"msgctl {__version__}\n")
        raise typer.Exit


def before_command(
    context: typer.Context,
    config: ConfigOption = None,
    chosen: OutputOption = None,
    yes: YesOption = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Keep what stands before the command."""
    context.obj = (config, chosen, yes)


def with_invocation(function: Callable[..., int | None]) -> Callable[..., None]:
    """Make a command of a function: its first parameter gets the `Invocation`, whose options it then takes as well.

    A number that the function returns is the exit code.
    """

    def command(**arguments: Any) -> None:
        context: typer.Context = arguments.pop("context")
        own = (arguments.pop("config"), arguments.pop("chosen"), arguments.pop("yes"))
        before = context.find_root().obj
        config, chosen, yes = (late or early for late, early in zip(own, before, strict=True))
        invocation = Invocation(config, chosen, yes=yes)
        try:
            code = function(invocation, **arguments)
        finally:
            invocation.close()
        if code:
            raise typer.Exit(code)

    parameters = list(_parameters(function))
    # Typer reads both.
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # PEP 362 gives functions one
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = function.__doc__
    return command


def _parameters(function: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    """The parameters of the function but its first, then those of every command."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    for parameter in (*own, *inspect.signature(_options).parameters.values()):
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
