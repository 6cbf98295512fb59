"""One epoch of a call in the engine: a `Leg`, the steps of its negotiation in order, and a watch over what comes.

Sound is sent as soon as the keys are agreed on, but the connection counts as up only when sound comes through it that
these keys decrypt: the side that offers calls itself connected even where the other has refused its certificate.
"""

import asyncio
import time
from collections.abc import Callable

from aioice.ice import get_host_addresses
from aiortc import RTCCertificate

from . import sdp
from .bitrate import BitrateControl, Setting
from .messages import (
    Connected,
    Described,
    Found,
    Hold,
    MediaClosed,
    MediaLost,
    Open,
    PeerHold,
    Remote,
    RemoteCandidate,
    Report,
    Stats,
    Unusable,
)
from .netbuf import Counters, NetBuf
from .opus import Decoder
from .rtc import Heard, Leg, Transport
from .turn_choice import Chooser

LOST_AFTER_S = 2.0
"""So long nothing at all may come before the connection counts as lost."""
_LOST_HELD_AFTER_S = 6.0
"""While somebody holds, only reports come, about one a second."""
_LOOK_S = 0.25
_CONFIRM_S = 0.02
"""How often a connection that is not up looks for its first packet: what it costs is heard as set-up time."""
_STATS_S = 1.0
_HELD_CONFIRMED_S = 0.5
_MAX_STEPS = 256
"""Steps of negotiation that wait; nobody sends so many in earnest."""

_NO_ADDRESS_S = 0.05

Step = Remote | RemoteCandidate | Hold


