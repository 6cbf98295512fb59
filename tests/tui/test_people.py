"""Finding people, and what can be between two of them."""

import pytest

import msgwire
from msgclient import ContactChanged, Offline, PresenceChanged, RequestFailed

from .conftest import Run
from .fake import FakeClient
from .seen import press, screen_text, see, told, until
from .world import NOW, busy

pytestmark = pytest.mark.anyio


def user(login: str) -> msgwire.User:
    return msgwire.User(
        uid=f"uid-{login}", login=login, status="online", contact="none", created_at=NOW - 10**10, last_seen_at=None
    )


def alone() -> FakeClient:
    client = FakeClient(NOW)
    client.strangers = [user("rosencrantz"), user("rosaline"), user("juliet")]
    return client


async def test_find_a_stranger_and_ask_them(run: Run) -> None:
    client = alone()
    async with run(client) as pilot:
        await press(pilot, "ctrl+k")
        await see(pilot, "Type a login to find people on this server.")
        await press(pilot, "ros")
        await see(pilot, "rosencrantz online, on this server", "rosaline", gone=("juliet online",))
        await press(pilot, "down", "enter")
        await see(pilot, "rosaline no contact of yours", "Request contact")
        await press(pilot, "/add rosaline We met at the feast.", "enter")
        await told(pilot, "rosaline has your request.")
        await see(pilot, "They have not answered yet.", "Take back")
        assert client.called("request_contact") == [("rosaline", "We met at the feast.")]


async def test_a_request_from_the_finder(run: Run) -> None:
    client = alone()
    async with run(client) as pilot:
        await press(pilot, "ctrl+k", "rosen")
        await see(pilot, "Alt-R requests contact")
        await press(pilot, "alt+r")
        await see(pilot, "rosencrantz has your request.")
        assert client.called("request_contact") == [("uid-rosencrantz", None)]


async def test_nobody_found(run: Run) -> None:
    async with run(alone()) as pilot:
        await press(pilot, "ctrl+k", "zz")
        await see(pilot, "Nobody on this server has a login that begins so.")
        await press(pilot, "escape")
        await see(pilot, "Nobody here yet.")


async def test_a_search_that_fails_says_why(run: Run) -> None:
    client = alone()
    async with run(client) as pilot:
        await press(pilot, "ctrl+k")
        client.refusal = RequestFailed("rate_limited", "x", retry_after_ms=3_000)
        await press(pilot, "z")
        await see(pilot, "Too many tries. Wait 3 s")


@pytest.mark.parametrize(("key", "call", "left"), [("a", "accept_contact", True), ("d", "decline_contact", False)])
async def test_answer_a_request_on_its_row(run: Run, key: str, call: str, left: bool) -> None:
    client = busy()
    async with run(client) as pilot:
        await see(pilot, "? paris", "Your father says we sh", "A accept")
        await press(pilot, key)
        await until(pilot, lambda: client.called(call) == [("uid-paris",)])
        await until(pilot, lambda: (client.contact("uid-paris") is not None) == left)
        await until(pilot, lambda: "? paris" not in screen_text(pilot))


async def test_answer_a_request_in_its_conversation(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "paris wants to be your contact: Your father says we", "Accept", "Decline", "Block")
        await pilot.click("#relation-accept")
        await see(pilot, "● paris online", gone=("Decline",))


async def test_a_request_appears_while_one_looks(run: Run) -> None:
    client = FakeClient(NOW)
    async with run(client) as pilot:
        await see(pilot, "Nobody here yet.")
        client.befriend("paris", state="pending", note="Hello")
        await see(pilot, "? paris", "Hello")


async def test_block_asks_first_and_unblock_takes_it_back(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, "down", "down", "down", "enter")
        await see(pilot, "Where is he?")
        await press(pilot, "/block", "enter")
        await see(pilot, "Block tybalt? Their messages")
        await press(pilot, "enter")
        assert not client.called("block")
        await press(pilot, "/block", "enter")
        await see(pilot, "Block tybalt?")
        await press(pilot, "tab", "enter")
        await see(pilot, "You have blocked them.", "Unblock")
        await press(pilot, "/unblock", "enter")
        await told(pilot, "tybalt is not blocked any more.")


async def test_presence_is_told_by_sign_and_words(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, "down", "down", "enter")
        await see(pilot, "● romeo online")
        for status, words in (("away", "◐ romeo away"), ("dnd", "⊘ romeo do not disturb"), ("offline", "○ romeo")):
            contact = client.people["uid-romeo"]
            client.people["uid-romeo"] = type(contact)(contact.uid, contact.login, contact.state, status, contact.since)
            client.tell(PresenceChanged(client.people["uid-romeo"]))
            await see(pilot, words)


async def test_the_page_of_a_person(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, *["down"] * 4, "enter")
        await see(pilot, "laurence last seen at 07:42")
        await press(pilot, "alt+i")
        await see(pilot, "Status ○ last seen at 07:42", "a contact of yours", "uid-laurence")
        await press(pilot, "escape")
        await press(pilot, "/whois nobody", "enter")
        await told(pilot, "There is nobody and nothing by that name.")


async def test_actions_without_a_connection_say_so(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        client.become(Offline("The server is away.", None))
        await see(pilot, "Not connected. The server is away. Ctrl-R connects.")
        await press(pilot, "a")
        await told(pilot, "Try again when the status line says online.")


async def test_a_contact_that_ends_leaves_the_conversation(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, "down", "down", "enter")
        contact = client.people.pop("uid-romeo")
        gone = type(contact)(contact.uid, contact.login, "none", "offline", NOW)
        client.tell(ContactChanged(gone))
        await see(pilot, "romeo no contact of yours", "You are the best.")


async def test_devices_and_password(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, "down", "down", "enter")
        await see(pilot, "You are the best.")
        await press(pilot, "/devices", "enter")
        await see(pilot, "msgtui on laptop this one", "phone seen at 05:42")
        await press(pilot, "x")
        await see(pilot, "/logout signs it out")
        await press(pilot, "down", "x")
        await see(pilot, "Sign phone out?")
        await press(pilot, "tab", "enter")
        await see(pilot, "phone is signed out.")
        assert client.called("revoke_device") == [("device-2",)]
        await press(pilot, "escape", "/password", "enter")
        await see(pilot, "Change your password")
        await press(pilot, "old one", "enter", "new one!", "enter", "new one?", "enter")
        await see(pilot, "not the same")
        await press(pilot, "backspace", "!", "enter")
        await told(pilot, "Your password is changed.")
        assert client.called("change_password") == [("old one", "new one!")]


async def test_sign_out(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, "down", "down", "enter")
        await see(pilot, "You are the best.")
        await press(pilot, "/logout", "enter")
        await see(pilot, "Sign out?", "the server keeps them. 1 messages that are")
        await press(pilot, "tab", "enter")
        await see(pilot, "Sign in at chat.example.org")
