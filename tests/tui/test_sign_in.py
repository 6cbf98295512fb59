"""First start: which server, which account, and every way in which that goes wrong."""

import pytest

from msgclient import CertificateProblem, CertificateQuestion, NotConnected, Online, RequestFailed, SignedOut
from msgtui.screens.chat import ChatScreen
from msgtui.screens.sign_in import SignInScreen

from .conftest import Run
from .fake import FakeClient
from .seen import press, see, until
from .world import NOW

pytestmark = pytest.mark.anyio


def stranger() -> FakeClient:
    return FakeClient(NOW, me=None)


async def test_sign_in(run: Run) -> None:
    client = stranger()
    async with run(client, is_known=False) as pilot:
        await see(pilot, "Which one?", "Continue")
        await press(pilot, "chat.example.org", "enter")
        await see(pilot, "Sign in at chat.example.org:443", "Login", "Password")
        await press(pilot, "Juliet", "enter", "a secret", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        assert client.called("log_in") == [("juliet", "a secret")]
        await see(pilot, "juliet", "Nobody here yet.", "online")


async def test_the_server_of_a_profile_is_remembered(run: Run) -> None:
    async with run(stranger()) as pilot:
        await see(pilot, "Sign in at chat.example.org:8443")


async def test_the_password_is_never_shown(run: Run) -> None:
    async with run(stranger()) as pilot:
        await see(pilot, "Password")
        await press(pilot, "juliet", "tab", "hunter2hunter2")
        text = await see(pilot, "juliet", "••••••••")
        assert "hunter2" not in text


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (RequestFailed("invalid_credentials", "x"), "wrong. Check both"),
        (RequestFailed("account_disabled", "x"), "Ask the server's administrator"),
        (RequestFailed("rate_limited", "x", retry_after_ms=9_000), "Wait 9 s, then try again"),
        (NotConnected("Connection refused."), "cannot be reached: Connection refused."),
    ],
)
async def test_a_failed_sign_in_says_what_to_do(run: Run, refusal: Exception, words: str) -> None:
    client = stranger()
    async with run(client) as pilot:
        await see(pilot, "Login")
        client.refusal = refusal
        await press(pilot, "juliet", "tab", "a secret", "enter")
        await see(pilot, words)
        assert isinstance(pilot.app.screen, SignInScreen)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))


async def test_an_unreachable_server_can_be_changed(run: Run) -> None:
    client = stranger()
    client.refusal = NotConnected("Connection refused.")
    async with run(client, is_known=False) as pilot:
        await press(pilot, "chat.example.org:9", "enter")
        await see(pilot, "chat.example.org:9 cannot be reached", "Check the address")
        await press(pilot, "backspace", "443", "enter")
        await see(pilot, "Sign in at chat.example.org:443")
        await press(pilot, "escape")
        await see(pilot, "Which one?")


async def test_an_address_that_is_none(run: Run) -> None:
    async with run(stranger(), is_known=False) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Type the address of the server")
        await press(pilot, "http://x", "enter")
        await see(pilot, "A server is HOST, HOST:PORT or a wss:// URL.")


async def test_register(run: Run) -> None:
    client = stranger()
    async with run(client) as pilot:
        await see(pilot, "Create an account", gone=("Invite",))
        await pilot.click("#other")
        await see(pilot, "New account at", "Again", gone=("Invite",))
        await press(pilot, "juliet", "enter", "a long one", "enter", "another", "enter")
        await see(pilot, "not the same")
        client.refusal = RequestFailed("login_taken", "x")
        pilot.app.screen.query_one("#again").value = "a long one"
        await press(pilot, "enter")
        await see(pilot, "Choose another")
        client.refusal = RequestFailed("password_weak", "x")
        await press(pilot, "enter")
        await see(pilot, "too easy to guess")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        assert client.called("register")[-1] == ("juliet", "a long one", None)
        assert client.called("log_in") == [("juliet", "a long one")]


async def test_an_invite_is_asked_for_where_the_server_wants_one(run: Run) -> None:
    client = stranger()
    client.hello.registration = "invite"
    async with run(client) as pilot:
        await see(pilot, "Login", gone=("Invite",))
        await pilot.click("#other")
        await see(pilot, "Invite")
        await press(pilot, "juliet", "enter", "a long one", "enter", "a long one", "enter", "abc-def", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        assert client.called("register") == [("juliet", "a long one", "abc-def")]


async def test_closed_registration_is_told_before_anybody_tries(run: Run) -> None:
    client = stranger()
    client.hello.registration = "closed"
    async with run(client) as pilot:
        await see(pilot, "Accounts here are made by its administrator", gone=("Create an account",))


async def test_a_certificate_is_compared_once(run: Run) -> None:
    client = stranger()
    answers = []

    async def greet() -> object:
        question = CertificateQuestion("chat.example.org:8443", ":".join(["AB", "CD"] * 16), "self-signed")
        answers.append(await client.on_certificate(question))
        if not answers[-1]:
            raise CertificateProblem("The certificate of chat.example.org:8443 was not accepted.")
        return client.hello

    client.greet = greet  # type: ignore[method-assign]
    async with run(client) as pilot:
        await see(pilot, "First time at chat.example.org:8443", "AB:CD:AB:CD:AB:CD:AB:CD", "administrator")
        await press(pilot, "enter")
        await see(pilot, "was not accepted", "Nothing was sent")
        await press(pilot, "enter")
        await see(pilot, "First time at")
        await press(pilot, "tab", "enter")
        await see(pilot, "Sign in at chat.example.org:8443")
        assert answers == [False, True]


async def test_a_sign_in_that_ended_leads_back_here_with_the_reason(run: Run) -> None:
    client = FakeClient(NOW)
    async with run(client) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        client.me = None
        client.become(SignedOut("This device was signed out."))
        await see(pilot, "This device was signed out.", "Login")
        await press(pilot, "juliet", "tab", "a secret", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        assert client.state == Online()
