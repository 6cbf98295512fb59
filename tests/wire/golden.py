"""The golden vectors: one JSON object for each form of each frame, as it stands on the wire."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def vectors(direction: str) -> list[dict[str, Any]]:
    """The vectors of `client` or `server` frames."""
    loaded: list[dict[str, Any]] = json.loads((HERE / f"{direction}_frames.json").read_text(encoding="utf-8"))
    return loaded
