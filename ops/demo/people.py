"""The people of the demo, on the SDK that every bot uses."""

import secrets
from pathlib import Path

import anyio
from server import DemoFailed, Server

from msgclient import CertificateQuestion, Client, Profile, RequestFailed
from msgclient.views import LocalMessage, MessageState

PATIENCE_S = 20.0


async def person(server: Server, login: str) -> tuple[Client, str]:
    """A client of a new person that is not signed in yet, and the password they will use."""
    profile = Profile.create(login, server.url, root(server))

    async def compare(question: CertificateQuestion) -> bool:
        return question.fingerprint.replace(":", "").lower() == server.fingerprint.replace(":", "").lower()

    return Client(profile, on_certificate=compare, device_name="demo"), secrets.token_urlsafe(12)


def root(server: Server) -> Path:
    """Where the demo's profiles stand."""
    return server.folder / "people"


async def befriend(asker: Client, other_login: str, note: str) -> str:
    """Ask somebody to be a contact; their uid."""
    found = await asker.get_user(login=other_login)
    await asker.request_contact(found.uid, note)
    return found.uid


async def echo_uid(server: Server, client: Client) -> str:
    """The uid of echo, whose account is made when it is first started."""
    with anyio.move_on_after(PATIENCE_S):
        while True:
            try:
                return (await client.get_user(login="echo")).uid
            except RequestFailed:
                await anyio.sleep(0.2)
    raise DemoFailed(f"echo did not start:\n{(server.folder / 'echo.log').read_text()}")


async def settle(client: Client, peer: str, *states: MessageState) -> list[LocalMessage]:
    """Wait until every message of a conversation that is one's own has one of the states."""
    with anyio.move_on_after(PATIENCE_S):
        while True:
            messages = client.messages(peer, limit=1000)
            if all(message.state in states for message in messages if message.outgoing):
                return messages
            await anyio.sleep(0.02)
    raise DemoFailed(f"after {PATIENCE_S:.0f} s there are messages that are not {' or '.join(states)}")


async def have(client: Client, peer: str, count: int) -> list[LocalMessage]:
    """Wait until a conversation has so many messages here."""
    with anyio.move_on_after(PATIENCE_S):
        while len(messages := client.messages(peer, limit=1000)) < count:
            await anyio.sleep(0.02)
        return messages
    raise DemoFailed(f"after {PATIENCE_S:.0f} s there are {len(messages)} messages instead of {count}")
