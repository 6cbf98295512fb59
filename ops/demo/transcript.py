"""The demo without a terminal: what happens, line by line, and that nothing is lost or shown twice."""

import time
from contextlib import AsyncExitStack

import anyio
from people import PATIENCE_S, befriend, echo_uid, have, person, settle
from server import DemoFailed, Server

from msgclient import Client
from msgclient.state import Online
from msgclient.views import LocalMessage, MessageState

EACH_WAY = 10
DELIVERED = (MessageState.DELIVERED, MessageState.READ)


async def play(server: Server) -> None:
    """Play it; raises `DemoFailed` at the first thing that is not as promised."""
    story = Story()
    story.tell(f"msgctl init wrote {server.config.name}, keys and a certificate ({server.fingerprint[:23]}…)")
    story.tell(f"msgd is ready at {server.url}")
    async with AsyncExitStack() as open_until_the_end:
        juliet, juliets_password = await person(server, "juliet")
        romeo, romeos_password = await person(server, "romeo")
        await open_until_the_end.enter_async_context(juliet)
        await sign_up(juliet, "juliet", juliets_password, story)
        async with romeo:
            await sign_up(romeo, "romeo", romeos_password, story)
            to_romeo = await befriend(juliet, "romeo", "We met at the feast.")
            story.tell("juliet asks romeo to be a contact: “We met at the feast.”")
            assert juliet.me is not None
            to_juliet = juliet.me.uid
            await pending(romeo, to_juliet)
            await romeo.accept_contact(to_juliet)
            story.tell("romeo accepts")
            for number in range(1, EACH_WAY + 1):
                await juliet.send(to_romeo, f"juliet's line {number}")
                await romeo.send(to_juliet, f"romeo's line {number}")
            await settle(juliet, to_romeo, *DELIVERED)
            await settle(romeo, to_juliet, *DELIVERED)
            story.show("juliet", await have(juliet, to_romeo, 2 * EACH_WAY))
            story.tell(f"{EACH_WAY} messages each way, all delivered")
        story.tell("romeo goes offline")
        for number in range(EACH_WAY + 1, EACH_WAY + 4):
            await juliet.send(to_romeo, f"juliet's line {number}")
        await settle(juliet, to_romeo, MessageState.SENT, *DELIVERED)
        story.tell("juliet writes three more; the server has them on disk")
        server.stop(kill=True)
        story.tell("the daemon is killed with -9")
        await juliet.send(to_romeo, f"juliet's line {EACH_WAY + 4}")
        story.tell("juliet writes one more; it waits in her outbox, on her disk")
        server.start()
        story.tell("the daemon is started again")
        server.start_echo()
        async with romeo_again(romeo) as romeo:
            await online(romeo)
            story.tell("romeo is back")
            everything = 2 * EACH_WAY + 4
            theirs = await have(romeo, to_juliet, everything)
            await settle(juliet, to_romeo, *DELIVERED)
            mine = await have(juliet, to_romeo, everything)
            check(theirs, mine)
            story.show("romeo", theirs[2 * EACH_WAY :])
        newcomer = await history_of(server, romeos_password, to_juliet, everything)
        check(newcomer, mine)
        story.tell(f"a new device of romeo's reads the history: {len(newcomer)} messages, the same ones")
        await echo(server, juliet, story)
    story.tell("nothing was lost, nothing came twice")


def romeo_again(romeo: Client) -> Client:
    """The same profile, opened again: signed in by what it keeps."""
    return Client(romeo.profile, device_name="demo")


async def sign_up(client: Client, login: str, password: str, story: "Story") -> None:
    await client.register(login, password)
    await client.log_in(login, password)
    await online(client)
    story.tell(f"{login} registers and signs in")


async def online(client: Client) -> None:
    with anyio.move_on_after(PATIENCE_S):
        await client.wait_for(lambda state: isinstance(state, Online))
        return
    raise DemoFailed(f"after {PATIENCE_S:.0f} s there is no connection: {client.state}")


async def pending(client: Client, peer: str) -> None:
    with anyio.move_on_after(PATIENCE_S):
        while (contact := client.contact(peer)) is None or contact.state != "pending":
            await anyio.sleep(0.02)
        return
    raise DemoFailed("the contact request did not arrive")


async def history_of(server: Server, password: str, peer: str, count: int) -> list[LocalMessage]:
    laptop, _ = await person(server, "romeo-laptop")
    async with laptop:
        await laptop.log_in("romeo", password)
        await online(laptop)
        while await laptop.fetch_history(peer):
            pass
        return await have(laptop, peer, count)


async def echo(server: Server, juliet: Client, story: "Story") -> None:
    uid = await echo_uid(server, juliet)
    with anyio.move_on_after(PATIENCE_S):
        await juliet.request_contact(uid)
        await juliet.send(uid, "is there anybody?")
        while not (answers := [message for message in juliet.messages(uid) if not message.outgoing]):
            await anyio.sleep(0.02)
        story.tell(f"juliet writes to echo, and echo answers: “{answers[-1].text}”")
        return
    raise DemoFailed(f"echo did not answer:\n{(server.folder / 'echo.log').read_text()}")


def check(theirs: list[LocalMessage], mine: list[LocalMessage]) -> None:
    """Both sides have the same messages, once each, in the same order."""
    ids = [message.message_id for message in theirs]
    if len(set(ids)) != len(ids):
        raise DemoFailed("a message came twice")
    if [(message.message_id, message.text) for message in mine] != [
        (message.message_id, message.text) for message in theirs
    ]:
        raise DemoFailed("the two sides do not have the same messages")


class Story:
    """Prints what happens, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def tell(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:6.2f} s  {what}", flush=True)

    def show(self, who: str, messages: list[LocalMessage]) -> None:
        for message in messages:
            state = f" ({message.state})" if message.outgoing else ""
            print(f"{'':10}{who} sees   {message.sender_login}: {message.text}{state}", flush=True)
