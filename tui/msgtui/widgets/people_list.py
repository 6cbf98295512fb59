"""The list on the left: requests, conversations and contacts, two lines each."""

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from msgtui.roster import PRESENCE, Row, RowKind
from msgtui.times import Calendar
from msgtui.wrap import cell_len, cropped

from .ink import ground, ink

_LINES = 2
_EMPTY = ("Nobody here yet.", "", "Press Ctrl-K and type", "a login to find people.")


class PeopleList(ScrollView, can_focus=True):
    """Shows rows; Enter or a click opens one. The open one stays marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "people--name",
        "people--unread-name",
        "people--quiet",
        "people--draft",
        "people--count",
        "people--request",
        "people--online",
        "people--away",
        "people--dnd",
        "people--offline",
        "people--open",
        "people--cursor",
    }
    DEFAULT_CSS = """
    PeopleList {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-color: $panel;
        scrollbar-background: $surface;
        background: $surface;
        color: $foreground;
    }
    PeopleList > .people--name { color: $foreground; }
    PeopleList > .people--unread-name { color: $foreground; text-style: bold; }
    PeopleList > .people--quiet { color: $foreground-muted; }
    PeopleList > .people--draft { color: $text-warning; }
    PeopleList > .people--count { color: $text-accent; text-style: bold; }
    PeopleList > .people--request { color: $text-warning; text-style: bold; }
    PeopleList > .people--online { color: $text-success; }
    PeopleList > .people--away { color: $text-warning; }
    PeopleList > .people--dnd { color: $text-error; }
    PeopleList > .people--offline { color: $foreground-muted; }
    PeopleList > .people--open { background: $primary 25%; }
    PeopleList > .people--cursor { background: $primary 45%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("home", "step(-100000)", show=False),
        Binding("end", "step(100000)", show=False),
        Binding("pageup", "step(-5)", show=False),
        Binding("pagedown", "step(5)", show=False),
        Binding("enter", "open", show=False),
        Binding("a", "answer('accept')", show=False),
        Binding("d", "answer('decline')", show=False),
        Binding("b", "answer('block')", show=False),
    ]

    open_uid: reactive[str | None] = reactive(None)
    """Whose conversation is open."""

    cursor: reactive[str | None] = reactive(None)
    """Whose row the keys act on."""

    class Opened(Message):
        """A row was chosen."""

        def __init__(self, uid: str) -> None:
            super().__init__()
            self.uid = uid

    class Answered(Message):
        """A contact request was answered on its row; `action_id` is one of the table's."""

        def __init__(self, uid: str, action_id: str) -> None:
            super().__init__()
            self.uid = uid
            self.action_id = action_id

    class Pointed(Message):
        """The cursor stands on another row."""

    def __init__(self, calendar: Calendar, now_ms: Callable[[], int], id: str) -> None:
        super().__init__(id=id)
        self._calendar = calendar
        self._now_ms = now_ms
        self._rows: list[Row] = []

    @property
    def rows(self) -> list[Row]:
        """What is shown."""
        return self._rows

    def show(self, rows: list[Row]) -> None:
        """Show these rows; the cursor stays on its person."""
        if rows == self._rows:
            return
        self._rows = rows
        if self._index(self.cursor) is None:
            self.cursor = rows[0].uid if rows else None
        self.virtual_size = Size(self.scrollable_content_region.width, _LINES * len(rows))
        self.refresh()

    def row(self, uid: str | None) -> Row | None:
        """The row of an account."""
        index = self._index(uid)
        return None if index is None else self._rows[index]

    def neighbor(self, step: int) -> str | None:
        """The account that stands so many rows from the open one."""
        if not self._rows:
            return None
        index = self._index(self.open_uid)
        if index is None:
            return self._rows[0].uid
        return self._rows[min(len(self._rows) - 1, max(0, index + step))].uid

    def next_unread(self) -> str | None:
        """The next account after the open one that has written or asked something."""
        start = (self._index(self.open_uid) or 0) + 1
        around = [*self._rows[start:], *self._rows[:start]]
        return next((row.uid for row in around if row.unread or row.kind is RowKind.REQUEST), None)

    def action_step(self, step: int) -> None:
        """Move the cursor."""
        if self._rows:
            index = (self._index(self.cursor) or 0) + step
            self.cursor = self._rows[min(len(self._rows) - 1, max(0, index))].uid

    def action_open(self) -> None:
        """Open the row of the cursor."""
        if self.cursor is not None:
            self.post_message(self.Opened(self.cursor))

    def action_answer(self, action_id: str) -> None:
        """Answer the request that the cursor stands on; other rows have nothing to answer."""
        row = self.row(self.cursor)
        if row is not None and row.kind is RowKind.REQUEST:
            self.post_message(self.Answered(row.uid, action_id))

    def on_click(self, event: events.Click) -> None:
        """Open the row under the mouse."""
        index = (round(self.scroll_y) + event.y) // _LINES
        if 0 <= index < len(self._rows):
            self.cursor = self._rows[index].uid
            self.action_open()

    def on_resize(self) -> None:
        """Keep the virtual size at the width."""
        self.virtual_size = Size(self.scrollable_content_region.width, _LINES * len(self._rows))

    def watch_open_uid(self, uid: str | None) -> None:
        """The cursor goes with what is open."""
        if self._index(uid) is not None:
            self.cursor = uid
        self.refresh()

    def watch_cursor(self, uid: str | None) -> None:
        """Keep the cursor in view."""
        index = self._index(uid)
        if index is not None and self.size.height:
            top, height = round(self.scroll_y), self.size.height
            if index * _LINES < top:
                self.scroll_to(y=index * _LINES, animate=False, immediate=True)
            elif (index + 1) * _LINES > top + height:
                self.scroll_to(y=(index + 1) * _LINES - height, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Pointed())

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        index, part = divmod(round(self.scroll_y) + y, _LINES)
        if not self._rows:
            words = _EMPTY[y - 1] if 0 < y <= len(_EMPTY) else ""
            strip = Strip([Segment(f"  {cropped(words, width - 2)}", self._style("quiet"))])
        elif index < len(self._rows):
            strip = self._paint(self._rows[index], part, width)
        else:
            return Strip.blank(width, self.rich_style)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def _paint(self, row: Row, part: int, width: int) -> Strip:
        left, right = self._first_line(row) if part == 0 else self._second_line(row)
        used = cell_len(right.text)
        room = width - used - 1 - sum(cell_len(segment.text) for segment in left[:-1])
        name = Segment(cropped(left[-1].text, room), left[-1].style)
        gap = " " * max(0, room - cell_len(name.text))
        strip = Strip([*left[:-1], name, Segment(gap), right, Segment(" ")]).adjust_cell_length(width)
        if row.uid == self.cursor and self.has_focus:
            return strip.apply_style(self._style("cursor"))
        return strip.apply_style(self._style("open")) if row.uid == self.open_uid else strip

    def _first_line(self, row: Row) -> tuple[list[Segment], Segment]:
        edge = Segment("▌" if row.uid == self.open_uid else " ", self._style("count"))
        if row.kind is RowKind.REQUEST:
            return [edge, Segment("? ", self._style("request")), Segment(row.login, self._style("request"))], Segment(
                ""
            )
        sign = PRESENCE[row.status][0] if row.status in PRESENCE else "·"
        mark = Segment(f"{sign} ", self._style(row.status if row.status in PRESENCE else "offline"))
        name = Segment(row.login, self._style("unread-name" if row.unread else "name"))
        when = "" if row.at is None else f" {self._calendar.brief(row.at, self._now_ms())}"
        return [edge, mark, name], Segment(when, self._style("quiet"))

    def _second_line(self, row: Row) -> tuple[list[Segment], Segment]:
        edge = Segment("▌  " if row.uid == self.open_uid else "   ", self._style("count"))
        count = f" {min(row.unread, 999)}{'+' if row.unread > 999 else ''}" if row.unread else ""
        if row.is_draft:
            return [
                edge,
                Segment("Draft: ", self._style("draft")),
                Segment(row.preview, self._style("quiet")),
            ], Segment(count, self._style("count"))
        return [edge, Segment(row.preview, self._style("quiet"))], Segment(count, self._style("count"))

    def _style(self, name: str) -> Style:
        component = f"people--{name}"
        return ground(self, component) if name in ("open", "cursor") else ink(self, component)

    def _index(self, uid: str | None) -> int | None:
        return next((index for index, row in enumerate(self._rows) if row.uid == uid), None)
