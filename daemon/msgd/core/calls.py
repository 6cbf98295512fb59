"""The calls of this server: a registry that takes what people do and says what follows. No sockets, no clock.

Rule 1: every move goes through the table in `msgwire.call_state`.
Rule 2: an account is in one call at most; who calls a busy one is told so.
Rule 3: a method returns effects, in order; the caller of it carries them out.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from msgwire import CallState, ErrorCode, IllegalSignal, Party, Signal, glare_winner, step

Device = Hashable
"""What names a device here: equal for two connections of the same device."""


@dataclass(frozen=True, slots=True)
class Who:
    """One side of a call."""

    account: int
    uid: str
    login: str


@dataclass(slots=True)
class LiveCall:
    """A call that has not ended. Times: `started_at` and `accepted_at` are epoch ms."""

    call_id: str
    caller: Who
    callee: Who
    caller_device: Device
    started_at: int
    expires_at: int
    state: CallState = CallState.RINGING
    callee_device: Device | None = None
    accepted_at: int | None = None
    lost: set[Party] = field(default_factory=set)
    silent: bool = False
    """The callee has blocked the caller: it rings out, and the callee never knows."""
    negotiated: bool = False
    """An answer has passed: the two devices know how to reach each other."""
    incoming: bytes | None = None
    """The encoded `incoming_call`, for devices that come while it rings."""

    def party(self, account: int, device: Device) -> Party | None:
        """Which side a device is on; a ringing call belongs to every device of the callee."""
        if account == self.caller.account and device == self.caller_device:
            return Party.CALLER
        if self.silent or account != self.callee.account:
            return None
        if self.callee_device is None:
            return Party.CALLEE
        return Party.CALLEE if device == self.callee_device else None

    def knowing(self) -> tuple[int, ...]:
        """The accounts that know of the call."""
        return (self.caller.account,) if self.silent else (self.caller.account, self.callee.account)

    def side(self, party: Party) -> Who:
        """The person of a side."""
        return self.caller if party is Party.CALLER else self.callee

    def device(self, party: Party) -> Device | None:
        """The device of a side, where it is known."""
        return self.caller_device if party is Party.CALLER else self.callee_device


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: `by` is None where the server ended it; an outcome of None leaves no record."""

    call: LiveCall
    reason: str
    by: Party | None
    caller_outcome: str | None
    callee_outcome: str | None
    was_ringing: bool

    def duration_ms(self, at: int) -> int:
        """How long the two could talk."""
        return 0 if self.call.accepted_at is None else max(0, at - self.call.accepted_at)


