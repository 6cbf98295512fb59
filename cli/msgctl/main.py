"""The entry point: runs one command, and gives every way that it can end its message and its exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from itertools import zip_longest

import typer

from msgctl import failures
from msgctl.failures import Failure
from msgctl.output import Output, ReaderGone, show_failure
from msgctl.table import build

# What typer raises for wrong usage: click's class, which typer brings along and does not name itself.
_USAGE_ERROR: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError")


def main() -> None:
    """Run the command of this process."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its escape; no command fails for that.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are TextIOWrapper here
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command, and give the exit code."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGone):
        # The reader of stdout had enough. Nothing more may be written, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failures.BROKEN_PIPE
    except Failure as failure:
        show_failure(failure, requested_output(arguments))
        return failure.exit_code
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("\n")
        return failures.INTERRUPTED
    except BaseExceptionGroup as group:
        # Ctrl-C while an event loop works on the store.
        if group.subgroup(KeyboardInterrupt) is None:
            traceback.print_exc()
            return failures.DEFECT
        return failures.INTERRUPTED
    except Exception:  # A defect; to a script it must not look like an answer.
        traceback.print_exc()
        return failures.DEFECT
    return code


def _run(arguments: Sequence[str]) -> int:
    command = typer.main.get_command(build())
    try:
        code = command.main(args=list(arguments), prog_name="msgctl", standalone_mode=False)
    except Exception as error:
        if not isinstance(error, _USAGE_ERROR):
            raise
        raise Failure("usage", _usage(error)) from error
    return code if isinstance(code, int) else failures.DONE


def _usage(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "msgctl"
    sentence: str = error.format_message()  # type: ignore[attr-defined]  # click's errors have it
    return f"{sentence} Help: {path} --help"


def requested_output(arguments: Sequence[str]) -> Output:
    """Find the format of errors in the arguments themselves, as they may be what could not be read."""
    found = Output.TABLE
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        name, equals, value = argument.partition("=")
        if name in {"--output", "-o"}:
            chosen = value if equals else following
            found = Output(chosen) if chosen in set(Output) else found
    return found


if __name__ == "__main__":
    main()
