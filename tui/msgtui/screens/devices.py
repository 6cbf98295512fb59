"""The account's devices; others can be signed out here."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

import msgwire
from msgclient import Client, ClientError
from msgtui.explain import explain
from msgtui.safe_text import safe
from msgtui.times import Calendar

from .confirm import ConfirmScreen


class DevicesScreen(ModalScreen[None]):
    """A list; X signs the highlighted device out after a question."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", show=False),
        Binding("x,delete", "revoke", show=False),
    ]
    DEFAULT_CSS = """
    DevicesScreen { align: center middle; }
    DevicesScreen > Vertical { width: 70; max-width: 96%; height: auto; max-height: 96%; padding: 1 2;
        background: $panel; }
    DevicesScreen #title { text-style: bold; margin-bottom: 1; }
    DevicesScreen OptionList { height: auto; max-height: 14; border: none; padding: 0; background: $panel;
        text-wrap: nowrap; text-overflow: ellipsis; }
    DevicesScreen OptionList:focus { border: none; }
    DevicesScreen #said { margin-top: 1; color: $foreground-muted; }
    """

    def __init__(self, client: Client, devices: list[msgwire.Device], calendar: Calendar, now_ms: int) -> None:
        super().__init__()
        self._client = client
        self._devices = devices
        self._calendar = calendar
        self._now_ms = now_ms

    def compose(self) -> ComposeResult:
        """A list and a line."""
        with Vertical():
            yield Static("Your devices", id="title", markup=False)
            yield OptionList(id="devices", markup=False)
            yield Static("X signs the marked one out · Esc closes", id="said", markup=False)

    def on_mount(self) -> None:
        """Show what was asked for before this screen."""
        self._show()

    def action_revoke(self) -> None:
        """Sign the highlighted device out."""
        index = self.query_one(OptionList).highlighted
        if index is not None:
            self.run_worker(self._revoke(self._devices[index]), exit_on_error=False)

    async def _revoke(self, device: msgwire.Device) -> None:
        said = self.query_one("#said", Static)
        if device.current:
            said.update("This is the device you sit at: /logout signs it out.")
            return
        name = safe(device.name or "this device")
        if not await self.app.push_screen_wait(
            ConfirmScreen(f"Sign {name} out? It loses its connection at once.", "Sign out")
        ):
            return
        try:
            await self._client.revoke_device(device.device_id)
            self._devices = await self._client.devices()
        except ClientError as error:
            said.update(explain(error))
            return
        self._show()
        said.update(f"{name} is signed out.")

    def _show(self) -> None:
        devices = self.query_one(OptionList)
        devices.set_options([Option(self._line(device)) for device in self._devices])
        devices.highlighted = 0 if self._devices else None

    def _line(self, device: msgwire.Device) -> Content:
        seen = (
            "this one"
            if device.current
            else f"seen {self._calendar.ago(device.last_seen_at or device.created_at, self._now_ms)}"
        )
        name = safe(device.name or "without a name")
        since = self._calendar.brief(device.created_at, self._now_ms)
        return Content.assemble((name, "bold"), (f"  {seen}, signed in {since}", "$foreground-muted"))
