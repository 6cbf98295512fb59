"""Waiting for what a client tells, without sleeping."""

from collections.abc import Callable

import anyio

from msgclient import Client, ConnectionState, MessageState, Online


async def settled(client: Client, wanted: Callable[[], object]) -> None:
    """Wait for updates until something holds."""
    updates = client.updates()
    with anyio.fail_after(5):
        while not wanted():
            await anext(updates)


async def reach(client: Client, wanted: Callable[[ConnectionState], bool]) -> ConnectionState:
    """Wait for a state of the connection."""
    with anyio.fail_after(5):
        return await client.wait_for(wanted)


def texts(client: Client, peer: str) -> list[str]:
    return [message.text for message in client.messages(peer)]


def states(client: Client, peer: str) -> list[MessageState]:
    return [message.state for message in client.messages(peer)]


def is_online(state: object) -> bool:
    return isinstance(state, Online)
