"""One WebRTC connection of a call, on aiortc: Opus packets in and out as they are, trickle ICE, hold, statistics.

aiortc carries them; coding and buffering are ours, because its receiver throws a third of the sound away at 10 % loss.
The private names used here are watched by `tests/call/test_canaries.py`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aioice
import av
from aiortc import (
    RTCBundlePolicy,
    RTCCertificate,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.codecs import CODECS
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcicetransport import candidate_from_aioice
from aiortc.rtp import RtpPacket
from aiortc.sdp import candidate_from_sdp, candidate_to_sdp
from aiortc.stats import RTCInboundRtpStreamStats, RTCRemoteInboundRtpStreamStats, RTCTransportStats
from cryptography.hazmat.primitives import hashes

from . import certificate, sdp, trickle
from .opus import SAMPLE_RATE
from .turn_choice import Choice, Server

_TIME_BASE = Fraction(1, SAMPLE_RATE)
_MAX_QUEUED_PACKETS = 25
"""Packets that wait for the network, half a second; older ones are worth nothing."""

PacketSink = Callable[[int, int, bytes, float], None]
"""Takes sequence number, timestamp, Opus packet and arrival in monotonic seconds."""


def prepare_library() -> None:
    """Fit aiortc to calls; once per process, before the first connection."""
    trickle.install()
    # Said in every description, so that browsers send redundancy too (RFC 7587 section 6.1).
    CODECS["audio"][0].parameters = {"minptime": 10, "useinbandfec": 1}


@dataclass(frozen=True, slots=True)
class Path:
    """How the sound travels. `kind`: `direct`, `punched` (a hole in a NAT) or `relay`.

    `transport` is how this side reaches the relay: `udp`, `tcp` or `tls`; None where only the other side uses one.
    """

    kind: str
    transport: str | None = None


@dataclass(frozen=True, slots=True)
class Transport:
    """The state of a connection at one moment; the counters only ever grow.

    Attributes:
        received: packets of any kind that came.
        sent: packets of any kind that went.
        rtt_ms: round trip, as the other side's reports let one compute it; None before the first.
        jitter_ms: of what comes (RFC 3550 section 6.4.1).
        far_loss: the share of our packets that the other side missed lately, 0.0 to 1.0; None before it reports.
    """

    received: int
    sent: int
    rtt_ms: float | None
    jitter_ms: float | None
    far_loss: float | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a connection tells its owner."""

    kind: str
    """`candidate`, `connected`, `failed` or `closed`."""
    candidate: str | None = field(default=None, repr=False)


class PacketTrack(MediaStreamTrack):
    """What is sent: Opus packets, pushed as they are made. A track whose packets aiortc does not encode again."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._packets: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(_MAX_QUEUED_PACKETS)

    def push(self, timestamp: int, packet: bytes) -> None:
        """Send a packet; where the network does not keep up, the oldest goes."""
        if self._packets.full():
            self._packets.get_nowait()
        self._packets.put_nowait((timestamp, packet))

    async def recv(self) -> "av.Packet[Any]":
        """The next packet, for aiortc's sender."""
        if self.readyState != "live":
            raise MediaStreamError
        timestamp, data = await self._packets.get()
        packet: av.Packet[Any] = av.Packet(data)
        packet.pts = timestamp
        packet.time_base = _TIME_BASE
        return packet


class _Tap:
    """Takes the place of aiortc's jitter buffer, and hands each packet on at once."""

    def __init__(self, sink: PacketSink) -> None:
        self._sink = sink
        self.has_received = False

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        self.has_received = True
        self._sink(packet.sequence_number, packet.timestamp, packet.payload, time.monotonic())
        return False, None


