"""Keys and commands, from the table of actions; typing narrows it down."""

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from msgtui.actions import ACTIONS, Scope, key_name
from msgtui.timeline.marks import MARKS, MEANINGS
from msgtui.wrap import wrap

_OTHERS = (
    ("Enter", "Send."),
    ("Alt-Enter, Ctrl-J", "Break the line."),
    ("↑", "In the empty composer: select the newest message."),
    ("PgUp, PgDn", "Read further up or down while writing."),
    ("Tab", "Complete a command; otherwise go to the next part of the screen."),
    ("Esc", "Leave an edit or an answer, then the conversation."),
    ("Ctrl-P", "The palette: every action by name."),
    ("Ctrl-Q", "Quit."),
)


_KEYS = 18
_COMMAND = 23
_COLUMNS = _KEYS + _COMMAND


class HelpScreen(ModalScreen[None]):
    """A list that is searched by typing; Escape closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "dismiss", show=False, priority=True),
        Binding("up", "scroll(-1)", show=False, priority=True),
        Binding("down", "scroll(1)", show=False, priority=True),
        Binding("pageup", "scroll(-10)", show=False, priority=True),
        Binding("pagedown", "scroll(10)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical { width: 92; max-width: 100%; height: 100%; max-height: 40; padding: 1 2;
        background: $panel; }
    HelpScreen Input { background: $surface; margin-bottom: 1; }
    HelpScreen #list { text-wrap: nowrap; }
    HelpScreen VerticalScroll { height: 1fr; scrollbar-size-vertical: 1;
        scrollbar-color: $surface; scrollbar-background: $panel; }
    """

    def __init__(self, word: str = "") -> None:
        super().__init__()
        self._word = word

    def compose(self) -> ComposeResult:
        """A field over the list."""
        with Vertical():
            yield Input(self._word, placeholder="Type to search; Esc closes", compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(id="list", markup=False)

    def on_mount(self) -> None:
        """Show everything, or what was asked for."""
        self._show(self._word)

    def action_scroll(self, lines: int) -> None:
        """Scroll while the field has the focus."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    @on(Input.Changed)
    def _on_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def on_resize(self) -> None:
        """Set the columns anew."""
        self._show(self.query_one(Input).value)

    def _show(self, word: str) -> None:
        width = self.query_one(VerticalScroll).size.width - 2
        wanted = word.strip().lower().lstrip("/")
        lines = [line for line, plain in _lines(max(20, width)) if wanted in plain.lower()]
        nothing = Content.styled("Nothing here by that word.", "$foreground-muted")
        self.query_one("#list", Static).update(Content("\n").join(lines) if lines else nothing)


def _lines(width: int) -> Iterator[tuple[Content, str]]:
    for action in ACTIONS:
        keys = ", ".join(key_name(key) for key in action.keys)
        if action.scope is Scope.MESSAGE and keys:
            keys = f"{keys}, on a message"
        command = f"/{action.commands[0]} {action.argument}".strip() if action.commands else ""
        yield (
            _row(keys, command, action.help, width),
            f"{keys} {' '.join(action.commands)} {action.title} {action.help}",
        )
    for keys, words in _OTHERS:
        yield _row(keys, "", words, width), f"{keys} {words}"
    for state, meaning in MEANINGS.items():
        yield _row(MARKS[state], "", f"Your message {meaning}.", width), f"{state} {meaning}"


def _row(keys: str, command: str, words: str, width: int) -> Content:
    """Three columns; where they do not fit, the words stand below."""
    if width < _COLUMNS + 30:
        both = "  ".join(part for part in (keys, command) if part)
        return Content.assemble((both, "bold $text-accent"), "\n", _hanging(words, width, 2))
    first = (f"{keys:<{_KEYS}}", "bold $text-accent"), (f"{command:<{_COMMAND}}", "bold")
    return Content.assemble(*first, _hanging(words, width, _COLUMNS).lstrip(" "))


def _hanging(words: str, width: int, indent: int) -> str:
    return "\n".join(" " * indent + words[start:end] for start, end in wrap(words, width - indent))
