"""Each private name of aiortc and aioice that calls use. Where one of these fails after an upgrade, it says what to do.

Both libraries are pinned to a minor version in `pyproject.toml`; widen the pin only when this file passes.
"""

import inspect

import aiortc
import aiortc.rtcicetransport
import pytest
from aioice import ice
from aiortc import RTCPeerConnection
from aiortc.codecs import CODECS
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from msgclient.call import rtc, trickle
from msgclient.call.certificate import fingerprint_of, load_or_make, use

pytestmark = pytest.mark.anyio


def test_the_versions_are_the_ones_that_were_looked_at() -> None:
    from importlib.metadata import version

    assert version("aiortc").startswith("1.16."), "read rtc.py, trickle.py and certificate.py beside aiortc's changes"
    assert version("aioice").startswith("0.13."), "read trickle.py beside aioice's changes"


def test_aiortc_makes_its_ice_agent_by_a_name_that_can_be_replaced() -> None:
    source = inspect.getsource(aiortc.rtcicetransport.RTCIceGatherer.__init__)
    assert "self._connection = Connection(" in source, "trickle.install: RTCIceGatherer makes its agent otherwise now"


@pytest.mark.parametrize(
    "name",
    [
        "_local_candidates",
        "_local_candidates_start",
        "_protocols",
        "_remote_candidates",
        "_early_checks_done",
        "_closing",
        "_nominated",
        "_transport_policy",
    ],
)
def test_the_ice_agent_keeps_its_state_where_trickle_looks(name: str) -> None:
    agent = ice.Connection(ice_controlling=True)
    assert hasattr(agent, name), f"trickle.TrickleConnection uses {name}: see how aioice's Connection keeps it now"


@pytest.mark.parametrize(
    ("name", "used_in"),
    [
        ("_pair_remote_candidate", "TrickleConnection._add"),
        ("_check_list_maybe_fail", "TrickleConnection._gathered"),
        ("_remote_candidates_expected", "TrickleConnection, which overrides it"),
    ],
)
def test_the_ice_agent_has_the_steps_that_trickle_takes(name: str, used_in: str) -> None:
    assert callable(getattr(ice.Connection, name, None)), f"{used_in}: see how aioice pairs and fails now"


def test_the_checks_ask_whether_more_is_expected() -> None:
    for step in (ice.Connection._check_periodic, ice.Connection._check_list_maybe_fail):
        assert "_remote_candidates_expected" in inspect.getsource(step), (
            "TrickleConnection keeps checks alive by overriding _remote_candidates_expected: it is not asked any more"
        )


def test_late_candidates_come_from_functions_with_these_arguments() -> None:
    assert list(inspect.signature(ice.server_reflexive_candidate).parameters) == ["protocol", "stun_server"]
    assert set(inspect.signature(ice.relayed_candidate).parameters) == {
        "component",
        "hide_related_address",
        "protocol_factory",
        "turn_server",
        "turn_username",
        "turn_password",
        "turn_ssl",
        "turn_transport",
    }, "TrickleConnection._start_asking calls relayed_candidate"


async def test_a_connection_takes_the_device_s_certificate(tmp_path) -> None:  # type: ignore[no-untyped-def]
    identity = load_or_make(tmp_path / "call_identity.pem")
    connection = RTCPeerConnection()
    use(connection, identity)
    transceiver = connection.addTransceiver("audio")
    shown = transceiver.receiver.transport.getLocalParameters().fingerprints
    await connection.close()
    assert bytes.fromhex(shown[0].value.replace(":", "")) == fingerprint_of(identity), (
        "certificate.use: RTCPeerConnection keeps its certificates under another name; without it every call has a "
        "new one, and pins break"
    )


async def test_the_receiver_hands_packets_to_what_stands_in_place_of_its_jitter_buffer() -> None:
    rtc.prepare_library()
    came: list[bytes] = []
    connection = RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    receiver = connection.addTransceiver("audio").receiver
    assert hasattr(receiver, "_RTCRtpReceiver__jitter_buffer"), "rtc.Leg puts _Tap there: see RTCRtpReceiver.__init__"
    receiver._RTCRtpReceiver__jitter_buffer = rtc._Tap(lambda seq, ts, data, at: came.append(data))
    receiver._RTCRtpReceiver__codecs[96] = CODECS["audio"][0]
    packet = RtpPacket(payload_type=96, sequence_number=7, timestamp=960)
    packet.ssrc, packet.payload = 1, b"sound"
    await receiver._handle_rtp_packet(packet, arrival_time_ms=0)
    await connection.close()
    assert came == [b"sound"], "rtc._Tap: RTCRtpReceiver._handle_rtp_packet calls its jitter buffer otherwise now"
    assert "__jitter_buffer.add(packet)" in inspect.getsource(RTCRtpReceiver._handle_rtp_packet)


async def test_the_way_from_a_connection_to_its_ice_agent_and_its_dtls() -> None:
    rtc.prepare_library()
    connection = RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    transport = connection.addTransceiver("audio").receiver.transport
    assert isinstance(transport.transport._connection, trickle.TrickleConnection), "rtc.Leg._ice"
    assert hasattr(transport, "_ssl"), "rtc.Leg.peer_fingerprint reads the certificate that was really shown there"
    await connection.close()


def test_opus_is_the_first_codec_and_its_parameters_can_be_said() -> None:
    rtc.prepare_library()
    opus = CODECS["audio"][0]
    assert opus.mimeType == "audio/opus", "rtc.Leg prefers the first capability, and prepare_library changes it"
    assert opus.parameters["useinbandfec"] == 1


def test_a_track_may_give_packets_instead_of_frames() -> None:
    from aiortc.rtcrtpsender import RTCRtpSender

    assert "self.__encoder.pack(data)" in inspect.getsource(RTCRtpSender._next_encoded_frame), (
        "rtc.PacketTrack gives Opus packets, which the sender must pass on as they are"
    )