class Leg:
    """One connection: an epoch of a call.

    Args:
        identity: the device's certificate.
        servers: what `turn_choice` chose.
        relay_only: never to show an own address to the other side.
        on_packet: takes what comes.
        on_heard: told of candidates and of the end.
    """

    def __init__(
        self,
        identity: RTCCertificate,
        servers: Choice,
        *,
        relay_only: bool,
        on_packet: PacketSink,
        on_heard: Callable[[Heard], None],
    ) -> None:
        self.track = PacketTrack()
        self._servers = servers
        self._on_heard = on_heard
        self._is_held = False
        self._pending_offer: RTCSessionDescription | None = None
        self._is_closed = False
        self._connection = RTCPeerConnection(
            RTCConfiguration(
                # Never None: then aiortc asks a server that nobody named.
                iceServers=[_ice_server(server) for server in (servers.stun, servers.turn) if server is not None],
                iceTransportPolicy=RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL,
                bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        certificate.use(self._connection, identity)
        self._transceiver = self._connection.addTransceiver(self.track, direction="sendrecv")
        self._transceiver.setCodecPreferences(RTCRtpSender.getCapabilities("audio").codecs[:1])
        self._tap = _Tap(on_packet)
        self._transceiver.receiver._RTCRtpReceiver__jitter_buffer = self._tap  # type: ignore[attr-defined]  # private
        self._ice.on_candidate = self._found
        self._connection.on("connectionstatechange", self._state_changed)

    @property
    def _ice(self) -> trickle.TrickleConnection:
        agent = self._transceiver.receiver.transport.transport._connection
        assert isinstance(agent, trickle.TrickleConnection), "prepare_library has put it in place"
        return agent

    @property
    def is_negotiated(self) -> bool:
        """Whether both sides have described themselves."""
        return self._connection.signalingState == "stable" and self._connection.remoteDescription is not None

    @property
    def has_received(self) -> bool:
        """Whether a packet has come that was encrypted with the keys of this connection."""
        return self._tap.has_received

    async def offer(self, *, held: bool) -> str:
        """The description to send; the first one takes effect now, a later one with its answer."""
        self._hold(held)
        if self._connection.localDescription is None:
            await self._connection.setLocalDescription()
            return self._described()
        # Nothing changes here before the answer is in: so an offer from the other side can still take its place.
        self._pending_offer = await self._connection.createOffer()
        return self._pending_offer.sdp

    async def accept_offer(self, description: str, *, held: bool) -> str:
        """Take the other side's offer, in place of an own one that waits; returns the answer.

        Raises `BadDescription`.
        """
        self._pending_offer = None
        self._hold(held)
        await self._set_remote("offer", description)
        await self._connection.setLocalDescription()
        return self._described()

    async def accept_answer(self, description: str) -> None:
        """Take the answer to the own offer; one that nothing waits for is left alone. Raises `BadDescription`."""
        if self._pending_offer is not None:
            await self._connection.setLocalDescription(self._pending_offer)
            self._pending_offer = None
        if self._connection.signalingState == "have-local-offer":
            await self._set_remote("answer", description)

    async def add_candidate(self, candidate: str | None) -> None:
        """A trickled candidate of the other side; None is the end. One that cannot be used is left out."""
        if not candidate:
            await self._connection.addIceCandidate(None)
        elif sdp.is_usable(candidate):
            parsed = candidate_from_sdp(candidate.removeprefix("candidate:"))
            parsed.sdpMLineIndex = 0
            parsed.sdpMid = self._transceiver.mid
            await self._connection.addIceCandidate(parsed)

    def peer_fingerprint(self) -> bytes:
        """SHA-256 of the certificate that the other side has really shown; only when connected."""
        tls = self._transceiver.receiver.transport._ssl
        shown = None if tls is None else tls.get_peer_certificate(as_cryptography=True)
        assert shown is not None, "who is connected has shown a certificate"
        return bytes(shown.fingerprint(hashes.SHA256()))

    def path(self) -> Path | None:
        """How the sound travels; None while that is open."""
        pair = self._ice._nominated.get(1)
        if pair is None:
            return None
        kinds = (pair.local_candidate.type, pair.remote_candidate.type)
        if "relay" in kinds:
            own = self._servers.turn.kind if kinds[0] == "relay" and self._servers.turn is not None else None
            return Path("relay", own)
        return Path("direct" if kinds[1] == "host" else "punched")

    def local_address(self) -> str | None:
        """The own address that the sound leaves from; None for a relay, and while it is open."""
        pair = self._ice._nominated.get(1)
        return None if pair is None or pair.local_candidate.type == "relay" else pair.local_candidate.host

    async def statistics(self) -> Transport:
        """The state now."""
        report = await self._connection.getStats()
        received = sent = 0
        rtt_ms = jitter_ms = far_loss = None
        for entry in report.values():
            match entry:
                case RTCTransportStats():
                    received, sent = entry.packetsReceived, entry.packetsSent
                case RTCInboundRtpStreamStats():
                    jitter_ms = entry.jitter * 1000 / SAMPLE_RATE
                case RTCRemoteInboundRtpStreamStats():
                    far_loss = entry.fractionLost / 256
                    # Clocks that are set in the middle of a call make it negative.
                    rtt_ms = max(0.0, entry.roundTripTime * 1000) if entry.roundTripTime is not None else None
        return Transport(received, sent, rtt_ms, jitter_ms, far_loss)

    async def close(self) -> None:
        """End the connection; the other side learns it at once, where the network still works."""
        if not self._is_closed:
            self._is_closed = True
            await self._connection.close()

    def _hold(self, held: bool) -> None:
        self._is_held = held
        self._transceiver.direction = "inactive" if held else "sendrecv"

    async def _set_remote(self, kind: str, description: str) -> None:
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp.checked(description), kind))
        except sdp.BadDescription:
            raise
        except Exception as error:
            # The library's parser fails in as many ways as there are mistakes, and quotes what it read.
            raise sdp.BadDescription(f"The description cannot be used ({type(error).__name__}).") from None

    def _described(self) -> str:
        described: str = self._connection.localDescription.sdp
        return sdp.without_end(described) if self._ice.is_gathering else described

    def _found(self, candidate: aioice.Candidate | None) -> None:
        line = None if candidate is None else "candidate:" + candidate_to_sdp(candidate_from_aioice(candidate))
        self._tell(Heard("candidate", line))

    def _state_changed(self) -> None:
        state = self._connection.connectionState
        if state in {"connected", "failed", "closed"}:
            self._tell(Heard(state))

    def _tell(self, heard: Heard) -> None:
        if not self._is_closed:
            self._on_heard(heard)


def _ice_server(server: Server) -> RTCIceServer:
    return RTCIceServer(urls=server.url, username=server.username, credential=server.credential)
