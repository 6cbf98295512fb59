"""Turns text from the wire into text that a terminal can only show: nothing in it moves, colors, reorders or hides.

What is left of a text: printable characters, at most `MAX_MARKS` combining marks on each, and line breaks where the
caller wants them. Everything else is replaced by something visible, and the places of the replacements are told, so
that a face can show them dimmed:

    C0 controls, DEL                ␛ and the other control pictures of U+2400
    C1, lone surrogates, bidi controls, zero-width and other format characters, tags, variation selectors that select
    nothing, private use, unassigned, U+2028, U+2029, blank fillers     ⟨U+202E⟩
    combining marks without a base  ◌ under them
    marks past the limit            ⟨+37⟩
    a run of the same replacement   ⟨U+200B ×500⟩
    regional indicators             the two letters, because terminals disagree about the width of flags

Emoji variation selectors, skin tones and the joiners between emoji are left out: terminals disagree about the width of
such sequences too, and the parts say what is meant.

Letters that are written from right to left stay as they are.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from rich.cells import get_character_cell_size

MAX_MARKS = 5
"""Combining marks on one base: Tibetan and pointed Hebrew need as many, and more only climb over other lines."""

MAX_BODY_CHARS = 20_000
"""How much of one message is shown; the protocol's default limit is 16,384 bytes."""

MAX_LINE_CHARS = 400
"""How much of a text that has one line is shown: a login, a note, a preview."""

_TAB = "    "
_NOTHING_ODD = re.compile(r"[ -~]*")
_NOTHING_ODD_LINES = re.compile(r"[ -~\n]*")
_BLANK = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0x2800}
_JOINERS = {0x200C, 0x200D}
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_REGIONAL = range(0x1F1E6, 0x1F200)

_KEEP, _SPACE, _MARK, _JOINER, _EMOJI_PART, _ODD, _TAB_KIND, _NEWLINE = range(8)


@dataclass(frozen=True, slots=True)
class SafeText:
    r"""Text that may be shown.

    Attributes:
        text: printable characters and, in a body, `\n`.
        odd: where replacements stand, as `(start, end)` offsets into `text`, in order.
    """

    text: str
    odd: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return self.text


def safe_body(text: str, max_chars: int = MAX_BODY_CHARS) -> SafeText:
    """The text of a message, with its line breaks. What is past `max_chars` is cut, and the cut is told."""
    if len(text) <= max_chars and _NOTHING_ODD_LINES.fullmatch(text):
        return SafeText(text)
    cut = len(text) - max_chars
    writer = _Writer(keep_newlines=True)
    writer.write(text[:max_chars].replace("\r\n", "\n"))
    if cut > 0:
        writer.replacement(f"⟨{cut} more characters are not shown⟩")
    return writer.done()


def safe_line(text: str, max_chars: int = MAX_LINE_CHARS) -> SafeText:
    """A text that is to stay on one line: line breaks become spaces, and what is past `max_chars` becomes `…`."""
    if len(text) <= max_chars and _NOTHING_ODD.fullmatch(text):
        return SafeText(text)
    writer = _Writer(keep_newlines=False)
    writer.write(text[:max_chars])
    if len(text) > max_chars:
        writer.plain("…")
    return writer.done()


@lru_cache(maxsize=4096)
def safe(text: str) -> str:
    """A short text on one line, for places that do not dim replacements: logins, device names, error sentences."""
    return safe_line(text).text


def for_editing(text: str) -> str:
    """A text that goes into an editor of ours: what would not be shown is taken out, line breaks and tabs stay."""
    return "".join(
        char
        for char in text.replace("\r\n", "\n").replace("\r", "\n")
        if char in "\n\t" or _kind(char) in (_KEEP, _SPACE, _MARK, _JOINER, _EMOJI_PART)
    )