class CallError(Exception):
    """What was asked is not possible; `code` is the wire's error code."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.value)
        self.code = code


class CallRegistry:
    """Live calls by id and by account, and the ids of calls that ended lately."""

    def __init__(self, max_calls: int, remembered: int = 1000) -> None:
        self.max_calls = max_calls
        self._remembered = remembered
        self._calls: dict[str, LiveCall] = {}
        self._by_account: dict[int, LiveCall] = {}
        self._ended: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def of(self, account: int) -> LiveCall | None:
        """The call that an account is in, or that rings there."""
        return self._by_account.get(account)

    def crossing(self, caller: Who, callee: Who) -> LiveCall | None:
        """The ringing call the other way, where there is one."""
        call = self._by_account.get(caller.account)
        if call is None or call.state is not CallState.RINGING:
            return None
        return call if (call.caller.account, call.callee.account) == (callee.account, caller.account) else None

    def is_busy(self, account: int) -> bool:
        """Whether an account is in a call already."""
        return account in self._by_account

    def start(self, call: LiveCall) -> Ended | None:
        """Let a call ring. Where another crosses it, one of the two ends: the answer says which.

        Raises `CallError`: `busy` where the callee is in another call, `conflict` where the caller is,
        `rate_limited` where the server carries `max_calls`.
        """
        crossing = None if call.silent else self.crossing(call.caller, call.callee)
        if crossing is not None:
            if glare_winner(call.caller.uid, crossing.caller.uid) == crossing.caller.uid:
                return self._ended_by(call, None, Signal.GLARE)
            ended = self._end(crossing, None, Signal.GLARE)
            self._add(call)
            return ended
        if self.is_busy(call.caller.account):
            raise CallError(ErrorCode.CONFLICT)
        if not call.silent and self.is_busy(call.callee.account):
            raise CallError(ErrorCode.BUSY)
        if len(self._calls) >= self.max_calls:
            raise CallError(ErrorCode.RATE_LIMITED)
        self._add(call)
        return None

    def find(self, call_id: str, account: int, device: Device) -> tuple[LiveCall, Party]:
        """The call and this device's side of it.

        Raises `CallError`: `call_state` for a call of this account that has ended, else `call_not_found`.
        """
        call = self._calls.get(call_id)
        if call is None:
            if account in self._ended.get(call_id, ()):
                raise CallError(ErrorCode.CALL_STATE)
            raise CallError(ErrorCode.CALL_NOT_FOUND)
        party = call.party(account, device)
        if party is None:
            # The callee's other devices learn that the call is taken; to all others there is no such call.
            raise CallError(ErrorCode.CALL_STATE if account in call.knowing() else ErrorCode.CALL_NOT_FOUND)
        return call, party

    def accept(self, call_id: str, account: int, device: Device, at: int) -> LiveCall:
        """A device of the callee answers."""
        call, party = self.find(call_id, account, device)
        self._step(call, party, Signal.ACCEPT)
        call.state = CallState.ACCEPTED
        call.callee_device = device
        call.accepted_at = at
        return call

    def relay(self, call_id: str, account: int, device: Device, signal: Signal) -> tuple[LiveCall, Party]:
        """A signaling frame for the other device: the call, and the side that it goes to.

        Raises `CallError`: `call_not_found` from a device that is not one of the call's two.
        """
        call = self._calls.get(call_id)
        party = None if call is None else call.party(account, device)
        if call is None or party is None:
            raise CallError(ErrorCode.CALL_NOT_FOUND)
        self._step(call, party, signal)
        call.negotiated = call.negotiated or signal is Signal.ANSWER
        return call, Party.CALLEE if party is Party.CALLER else Party.CALLER

    def end(self, call_id: str, account: int, device: Device, signal: Signal) -> Ended:
        """A side declines, is busy, hangs up or gives up."""
        call, party = self.find(call_id, account, device)
        self._step(call, party, signal)
        return self._end(call, party, signal)

    def time_out(self, call_id: str) -> Ended | None:
        """Nobody answered in time, or nothing came of it; None where the call is over, or on its way."""
        call = self._calls.get(call_id)
        if call is None or call.negotiated:
            return None
        return self._end(call, None, Signal.TIMEOUT)

    def socket_lost(self, account: int, device: Device) -> LiveCall | None:
        """A device lost its socket: the call that now waits for it, if any."""
        call = self._by_account.get(account)
        if call is None:
            return None
        for party in (Party.CALLER, Party.CALLEE):
            if call.side(party).account == account and call.device(party) == device:
                call.lost.add(party)
                return call
        return None

    def socket_back(self, account: int, device: Device) -> tuple[LiveCall, Party] | None:
        """A device is back: its call, if it is in one."""
        call = self._by_account.get(account)
        party = None if call is None else call.party(account, device)
        if call is None or party is None:
            return None
        call.lost.discard(party)
        return call, party

    def grace_over(self, call_id: str, account: int) -> Ended | None:
        """A device had its time to come back; None where it did, or where the call is over."""
        call = self._calls.get(call_id)
        if call is None or not any(call.side(party).account == account for party in call.lost):
            return None
        return self._end(call, None, Signal.LOST)

    def _step(self, call: LiveCall, party: Party, signal: Signal) -> None:
        try:
            step(call.state, party, signal)
        except IllegalSignal:
            raise CallError(ErrorCode.CALL_STATE) from None

    def _add(self, call: LiveCall) -> None:
        self._calls[call.call_id] = call
        self._by_account[call.caller.account] = call
        if not call.silent:
            self._by_account[call.callee.account] = call

    def _end(self, call: LiveCall, by: Party | None, signal: Signal) -> Ended:
        ended = self._ended_by(call, by, signal)
        del self._calls[call.call_id]
        for who in (call.caller, call.callee):
            if self._by_account.get(who.account) is call:
                del self._by_account[who.account]
        return ended

    def _ended_by(self, call: LiveCall, by: Party | None, signal: Signal) -> Ended:
        was_ringing = call.state is CallState.RINGING
        taken = step(call.state, by or Party.SERVER, signal)
        call.state = taken.state
        self._ended[call.call_id] = call.knowing()
        while len(self._ended) > self._remembered:
            del self._ended[next(iter(self._ended))]
        assert taken.reason is not None, "only steps into `ended` come here, and each names its reason"
        return Ended(call, taken.reason, by, taken.caller_outcome, taken.callee_outcome, was_ringing)
