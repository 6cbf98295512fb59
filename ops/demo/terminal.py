"""The demo in a terminal: an account, echo as a contact, and the real client on top."""

import subprocess
import sys

import anyio
from people import PATIENCE_S, echo_uid, person, root
from server import DemoFailed, Server

LOGIN = "you"


def open_client(server: Server) -> None:
    """Sign the stranger in and hand the terminal over to msgtui."""
    print(f"msgd runs at {server.url} until you leave the client (Ctrl-Q).")
    server.start_echo()
    anyio.run(_prepare, server)
    subprocess.run(
        [sys.executable, "-m", "msgtui.main", "--data", str(root(server)), "--profile", LOGIN],
        check=False,
    )


async def _prepare(server: Server) -> None:
    client, password = await person(server, LOGIN)
    async with client:
        await client.register(LOGIN, password)
        await client.log_in(LOGIN, password)
        uid = await echo_uid(server, client)
        with anyio.move_on_after(PATIENCE_S):
            await client.request_contact(uid, "Hello, echo.")
            while (contact := client.contact(uid)) is None or contact.state != "accepted":
                await anyio.sleep(0.05)
            await client.send(uid, "Hello, echo!")
            while not [message for message in client.messages(uid) if not message.outgoing]:
                await anyio.sleep(0.05)
            return
        raise DemoFailed(f"echo did not answer:\n{(server.folder / 'echo.log').read_text()}")
