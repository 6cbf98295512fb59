"""Plain text tables: aligned columns, no figure without its unit."""

import math
from collections.abc import Sequence

GAP = "  "
MISSING = "–"


def number(value: float, digits: int = 0) -> str:
    """Write a number with thousands separated; a dash for NaN."""
    return MISSING if math.isnan(value) else f"{value:,.{digits}f}"


def share(value: float) -> str:
    """Write a share of one core as a percentage."""
    return MISSING if math.isnan(value) else f"{value:.0%}"


def render(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """Lay out one table.

    Args:
        title: The line above it.
        header: Column names; a name of several words may break at its spaces over several lines.
        rows: Cells as text, the first column aligned left and the others right.
        notes: For each row what stands behind its last cell, unaligned; shorter than `rows` is allowed.
    """
    names = [name.split(" ") for name in header]
    depth = max(len(parts) for parts in names)
    lines = [[""] * (depth - len(parts)) + parts for parts in names]
    heads = [[parts[level] for parts in lines] for level in range(depth)]
    widths = [max(len(row[column]) for row in [*heads, *rows]) for column in range(len(header))]

    def aligned(row: Sequence[str]) -> str:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        return GAP.join([row[0].ljust(widths[0]), *cells[1:]]).rstrip()

    ruled = GAP.join("-" * width for width in widths)
    tails = [*notes, *[""] * (len(rows) - len(notes))]
    body = [f"{aligned(row)}{GAP}{tail}".rstrip() for row, tail in zip(rows, tails, strict=True)]
    return "\n".join([title, "", *[aligned(head) for head in heads], ruled, *body])
