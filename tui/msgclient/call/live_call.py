"""One call in the client's process: what people, server, engine and clock say becomes events of the table.

It sits between three things that fail one by one: the socket to the server, which may be away for a while; the engine,
which may die; and the other side. It never waits: whatever takes time is handed to `Hands`.
"""

import msgwire
from msgwire.calls import EndReason, RejectReason

from . import messages
from .hands import Hands
from .machine import Do, Event, Machine, Reason, State, timeout_of
from .negotiation import Negotiation, Verdict
from .picture import Picture
from .pins import Pins, Trust
from .verdict import Quality
from .verify import Bound, CalleeSide, CallerSide, VerificationFailed, parse_fingerprint
from .view import CallView, Security

RENEW_PAUSE_S = 1.0
_TALKING = frozenset({State.ACTIVE, State.HELD})
_MAX_EARLY = 128
"""Steps that come before the connection they are for is made."""


class LiveCall:
    """A call from the first moment to its end.

    Args:
        hands: does what takes time.
        pins: the verified keys.
        side: the verification of this side.
        view: how it begins.
    """

    def __init__(self, hands: Hands, pins: Pins, side: CallerSide | CalleeSide, view: CallView) -> None:
        self._hands = hands
        self._pins = pins
        self._side = side
        self._machine = Machine()
        self._negotiation = Negotiation(is_caller=isinstance(side, CallerSide))
        self._nonce: str | None = None
        self._early: list[tuple[int, messages.Command]] = []
        self._open_epoch: int | None = None
        self._candidates: list[msgwire.SendCandidate] = []
        self._renewed_s = float("-inf")
        self._reject_reason: RejectReason = "declined"
        self._tone: str | None = None
        self._picture = Picture(view, hands.changed)

    @property
    def view(self) -> CallView:
        """What a face shows of it."""
        return self._picture.view

    @property
    def quality(self) -> Quality:
        """How it went so far."""
        return self._picture.quality

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._machine.state

    @property
    def bound(self) -> Bound | None:
        """What is known of the other side's key."""
        return self._side.bound

    # The person.

    def place(self) -> None:
        """Call."""
        self._apply(Event.PLACE)

    def answer(self) -> None:
        """Take the call."""
        self._apply(Event.ANSWER)

    def decline(self, reason: RejectReason = "declined") -> None:
        """Not take it."""
        self._reject_reason = reason
        self._apply(Event.DECLINE)

    def hang_up(self) -> None:
        """End it."""
        self._apply(Event.HANG_UP)

    def hold(self, held: bool) -> None:
        """Hold or resume."""
        self._apply(Event.HOLD if held else Event.RESUME)

    def mute(self, on: bool) -> None:
        """Send silence, or sound again."""
        self._hands.engine(messages.Mute(on=on))
        self._picture.show(is_muted=on)

    def deafen(self, on: bool) -> None:
        """Hear nothing, or the other side again."""
        self._hands.engine(messages.Deafen(on=on))
        self._picture.show(is_deafened=on)

    def confirm_code(self) -> None:
        """The person has compared the code: this device of theirs is known from now on."""
        if self.bound is not None and self.bound.code is not None and self.view.peer:
            self._pins.pin(self.view.peer, self.bound.fingerprint)
            self._picture.show(security=Security.VERIFIED)

    # The server.

    def named(self, peer: str, login: str) -> None:
        """Who is called: uid and login."""
        self._picture.show(peer=peer, login=login)

    def rings(self, call_id: str) -> None:
        """The server has taken the request."""
        self._picture.show(call_id=call_id)
        self._apply(Event.RINGING)
        self._ring()

    def comes(self) -> None:
        """Somebody calls."""
        self._apply(Event.INCOMING)

    def refused(self, reason: Reason, sentence: str) -> None:
        """The server has not taken the request, or the answer."""
        self._picture.show(sentence=sentence)
        self._apply(Event.REFUSED, reason)

    def gone(self) -> None:
        """The server knows nothing of it any more."""
        self._apply(Event.GONE)

    def reachable(self) -> None:
        """The socket is back, and the server knows the call: what may have been lost is said again."""
        self._negotiation.repeat_soon()
        self.repeat()

    def repeat(self) -> None:
        """Send an offer again that nobody has answered; to be called about once a second."""
        offer = self._negotiation.due(self._hands.now())
        if offer is not None and not self.view.is_over:
            self._send_offer(offer.epoch, offer.sdp)
            for candidate in self._candidates:
                self._hands.signal(candidate)

    def receive(self, frame: object) -> None:
        """A frame of this call."""
        match frame:
            case msgwire.CallAccepted():
                self._accepted(frame)
            case msgwire.CallTaken():
                self._apply(Event.TAKEN)
            case msgwire.CallEnded(reason="lost"):
                # The server has lost a socket; whether the two still hear each other, it cannot know.
                self._apply(Event.GONE)
            case msgwire.CallEnded():
                self._apply(Event.ENDED, Reason(frame.reason))
            case msgwire.Offer():
                self._offer_came(frame)
            case msgwire.Answer():
                if self._negotiation.answer_came(frame.epoch or 0) and self._check(frame.sdp, frame.nonce):
                    self._step(messages.Remote(epoch=frame.epoch or 0, kind="answer", sdp=frame.sdp))
            case msgwire.CandidatePush():
                candidate = None if frame.candidate is None else frame.candidate.candidate
                self._step(messages.RemoteCandidate(epoch=frame.epoch or 0, candidate=candidate))

    # The engine.

    def opened(self, epoch: int) -> None:
        """The engine has been told to make the connection of this epoch."""
        if epoch != self._negotiation.epoch or self.view.is_over:
            return
        self._open_epoch = epoch
        early, self._early = self._early, []
        for at, command in early:
            if at == epoch:
                self._hands.engine(command)

    def report(self, report: messages.Report) -> None:
        """What the engine says."""
        match report:
            case messages.Described(kind="offer"):
                if self._negotiation.offered(report.epoch, report.sdp, self._hands.now()):
                    self._send_offer(report.epoch, report.sdp)
            case messages.Described():
                if self._negotiation.answered(report.epoch):
                    call_id = self._call_id
                    self._hands.signal(
                        msgwire.SendAnswer(call_id=call_id, sdp=report.sdp, epoch=report.epoch, nonce=self._nonce)
                    )
            case messages.Found():
                self._found(report)
            case messages.Connected():
                self._connected(report)
            case messages.MediaLost():
                self._apply(Event.MEDIA_LOST, epoch=report.epoch)
            case messages.MediaClosed():
                self._apply(Event.MEDIA_CLOSED, epoch=report.epoch)
            case messages.Unusable():
                self._picture.show(sentence=report.sentence)
                self._apply(Event.MEDIA_UNUSABLE, epoch=report.epoch)
            case messages.PeerHold():
                self._apply(Event.PEER_HOLDS if report.held else Event.PEER_RESUMES, epoch=report.epoch)
            case messages.Stats():
                self._picture.stats(report)
            case messages.Levels():
                self._picture.show(near_level=report.near, far_level=report.far)
            case messages.SoundTrouble():
                self._picture.sound_trouble(report)
            case messages.EchoHint():
                self._picture.show(cancels_echo=report.cancels)

    def engine_stopped(self, sentence: str) -> None:
        """The engine has died, and the sound with it."""
        self._picture.show(sentence=sentence)
        self._apply(Event.ENGINE_STOPPED)

    # The clock.

    def timed_out(self) -> None:
        """The state has lasted too long."""
        self._apply(Event.TIME_OUT)

    # What follows.

    @property
    def _call_id(self) -> str:
        assert self.view.call_id is not None, "the server has named every call that signals"
        return self.view.call_id

    def _apply(self, event: Event, reason: Reason | None = None, epoch: int | None = None) -> None:
        was = self._machine
        self._machine, do = was.apply(event, reason=reason, epoch=epoch)
        if self._machine == was and not do:
            return
        for act in do:
            self._do(act)
        machine = self._machine
        if machine.state is State.RECONNECTING and was.state is not State.RECONNECTING:
            self._picture.quality.reconnects += 1
        self._picture.show(
            state=machine.state,
            reason=machine.reason,
            is_held_here=machine.held_here,
            is_held_there=machine.held_there,
            reconnects=self._picture.quality.reconnects,
        )
        if machine.state is State.ENDED:
            self._picture.over(self._hands.now())
        self._ring()

    def _do(self, act: Do) -> None:
        match act:
            case Do.ACCEPT:
                assert isinstance(self._side, CalleeSide), "only a call that came is accepted"
                nonce, fingerprint = self._side.accept()
                self._hands.signal(msgwire.CallAccept(call_id=self._call_id, nonce=nonce, fingerprint=fingerprint))
            case Do.REJECT:
                self._hands.signal(msgwire.CallReject(call_id=self._call_id, reason=self._reject_reason))
            case Do.SEND_HANGUP:
                self._send_end("hangup")
            case Do.SEND_FAILED | Do.SEND_LOST:
                self._send_end("failed")
            case Do.OFFER:
                self._open(offers=True, after_s=0.0)
            case Do.AWAIT_OFFER | Do.FOLLOW:
                self._open(offers=False, after_s=0.0)
            case Do.RENEW:
                now_s = self._hands.now()
                self._open(offers=True, after_s=max(0.0, self._renewed_s + RENEW_PAUSE_S - now_s))
                self._renewed_s = now_s
            case Do.REPEAT_HOLD:
                self._hands.engine(messages.Hold(held=self._machine.held_here))
            case Do.CLOSE_MEDIA:
                self._hands.engine(messages.Close())
            case Do.START_TIMER:
                self._hands.timer(timeout_of(self._machine.state))
            case Do.STOP_TIMER:
                self._hands.timer(None)
            case Do.REQUEST:
                pass  # made by whoever placed the call: its answer names the call

    def _open(self, *, offers: bool, after_s: float) -> None:
        epoch = self._machine.epoch
        self._negotiation.opened(epoch, offers=offers)
        self._open_epoch = None
        self._candidates.clear()
        self._hands.open(epoch, offers=offers, held=self._machine.held_here, after_s=after_s)

    def _step(self, command: messages.Remote | messages.RemoteCandidate) -> None:
        """Hand something from the other side to its connection, now or once it is made."""
        if command.epoch == self._open_epoch:
            self._hands.engine(command)
        elif command.epoch >= self._negotiation.epoch and len(self._early) < _MAX_EARLY:
            self._early.append((command.epoch, command))

    def _accepted(self, frame: msgwire.CallAccepted) -> None:
        if not isinstance(self._side, CallerSide) or self.state is not State.OUTGOING:
            return
        try:
            self._nonce = self._side.accepted(frame.nonce, frame.fingerprint)
        except VerificationFailed as failed:
            self._distrust(failed)
            return
        if frame.fingerprint is not None:
            self._judge(parse_fingerprint(frame.fingerprint), has_code=True)
        self._apply(Event.ACCEPTED)

    def _offer_came(self, frame: msgwire.Offer) -> None:
        if self.state in {State.IDLE, State.OUTGOING, State.INCOMING, State.ENDED}:
            return
        epoch = frame.epoch or 0
        verdict = self._negotiation.offer_came(epoch)
        if verdict is Verdict.IGNORE or not self._check(frame.sdp, frame.nonce):
            return
        if verdict is Verdict.FOLLOW:
            self._apply(Event.NEXT_EPOCH, epoch=epoch)
        elif verdict is Verdict.YIELD:
            self._open(offers=False, after_s=0.0)
        self._step(messages.Remote(epoch=epoch, kind="offer", sdp=frame.sdp))

    def _check(self, sdp: str, nonce: str | None) -> bool:
        """Whether a description shows the key that it should; where not, the call is over."""
        was = self._side.bound
        try:
            bound = self._side.check(sdp) if isinstance(self._side, CallerSide) else self._side.check(sdp, nonce)
        except VerificationFailed as failed:
            self._distrust(failed)
            return False
        if was is None:
            self._judge(bound.fingerprint, has_code=bound.code is not None)
            self._picture.show(code=bound.code or ())
        return True

    def _judge(self, fingerprint: bytes, *, has_code: bool) -> None:
        match self._pins.judge(self.view.peer, fingerprint):
            case Trust.PINNED:
                self._picture.show(security=Security.VERIFIED)
            case Trust.CHANGED:
                self._picture.show(security=Security.CHANGED)
            case Trust.NEW:
                self._picture.show(security=Security.UNVERIFIED if has_code else Security.UNAVAILABLE)

    def _distrust(self, failed: VerificationFailed) -> None:
        self._picture.show(security=Security.REFUSED, sentence=str(failed))
        self._apply(Event.UNTRUSTED)

    def _connected(self, report: messages.Connected) -> None:
        if self.bound is None or report.fingerprint != self.bound.fingerprint.hex():
            # The library has compared it with the description; this compares what was shown with what was verified.
            self._picture.show(security=Security.REFUSED, sentence="The other end shows another key than it announced.")
            self._apply(Event.UNTRUSTED)
            return
        if self.view.connected_at_s is None:
            self._picture.show(connected_at_s=self._hands.now(), setup_ms=report.took_ms)
        self._picture.show(sentence=None)
        self._apply(Event.CONNECTED, epoch=report.epoch)

    def _found(self, report: messages.Found) -> None:
        if report.epoch != self._negotiation.epoch or self.view.is_over:
            return
        candidate = None
        if report.candidate is not None:
            candidate = msgwire.Candidate(candidate=report.candidate, sdp_mid="0", sdp_m_line_index=0)
        frame = msgwire.SendCandidate(call_id=self._call_id, candidate=candidate, epoch=report.epoch)
        self._candidates.append(frame)
        self._hands.signal(frame)

    def _send_offer(self, epoch: int, sdp: str) -> None:
        self._hands.signal(msgwire.SendOffer(call_id=self._call_id, sdp=sdp, epoch=epoch, nonce=self._nonce))

    def _send_end(self, reason: EndReason) -> None:
        # Before the server has named the call there is nothing to end; it is ended once it has.
        if self.view.call_id is not None:
            self._hands.signal(msgwire.CallEnd(call_id=self.view.call_id, reason=reason))

    def _ring(self) -> None:
        tone = {State.INCOMING: "ringing", State.OUTGOING: "ringback"}.get(self.state)
        if tone == "ringback" and self.view.call_id is None:
            tone = None
        if tone != self._tone:
            self._tone = tone
            self._hands.engine(messages.Ring(tone=tone))  # type: ignore[arg-type]  # the two tones and none
