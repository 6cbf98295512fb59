"""Changing the password."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from msgclient import Client, ClientError
from msgtui.explain import explain


class PasswordScreen(ModalScreen[None]):
    """Three fields; Escape leaves everything as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", show=False)]
    AUTO_FOCUS = "#old"
    DEFAULT_CSS = """
    PasswordScreen { align: center middle; }
    PasswordScreen > Vertical { width: 60; max-width: 96%; height: auto; padding: 1 2; background: $panel; }
    PasswordScreen #title { text-style: bold; margin-bottom: 1; }
    PasswordScreen Input { background: $surface; margin-bottom: 1; }
    PasswordScreen #said { color: $foreground-muted; }
    PasswordScreen Horizontal { height: 1; margin-top: 1; align-horizontal: right; }
    PasswordScreen Button { margin-left: 2; }
    """

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def compose(self) -> ComposeResult:
        """The old one, the new one twice."""
        with Vertical():
            yield Static("Change your password", id="title", markup=False)
            yield Input(placeholder="the password of today", password=True, id="old", compact=True)
            yield Input(placeholder="the new one", password=True, id="new", compact=True)
            yield Input(placeholder="the new one again", password=True, id="again", compact=True)
            yield Static("Your other devices are signed out.", id="said", markup=False)
            with Horizontal():
                yield Button("Cancel", id="no", compact=True)
                yield Button("Change", id="yes", variant="primary", compact=True)

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "again":
            self.run_worker(self._change(), exclusive=True, exit_on_error=False)
        else:
            self.focus_next()

    @on(Button.Pressed)
    def _on_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.run_worker(self._change(), exclusive=True, exit_on_error=False)
        else:
            self.dismiss()

    async def _change(self) -> None:
        old, new, again = (self.query_one(f"#{name}", Input).value for name in ("old", "new", "again"))
        said = self.query_one("#said", Static)
        if new != again:
            said.update("The two new passwords are not the same. Type them again.")
            return
        try:
            await self._client.change_password(old, new)
        except (ClientError, ValueError) as error:
            said.update(explain(error))
            return
        self.app.notify("Your password is changed.", markup=False)
        self.dismiss()
