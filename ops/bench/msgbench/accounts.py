"""Accounts, contacts and tokens for a run, made over the wire like anybody's."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from msgbench.faults import Unusable, VoidRun
from msgbench.target import Target

PAIRS_AT_ONCE = 16
REPLY_TIMEOUT_S = 60.0
T = TypeVar("T")
PASSWORD = "correct-horse-battery-staple"


@dataclass(frozen=True)
class Account:
    """One account with one device, whose token opens the relay's connections."""

    login: str
    uid: str
    access_token: str

    @property
    def authenticate_frame(self) -> str:
        """The frame that opens a connection as the account's first device."""
        return json.dumps({"type": "authenticate", "request_id": "open", "access_token": self.access_token})

    def login_frame(self, device_name: str) -> str:
        """The frame that opens a connection as a new device."""
        return json.dumps(
            {
                "type": "login",
                "request_id": "open",
                "login": self.login,
                "password": PASSWORD,
                "device_name": device_name,
            }
        )


class Wire:
    """One connection that asks and waits for the answer; pushes are passed over."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._requests = 0

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send one request and give its reply.

        Raises:
            VoidRun: The reply is an error, or none came in time.
        """
        self._requests += 1
        request_id = str(self._requests)
        await self._socket.send(json.dumps({"type": kind, "request_id": request_id, **fields}))
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                while True:
                    message = json.loads(await self._socket.recv())
                    for frame in message if isinstance(message, list) else [message]:
                        if frame.get("re") == request_id:
                            return self._checked(kind, frame)
        except TimeoutError:
            raise VoidRun(f"{kind} got no reply in {REPLY_TIMEOUT_S:.0f} s") from None
        except WebSocketException as error:
            raise VoidRun(f"the connection ended during {kind}: {error}") from error

    async def make_account(self, login: str) -> Account:
        """Register and sign in."""
        registered = await self.ask("register", login=login, password=PASSWORD)
        session = await self.log_in(login)
        return Account(login, registered["uid"], session["access_token"])

    async def log_in(self, login: str) -> dict[str, Any]:
        """Sign in as a new device."""
        return await self.ask("login", login=login, password=PASSWORD, device_name="bench")

    @staticmethod
    def _checked(kind: str, frame: dict[str, Any]) -> dict[str, Any]:
        if frame["type"] == "error":
            raise VoidRun(f"{kind} was answered with the error {frame.get('code')}: {frame.get('message')}")
        return frame


@cache
def _unverified() -> ssl.SSLContext:
    # The target is a process of this machine, with a certificate that it made itself. One context serves all: a default
    # one reads the system's authorities, at 20 ms a connection.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def wired(target: Target) -> AsyncIterator[Wire]:
    """Open a connection to the target."""
    context = _unverified() if target.tls else None
    opened = connect(
        target.url, ssl=context, subprotocols=[Subprotocol("msgd.v1")], compression=None, proxy=None, open_timeout=60
    )
    try:
        async with opened as socket:
            yield Wire(socket)
    except (OSError, TimeoutError, WebSocketException) as error:
        raise Unusable(f"{target.url} does not answer: {error}") from error


async def together(steps: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once and give their results in order; of several failures the first is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(step) for step in steps]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _make_pair(target: Target, limit: asyncio.Semaphore, names: tuple[str, str]) -> tuple[Account, Account]:
    async with limit, wired(target) as one, wired(target) as other:
        sender = await one.make_account(names[0])
        receiver = await other.make_account(names[1])
        await one.ask("contact_request", to=receiver.uid)
        await other.ask("contact_accept", peer=sender.uid)
        return sender, receiver


async def _make_pairs(target: Target, count: int, run: str) -> list[Account]:
    limit = asyncio.Semaphore(PAIRS_AT_ONCE)
    names = ((f"s{number}-{run}", f"r{number}-{run}") for number in range(count))
    pairs = await together(_make_pair(target, limit, pair) for pair in names)
    return [account for pair in pairs for account in pair]


def make_pairs(target: Target, count: int, run: str) -> Sequence[Account]:
    """Make `count` pairs of contacts; sender and receiver follow one another in the list.

    Raises:
        Unusable: Nobody answers at the target.
        VoidRun: The daemon refuses a step.
    """
    return asyncio.run(_make_pairs(target, count, run))
