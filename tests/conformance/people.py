"""The people of the plays: accounts on one daemon, with the devices that they hold."""

import itertools
import secrets
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from .client import Device, together
from .contract import Frame
from .daemon import Daemon


class Person:
    """An account, its password, and the device in its hand."""

    def __init__(self, world: "World", login: str, password: str, uid: str) -> None:
        self.world = world
        self.login = login
        self.password = password
        self.uid = uid
        self.phone: Device

    async def device(self, name: str = "laptop", *, acks: bool = True) -> Device:
        """One more device of this account, signed in with the password."""
        device = await self.world.connect(acks=acks)
        return await self.sign_in(device, name)

    async def sign_in(self, device: Device, name: str = "laptop") -> Device:
        """Sign in on a connection that is open already."""
        device.session = await device.ask("login", login=self.login, password=self.password, device_name=name)
        await device.push("ready")
        return device

    async def back(self, gone: Device, *, acks: bool = True, cursor: Any = ...) -> Device:
        """The same device on a new connection, by its access token."""
        device = await self.world.connect(acks=acks)
        device.session = gone.session
        await device.ask("authenticate", access_token=gone.session["access_token"], cursor=cursor)
        return device

    async def write(self, to: "Person", text: str, **fields: Any) -> Frame:
        """Send a text from the phone; the reply is `sent`."""
        return await self.phone.ask(
            "send", **{"client_message_id": self.world.new_id(), **fields}, to=to.uid, text=text
        )

    async def write_all(self, to: "Person", texts: Iterable[str]) -> list[Frame]:
        """Send texts all at once, in one array; the replies in the order of the texts."""
        frames = [
            {"type": "send", "request_id": request_id, "client_message_id": request_id, "to": to.uid, "text": text}
            for text, request_id in ((text, self.world.new_id()) for text in texts)
        ]
        await self.phone.send(*frames)
        replies = [await self.phone.reply(frame["request_id"]) for frame in frames]
        assert {reply["type"] for reply in replies} == {"sent"}
        return replies

    async def conversation(self, peer: "Person") -> Frame:
        """The row of one conversation in `conversations`."""
        listed = (await self.phone.ask("conversations"))["conversations"]
        found: list[Frame] = [row for row in listed if row["peer"] == peer.uid]
        assert len(found) == 1, f"{self.login} has {len(found)} conversations with {peer.login}"
        return found[0]

    async def state_of(self, peer: "Person") -> str:
        """The contact state of another account, which `get_user` and `list_contacts` must agree about."""
        state: str = (await self.phone.ask("get_user", uid=peer.uid))["contact"]
        listed = (await self.phone.ask("list_contacts"))["contacts"]
        in_list = [row["state"] for row in listed if row["uid"] == peer.uid] or ["none"]
        assert in_list == [state], f"get_user says {state}, list_contacts says {in_list}"
        return state


class World:
    """A daemon, and everybody that one test brings into it. Leaving it closes every connection and reads the log."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self._devices: list[Device] = []
        self._counter = itertools.count(1)
        self._salt = secrets.token_hex(4)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        broken = []
        for device in self._devices:
            try:
                await device.close()
            except AssertionError as failure:
                broken.append(failure)
        faults = self.daemon.faults()
        if error is None:
            assert not broken, f"unseen by the test: {broken}"
            assert not faults, f"in the log of the daemon: {faults}"

    def new_id(self) -> str:
        """An id, or a login, that nobody used before."""
        return f"n{self._salt}-{next(self._counter)}"

    def new_login(self, name: str) -> str:
        """A login that starts with `name` and that nobody used before."""
        return f"{name}-{self._salt}-{next(self._counter)}"

    async def connect(self, *, acks: bool = True, **options: Any) -> Device:
        """A connection that has said nothing yet."""
        device = await Device.connect(self.daemon, acks=acks, **options)
        self._devices.append(device)
        return device

    async def person(self, name: str = "juliet", *, acks: bool = True, login: str = "") -> Person:
        """A new account with one device."""
        login, password = login or self.new_login(name), f"wherefore {secrets.token_hex(6)}"
        phone = await self.connect(acks=acks)
        registered = await phone.ask("register", login=login, password=password)
        person = Person(self, login, password, registered["uid"])
        person.phone = await person.sign_in(phone, "phone")
        return person

    async def people(self, *names: str) -> list[Person]:
        """Several new accounts, with one device each."""
        return await together(*(self.person(name) for name in names))

    async def friends(self, *names: str) -> list[Person]:
        """New accounts that all have each other as accepted contacts."""
        people = await self.people(*names)
        for one, other in itertools.combinations(people, 2):
            await befriend(one, other)
        for person in people:
            await announce(person, *(friend for friend in people if friend is not person))
        return people


async def befriend(one: Person, other: Person) -> None:
    """Make two accounts accepted contacts, and take the events of it out of their phones' inboxes."""
    await one.phone.ask("contact_request", to=other.uid)
    await other.phone.ask("contact_accept", peer=one.uid)
    for person in (one, other):
        await person.phone.event("contact", state="accepted")


async def announce(person: Person, *friends: Person) -> None:
    """Let a change of presence reach the phones of friends, so that none of before is on its way any more."""
    for status in ("dnd", "online"):
        await person.phone.ask("set_presence", status=status)
        for friend in friends:
            await friend.phone.push("presence", uid=person.uid, status=status)
            friend.phone.forget("presence", uid=person.uid)
