"""A certificate that changes stops everything until a person decides."""

import pytest

from msgclient import CertificateChanged, Online
from msgtui.screens.certificate_changed import CertificateChangedScreen
from msgtui.screens.chat import ChatScreen

from .conftest import Run
from .fake import FakeClient
from .seen import press, see, told, until
from .world import busy

pytestmark = pytest.mark.anyio

CHANGED = CertificateChanged("chat.example.org:8443", ":".join(["AA"] * 32), ":".join(["BB"] * 32))


def changed() -> FakeClient:
    client = busy()
    client.state = CHANGED
    return client


async def test_stop_is_the_answer_by_habit(run: Run) -> None:
    client = changed()
    async with run(client) as pilot:
        await see(pilot, "STOP: this may not be your server", "AA:AA", "BB:BB", "Nothing has been sent.")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        assert not client.called("accept_certificate")
        await see(pilot, "stopped: certificate", "shows another certificate")


async def test_trust_takes_a_word(run: Run) -> None:
    client = changed()
    async with run(client) as pilot:
        await see(pilot, "STOP")
        assert pilot.app.screen.query_one("#trust").disabled
        await press(pilot, "shift+tab")
        await press(pilot, "tru", "enter")
        assert isinstance(pilot.app.screen, CertificateChangedScreen)
        await press(pilot, "st", "enter")
        await until(pilot, lambda: client.called("accept_certificate") == [(CHANGED.presented,)])
        client.become(Online())
        await see(pilot, "● online")


async def test_the_question_comes_back_when_it_is_asked_for(run: Run) -> None:
    client = changed()
    async with run(client) as pilot:
        await see(pilot, "STOP")
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        await press(pilot, "ctrl+r")
        client.become(CHANGED)
        await see(pilot, "STOP")


async def test_it_is_asked_once_however_often_it_is_told(run: Run) -> None:
    client = changed()
    async with run(client) as pilot:
        await see(pilot, "STOP")
        for _ in range(3):
            client.become(CHANGED)
            await pilot.pause(0.05)
        assert sum(isinstance(screen, CertificateChangedScreen) for screen in pilot.app.screen_stack) == 1


async def test_actions_on_a_message_need_one(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        pilot.app.screen.open("uid-laurence")
        await see(pilot, "laurence last seen")
        for action, words in (("reply", "Select a message first"), ("edit", "There is no message of yours here")):
            pilot.app.screen.action_do(action)
            await told(pilot, words)
