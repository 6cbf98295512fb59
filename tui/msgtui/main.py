"""The command `msgtui`. What is heavy is imported only once it is needed, so that `--help` is quick."""

import argparse
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run the client; returns the exit code.

    0 after quitting, 1 when the profile cannot be used, 2 for a wrong command line, 128 plus the number after a signal.
    """
    options = _parser().parse_args(arguments)
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        sys.stderr.write("msgtui: this is a full-screen program and needs a terminal on stdin and stderr.\n")
        return 2

    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415 - see the module's docstring

    from msgclient import ServerAddress  # noqa: PLC0415
    from msgtui.app import MessengerApp, Options  # noqa: PLC0415

    theme = {"dark": "textual-dark", "light": "textual-light"}.get(options.theme, options.theme)
    if theme not in BUILTIN_THEMES:
        sys.stderr.write(
            f"msgtui: there is no theme {options.theme!r}; take one of {', '.join(sorted(BUILTIN_THEMES))}.\n"
        )
        return 2
    if options.server:
        try:
            ServerAddress.parse(options.server)
        except ValueError as error:
            sys.stderr.write(f"msgtui: {error}\n")
            return 2
    app = MessengerApp(Options(options.profile, options.server, options.data, theme))
    app.run()
    return app.return_code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="msgtui",
        description="A private messenger in the terminal. Without options it opens your account, or asks for a server.",
        epilog="Inside: F1 shows keys and commands, Ctrl-K finds people, Ctrl-Q quits. NO_COLOR=1 turns colors off.",
    )
    parser.add_argument(
        "--profile", default="default", metavar="NAME", help="which account of this computer (default: default)"
    )
    parser.add_argument(
        "--server", default="", metavar="ADDRESS", help="HOST, HOST:PORT or wss://HOST:PORT, for the first start"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where profiles are kept (default: $XDG_DATA_HOME/msgd)"
    )
    parser.add_argument(
        "--theme",
        default=os.environ.get("MSGTUI_THEME", "dark"),
        metavar="NAME",
        help="dark, light or a theme of Textual (default: $MSGTUI_THEME, or dark)",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow, and rarely asked for

        try:
            found = version("msgd")
        except PackageNotFoundError:
            found = "from a source tree"
        parser.exit(message=f"msgtui {found}\n")


if __name__ == "__main__":
    sys.exit(main())