@lru_cache(maxsize=16384)
def _kind(char: str) -> int:
    code = ord(char)
    if char == "\n":
        return _NEWLINE
    if char == "\t":
        return _TAB_KIND
    if code in _JOINERS:
        return _JOINER
    if code in (0xFE0E, 0xFE0F) or code in _SKIN_TONES:
        return _EMOJI_PART
    if code in _BLANK or code in _REGIONAL or 0xFE00 <= code <= 0xFE0D or 0xE0100 <= code <= 0xE01EF:
        return _ODD
    if code in (0x180B, 0x180C, 0x180D, 0x180F):
        return _ODD
    category = unicodedata.category(char)
    if category == "Zs":
        return _KEEP if code == 0x3000 else _SPACE
    if category[0] in "CZ":
        return _ODD
    # Vowels and finals of decomposed Hangul are letters, and yet they take no room of their own.
    if category[0] == "M" or get_character_cell_size(char) == 0:
        return _MARK
    return _KEEP


def _picture(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code in _REGIONAL:
        return chr(ord("A") + code - _REGIONAL.start)
    return f"⟨U+{code:04X}⟩"


def _is_emoji(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk")


class _Writer:
    """Writes one text, character by character."""

    def __init__(self, *, keep_newlines: bool) -> None:
        self._keep_newlines = keep_newlines
        self._parts: list[str] = []
        self._length = 0
        self._odd: list[tuple[int, int]] = []
        self._base: str | None = None
        self._marks = 0
        self._joined = False

    def plain(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def replacement(self, text: str) -> None:
        start = self._length
        self.plain(text)
        if self._odd and self._odd[-1][1] == start:
            start = self._odd.pop()[0]
        self._odd.append((start, self._length))

    def write(self, text: str) -> None:
        kinds: dict[int, Callable[[str, int], None]] = {
            _KEEP: self._keep,
            _SPACE: self._space,
            _MARK: self._mark,
            _JOINER: self._joiner,
            _EMOJI_PART: self._emoji_part,
            _ODD: self._strange,
            _TAB_KIND: self._tab,
            _NEWLINE: self._newline,
        }
        for char, run in groupby(text):
            kinds[_kind(char)](char, sum(1 for _ in run))
        self._end_marks()

    def done(self) -> SafeText:
        return SafeText("".join(self._parts), tuple(self._odd))

    def _end_marks(self) -> None:
        if self._marks > MAX_MARKS:
            self.replacement(f"⟨+{self._marks - MAX_MARKS}⟩")
        self._marks = 0

    def _start(self, base: str | None) -> None:
        """Something that is no mark comes next; `base` can carry marks."""
        self._end_marks()
        self._base = base
        self._joined = False

    def _keep(self, char: str, count: int) -> None:
        self._start(char)
        self.plain(char * count)

    def _space(self, _: str, count: int) -> None:
        self._start(None)
        self.plain(" " * count)

    def _tab(self, _: str, count: int) -> None:
        self._start(None)
        self.plain(_TAB * count)

    def _newline(self, _: str, count: int) -> None:
        self._start(None)
        self.plain("\n" * count if self._keep_newlines else " ")

    def _mark(self, char: str, count: int) -> None:
        if self._base is None:
            self._start("◌")
            self.replacement("◌")
        room = max(0, MAX_MARKS - self._marks)
        self._marks += count
        self.plain(char * min(count, room))

    def _joiner(self, char: str, count: int) -> None:
        # One joiner after a letter or its marks shapes Persian and Indic words. A second is there to deceive.
        if count == 1 and self._base is not None and not self._joined:
            if not _is_emoji(self._base):
                self._joined = True
                if unicodedata.category(self._base) == "Lo":
                    self.plain(char)
                    return
            elif char == "\u200d":
                self._joined = True
                return
        self._strange(char, count)

    def _emoji_part(self, char: str, count: int) -> None:
        if count == 1 and self._base is not None:
            return
        self._strange(char, count)

    def _strange(self, char: str, count: int) -> None:
        self._start(None)
        picture = _picture(char)
        if count <= 3 or char == "\r":
            self.replacement(picture * count)
        elif picture.startswith("⟨"):
            self.replacement(f"{picture[:-1]} ×{count}⟩")
        else:
            self.replacement(f"{picture}⟨×{count}⟩")
