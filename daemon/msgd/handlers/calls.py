"""Handlers of call signaling: each asks the registry, and carries out what follows."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable

from msgd.clock import epoch_ms
from msgd.core.calls import Ended, LiveCall, Who
from msgd.link import Link, Refused
from msgd.people import Person
from msgd.service import Service
from msgd.store.commands import RecordCall
from msgd.store.interface import Outcome
from msgwire import (
    Answer,
    Call,
    CallAccept,
    CallAccepted,
    CallEnd,
    CallEnded,
    CallReject,
    CallRequest,
    CallState,
    CallTaken,
    CandidatePush,
    ErrorCode,
    GetIceServers,
    IceServer,
    IceServers,
    IncomingCall,
    Offer,
    Ok,
    Party,
    ReadyCall,
    SendAnswer,
    SendCandidate,
    SendOffer,
    ServerFrame,
    Signal,
    encode,
)

_END_SIGNALS = {"failed": Signal.FAIL, "lost": Signal.FAIL, "busy": Signal.BUSY, "declined": Signal.DECLINE}


def _who(person: Person) -> Who:
    return Who(person.account, person.uid, person.login)


async def call_request(service: Service, link: Link, frame: CallRequest) -> None:
    """Let a call ring on every device of the callee, as far as there is one who may be called."""
    assert link.person is not None
    caller, callee = link.person, await service.resolve(link, frame.to)
    if caller.account == callee.account:
        raise Refused(ErrorCode.CONFLICT, "That is your own account.")
    theirs = await service.store.contact(callee.account, caller.account)
    if service.online.blocks(caller.uid, callee.uid):
        raise Refused(ErrorCode.BLOCKED)
    blocked = theirs.state == "blocked"
    if not blocked and not service.settings.calls.from_strangers and theirs.state != "accepted":
        raise Refused(ErrorCode.FORBIDDEN, "This server lets only contacts call each other.")
    at = epoch_ms()
    ring_s = service.settings.calls.ring_timeout_s
    call = LiveCall(
        call_id=str(uuid.uuid4()),
        caller=_who(caller),
        callee=_who(callee),
        caller_device=link.device_id,
        started_at=at,
        expires_at=at + int(ring_s * 1000),
        silent=blocked,
    )
    if not blocked and service.calls.crossing(call.caller, call.callee) is None:
        if not service.online.is_live(callee.account):
            await _missed(service, call, "missed")
            raise Refused(ErrorCode.PEER_OFFLINE)
        if service.presence.do_not_disturb(callee.account) or (
            service.calls.is_busy(callee.account) and not service.calls.is_busy(caller.account)
        ):
            await _missed(service, call, "busy")
            raise Refused(ErrorCode.BUSY)
    glare = service.calls.start(call)
    link.reply(frame, Call(call_id=call.call_id, state="ringing", expires_at=call.expires_at))
    if glare is not None:
        _tell_ended(service, glare)
        if glare.call is call:
            return
    service.call_alarms[call.call_id] = [
        service.alarms.after(ring_s, lambda: _over(service, service.calls.time_out(call.call_id)))
    ]
    if not blocked:
        call.incoming = encode(
            IncomingCall(
                call_id=call.call_id,
                sender=caller.uid,
                from_login=caller.login,
                media=frame.media,
                commitment=frame.commitment,
                expires_at=call.expires_at,
            )
        )
        service.push(callee.account, call.incoming)


def call_accept(service: Service, link: Link, frame: CallAccept) -> None:
    """Answer on this device; the others stop ringing."""
    call = service.calls.accept(frame.call_id, link.account, link.device_id, epoch_ms())
    for alarm in service.call_alarms.pop(call.call_id, ()):
        alarm.cancel()
    service.call_alarms[call.call_id] = [
        service.alarms.after(
            service.settings.calls.connect_timeout_s,
            lambda: _over(service, service.calls.time_out(call.call_id)),
        )
    ]
    link.reply(frame, Ok())
    accepted = CallAccepted(call_id=call.call_id, nonce=frame.nonce, fingerprint=frame.fingerprint)
    _to_device(service, call, Party.CALLER, accepted)
    service.push(call.callee.account, encode(CallTaken(call_id=call.call_id)), but=link)


def call_reject(service: Service, link: Link, frame: CallReject) -> None:
    """Decline for all devices of the account."""
    signal = Signal.BUSY if frame.reason == "busy" else Signal.DECLINE
    ended = service.calls.end(frame.call_id, link.account, link.device_id, signal)
    _over(service, ended, but=link, recorded=lambda: link.reply(frame, Ok()))


def call_end(service: Service, link: Link, frame: CallEnd) -> None:
    """Hang up, or take an unanswered call back."""
    call, party = service.calls.find(frame.call_id, link.account, link.device_id)
    signal = _END_SIGNALS.get(frame.reason or "", Signal.HANG_UP)
    if signal in {Signal.BUSY, Signal.DECLINE} and (call.state is not CallState.RINGING or party is Party.CALLER):
        signal = Signal.HANG_UP
    ended = service.calls.end(frame.call_id, link.account, link.device_id, signal)
    _over(service, ended, but=link, recorded=lambda: link.reply(frame, Ok()))


def offer(service: Service, link: Link, frame: SendOffer) -> None:
    """Pass an offer on."""
    call, other = _relay(service, link, frame, Signal.OFFER)
    _to_device(
        service,
        call,
        other,
        Offer(call_id=call.call_id, sender=_uid(link), sdp=frame.sdp, epoch=frame.epoch, nonce=frame.nonce),
    )
    link.reply(frame, Ok())


def answer(service: Service, link: Link, frame: SendAnswer) -> None:
    """Pass an answer on."""
    call, other = _relay(service, link, frame, Signal.ANSWER)
    _to_device(
        service,
        call,
        other,
        Answer(call_id=call.call_id, sender=_uid(link), sdp=frame.sdp, epoch=frame.epoch, nonce=frame.nonce),
    )
    link.reply(frame, Ok())


def candidate(service: Service, link: Link, frame: SendCandidate) -> None:
    """Pass a candidate on."""
    call, other = _relay(service, link, frame, Signal.CANDIDATE)
    _to_device(
        service,
        call,
        other,
        CandidatePush(call_id=call.call_id, sender=_uid(link), candidate=frame.candidate, epoch=frame.epoch),
    )
    link.reply(frame, Ok())


def ice_servers(service: Service, link: Link, frame: GetIceServers) -> None:
    """STUN and TURN servers, with credentials of limited life (draft-uberti-behave-turn-rest-00)."""
    turn = service.settings.turn
    servers = [IceServer(urls=list(turn.stun_urls))] if turn.stun_urls else []
    if turn.urls and turn.secret:
        username = f"{epoch_ms() // 1000 + turn.ttl_s}:{_uid(link)}"
        digest = hmac.new(turn.secret[0].reveal().encode(), username.encode(), hashlib.sha1).digest()
        servers.append(IceServer(urls=list(turn.urls), username=username, credential=base64.b64encode(digest).decode()))
    if not servers:
        raise Refused(ErrorCode.TURN_UNAVAILABLE)
    link.reply(frame, IceServers(ice_servers=servers, ttl_s=turn.ttl_s))


def device_lost(service: Service, account: int, device_id: str) -> None:
    """A device has no socket any more: its call waits for it for a while."""
    call = service.calls.socket_lost(account, device_id)
    if call is not None:
        service.call_alarms.setdefault(call.call_id, []).append(
            service.alarms.after(
                service.settings.calls.grace_s,
                lambda: _over(service, service.calls.grace_over(call.call_id, account)),
            )
        )


def device_back(service: Service, link: Link) -> list[ReadyCall]:
    """The calls that a device finds when it is ready; one that rings is announced to it as to the others."""
    found = service.calls.socket_back(link.account, link.device_id)
    if found is None:
        return []
    call, party = found
    if party is Party.CALLEE and call.state is CallState.RINGING and call.incoming is not None:
        incoming = call.incoming
        service.alarms.after(0.0, lambda: link.connection.send(incoming))
    return [
        ReadyCall(
            call_id=call.call_id,
            state=call.state,
            peer=call.side(Party.CALLEE if party is Party.CALLER else Party.CALLER).uid,
            direction="outgoing" if party is Party.CALLER else "incoming",
        )
    ]


def _uid(link: Link) -> str:
    assert link.person is not None
    return link.person.uid


def _relay(
    service: Service, link: Link, frame: SendOffer | SendAnswer | SendCandidate, signal: Signal
) -> tuple[LiveCall, Party]:
    if not isinstance(frame, SendCandidate) and len(frame.sdp.encode()) > service.settings.calls.max_sdp_bytes:
        raise Refused(ErrorCode.TOO_LARGE, "The session description is too large.")
    return service.calls.relay(frame.call_id, link.account, link.device_id, signal)


def _to_device(service: Service, call: LiveCall, party: Party, frame: ServerFrame) -> None:
    device = call.device(party)
    if device is not None:
        service.push_device(call.side(party).account, str(device), encode(frame))


def _over(
    service: Service,
    ended: Ended | None,
    *,
    but: Link | None = None,
    recorded: Callable[[], None] = lambda: None,
) -> None:
    """A call has ended, unless it had before: tell both sides, and write it down. `recorded` is called after that."""
    if ended is None:
        return
    call = ended.call
    for alarm in service.call_alarms.pop(call.call_id, ()):
        alarm.cancel()
    _tell_ended(service, ended, but=but)
    service.metrics.call_ended(ended.caller_outcome or "cancelled")
    record = _record_of(call, ended.caller_outcome, ended.callee_outcome, ended.duration_ms(epoch_ms()))
    if record is None:
        recorded()
        return

    def done(outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            service.log("error", "call.not_recorded", error=outcome)
        recorded()

    service.store.submit(record, done)


def _tell_ended(service: Service, ended: Ended, *, but: Link | None = None) -> None:
    call = ended.call
    by = None if ended.by is None else call.side(ended.by).uid
    frame = CallEnded(call_id=call.call_id, reason=ended.reason, by=by)  # type: ignore[arg-type]  # the table's reasons are the wire's
    if ended.by is not Party.CALLER:
        _to_device(service, call, Party.CALLER, frame)
    if call.silent:
        return
    if not ended.was_ringing:
        if ended.by is not Party.CALLEE:
            _to_device(service, call, Party.CALLEE, frame)
    elif ended.by is Party.CALLEE:
        service.push(call.callee.account, encode(CallTaken(call_id=call.call_id)), but=but)
    elif call.incoming is not None:
        service.push(call.callee.account, encode(frame))


async def _missed(service: Service, call: LiveCall, caller_outcome: str) -> None:
    """A call that could not ring leaves its trace on both sides, before the caller is told."""
    service.metrics.call_ended(caller_outcome)
    record = _record_of(call, caller_outcome, "missed", 0)
    if record is not None:
        await service.store.append(record)


def _record_of(
    call: LiveCall, caller_outcome: str | None, callee_outcome: str | None, duration_ms: int
) -> RecordCall | None:
    if call.silent:
        callee_outcome = None
    if caller_outcome is None and callee_outcome is None:
        return None
    return RecordCall(
        at=epoch_ms(),
        call_id=call.call_id,
        caller=call.caller.account,
        callee=call.callee.account,
        caller_outcome=caller_outcome,
        callee_outcome=callee_outcome,
        started_at=call.started_at,
        duration_ms=duration_ms,
    )
