"""Pictures of the client for the docs, of a real conversation on a real daemon: `python ops/screenshots FILE.svg`."""

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "demo"))

import anyio
from people import PATIENCE_S, befriend, have, person, root, settle
from server import Server
from textual.pilot import Pilot

import msgwire
from msgclient import Client, Online
from msgclient.views import MessageState
from msgtui.app import MessengerApp, Options
from msgtui.screens.chat import ChatScreen

SIZE = (80, 24)
PASSWORD = "a password for one picture"

TALK = (
    ("romeo", "But soft, what light through yonder window breaks?"),
    ("juliet", "My new desk lamp. How did you get over the wall?"),
    ("romeo", "With love's light wings. And a ladder."),
    ("romeo", "I have moved my server, too. I pulled its plug twice, and nothing was gone."),
    ("juliet", "Good. Nine o'clock then, and bring the ladder."),
    ("juliet", "And oil: the door creaks."),
)


async def play(server: Server) -> str:
    """Let the people talk; gives the picture on Juliet's screen, as SVG."""
    people = {login: (await person(server, login))[0] for login in ("juliet", "romeo", "nurse", "paris")}
    async with people["juliet"] as juliet, people["romeo"] as romeo, people["nurse"] as nurse:
        for login, client in people.items():
            if login != "paris":
                await join(client, login)
        mine, his = uid_of(juliet), uid_of(romeo)
        for friend, note in ((romeo, "It is I."), (nurse, "Your nurse, dear.")):
            await befriend(friend, "juliet", note)
            await accept(juliet, uid_of(friend))
        await nurse.send(mine, "I found the apothecary! Do you need anything else?")
        await settle(nurse, mine, MessageState.DELIVERED)
        await talk(juliet, romeo)
        async with people["paris"] as paris:
            await join(paris, "paris")
            await befriend(paris, "juliet", "Your father says that we should talk.")
            await listed(juliet, uid_of(paris))
    # Juliet's profile is free for the program now; the others come back to be seen.
    async with (await person(server, "romeo"))[0] as romeo, (await person(server, "nurse"))[0] as nurse:
        for client in (romeo, nurse):
            await client.wait_for(lambda state: isinstance(state, Online))
        await nurse.set_presence("away", "at the market")
        return await picture(server, his)


async def join(client: Client, login: str) -> None:
    await client.register(login, PASSWORD)
    await client.log_in(login, PASSWORD)
    await client.wait_for(lambda state: isinstance(state, Online))


def uid_of(client: Client) -> str:
    assert client.me is not None
    return client.me.uid


async def listed(client: Client, uid: str) -> None:
    """Wait until a request has come."""
    updates = client.updates()
    while client.contact(uid) is None:
        await anext(updates)


async def accept(client: Client, uid: str) -> None:
    await listed(client, uid)
    await client.accept_contact(uid)


async def talk(juliet: Client, romeo: Client) -> None:
    for count, (login, text) in enumerate(TALK, 1):
        writer, reader = (juliet, romeo) if login == "juliet" else (romeo, juliet)
        await writer.send(uid_of(reader), text)
        await settle(writer, uid_of(reader), MessageState.DELIVERED, MessageState.READ)
        messages = await have(reader, uid_of(writer), count)
        message_id = messages[-1].message_id
        assert message_id is not None
        if count < len(TALK):
            await reader.mark_read(uid_of(writer), message_id)
    await juliet.request(msgwire.Ping())


async def picture(server: Server, peer: str) -> str:
    app = MessengerApp(Options(profile="juliet", root=root(server)))
    async with app.run_test(size=SIZE) as pilot:
        await shown(app, pilot, "online")
        await shown(app, pilot, "◐ nurse")
        chat = app.screen
        assert isinstance(chat, ChatScreen)
        chat.open(peer)
        chat.composer.cursor_blink = False
        chat.composer.focus()
        await shown(app, pilot, "the door creaks.")
        await pilot.pause(0.3)
        # Whoever looks at the picture must not be made to ask another server for a font.
        return re.sub(r",\s*url\([^)]*\) format\([^)]*\)", "", app.export_screenshot(title="msgtui"))


async def shown(app: MessengerApp, pilot: Pilot[Any], words: str) -> None:
    with anyio.fail_after(PATIENCE_S):
        while words not in screen_text(app):
            await pilot.pause(0.05)


def screen_text(app: MessengerApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def main() -> int:
    parser = argparse.ArgumentParser(prog="screenshots", description=__doc__)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="msgd-screenshots-") as folder, Server(Path(folder)) as server:
        svg = anyio.run(play, server)
    arguments.file.write_text(svg)
    print(arguments.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
