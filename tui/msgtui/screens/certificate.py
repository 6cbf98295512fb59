"""The question about a certificate that this computer has never seen."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from msgclient import CertificateQuestion
from msgtui.safe_text import safe


def fingerprint_lines(fingerprint: str, per_line: int = 8) -> str:
    """A fingerprint in lines that two people can read to each other."""
    octets = safe(fingerprint).split(":")
    return "\n".join(":".join(octets[at : at + per_line]) for at in range(0, len(octets), per_line))


class CertificateScreen(ModalScreen[bool]):
    """Gives back whether the certificate is to be trusted from now on. No has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(False)", show=False)]
    AUTO_FOCUS = "#no"
    DEFAULT_CSS = """
    CertificateScreen { align: center middle; }
    CertificateScreen > Vertical { width: 64; max-width: 96%; height: 100%; max-height: 15; padding: 1 2;
        background: $panel; }
    CertificateScreen VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    CertificateScreen #fingerprint { margin: 1 0; padding: 0 2; background: $surface; text-style: bold; }
    CertificateScreen Horizontal { height: 1; margin-top: 1; align-horizontal: right; }
    CertificateScreen Button { margin-left: 1; }
    """

    def __init__(self, question: CertificateQuestion) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """What the server shows, what to compare it with, and two answers."""
        with Vertical():
            with VerticalScroll():
                host = safe(self._question.host)
                yield Static(Content.assemble(("First time at ", ""), (host, "bold")))
                yield Static("It shows a certificate with this SHA-256 fingerprint:", markup=False)
                yield Static(fingerprint_lines(self._question.fingerprint), id="fingerprint", markup=False)
                yield Static(
                    "Compare it with what the server's administrator gave you (msgctl init prints it). "
                    "If it is the same, it is remembered, and you are asked only if it ever changes.",
                    markup=False,
                )
            with Horizontal():
                yield Button("No, stop", id="no", compact=True)
                yield Button("It is the same", id="yes", variant="primary", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")
