"""The command `msgd`: read the configuration, serve until told to stop."""

import argparse
import os
import resource
import sys
from pathlib import Path

import msgspec
import trio

from msgd import __version__
from msgd.config import Address, ConfigError, Settings, load
from msgd.logs import writing

EXIT_FAILED = 1
EXIT_USAGE = 2
DEFAULT_CONFIG = Path("/etc/msgd/msgd.toml")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="msgd", description="A private messenger that you host yourself: the daemon.")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("MSGD_CONFIG", DEFAULT_CONFIG)),
        help="the configuration file (default: $MSGD_CONFIG, else %(default)s); `msgctl init` writes one",
    )
    parser.add_argument(
        "--ops-listen", metavar="HOST:PORT", help="where metrics and health are served; port 0 takes a free one"
    )
    parser.add_argument("--version", action="version", version=f"msgd {__version__}")
    return parser


def main() -> None:
    """Run the daemon. Exit codes: 0 stopped as told, 1 failed, 2 wrong usage or configuration."""
    arguments = _arguments().parse_args()

    def read_settings() -> Settings:
        settings = load(arguments.config, os.environ)
        if arguments.ops_listen is not None:
            at = Address.parse(arguments.ops_listen)
            settings = msgspec.structs.replace(settings, ops=msgspec.structs.replace(settings.ops, address=at))
        return settings

    try:
        settings = read_settings()
    except (ConfigError, ValueError) as error:
        print(f"msgd: {error}", file=sys.stderr)  # noqa: T201 - the log does not exist yet
        sys.exit(EXIT_USAGE)
    # The rest is imported here, so that a wrong configuration is told at once.
    from msgd.app import App, StartError  # noqa: PLC0415
    from msgd.net import ListenError  # noqa: PLC0415

    _raise_file_limit()
    with writing(settings.log, os.environ) as lines:
        try:
            trio.run(App(settings, read_settings, os.environ, lines).run)
        except* (StartError, ListenError) as group:
            for reason in _leaves(group):
                print(f"msgd: {reason}", file=sys.stderr)  # noqa: T201 - for the person who started it
            sys.exit(EXIT_FAILED)


def _raise_file_limit() -> None:
    """Each connection takes a descriptor: take as many as the system grants this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    main()
