"""The question that nobody must answer by habit: the server shows another certificate than before."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from msgclient import CertificateChanged
from msgtui.safe_text import safe

from .certificate import fingerprint_lines

_WORD = "trust"


class CertificateChangedScreen(Screen[bool]):
    """Fills the screen and stops by default: going on takes a typed word."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(False)", show=False)]
    AUTO_FOCUS = "#stop"
    DEFAULT_CSS = """
    CertificateChangedScreen { background: $error-darken-3; color: $text; align: center middle; }
    CertificateChangedScreen > Vertical { width: 76; max-width: 100%; height: 100%; max-height: 17;
        padding: 0 1; background: $surface; color: $foreground; border: heavy $error; }
    CertificateChangedScreen VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    CertificateChangedScreen .title { text-style: bold; color: $text-error; }
    CertificateChangedScreen .label { color: $foreground-muted; }
    CertificateChangedScreen .print { text-style: bold; padding: 0 2; }
    CertificateChangedScreen #advice { margin: 1 0; }
    CertificateChangedScreen Horizontal { height: 1; margin-top: 1; }
    CertificateChangedScreen Input { width: 1fr; }
    CertificateChangedScreen Button { margin-left: 1; min-width: 0; padding: 0 1; }
    """

    def __init__(self, state: CertificateChanged) -> None:
        super().__init__()
        self._state = state

    def compose(self) -> ComposeResult:
        """Both fingerprints, what it may mean, and two ways out."""
        per_line = 16 if self.app.size.width >= 64 else 8
        with Vertical():
            yield Static("STOP: this may not be your server", classes="title", markup=False)
            with VerticalScroll():
                yield Static(f"{safe(self._state.host)} shows another certificate than before.", markup=False)
                yield Static("Before:", classes="label", markup=False)
                yield Static(fingerprint_lines(self._state.pinned, per_line), classes="print", markup=False)
                yield Static("Now:", classes="label", markup=False)
                yield Static(fingerprint_lines(self._state.presented, per_line), classes="print", markup=False)
                yield Static(
                    "Somebody may be between you and the server and read everything. Or its administrator has renewed "
                    "the certificate: ask them, by another way than this one, for the new fingerprint. Nothing has "
                    "been sent.",
                    id="advice",
                    markup=False,
                )
            with Horizontal():
                yield Input(placeholder=f"type {_WORD} to go on", compact=True, id="word")
                yield Button("Trust it", id="trust", variant="error", compact=True, disabled=True)
                yield Button("Stop", id="stop", variant="primary", compact=True)

    @on(Input.Changed)
    def _on_typed(self, event: Input.Changed) -> None:
        self.query_one("#trust", Button).disabled = event.value.strip().lower() != _WORD

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip().lower() == _WORD:
            self.dismiss(True)

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "trust")
