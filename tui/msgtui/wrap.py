"""Breaks safe text into lines of so many cells. Pure."""

from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size

__all__ = ["cell_len", "cropped", "wrap"]


def wrap(text: str, width: int, max_lines: int | None = None) -> list[tuple[int, int]]:
    r"""The lines of `text` as `(start, end)` offsets, each at most `width` cells.

    Breaks at spaces, which are swallowed; else after wide characters; else wherever the line is full. A base and its
    marks stay together. At least one line comes back, and at most `max_lines`.

    Args:
        text: safe text; `\n` always breaks.
        width: at least 2, so that a wide character fits.
        max_lines: stop there; the caller sees from the last offset that there is more.
    """
    lines: list[tuple[int, int]] = []
    start = 0
    for paragraph in text.split("\n"):
        end = start + len(paragraph)
        if len(paragraph) <= width and paragraph.isascii():
            lines.append((start, end))
        else:
            _break(text, start, end, max(2, width), lines)
        if max_lines is not None and len(lines) >= max_lines:
            return lines[:max_lines]
        start = end + 1
    return lines


def _break(text: str, start: int, end: int, width: int, lines: list[tuple[int, int]]) -> None:
    line, cells = start, 0
    chance = None  # the last place where the line may break, as (end of this line, start of the next)
    index = start
    while index < end:
        char = text[index]
        size = get_character_cell_size(char)
        if char == " ":
            if cells >= width:
                # The line is full to the last cell: the spaces after it are the break.
                following = _after_spaces(text, index, end)
                lines.append((line, index))
                line, cells, chance, index = following, 0, None, following
                continue
            if index > line:
                chance = (index, index + 1)
        if cells + size > width:
            stop, following = chance if chance is not None else (index, index)
            lines.append((line, stop))
            line, chance, index = following, None, following
            cells = 0
            continue
        cells += size
        index += 1
        if size == 2 and (index >= end or get_character_cell_size(text[index]) > 0):
            chance = (index, index)
    lines.append((line, end))


def _after_spaces(text: str, index: int, end: int) -> int:
    while index < end and text[index] == " ":
        index += 1
    return index


@lru_cache(maxsize=4096)
def cropped(text: str, width: int) -> str:
    """One line cut to at most `width` cells, with `…` where something was cut."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, cells = 0, 0
    for index, char in enumerate(text):
        size = get_character_cell_size(char)
        if cells + size > width - 1:
            break
        cells += size
        kept = index + 1
    return f"{text[:kept]}…"
