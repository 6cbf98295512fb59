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

from msgtui.actions import ACTIONS, Action, Scope, key_name
from msgtui.timeline.marks import MARKS, MEANINGS

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
    HelpScreen > Vertical { width: 86; max-width: 100%; height: 100%; max-height: 40; padding: 1 2;
        background: $panel; }
    HelpScreen Input { background: $surface; margin-bottom: 1; }
    HelpScreen VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
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

    def _show(self, word: str) -> None:
        is_narrow = self.app.size.width < 60
        lines = [line for line, plain in _lines(is_narrow) if word.strip().lower().lstrip("/") in plain.lower()]
        nothing = Content.styled("Nothing here by that word.", "$foreground-muted")
        self.query_one("#list", Static).update(Content("\n").join(lines) if lines else nothing)


def _lines(is_narrow: bool) -> Iterator[tuple[Content, str]]:
    for action in ACTIONS:
        keys = ", ".join(key_name(key) for key in action.keys)
        if action.scope is Scope.MESSAGE and keys:
            keys = f"{keys} (message)"
        command = f"/{action.commands[0]} {action.argument}".strip() if action.commands else ""
        yield _line(keys, command, action, is_narrow)
    for keys, words in _OTHERS:
        yield _row(keys, "", words, is_narrow), f"{keys} {words}"
    for state, meaning in MEANINGS.items():
        yield _row(MARKS[state], "", f"Your message {meaning}.", is_narrow), f"{state} {meaning}"


def _line(keys: str, command: str, action: Action, is_narrow: bool) -> tuple[Content, str]:
    names = " ".join(action.commands)
    return _row(keys, command, action.help, is_narrow), f"{keys} {names} {action.title} {action.help}"


def _row(keys: str, command: str, words: str, is_narrow: bool) -> Content:
    if is_narrow:
        both = "  ".join(part for part in (keys, command) if part)
        return Content.assemble((both, "bold $text-accent"), "\n  ", words)
    return Content.assemble((f"{keys:<18}", "bold $text-accent"), (f"{command:<22}", "bold"), words)
