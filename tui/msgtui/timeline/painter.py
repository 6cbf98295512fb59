"""Paints one message as lines of cells. Pure: what it looks like depends on the arguments alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

import msgwire
from msgclient import LocalMessage, MessageState
from msgtui.safe_text import SafeText, safe, safe_body, safe_line
from msgtui.times import Calendar, duration
from msgtui.wrap import cell_len, cropped, wrap

from .marks import MARKS
from .marks import WIDTH as MARK_WIDTH
from .palette import Palette

MAX_TEXT_WIDTH = 92
"""Longer lines are hard to follow, however wide the terminal is."""

MAX_LINES = 400
"""Lines of one message that are shown; the rest is told, and `/copy` takes it whole."""

_BAR = 2
_ROOMY = 50
_CALLS: dict[tuple[str, bool], str] = {
    ("answered", True): "You called, {duration}",
    ("answered", False): "They called, {duration}",
    ("missed", True): "You called; no answer",
    ("missed", False): "Missed call",
    ("declined", True): "You called; declined",
    ("declined", False): "Call declined",
    ("busy", True): "You called; they were busy",
    ("busy", False): "Missed call: you were busy",
    ("failed", True): "Your call failed to connect",
    ("failed", False): "Their call failed to connect",
    ("cancelled", True): "You called and hung up before an answer",
    ("cancelled", False): "Missed call",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What stands around a message.

    Attributes:
        day: the name of the day, where the message is its first.
        is_first_unread: whether the line of new messages stands above it.
        has_head: whether the name stands above it; a run of messages of one person has one.
        state: how far it has come.
        reply: the message it answers: who, and the text; None when it answers none.
    """

    day: str | None
    is_first_unread: bool
    has_head: bool
    state: MessageState
    reply: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Painted:
    """Lines of a message; the first `above` of them are the day, the line of new messages and the name."""

    lines: list[Strip]
    above: int


