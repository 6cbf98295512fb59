"""`make demo`: a daemon of one's own on this machine, an echo contact, and the terminal client signed in to it.

Everything stands in a folder of its own that is removed at the end. `--headless` prints a transcript instead: two
people meet, write, go away, come back, live through a restart of the daemon, and nothing is lost.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import anyio
import terminal
import transcript
from server import DemoFailed, Server


def main() -> int:
    """Run the demo; 0 when all went well."""
    parser = argparse.ArgumentParser(
        prog="make demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--headless", action="store_true", help="print a transcript; needs no terminal")
    arguments = parser.parse_args()
    if not arguments.headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("There is no terminal here: try `make demo ARGS=--headless`.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="msgd-demo-") as folder:
        try:
            with Server(Path(folder)) as server:
                if arguments.headless:
                    anyio.run(transcript.play, server)
                else:
                    terminal.open_client(server)
        except DemoFailed as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
