"""Clients that write without pause, resume after every loss of the daemon, and send again what was not answered."""

import asyncio
import itertools
from collections.abc import Iterator

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from conformance.client import Device, Ended
from conformance.people import Person

from .ledger import Ledger, Letter, Place

IN_FLIGHT = 16


class Writer:
    """One account that writes to another and keeps the books. It holds on until it is told to stop."""

    def __init__(self, person: Person, peer: Person, ledger: Ledger) -> None:
        self.person = person
        self.peer = peer
        self.promised = 0
        self.refused = 0
        self._ledger = ledger
        self._numbers = itertools.count(1)
        self._open: dict[str, Letter] = {}

    async def connect(self) -> None:
        """Come back on a new connection, and send again what has no answer yet."""
        self.person.phone = await self.person.back(self.person.phone)
        self._open.clear()
        for letter in self._ledger.unanswered(self.person.uid):
            await self._send(letter)

    async def write_until_lost(self) -> None:
        """Write, with a number of messages in flight, until the connection ends."""
        try:
            while True:
                while len(self._open) < IN_FLIGHT:
                    await self._send(self._new_letter())
                await self._take_what_came()
        except (Ended, ConnectionClosed):
            self._note_events()

    async def settle(self) -> None:
        """Wait until everything that was written has its answer; a refusal is tried again."""
        while self._open:
            await self._take_what_came()
        self._note_events()

    def _new_letter(self) -> Letter:
        number = next(self._numbers)
        name = f"{self.person.login} {number}"
        letter = Letter(self.person.uid, self.peer.uid, name, f"the words of {name}")
        self._ledger.wrote(letter)
        return letter

    async def _send(self, letter: Letter) -> None:
        request_id = await self.person.phone.post(
            "send", to=letter.receiver, text=letter.text, client_message_id=letter.client_message_id
        )
        self._open[request_id] = letter

    async def _take_what_came(self) -> None:
        device = self.person.phone
        await device.until(lambda: device.transcript.replies, "an answer")
        for request_id in list(device.transcript.replies):
            reply = device.transcript.replies.pop(request_id)
            letter = self._open.pop(request_id)
            if reply["type"] == "sent":
                self.promised += 1
                self._ledger.was_promised(letter, reply["message_id"], reply["seq"])
            else:
                assert reply["code"] == "unavailable", f"refused with {reply['code']}"
                self.refused += 1
                letter.was_refused = True
                await asyncio.sleep(reply.get("retry_after_ms", 20) / 1000)
                await self._send(letter)
        self._note_events()

    def _note_events(self) -> None:
        while frame := self.person.phone.transcript.take_event(lambda _: True):
            body = frame["event"]
            self._ledger.saw(self.person.uid, frame["seq"], body.get("message_id", body["kind"]))


def everybody(people: list[Person], ledger: Ledger) -> list[Writer]:
    """Writers in a ring: each account writes to the next."""
    return [Writer(person, people[(place + 1) % len(people)], ledger) for place, person in enumerate(people)]


async def reconnect(writers: list[Writer]) -> None:
    """Bring every writer back; the daemon has said that it is ready, so no attempt may fail."""
    try:
        await asyncio.gather(*(writer.connect() for writer in writers))
    except (OSError, InvalidHandshake) as error:
        raise AssertionError("the daemon said that it is ready, and refuses connections") from error


async def whole_mailbox(person: Person) -> tuple[list[Place], int]:
    """Every message of a mailbox from its first event on, and its head. Holes fail in the client's transcript."""
    device = await person.back(person.phone, cursor=0)
    head = device.transcript.ready["head"]
    await device.until(lambda: device.transcript.position >= head, f"event {head}")
    places = list(_places(device))
    await device.close()
    return places, head


def _places(device: Device) -> Iterator[Place]:
    for frame in device.transcript.events:
        body = frame["event"]
        if body["kind"] == "message":
            yield Place(frame["seq"], body["message_id"], body["from"], body["client_message_id"], body["text"])


async def broken_promises(people: list[Person], ledger: Ledger) -> list[str]:
    """Read every mailbox from the start, and compare it with the books."""
    boxes, heads = {}, {}
    for person in people:
        boxes[person.uid], heads[person.uid] = await whole_mailbox(person)
    return ledger.check(boxes, heads)
