#!/usr/bin/env python3
"""Write the reference pages that come from code; with --check, say which are stale and exit 1."""

import sys
from collections.abc import Callable
from pathlib import Path

from msgd.config import reference as configuration
from msgd.metrics import page as metrics
from msgwire import reference

HERE = Path(__file__).parent

PAGES: dict[str, Callable[[], bytes]] = {
    "protocol.md": lambda: reference.markdown().encode(),
    "protocol.schema.json": reference.json_schema,
    "configuration.md": lambda: configuration.page().encode(),
    "metrics.md": lambda: metrics.page().encode(),
}


def main() -> int:
    """Write or check every page."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, content = HERE / name, make()
        if not path.exists() or path.read_bytes() != content:
            stale.append(name)
            if not check:
                path.write_bytes(content)
    if stale:
        print(("stale, run `make docs`: " if check else "wrote ") + ", ".join(stale), file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
