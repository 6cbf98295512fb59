"""The timeline: one conversation's messages, painted line by line, which keeps its place while things change."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from msgclient import LocalMessage
from msgtui.actions import ACTIONS, Scope
from msgtui.timeline.layout import FindReply, Layout, Marks
from msgtui.timeline.painter import Painter
from msgtui.timeline.palette import COMPONENTS, Palette
from msgtui.timeline.window import Window
from msgtui.times import Calendar

from .ink import ground, ink

_NEAR = 2
"""How many screens from the edge of the window more messages are asked for."""


class Timeline(ScrollView, can_focus=True):
    """Shows a window of messages. With the focus it has a selected message, for everything one does to a message."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS)
    DEFAULT_CSS = """
    Timeline {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        scrollbar-color: $panel;
        scrollbar-background: $background;
        background: $background;
        color: $foreground;
    }
    Timeline > .timeline--text { color: $foreground; }
    Timeline > .timeline--quiet { color: $foreground-muted; }
    Timeline > .timeline--odd { color: $text-warning; text-style: dim; }
    Timeline > .timeline--me { color: $text-primary; text-style: bold; }
    Timeline > .timeline--peer { color: $text-secondary; text-style: bold; }
    Timeline > .timeline--my-bar { color: $primary; }
    Timeline > .timeline--peer-bar { color: $surface; }
    Timeline > .timeline--day { color: $foreground-muted; }
    Timeline > .timeline--unread { color: $text-accent; text-style: bold; }
    Timeline > .timeline--failure { color: $text-error; }
    Timeline > .timeline--call { color: $foreground-muted; text-style: italic; }
    Timeline > .timeline--read { color: $text-success; }
    Timeline > .timeline--selected { background: $primary 30%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "select(-1)", show=False),
        Binding("down,j", "select(1)", show=False),
        Binding("escape,i", "leave", show=False),
        *(
            Binding(key, f"screen.do('{action.id}')", action.title, show=False)
            for action in ACTIONS
            if action.scope is Scope.MESSAGE
            for key in action.keys
        ),
    ]

    selected: reactive[int | None] = reactive(None)
    """The `local_id` of the selected message."""

    class OlderWanted(Message):
        """The top is near: more messages are wanted before the first."""

    class NewerWanted(Message):
        """The bottom of a window that ends before the newest message is near."""

    class Moved(Message):
        """Something else is in view."""

    class Selected(Message):
        """Another message is selected, or none."""

    class Left(Message):
        """The selection went past the newest message: the person wants to write again."""

    def __init__(self, calendar: Calendar, now_ms: Callable[[], int], find_reply: FindReply, id: str) -> None:
        super().__init__(id=id)
        self._calendar = calendar
        self._now_ms = now_ms
        self._layout = Layout(calendar, find_reply)
        self._painter: Painter | None = None
        self.window = Window()
        self.marks = Marks()
        self.heading = ""
        self._follows = True
        self._asked = False
        self._is_arranging = False
        self._target: int | None = None

    # What it shows. Each of these ends in one `rearrange`, which the caller does once for a burst.

    def show(self, messages: Sequence[LocalMessage], marks: Marks, *, reaches_end: bool = True) -> None:
        """Show another window, at its first unread message or its end."""
        self.window = Window(messages, reaches_end=reaches_end)
        self.marks = marks
        self.selected = None
        first = None if marks.first_unread is None else self.window.index_of_id(marks.first_unread)
        self._target = None if first is None else self.window.messages[first].local_id
        self._follows = self._target is None
        self.rearrange()

    def show_at(self, messages: Sequence[LocalMessage], marks: Marks, message_id: str) -> None:
        """Show a window around one message, and select that."""
        self.window = Window(messages, reaches_end=False)
        self.marks = marks
        self._follows = False
        index = self.window.index_of_id(message_id)
        if index is not None:
            self.selected = self._target = self.window.messages[index].local_id
        self.rearrange()

    def rearrange(self) -> None:
        """Lay out what the window holds now, and stay where the reader is."""
        width = self.scrollable_content_region.width
        if width < 4:
            return
        if self._painter is None or self._painter.width != width:
            styles = {name: self._style_of(name) for name in Palette.names()}
            self._painter = Painter(width, Palette(**styles), self._calendar)
        follows, anchor = self._follows, None if self._follows else self._anchor()
        self._is_arranging = True
        self._layout.arrange(self.window.messages, self.heading, self._painter, self.marks, self._now_ms())
        self.virtual_size = Size(width, self._layout.height)
        if self._target is not None:
            target, self._target = self._target, None
            self._put_in_view(target)
        elif follows:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)
        elif anchor is not None:
            lines = self._layout.lines_of(anchor[0])
            if lines:
                self.scroll_to(y=lines.start + anchor[1], animate=False, immediate=True)
        self._is_arranging = False
        self._follows = self.scroll_y >= self.max_scroll_y - 0.5
        self._asked = False
        self._ask_for_more()
        self.refresh()
        self.post_message(self.Moved())

    # Where it is.

    @property
    def follows(self) -> bool:
        """Whether the newest message is in view, and new ones scroll in."""
        return self._follows and self.window.reaches_end

    def to_end(self) -> None:
        """Go to the end of the window and follow it."""
        self._follows = True
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def newest_seen(self) -> LocalMessage | None:
        """The newest message of the peer that is in view, or above it."""
        if not self.size.height:
            return None
        return self._layout.newest_incoming_above(round(self.scroll_y) + self.size.height - self._padding)

    def selected_message(self) -> LocalMessage | None:
        """The selected message."""
        index = None if self.selected is None else self.window.index_of(self.selected)
        return None if index is None else self.window.messages[index]

    def select(self, step: int) -> None:
        """Move the selection by so many messages; from nowhere it starts at the newest one."""
        messages = self.window.messages
        if not messages:
            return
        index = None if self.selected is None else self.window.index_of(self.selected)
        index = len(messages) - 1 if index is None else index + step
        if index >= len(messages):
            self.post_message(self.Left())
            return
        self.selected = messages[max(0, index)].local_id
        self._make_visible(self.selected)

    # Textual's side.

    @property
    def _padding(self) -> int:
        """Empty lines above a conversation that is shorter than the screen: messages stand at the bottom."""
        return max(0, self.size.height - self._layout.height)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        at = round(self.scroll_y) + y - self._padding
        strip = self._layout.line(at)
        width = self.scrollable_content_region.width
        if strip is None:
            return Strip.blank(width, self.rich_style)
        if self.selected is not None and at in self._layout.body_of(self.selected) and self._painter is not None:
            strip = strip.apply_style(self._style_of("selected"))
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end exactly when it is in view."""
        super().watch_scroll_y(old_value, new_value)
        if self._is_arranging:
            return
        self._follows = new_value >= self.max_scroll_y - 0.5
        self._ask_for_more()
        self.post_message(self.Moved())

    def watch_selected(self) -> None:
        """Show the selection."""
        self.refresh()
        self.post_message(self.Selected())

    def action_select(self, step: int) -> None:
        """Move the selection."""
        self.select(step)

    def action_leave(self) -> None:
        """Back to writing."""
        self.post_message(self.Left())

    def on_resize(self) -> None:
        """Lay out for the new width."""
        self.rearrange()

    def on_mount(self) -> None:
        """Paint anew when the theme changes."""
        self.watch(self.app, "theme", self._repaint, init=False)

    def on_focus(self) -> None:
        """The keys act on a message now."""
        if self.selected is None:
            self.select(0)

    def on_blur(self) -> None:
        """The keys act on something else."""
        self.selected = None

    def on_click(self, event: events.Click) -> None:
        """Select what was clicked."""
        message = self._layout.message_at(round(self.scroll_y) + event.y - self._padding)
        if message is not None:
            self.selected = message.local_id

    def _style_of(self, name: str) -> Style:
        component = f"timeline--{name.replace('_', '-')}"
        return ground(self, component) if name == "selected" else ink(self, component)

    def _repaint(self) -> None:
        self._painter = None
        self.call_after_refresh(self.rearrange)

    def _anchor(self) -> tuple[int, int] | None:
        """The message at the top of the screen, and how many of its lines are above."""
        top = round(self.scroll_y)
        for y in (top, top + 1, top + 2):
            message = self._layout.message_at(y)
            if message is not None:
                return message.local_id, top - self._layout.lines_of(message.local_id).start
        return None

    def _put_in_view(self, local_id: int) -> None:
        """With a few lines of what was said before."""
        lines = self._layout.lines_of(local_id)
        self.scroll_to(y=max(0, lines.start - self.size.height // 4), animate=False, immediate=True)

    def _make_visible(self, local_id: int) -> None:
        lines = self._layout.lines_of(local_id)
        top, height = round(self.scroll_y), self.size.height
        if lines.start < top:
            self.scroll_to(y=lines.start, animate=False, immediate=True)
        elif lines.stop > top + height:
            self.scroll_to(y=min(lines.start, lines.stop - height), animate=False, immediate=True)

    def _ask_for_more(self) -> None:
        if self._asked or not self.size.height:
            return
        if self.scroll_y < _NEAR * self.size.height:
            self._asked = True
            self.post_message(self.OlderWanted())
        elif not self.window.reaches_end and self.max_scroll_y - self.scroll_y < _NEAR * self.size.height:
            self._asked = True
            self.post_message(self.NewerWanted())