class Painter:
    """Paints for one width and palette."""

    def __init__(self, width: int, palette: Palette, calendar: Calendar) -> None:
        self.width = width
        self._palette = palette
        self._calendar = calendar
        self._is_roomy = width >= _ROOMY
        right = 1 + MARK_WIDTH + (6 if self._is_roomy else 0) + 1
        self._text_width = max(4, min(MAX_TEXT_WIDTH, width - _BAR - right))
        self._line_width = min(width, _BAR + self._text_width + right)

    def paint(self, message: LocalMessage, setting: Setting) -> "Painted":
        """The lines of a message, and those that stand above it."""
        lines: list[Strip] = []
        if setting.day is not None:
            lines += [self._strip([]), self.rule(setting.day, self._palette.day)]
        if setting.is_first_unread:
            if setting.day is None:
                lines.append(self._strip([]))
            lines.append(self.rule("new", self._palette.unread))
        if setting.has_head:
            lines += [self._strip([]), self._head(message)]
        above = len(lines)
        lines += self._body(message, setting)
        if setting.state is MessageState.FAILED:
            lines += self._failure(message)
        return Painted(lines, above)

    def rule(self, words: str, style: Style) -> Strip:
        """A line across with words in it."""
        shown = cropped(words, max(1, self._line_width - 8))
        room = max(0, self._line_width - cell_len(shown) - 2 - _BAR)
        left = room // 2
        return self._strip([Segment("  " + "─" * left + f" {shown} " + "─" * (room - left), style)])

    def notice(self, words: str) -> list[Strip]:
        """Words in the middle, such as where the conversation begins."""
        width = max(4, self._line_width - 2 * _BAR)
        strips = []
        for start, end in wrap(words, width):
            left = (self._line_width - cell_len(words[start:end])) // 2
            strips.append(self._strip([Segment(" " * left), Segment(words[start:end], self._palette.quiet)]))
        return strips

    def _strip(self, segments: list[Segment]) -> Strip:
        return Strip(segments).adjust_cell_length(self.width)

    def _bar(self, message: LocalMessage) -> Segment:
        return Segment("▎ ", self._palette.my_bar) if message.outgoing else Segment("  ", self._palette.peer_bar)

    def _head(self, message: LocalMessage) -> Strip:
        name, style = (
            ("You", self._palette.me) if message.outgoing else (safe(message.sender_login), self._palette.peer)
        )
        segments = [self._bar(message), Segment(cropped(name, self._text_width), style)]
        if not self._is_roomy:
            segments.append(Segment(f"  {self._calendar.clock(message.sent_at)}", self._palette.quiet))
        return self._strip(segments)

    def _body(self, message: LocalMessage, setting: Setting) -> list[Strip]:
        rows = [*self._quote(message, setting), *self._text_rows(message)]
        strips = []
        for index, row in enumerate(rows):
            segments = [self._bar(message), *row]
            if index == len(rows) - 1:
                used = sum(cell_len(segment.text) for segment in row)
                segments += [Segment(" " * (self._text_width - used)), *self._right(message, setting)]
            strips.append(self._strip(segments))
        return strips

    def _right(self, message: LocalMessage, setting: Setting) -> list[Segment]:
        style = {MessageState.FAILED: self._palette.failure, MessageState.READ: self._palette.read}
        clock = f" {self._calendar.clock(message.sent_at)}" if self._is_roomy else ""
        mark = f" {MARKS[setting.state]}" if message.call is None and not message.deleted else ""
        return [
            Segment(clock, self._palette.quiet),
            Segment(mark, style.get(setting.state, self._palette.quiet)),
        ]

    def _quote(self, message: LocalMessage, setting: Setting) -> Iterator[list[Segment]]:
        if message.reply_to is None:
            return
        words = "↳ an earlier message"
        if setting.reply is not None:
            words = f"↳ {safe(setting.reply[0])}: {safe_line(setting.reply[1], 200).text}"
        yield [Segment(cropped(words, self._text_width), self._palette.quiet)]

    def _text_rows(self, message: LocalMessage) -> Iterator[list[Segment]]:
        if message.call is not None:
            yield [Segment(cropped(f"☎ {call_words(message.call)}", self._text_width), self._palette.call)]
            return
        if message.deleted:
            yield [Segment(cropped("This message was deleted.", self._text_width), self._palette.quiet)]
            return
        body = safe_body(message.text)
        lines = wrap(body.text, self._text_width, MAX_LINES + 1)
        is_cut = len(lines) > MAX_LINES
        rows = [self._styled(body, start, end) for start, end in lines[:MAX_LINES]]
        if is_cut:
            rows.append([Segment(cropped("… the rest is not shown", self._text_width), self._palette.quiet)])
        if message.edited_at is not None:
            note = " (edited)"
            used = sum(cell_len(segment.text) for segment in rows[-1])
            if used + len(note) <= self._text_width:
                rows[-1].append(Segment(note, self._palette.quiet))
            else:
                rows.append([Segment(note.strip(), self._palette.quiet)])
        yield from rows

    def _styled(self, body: SafeText, start: int, end: int) -> list[Segment]:
        segments, at = [], start
        for odd_start, odd_end in body.odd:
            if odd_end <= at or odd_start >= end:
                continue
            if odd_start > at:
                segments.append(Segment(body.text[at:odd_start], self._palette.text))
            at, stop = max(at, odd_start), min(end, odd_end)
            segments.append(Segment(body.text[at:stop], self._palette.odd))
            at = stop
        if at < end or not segments:
            segments.append(Segment(body.text[at:end], self._palette.text))
        return segments

    def _failure(self, message: LocalMessage) -> Iterator[Strip]:
        words = f"Not sent: {safe(message.failure_text or message.failure or 'refused')}"
        for start, end in wrap(words, self._text_width):
            yield self._strip([self._bar(message), Segment(words[start:end], self._palette.failure)])
        hint = "↑ selects · Shift-R resends · X discards"
        yield self._strip([self._bar(message), Segment(cropped(hint, self._text_width), self._palette.quiet)])


def call_words(call: msgwire.CallItem) -> str:
    """A call that has ended, in words."""
    words = _CALLS.get((call.outcome, call.direction == "outgoing"), "Call")
    return words.format(duration=duration(call.duration_ms))
