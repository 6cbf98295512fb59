"""The pure session: against a model server over a line that drops whatever hypothesis likes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgwire
from msgclient import TooManyRequests
from msgclient.session import Accepted, Answered, Broken, Happened, Output, Pushed, Refused, Session, Unanswered

from .model_connection import ServerConnection
from .model_server import EPOCH_MS, Mailbox, ModelServer


def ready(cursor: int, head: int) -> msgwire.Ready:
    return msgwire.Ready(uid="u", login="juliet", device_id="d", cursor=cursor, head=head)


def event(seq: int) -> msgwire.Event:
    body = msgwire.DeviceEvent(device_id=f"d{seq}", name="phone", action="added")
    return msgwire.Event(seq=seq, at=EPOCH_MS, event=body)


def sent(seq: int, request_id: str) -> msgwire.Sent:
    return msgwire.Sent(
        re=request_id, message_id=f"m{seq}", client_message_id="c", at=EPOCH_MS, seq=seq, status="stored"
    )


def send() -> msgwire.Send:
    return msgwire.Send(to="romeo", text="hello", client_message_id="c")


def opened(cursor: int = 0) -> Session:
    session = Session()
    session.opened(ready(cursor, cursor), cursor)
    return session


def seqs(outputs: list[Output]) -> list[int]:
    return [output.seq for output in outputs if isinstance(output, Happened)]


def test_events_come_once_and_in_order() -> None:
    session = opened(4)
    assert seqs(session.receive(event(5))) == [5]
    assert session.receive(event(5)) == []
    assert session.receive(event(3)) == []
    assert seqs(session.receive(event(6))) == [6]


def test_a_hole_breaks_the_connection_and_shows_nothing() -> None:
    session = opened(4)
    assert isinstance(session.receive(event(6))[0], Broken)
    assert session.cursor == 4


def test_sent_stands_for_its_event_only_where_it_follows() -> None:
    session = opened(4)
    request_id = session.ask(send())
    output = session.receive(sent(5, request_id))[0]
    assert isinstance(output, Accepted)
    assert output.takes_seq
    assert session.receive(event(5)) == []
    request_id = session.ask(send())
    output = session.receive(sent(8, request_id))[0]
    assert isinstance(output, Accepted)
    assert not output.takes_seq
    assert seqs([*session.receive(event(6)), *session.receive(event(7)), *session.receive(event(8))]) == [6, 7, 8]


def test_nothing_is_acknowledged_before_it_is_stored_and_then_once() -> None:
    session = opened()
    for seq in range(1, 4):
        session.receive(event(seq))
    assert session.ack_due() is None
    session.stored(3)
    due = session.ack_due()
    assert due is not None
    assert due.seq == 3
    assert session.ack_due() is None


def test_what_the_server_never_heard_acknowledged_is_acknowledged_again() -> None:
    session = Session()
    assert not session.opened(ready(cursor=2, head=9), before=5)
    session.stored(5)
    for _ in range(2):
        due = session.ack_due()
        assert due is not None
        assert due.seq == 5
        assert session.ack_due() is None
        assert session.receive(event(3)) == []
    assert seqs(session.receive(event(6))) == [6]


@pytest.mark.parametrize(("cursor", "head", "before"), [(9, 12, 5), (3, 3, 5)], ids=["trimmed", "restored"])
def test_a_stream_that_goes_on_elsewhere_is_said_so(cursor: int, head: int, before: int) -> None:
    session = Session()
    assert session.opened(ready(cursor, head), before)
    assert seqs(session.receive(event(cursor + 1))) == [cursor + 1]


def test_every_request_has_one_answer() -> None:
    session = opened()
    first, second = session.ask(msgwire.ListContacts()), session.ask(msgwire.ListDevices())
    message = session.ask(send())
    reply = msgwire.Contacts(contacts=[], re=first)
    assert session.receive(reply) == [Answered(first, reply)]
    assert session.receive(reply) == []
    assert session.lost() == [Unanswered(second)]
    assert session.receive(sent(1, message)) == []
    assert session.pending == 0


def test_a_refused_message_is_told_apart_from_a_refused_request() -> None:
    session = opened()
    request_id = session.ask(send())
    error = msgwire.Error(re=request_id, code="mailbox_full", message="Full.")
    assert isinstance(session.receive(error)[0], Refused)
    assert isinstance(session.receive(msgwire.Error(code="bad_frame", message="No."))[0], Pushed)


def test_pending_requests_are_bounded_and_messages_are_not_kept_out() -> None:
    session = Session(max_pending=2)
    session.opened(ready(0, 0), 0)
    session.ask(msgwire.ListContacts())
    session.ask(msgwire.ListContacts())
    with pytest.raises(TooManyRequests):
        session.ask(msgwire.ListContacts())
    session.ask(send())


class Phone:
    """A device with a disk and a session; it dies and comes back as the test says."""

    def __init__(self, server: ModelServer, account: Mailbox) -> None:
        self.server, self.account = server, account
        self.device = server.add_device(account)
        self.tokens = server.tokens(account, self.device)
        self.disk: list[tuple[int, str]] = []  # seq and text of what was stored
        self.cursor: int | None = None
        self.outbox: list[msgwire.Send] = []
        self.session = Session()
        self.line: ServerConnection | None = None

    def dial(self) -> None:
        self.line = ServerConnection(self.server)
        self.line.take()
        self.session.lost()
        self.line.handle(
            msgwire.Authenticate(access_token=self.tokens.access_token, cursor=self.cursor, request_id="a")
        )
        answer, *early = self.line.take()
        assert isinstance(answer, msgwire.Ready)
        self.session.opened(answer, self.cursor)
        self.cursor = self.session.cursor
        self.line.out = [*early, *self.line.out]
        self.flush_outbox()

    def flush_outbox(self) -> None:
        for message in self.outbox:
            self.say(message)

    def say(self, message: msgwire.Send) -> None:
        if self.line is not None:
            copy = msgwire.Send(to=message.to, text=message.text, client_message_id=message.client_message_id)
            self.session.ask(copy)
            self.line.handle(copy)

    def read(self, count: int, *, dies: bool) -> None:
        """Take `count` frames, store what they say in one go, acknowledge; with `dies`, vanish before the disk."""
        if self.line is None:
            return
        frames, self.line.out = self.line.out[:count], self.line.out[count:]
        outputs = [output for frame in frames for output in self.session.receive(frame)]
        assert not any(isinstance(output, Broken) for output in outputs)
        if dies:
            self.crash()
            return
        for output in outputs:
            match output:
                case Happened(seq, _, msgwire.MessageEvent() as body):
                    self.disk.append((seq, body.text))
                    self.cursor = seq
                    self.settle(body.client_message_id)
                case Accepted(message, accepted, takes_seq):
                    if takes_seq:
                        self.disk.append((accepted.seq, message.text))
                        self.cursor = accepted.seq
                    self.settle(message.client_message_id)
        assert self.cursor is not None
        self.session.stored(self.cursor)
        due = self.session.ack_due()
        if due is not None:
            self.line.handle(due)

    def settle(self, client_message_id: str) -> None:
        self.outbox = [message for message in self.outbox if message.client_message_id != client_message_id]

    def cut(self) -> None:
        if self.line is not None:
            self.line.end()
            self.line = None

    def crash(self) -> None:
        self.cut()
        self.session = Session()


STEPS = st.one_of(
    st.just(("hears",)),
    st.just(("writes",)),
    st.tuples(st.just("reads"), st.integers(1, 6), st.booleans()),
    st.just(("cut",)),
    st.just(("crash",)),
    st.just(("dials",)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=60), st.integers(1, 8))
def test_each_message_is_stored_exactly_once_and_in_order(steps: list[tuple[object, ...]], window: int) -> None:
    server = ModelServer(window=window)
    juliet, romeo = server.register("juliet"), server.register("romeo")
    phone = Phone(server, juliet)
    written = 0
    for step in steps:
        match step:
            case ("hears",):
                server.post(romeo, juliet, f"romeo {len(server.items)}")
            case ("writes",):
                written += 1
                message = msgwire.Send(to=romeo.uid, text=f"juliet {written}", client_message_id=f"j{written}")
                phone.outbox.append(message)
                phone.say(message)
            case ("reads", int() as count, bool() as dies):
                phone.read(count, dies=dies)
            case ("cut",):
                phone.cut()
            case ("crash",):
                phone.crash()
            case ("dials",) if phone.line is None:
                phone.dial()
    phone.cut()
    phone.dial()
    while phone.line is not None and phone.line.out:
        phone.read(4, dies=False)
    assert phone.outbox == []
    assert [seq for seq, _ in phone.disk] == list(range(1, len(juliet.events) + 1))
    assert [text for _, text in phone.disk] == [item.text for item in server.items]
    mine = [item.text for item in server.items if item.sender == juliet.uid]
    assert mine == [f"juliet {number}" for number in range(1, written + 1)]
