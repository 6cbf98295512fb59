"""What is asked of the administrator: only on a terminal; elsewhere the flag that answers is named."""

import getpass
import sys
from pathlib import Path

from msgctl.failures import Failure

# A password has at most 256 characters, so four bytes each and a line end; more is the wrong file.
_SECRET_MAX_BYTES = 4096


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, flag: str, default: str | None = None) -> str:
    """Ask for a value.

    Raises:
        Failure: `usage`, naming the flag, where there is no terminal.
    """
    if not has_terminal():
        raise Failure("usage", f"{flag} is missing, and there is no terminal to ask on.")
    shown = f" [{default}]" if default else ""
    answer = _line(f"{question}{shown}: ")
    while not answer and default is None:
        answer = _line(f"{question}: ")
    return answer or default or ""


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when the administrator says so.

    Raises:
        Failure: `usage` without a terminal, `declined` when they say no.
    """
    if yes:
        return
    if not has_terminal():
        raise Failure("usage", f"{question} There is no terminal to ask on: say --yes.")
    if _line(f"{question} [y/N]: ").lower() not in {"y", "yes"}:
        raise Failure("declined", "Nothing was done.")


def _line(prompt: str) -> str:
    """Ask on stderr, all of it: input() and typer's prompts write to stdout, where only data belongs.

    Raises:
        KeyboardInterrupt: The terminal was closed, or Ctrl-D was typed.
    """
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line.strip()


def password(*, from_stdin: bool, from_file: Path | None) -> str | None:
    """Take a password from where the flags say, or from a terminal, typed twice; None where neither is there.

    Raises:
        Failure: Both flags were given, the source is unusable, or the two did not agree.
    """
    if from_stdin and from_file is not None:
        raise Failure("usage", "Say --password-stdin or --password-file, not both.")
    if from_stdin:
        return _first_line(sys.stdin.buffer.readline(_SECRET_MAX_BYTES + 1), "stdin")
    if from_file is not None:
        try:
            with from_file.open("rb") as file:
                return _first_line(file.readline(_SECRET_MAX_BYTES + 1), str(from_file))
        except OSError as error:
            raise Failure("usage", f"{from_file} cannot be read: {error.strerror}.") from error
    if not has_terminal():
        return None
    return _typed_twice()


def _typed_twice() -> str:
    # getpass goes to the terminal itself, and only shows its prompt once the echo is off.
    typed = getpass.getpass("Password: ", stream=sys.stderr)
    if not typed:
        raise Failure("usage", "An empty password is none.")
    if getpass.getpass("Repeat it: ", stream=sys.stderr) != typed:
        raise Failure("usage", "The two passwords are not the same; nothing was done.")
    return typed


def _first_line(line: bytes, source: str) -> str:
    """Take the line without its end; spaces belong to the password."""
    if len(line) > _SECRET_MAX_BYTES:
        raise Failure("usage", f"The first line of {source} is too long for a password.")
    try:
        text = line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Failure("usage", f"The first line of {source} is not UTF-8 text.") from None
    if not text:
        raise Failure("usage", f"The first line of {source} is empty.")
    return text
