"""Any sequence of commands against the plainest model of the contract: lists in memory, no index, no cache."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msgd.store import commands
from msgd.store.contact_state import ACTIONS, Pair, move
from msgd.store.interface import AccountRow, DeviceRow, Rejected
from msgwire import ErrorCode

from ..contract.stage import FACTORIES, Place, Stage

PEOPLE = st.integers(0, 2)
MESSAGES = st.integers(0, 30)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), PEOPLE, PEOPLE, st.integers(0, 8), st.sampled_from(["a", "b"])),
        st.tuples(st.just("send"), PEOPLE, PEOPLE, st.integers(9, 10**9), st.sampled_from(["a", "b\0c", "ü"])),
        st.tuples(st.just("edit"), PEOPLE, MESSAGES, st.sampled_from(["edited", "again"])),
        st.tuples(st.just("delete"), PEOPLE, MESSAGES),
        st.tuples(st.just("read"), PEOPLE, PEOPLE, MESSAGES),
        st.tuples(st.just("ack"), PEOPLE, st.integers(0, 40)),
        st.tuples(st.just("contact"), PEOPLE, PEOPLE, st.sampled_from(ACTIONS)),
        st.tuples(st.just("reopen")),
        st.tuples(st.just("pause")),
    ),
    max_size=40,
)


@dataclass
class Message:
    message_id: str
    sender: int
    receiver: int
    first: str
    text: str
    seen_by: set[int]
    deleted: bool = False
    edited: bool = False


@dataclass
class Model:
    """What the contract says, word for word."""

    messages: list[Message] = field(default_factory=list)
    mailboxes: list[list[tuple[str, str]]] = field(default_factory=lambda: [[], [], []])
    states: dict[tuple[int, int], str] = field(default_factory=dict)
    keys: dict[tuple[int, int], Message] = field(default_factory=dict)
    cursors: list[int] = field(default_factory=lambda: [0, 0, 0])
    read: dict[tuple[int, int], str] = field(default_factory=dict)

    def pair(self, one: int, other: int) -> Pair:
        return Pair(self.states.get((one, other), "none"), self.states.get((other, one), "none"))  # type: ignore[arg-type]  # states come from the table

    def visible(self, one: int, other: int) -> list[Message]:
        return [m for m in self.messages if {m.sender, m.receiver} == {one, other} and one in m.seen_by]

    def post(self, people: Sequence[int], kind: str, what: str) -> None:
        for person in dict.fromkeys(people):
            self.mailboxes[person].append((kind, what))


class Play:
    """Carries operations out on the store and on the model, and compares."""

    def __init__(self, stage: Stage, model: Model, people: list[AccountRow], devices: list[DeviceRow]) -> None:
        self.stage, self.model, self.people, self.devices = stage, model, people, devices

    async def attempt(self, command: type[commands.Command], **fields: Any) -> Any:
        try:
            return await self.stage.do(command, **fields)
        except Rejected as refusal:
            return refusal.code

    async def send(self, sender: int, receiver: int, key: int, text: str) -> None:
        model, before = self.model, self.model.keys.get((sender, key))
        found = await self.attempt(
            commands.SendMessage,
            sender=self.people[sender].account,
            receiver=self.people[receiver].account,
            text=text,
            client_message_id=str(key),
        )
        if before is not None:
            if before.receiver == receiver and (before.deleted or before.first == text):
                assert (found.message_id, found.duplicate) == (before.message_id, True)
            else:
                assert found is ErrorCode.CONFLICT
            return
        if model.pair(sender, receiver).mine == "blocked":
            assert found is ErrorCode.BLOCKED
            return
        hidden = model.pair(sender, receiver).theirs == "blocked"
        seen_by = {sender} if hidden else {sender, receiver}
        message = Message(found.message_id, sender, receiver, text, text, seen_by)
        assert all(message.message_id > other.message_id for other in model.messages)
        model.messages.append(message)
        model.keys[sender, key] = message
        model.post([sender] if hidden else [sender, receiver], "MessageEvent", message.message_id)
        assert found.seq == len(model.mailboxes[sender])

    def _own(self, person: int, number: int) -> tuple[Message | None, ErrorCode | None]:
        messages = self.model.messages
        if number >= len(messages) or person not in messages[number].seen_by:
            return None, ErrorCode.NOT_FOUND
        if messages[number].sender != person:
            return None, ErrorCode.FORBIDDEN
        return messages[number], None

    def _id(self, number: int) -> str:
        messages = self.model.messages
        return messages[number].message_id if number < len(messages) else "f" * 16

    async def edit(self, person: int, number: int, text: str) -> None:
        change = {"account": self.people[person].account, "message_id": self._id(number), "text": text}
        found = await self.attempt(commands.EditMessage, **change)
        message, refusal = self._own(person, number)
        if message is None or message.deleted:
            assert found is (refusal or ErrorCode.CONFLICT)
            return
        message.text, message.edited = text, True
        self.model.post(
            [side for side in (message.sender, message.receiver) if side in message.seen_by],
            "MessageEdited",
            message.message_id,
        )

    async def delete(self, person: int, number: int) -> None:
        change = {"account": self.people[person].account, "message_id": self._id(number)}
        found = await self.attempt(commands.DeleteMessage, **change)
        message, refusal = self._own(person, number)
        if message is None:
            assert found is refusal
        elif not message.deleted:
            message.text, message.deleted = "", True
            sides = [side for side in (message.sender, message.receiver) if side in message.seen_by]
            self.model.post(sides, "MessageDeleted", message.message_id)

    async def read(self, person: int, peer: int, number: int) -> None:
        mark = {"account": self.people[person].account, "peer": self.people[peer].account}
        found = await self.attempt(commands.MarkRead, message_id=self._id(number), **mark)
        if self._id(number) not in [message.message_id for message in self.model.visible(person, peer)]:
            assert found is ErrorCode.NOT_FOUND
            return
        before = self.model.read.get((person, peer), "")
        assert (found.moved, found.message_id) == (self._id(number) > before, max(self._id(number), before))
        self.model.read[person, peer] = found.message_id

    async def ack(self, person: int, seq: int) -> None:
        cursor = await self.stage.ack(self.devices[person], seq)
        head = len(self.model.mailboxes[person])
        self.model.cursors[person] = max(self.model.cursors[person], min(seq, head))
        assert cursor == self.model.cursors[person]

    async def contact(self, one: int, other: int, action: str) -> None:
        change = {"account": self.people[one].account, "peer": self.people[other].account, "action": action}
        found = await self.attempt(commands.ChangeContact, **change)
        if one == other:
            assert found is ErrorCode.CONFLICT
            return
        before = self.model.pair(one, other)
        after = move(before, action)  # type: ignore[arg-type]  # one of ACTIONS
        if isinstance(after, ErrorCode):
            assert found is after
            return
        for side, was, now in ((one, before.mine, after.mine), (other, before.theirs, after.theirs)):
            if was != now:
                self.model.post([side], "ContactEvent", now)
        self.model.states[one, other], self.model.states[other, one] = after

    async def pause(self) -> None:
        await trio.sleep(0.002)

    async def compare(self) -> None:
        for person in range(3):
            events = await self.stage.mailbox(self.people[person])
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            bodies = [event.body for event in events]
            seen = [(type(body).__name__, getattr(body, "message_id", getattr(body, "state", ""))) for body in bodies]
            assert seen == self.model.mailboxes[person]
            for other in range(3):
                await self._compare_pair(person, other)

    async def _compare_pair(self, one: int, other: int) -> None:
        model, store = self.model, self.stage.store
        mine, theirs = self.people[one], self.people[other]
        expected = model.visible(one, other)
        page = await store.history(mine.account, theirs.account, before=None, after=None, limit=200)
        assert [(item.message_id, item.text, item.deleted, item.edited_at is not None) for item in page.items] == [
            (message.message_id, message.text, message.deleted, message.edited) for message in expected
        ]
        rows, _ = await store.conversations(mine.account, before=None, limit=10)
        row = next((row for row in rows if row.peer == theirs.uid), None)
        assert (row is not None) == bool(expected)
        if row is None:
            return
        read = model.read.get((one, other), "")
        unread = [m for m in expected if m.sender == other != one and m.message_id > read]
        assert (row.unread, row.last.message_id, row.my_read_up_to or "") == (
            len(unread),
            expected[-1].message_id,
            read,
        )
        sent = [m for m in model.messages if m.sender == one and m.receiver == other and {one, other} <= m.seen_by]
        acked = {what for kind, what in model.mailboxes[other][: model.cursors[other]] if kind == "MessageEvent"}
        their_read = model.read.get((other, one), "")
        read_up_to = max((m.message_id for m in sent if m.message_id <= their_read), default=None)
        delivered = max((m.message_id for m in sent if m.message_id in acked), default=None)
        assert row.read_up_to == read_up_to
        assert row.delivered_up_to == max(filter(None, (delivered, read_up_to)), default=None)


async def play(operations: list[tuple[Any, ...]], factory: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place, model, rest = Place(FACTORIES[factory], Path(folder)), Model(), list(operations)
        people: list[AccountRow] = []
        devices: list[DeviceRow] = []
        while True:
            async with place.open() as stage:
                if not people:
                    people = [await stage.person(login) for login in ("ann", "bob", "carl")]
                    devices = [await stage.device(person) for person in people]
                acting = Play(stage, model, people, devices)
                await acting.compare()
                while rest:
                    name, *arguments = rest.pop(0)
                    if name == "reopen":
                        break
                    await getattr(acting, name)(*arguments)
                else:
                    await acting.compare()
                    return


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATIONS, st.sampled_from(sorted(FACTORIES)))
def test_the_store_does_what_the_model_does(operations: list[tuple[Any, ...]], factory: str) -> None:
    trio.run(play, operations, factory)
