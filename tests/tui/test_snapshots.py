"""Every screen as a picture: 80×24 in dark and in light, and 40×12."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from msgclient import CertificateChanged, CertificateQuestion, MessageState, Offline
from msgtui.screens.certificate import CertificateScreen

from .fake import FakeClient
from .seen import press, see, until
from .world import MINUTE, NOW, busy
from .world import app as make_app

Act = Callable[[FakeClient, Pilot[Any]], Awaitable[None]]
FINGERPRINT = ":".join(f"{number:02X}" for number in range(0x41, 0x61))
OTHER = ":".join(f"{number:02X}" for number in range(0x11, 0x31))


async def nothing(client: FakeClient, pilot: Pilot[Any]) -> None:
    pass


async def chat(client: FakeClient, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.people.rows)
    pilot.app.screen.open("uid-romeo")
    await see(pilot, "You are the best.")
    pilot.app.screen.composer.focus()


async def selected(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    await pilot.pause()
    await press(pilot, "up", "up")


async def unread(client: FakeClient, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.people.rows)
    pilot.app.screen.open("uid-nurse")
    await see(pilot, "Found it!")
    pilot.app.screen.composer.focus()


async def offline(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    client.say(
        "uid-romeo", "Can you hear me?", NOW - MINUTE, mine=True, message_id=None, state=MessageState.FAILED,
        failure="mailbox_full", failure_text="The receiver's mailbox is full: they have to come online first.",
    )  # fmt: skip
    client.become(Offline("The server cannot be reached: Connection refused.", NOW + 12_000))
    await see(pilot, "Not sent", "retry")


async def request(client: FakeClient, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.people.rows)
    pilot.app.screen.open("uid-paris")
    await see(pilot, "Accept")
    pilot.app.screen.composer.focus()


async def command(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    await pilot.pause()
    await press(pilot, "/de")
    await see(pilot, "/devices")


async def find(client: FakeClient, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.people.rows)
    await press(pilot, "ctrl+k")
    await press(pilot, "ro")
    await see(pilot, "romeo", "Enter opens")
    await until(pilot, lambda: client.called("search"))


async def search(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    await press(pilot, "ctrl+f")
    await press(pilot, "the", "enter")
    await see(pilot, "messages. Enter")


async def help_page(client: FakeClient, pilot: Pilot[Any]) -> None:
    await press(pilot, "f1")
    await see(pilot, "Ctrl-K")


async def person(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    await press(pilot, "alt+i")
    await see(pilot, "uid-romeo")


async def devices(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    pilot.app.screen.action_do("devices")
    await see(pilot, "Your devices")


async def password(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    pilot.app.screen.action_do("password")
    await see(pilot, "Change your password")


async def confirm(client: FakeClient, pilot: Pilot[Any]) -> None:
    await chat(client, pilot)
    pilot.app.screen.action_do("block")
    await see(pilot, "Cancel")


async def server_field(client: FakeClient, pilot: Pilot[Any]) -> None:
    await see(pilot, "Continue")


async def account_form(client: FakeClient, pilot: Pilot[Any]) -> None:
    await see(pilot, "Password")


async def registration(client: FakeClient, pilot: Pilot[Any]) -> None:
    client.hello.registration = "invite"
    await account_form(client, pilot)
    pilot.app.screen.set_class(True, "-invite")
    pilot.app.screen.query_one("#other").press()
    await see(pilot, "New account")
    await press(pilot, "juliet")


async def certificate(client: FakeClient, pilot: Pilot[Any]) -> None:
    question = CertificateQuestion("chat.example.org:8443", FINGERPRINT, "self-signed certificate")
    pilot.app.push_screen(CertificateScreen(question))
    await see(pilot, "First time at")


async def certificate_changed(client: FakeClient, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.people.rows)
    client.become(CertificateChanged("chat.example.org:8443", FINGERPRINT, OTHER))
    await see(pilot, "STOP")


KNOWN = {
    "list": nothing,
    "chat": chat,
    "selected": selected,
    "unread": unread,
    "offline": offline,
    "request": request,
    "command": command,
    "find": find,
    "search": search,
    "help": help_page,
    "person": person,
    "devices": devices,
    "password": password,
    "confirm": confirm,
    "certificate-changed": certificate_changed,
}
STRANGER = {"server": server_field, "account": account_form, "registration": registration, "certificate": certificate}
EMPTY = {"nobody": nothing}

LOOKS = {"dark": ("textual-dark", (80, 24)), "light": ("textual-light", (80, 24)), "small": ("textual-dark", (40, 12))}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("scene", [*KNOWN, *STRANGER, *EMPTY])
def test_screen(scene: str, look: str, snap_compare: Any, tmp_path: Path) -> None:
    theme, size = LOOKS[look]
    client = busy() if scene in KNOWN else FakeClient(NOW) if scene in EMPTY else FakeClient(NOW, me=None)
    act: Act = {**KNOWN, **STRANGER, **EMPTY}[scene]

    async def play(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        await act(client, pilot)
        for _ in range(3):
            await pilot.pause()
        for field in pilot.app.screen.query("Input, TextArea"):
            assert isinstance(field, Input | TextArea)
            field.cursor_blink = False
        await pilot.pause()

    app = make_app(client, tmp_path, theme=theme, is_known=scene != "server")
    assert snap_compare(app, terminal_size=size, run_before=play)