class Connection:
    """An epoch. `start` it, `post` what comes from the other side, `close` it.

    Args:
        command: what to open.
        identity: the device's certificate.
        chooser: knows which servers answer.
        report: takes what the client has to know.
        on_open: told once, when sound may be sent.
        on_setting: told what to send from now on.
    """

    def __init__(
        self,
        command: Open,
        identity: RTCCertificate,
        chooser: Chooser,
        *,
        report: Callable[[Report], None],
        on_open: Callable[["Connection"], None],
        on_setting: Callable[[Setting], None],
    ) -> None:
        self.epoch = command.epoch
        self.buffer = NetBuf(Decoder())
        self.is_up = False
        self._command = command
        self._identity = identity
        self._chooser = chooser
        self._report = report
        self._on_open = on_open
        self._on_setting = on_setting
        self._held = command.held
        self._held_in_sdp = command.held
        self._peer_holds = False
        self._is_over = False
        self._started_s = time.monotonic()
        self._dtls_up_s: float | None = None
        self._leg: Leg | None = None
        self._addresses: frozenset[str] = frozenset()
        self._steps: asyncio.Queue[Step] = asyncio.Queue(_MAX_STEPS)
        self._rate = BitrateControl()
        self._told = Counters()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to connect."""
        self._tasks = [asyncio.create_task(self._negotiate()), asyncio.create_task(self._watch())]

    def post(self, step: Step) -> None:
        """The next step of the negotiation; past the bound it is dropped."""
        try:
            self._steps.put_nowait(step)
        except asyncio.QueueFull:
            self._unusable("The other side sends more than can be worked off.")

    def send(self, timestamp: int, packet: bytes) -> None:
        """An Opus packet for the other side; while there are no keys yet, it is dropped."""
        if self._leg is not None and self._dtls_up_s is not None:
            self._leg.track.push(timestamp, packet)

    async def close(self) -> None:
        """End it."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._leg is not None:
            await self._leg.close()

    # Negotiation.

    async def _negotiate(self) -> None:
        while not (addresses := local_addresses()):  # noqa: ASYNC110 - nothing tells of a new address
            await asyncio.sleep(_NO_ADDRESS_S)
        self._addresses = addresses
        choice = await self._chooser.choose(self._command.ice_servers, addresses)
        if self._command.relay_only and choice.turn is None:
            self._unusable("Only a relay may be used, and none can be reached.")
            return
        self._leg = leg = Leg(
            self._identity,
            choice,
            relay_only=self._command.relay_only,
            on_packet=self.buffer.put,
            on_heard=self._heard,
        )
        if self._command.offers:
            await self._offer(leg)
        while True:
            step = await self._steps.get()
            try:
                await self._take(leg, step)
            except sdp.BadDescription as bad:
                self._unusable(str(bad))

    async def _take(self, leg: Leg, step: Step) -> None:
        match step:
            case Remote(kind="offer"):
                self._held_in_sdp = self._held
                answer = await leg.accept_offer(step.sdp, held=self._held)
                self._say(Described(epoch=self.epoch, kind="answer", sdp=answer))
                self._peer_is(held=sdp.is_held(step.sdp))
            case Remote():
                await leg.accept_answer(step.sdp)
                if not self._held_in_sdp:
                    # An answer to an offer that holds can only hold, whatever the other side wants.
                    self._peer_is(held=sdp.is_held(step.sdp))
            case RemoteCandidate():
                await leg.add_candidate(step.candidate)
            case Hold():
                self._held = step.held
        if leg.is_negotiated and self._held != self._held_in_sdp:
            await self._offer(leg)

    async def _offer(self, leg: Leg) -> None:
        self._held_in_sdp = self._held
        self._say(Described(epoch=self.epoch, kind="offer", sdp=await leg.offer(held=self._held)))
        if self._held:
            self.buffer.pause()

    def _peer_is(self, *, held: bool) -> None:
        if held != self._peer_holds:
            self._peer_holds = held
            self._say(PeerHold(epoch=self.epoch, held=held))
        if held or self._held:
            self.buffer.pause()

    def _heard(self, heard: Heard) -> None:
        match heard.kind:
            case "candidate":
                self._say(Found(epoch=self.epoch, candidate=heard.candidate))
            case "connected":
                self._dtls_up_s = time.monotonic()
                self._on_open(self)
            case "closed":
                self._end(MediaClosed(epoch=self.epoch))
            case "failed":
                self._end(MediaLost(epoch=self.epoch))

    # The watch.

    async def _watch(self) -> None:
        last_received, last_change_s, next_stats_s = -1, time.monotonic(), 0.0
        while not self._is_over:
            await asyncio.sleep(_LOOK_S if self.is_up else _CONFIRM_S)
            leg, now_s = self._leg, time.monotonic()
            if leg is None or self._dtls_up_s is None:
                if self._addresses and self._addresses != local_addresses():
                    # What it has told the other side is not true any more.
                    self._end(MediaLost(epoch=self.epoch))
                continue
            if not self.is_up and not self._confirm(leg, now_s):
                continue
            statistics = await leg.statistics()
            if statistics.received != last_received:
                last_received, last_change_s = statistics.received, now_s
            patience_s = _LOST_HELD_AFTER_S if self._held or self._peer_holds else LOST_AFTER_S
            if self._address_is_gone(leg):
                self._end(MediaLost(epoch=self.epoch, address_is_gone=True))
            elif now_s - last_change_s > patience_s:
                self._end(MediaLost(epoch=self.epoch))
            elif now_s >= next_stats_s:
                next_stats_s = now_s + _STATS_S
                self._tell_statistics(leg, statistics)

    def _confirm(self, leg: Leg, now_s: float) -> bool:
        assert self._dtls_up_s is not None, "there is nothing to confirm before"
        is_quiet = self._held or self._peer_holds
        if not leg.has_received and not (is_quiet and now_s - self._dtls_up_s > _HELD_CONFIRMED_S):
            return False
        self.is_up = True
        took_ms = int((self._dtls_up_s - self._started_s) * 1000)
        self._say(Connected(epoch=self.epoch, fingerprint=leg.peer_fingerprint().hex(), took_ms=took_ms))
        return True

    def _address_is_gone(self, leg: Leg) -> bool:
        address = leg.local_address()
        return address is not None and address not in local_addresses()

    def _tell_statistics(self, leg: Leg, statistics: Transport) -> None:
        if statistics.far_loss is not None:
            self._on_setting(self._rate.observe(statistics.far_loss, statistics.rtt_ms))
        now, before = self.buffer.counters, self._told
        self._told = now
        lost, received = max(0, now.lost - before.lost), now.received - before.received
        path = leg.path()
        self._say(
            Stats(
                epoch=self.epoch,
                path=None if path is None else "/".join(filter(None, (path.kind, path.transport))),
                rtt_ms=statistics.rtt_ms,
                jitter_ms=statistics.jitter_ms,
                near_loss=lost / (lost + received) if lost + received else 0.0,
                far_loss=statistics.far_loss,
                buffer_ms=self.buffer.depth_ms,
                concealed_ms=now.concealed_ms,
                recovered_ms=now.recovered_ms,
                stalled_ms=now.stalled_ms,
                late=now.late,
                bitrate=self._rate.setting.bitrate,
            )
        )

    def _unusable(self, sentence: str) -> None:
        self._say(Unusable(epoch=self.epoch, sentence=sentence))

    def _end(self, report: Report) -> None:
        """The last thing that is said of this connection."""
        self._say(report)
        self._is_over = True

    def _say(self, report: Report) -> None:
        if not self._is_over:
            self._report(report)


def local_addresses() -> frozenset[str]:
    """The addresses of this host by which another one could reach it."""
    return frozenset(get_host_addresses(use_ipv4=True, use_ipv6=True))
