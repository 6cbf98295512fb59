"""Two calls face to face, with a server between them that may swap what passes, and engines that answer by the book."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import msgwire
from msgclient.call import messages
from msgclient.call.live_call import LiveCall
from msgclient.call.machine import Reason, State
from msgclient.call.pins import Pins
from msgclient.call.verify import CalleeSide, CallerSide, encode, format_fingerprint
from msgclient.call.view import CallView, Security

CALL_ID = "6b0e8a5e-5a43-4d7f-a8f0-f43f2c9b4b7e"


def description(key: bytes, direction: str = "sendrecv") -> str:
    return f"v=0\r\nm=audio 9 X 96\r\na=fingerprint:{format_fingerprint(key)}\r\na={direction}\r\n"


@dataclass
class Hands:
    """Does nothing, and remembers what it was asked for."""

    commands: list[messages.Command] = field(default_factory=list)
    frames: list[msgwire.ClientFrame] = field(default_factory=list)
    opens: list[tuple[int, bool]] = field(default_factory=list)
    timers: list[float | None] = field(default_factory=list)
    now_s: float = 0.0

    def engine(self, command: messages.Command) -> None:
        self.commands.append(command)

    def signal(self, frame: msgwire.ClientFrame) -> None:
        self.frames.append(frame)

    def open(self, epoch: int, *, offers: bool, held: bool, after_s: float) -> None:
        self.opens.append((epoch, offers))

    def timer(self, seconds: float | None) -> None:
        self.timers.append(seconds)

    def changed(self) -> None:
        pass

    def now(self) -> float:
        return self.now_s


class End:
    """One side, with the key that its engine uses."""

    def __init__(self, folder: Path, name: str, *, is_caller: bool, commitment: str | None = None) -> None:
        self.key = os.urandom(32)
        self.hands = Hands()
        self.pins = Pins(folder / f"{name}.json")
        nonce = os.urandom(32)
        side = CallerSide(nonce, self.key) if is_caller else CalleeSide(nonce, self.key, commitment)
        self.commitment = side.commitment if isinstance(side, CallerSide) else None
        direction = "outgoing" if is_caller else "incoming"
        self.call = LiveCall(
            self.hands, self.pins, side, CallView(None if is_caller else CALL_ID, "peer", "peer", direction, State.IDLE)
        )

    def take(self, kind: type) -> msgwire.ClientFrame:
        frame = next(frame for frame in self.hands.frames if isinstance(frame, kind))
        self.hands.frames.remove(frame)
        return frame


@dataclass
class Middle:
    """The server. Its three hooks see everything that matters, and give what goes on."""

    key: bytes = field(default_factory=lambda: os.urandom(32))
    nonce: bytes = field(default_factory=lambda: os.urandom(32))
    swaps_commitment: bool = False
    swaps_accept: bool = False
    swaps_offer: bool = False
    swaps_answer: bool = False
    strips: bool = False

    def commitment(self, honest: str | None) -> str | None:
        if self.strips:
            return None
        if self.swaps_commitment:
            side = CallerSide(self.nonce, self.key)
            return side.commitment
        return honest


def connect(folder: Path, middle: Middle) -> tuple[End, End]:
    caller = End(folder, "caller", is_caller=True)
    caller.call.place()
    caller.call.rings(CALL_ID)
    callee = End(folder, "callee", is_caller=False, commitment=middle.commitment(caller.commitment))
    callee.call.comes()
    callee.call.answer()
    accept = callee.take(msgwire.CallAccept)
    assert isinstance(accept, msgwire.CallAccept)
    nonce, fingerprint = accept.nonce, accept.fingerprint
    if middle.strips:
        nonce = fingerprint = None
    elif middle.swaps_accept:
        nonce, fingerprint = encode(middle.nonce), format_fingerprint(middle.key)
    caller.call.receive(msgwire.CallAccepted(call_id=CALL_ID, nonce=nonce, fingerprint=fingerprint))
    for end in (caller, callee):
        if end.hands.opens:
            end.call.opened(0)
    if caller.call.view.is_over:
        return caller, callee
    caller.call.report(messages.Described(epoch=0, kind="offer", sdp=description(caller.key)))
    offer = caller.take(msgwire.SendOffer)
    assert isinstance(offer, msgwire.SendOffer)
    sdp, revealed = offer.sdp, offer.nonce
    if middle.swaps_offer:
        sdp = description(middle.key)
        revealed = encode(middle.nonce) if middle.swaps_commitment else revealed
    callee.call.receive(msgwire.Offer(call_id=CALL_ID, sender="peer", sdp=sdp, epoch=0, nonce=revealed))
    if callee.call.view.is_over:
        return caller, callee
    callee.call.report(messages.Described(epoch=0, kind="answer", sdp=description(callee.key)))
    answer = callee.take(msgwire.SendAnswer)
    assert isinstance(answer, msgwire.SendAnswer)
    sdp = description(middle.key) if middle.swaps_answer else answer.sdp
    caller.call.receive(msgwire.Answer(call_id=CALL_ID, sender="peer", sdp=sdp, epoch=0))
    seen_by_callee = middle.key if middle.swaps_offer else caller.key
    seen_by_caller = middle.key if middle.swaps_answer else callee.key
    callee.call.report(messages.Connected(epoch=0, fingerprint=seen_by_callee.hex(), took_ms=50))
    caller.call.report(messages.Connected(epoch=0, fingerprint=seen_by_caller.hex(), took_ms=50))
    return caller, callee


def test_an_honest_server_lets_two_people_see_the_same_code(tmp_path: Path) -> None:
    caller, callee = connect(tmp_path, Middle())
    assert caller.call.state is callee.call.state is State.ACTIVE
    assert caller.call.view.code == callee.call.view.code
    assert caller.call.view.security is Security.UNVERIFIED
    caller.call.confirm_code()
    assert caller.call.view.security is Security.VERIFIED
    assert caller.pins.judge("peer", callee.key) == "pinned"


@pytest.mark.parametrize("swaps", range(1, 16))
def test_a_server_in_the_middle_is_caught_or_shown_by_the_codes(tmp_path: Path, swaps: int) -> None:
    middle = Middle(
        swaps_commitment=bool(swaps & 1),
        swaps_accept=bool(swaps & 2),
        swaps_offer=bool(swaps & 4),
        swaps_answer=bool(swaps & 8),
    )
    caller, callee = connect(tmp_path, middle)
    one, other = caller.call.view, callee.call.view
    refused = [view for view in (one, other) if view.security is Security.REFUSED]
    for view in refused:
        assert (view.state, view.reason) == (State.ENDED, Reason.UNTRUSTED)
        assert view.sentence
    if not refused:
        assert swaps in {5, 10, 15}, "only a consistent swap of one side or of both gets as far as the codes"
        assert one.code != other.code


def test_a_server_that_strips_verification_is_told_of(tmp_path: Path) -> None:
    caller, callee = connect(tmp_path, Middle(strips=True))
    for end in (caller, callee):
        assert end.call.view.security is Security.UNAVAILABLE
        assert not end.call.view.code


def test_with_a_pinned_contact_a_server_in_the_middle_is_announced(tmp_path: Path) -> None:
    for middle in (Middle(strips=True, swaps_answer=True), Middle(swaps_accept=True, swaps_answer=True)):
        folder = tmp_path / str(middle.strips)
        folder.mkdir()
        Pins(folder / "caller.json").pin("peer", os.urandom(32))
        caller, _ = connect(folder, middle)
        assert caller.call.view.security in {Security.CHANGED, Security.REFUSED}


def test_another_key_than_was_described_ends_the_call(tmp_path: Path) -> None:
    caller, _ = connect(tmp_path, Middle())
    caller.call.report(messages.Connected(epoch=0, fingerprint=os.urandom(32).hex(), took_ms=1))
    assert caller.call.view.reason is Reason.UNTRUSTED


def test_another_key_in_a_later_epoch_ends_the_call(tmp_path: Path) -> None:
    caller, _ = connect(tmp_path, Middle())
    sdp = description(os.urandom(32))
    caller.call.receive(msgwire.Offer(call_id=CALL_ID, sender="peer", sdp=sdp, epoch=1))
    assert (caller.call.view.reason, caller.call.view.security) == (Reason.UNTRUSTED, Security.REFUSED)


def test_lost_media_brings_the_next_epoch_and_the_same_call(tmp_path: Path) -> None:
    caller, callee = connect(tmp_path, Middle())
    caller.call.report(messages.MediaLost(epoch=0))
    assert caller.call.state is State.RECONNECTING
    assert caller.hands.opens[-1] == (1, True)
    caller.call.opened(1)
    caller.call.report(messages.Described(epoch=1, kind="offer", sdp=description(caller.key)))
    offer = caller.take(msgwire.SendOffer)
    assert isinstance(offer, msgwire.SendOffer)
    callee.call.receive(msgwire.Offer(call_id=CALL_ID, sender="p", sdp=offer.sdp, epoch=1, nonce=offer.nonce))
    assert callee.hands.opens[-1] == (1, False)
    callee.call.opened(1)
    assert isinstance(callee.hands.commands[-1], messages.Remote)
    for end, other in ((caller, callee), (callee, caller)):
        end.call.report(messages.Connected(epoch=1, fingerprint=other.key.hex(), took_ms=9))
        assert end.call.state is State.ACTIVE
        assert end.call.view.reconnects == 1
        # What the old connection still says is of no interest.
        end.call.report(messages.MediaClosed(epoch=0))
        assert end.call.state is State.ACTIVE


def test_an_offer_is_said_again_when_the_socket_is_back(tmp_path: Path) -> None:
    caller, _ = connect(tmp_path, Middle())
    caller.call.report(messages.MediaLost(epoch=0))
    caller.call.report(messages.Described(epoch=1, kind="offer", sdp=description(caller.key)))
    caller.call.report(messages.Found(epoch=1, candidate="candidate:1 1 udp 1 192.0.2.1 9 typ host"))
    caller.hands.frames.clear()
    caller.call.reachable()
    assert [type(frame) for frame in caller.hands.frames] == [msgwire.SendOffer, msgwire.SendCandidate]


def test_what_comes_before_the_connection_is_made_is_kept_for_it(tmp_path: Path) -> None:
    callee = End(tmp_path, "callee", is_caller=False)
    callee.call.comes()
    callee.call.answer()
    key = os.urandom(32)
    callee.call.receive(msgwire.Offer(call_id=CALL_ID, sender="p", sdp=description(key), epoch=0))
    callee.call.receive(msgwire.CandidatePush(call_id=CALL_ID, sender="p", candidate=None, epoch=0))
    callee.call.opened(0)
    kinds = [type(command) for command in callee.hands.commands if not isinstance(command, messages.Ring)]
    assert kinds == [messages.Remote, messages.RemoteCandidate]


def test_what_comes_early_is_bounded(tmp_path: Path) -> None:
    callee = End(tmp_path, "callee", is_caller=False)
    callee.call.comes()
    callee.call.answer()
    for _ in range(1000):
        callee.call.receive(msgwire.CandidatePush(call_id=CALL_ID, sender="p", candidate=None, epoch=0))
    callee.call.opened(0)
    assert len(callee.hands.commands) < 200


def test_nobody_can_make_a_call_ring_forever_or_offer_to_one_that_rings(tmp_path: Path) -> None:
    callee = End(tmp_path, "callee", is_caller=False)
    callee.call.comes()
    assert callee.hands.timers[-1] is not None
    callee.call.receive(msgwire.Offer(call_id=CALL_ID, sender="p", sdp=description(os.urandom(32))))
    assert callee.call.state is State.INCOMING
    callee.call.timed_out()
    assert callee.call.view.reason is Reason.NO_ANSWER


def test_tones_follow_the_state(tmp_path: Path) -> None:
    caller, callee = connect(tmp_path, Middle())
    tones = {
        end: [command.tone for command in end.hands.commands if isinstance(command, messages.Ring)]
        for end in (caller, callee)
    }
    assert tones[caller] == ["ringback", None]
    assert tones[callee] == ["ringing", None]
