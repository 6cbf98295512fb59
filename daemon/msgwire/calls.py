"""Frames of call signaling. Media goes from device to device; the server owns the state of the call."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .types import (
    Base,
    CallId,
    ClientFrame,
    Epoch,
    Login,
    Medium,
    Millis,
    Opaque,
    PeerRef,
    Reply,
    Sdp,
    ServerFrame,
    Uid,
)

RejectReason = Literal["declined", "busy"]
EndReason = Literal["hangup", "declined", "busy", "no_answer", "cancelled", "failed", "lost", "glare"]


class CallRequest(ClientFrame, tag="call_request", kw_only=True):
    """Call somebody; every device of theirs gets `incoming_call`."""

    to: PeerRef
    media: Annotated[list[Medium], Meta(min_length=1, max_length=4)]
    commitment: Opaque | None = None


class Call(Reply, tag="call", kw_only=True):
    """The call exists and rings until `expires_at`."""

    call_id: CallId
    state: str
    expires_at: Millis


class CallAccept(ClientFrame, tag="call_accept", kw_only=True):
    """Answer a call on this device."""

    call_id: CallId
    nonce: Opaque | None = None
    fingerprint: Opaque | None = None


class CallReject(ClientFrame, tag="call_reject", kw_only=True):
    """Decline a call for all devices of the account."""

    call_id: CallId
    reason: RejectReason | None = None


class CallEnd(ClientFrame, tag="call_end", kw_only=True):
    """Hang up, or take an unanswered call back."""

    call_id: CallId
    reason: EndReason | None = None


class Candidate(Base, kw_only=True):
    """A trickled ICE candidate (W3C WebRTC, RTCIceCandidateInit). An empty `candidate` also means the end."""

    candidate: str | None = None
    sdp_mid: str | None = msgspec.field(default=None, name="sdpMid")
    sdp_m_line_index: int | None = msgspec.field(default=None, name="sdpMLineIndex")
    username_fragment: str | None = msgspec.field(default=None, name="usernameFragment")


class SendOffer(ClientFrame, tag="offer", kw_only=True):
    """An SDP offer for the other device of the call."""

    call_id: CallId
    sdp: Sdp
    epoch: Epoch | None = None
    nonce: Opaque | None = None


class SendAnswer(ClientFrame, tag="answer", kw_only=True):
    """An SDP answer for the other device of the call."""

    call_id: CallId
    sdp: Sdp
    epoch: Epoch | None = None
    nonce: Opaque | None = None


class SendCandidate(ClientFrame, tag="candidate", kw_only=True):
    """An ICE candidate for the other device of the call; null at the end."""

    call_id: CallId
    candidate: Candidate | None
    epoch: Epoch | None = None


class GetIceServers(ClientFrame, tag="ice_servers", kw_only=True):
    """Ask for STUN and TURN servers with credentials of limited life."""


class IncomingCall(ServerFrame, tag="incoming_call", kw_only=True):
    """Somebody calls."""

    call_id: CallId
    sender: Uid = msgspec.field(name="from")
    from_login: Login
    media: list[Medium]
    expires_at: Millis
    commitment: str | None = None


class CallAccepted(ServerFrame, tag="call_accepted", kw_only=True):
    """The callee has answered."""

    call_id: CallId
    nonce: str | None = None
    fingerprint: str | None = None


class CallTaken(ServerFrame, tag="call_taken", kw_only=True):
    """Another device of this account has answered or declined: stop ringing."""

    call_id: CallId


class CallEnded(ServerFrame, tag="call_ended", kw_only=True):
    """The call is over. `by` is the account that ended it; absent when the server did."""

    call_id: CallId
    reason: EndReason
    by: Uid | None = None


class Offer(ServerFrame, tag="offer", kw_only=True):
    """An SDP offer from the other device."""

    call_id: CallId
    sender: Uid = msgspec.field(name="from")
    sdp: Sdp
    epoch: Epoch | None = None
    nonce: str | None = None


class Answer(ServerFrame, tag="answer", kw_only=True):
    """An SDP answer from the other device."""

    call_id: CallId
    sender: Uid = msgspec.field(name="from")
    sdp: Sdp
    epoch: Epoch | None = None
    nonce: str | None = None


class CandidatePush(ServerFrame, tag="candidate", kw_only=True):
    """An ICE candidate from the other device; null at the end."""

    call_id: CallId
    sender: Uid = msgspec.field(name="from")
    candidate: Candidate | None
    epoch: Epoch | None = None


class IceServer(Base, kw_only=True):
    """One STUN or TURN server (W3C WebRTC, RTCIceServer)."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class IceServers(Reply, tag="ice_servers", kw_only=True):
    """The servers to use, good for `ttl_s` seconds."""

    ice_servers: list[IceServer]
    ttl_s: int
