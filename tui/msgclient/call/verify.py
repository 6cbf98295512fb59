"""Who is at the other end: commit, then reveal, and a short code that both people read aloud.

Pure. The exchange (`protocol.md`, Calls):

    caller  call_request   commitment = base64url(SHA-256(nonceA ‖ fingerprintA))
    callee  call_accept    nonceB, fingerprintB
    caller  offer          nonceA, and an SDP with fingerprintA
    callee  answer         an SDP with fingerprintB

Nonces are 32 random bytes, base64url without padding on the wire. A fingerprint is the SHA-256 of a DTLS certificate:
32 bytes in every computation, on the wire as the SDP attribute has it (`sha-256 AB:CD:…`, RFC 8122 section 5).

The rules:

1. Neither side can choose its part of the code after it has seen the other's: the caller is bound by the commitment
   before nonceB exists, the callee has spoken before nonceA is known. Who sits between has one guess in 2^36.
2. What does not fit ends the call: a commitment that does not open, an SDP whose fingerprint is not the promised one,
   half an exchange.
3. Where the other program offers no verification there is no code, and the person is told so.
4. Every later description of the call, of whatever epoch, has to show the certificate of the first one.
"""

import base64
import binascii
import enum
import hashlib
import hmac
from dataclasses import dataclass

from .emoji import SIGNS, Sign

NONCE_BYTES = 32
FINGERPRINT_BYTES = 32
CODE_SIGNS = 6
"""Six of 64 signs are 36 bits."""
_CODE_INFO = b"msgd call code 1"


class Fault(enum.StrEnum):
    """Why a call was refused."""

    MALFORMED = "malformed"
    INCOMPLETE = "incomplete"
    COMMITMENT = "commitment"
    FINGERPRINT = "fingerprint"
    CHANGED = "changed"


_SENTENCES = {
    Fault.MALFORMED: "What came for verification cannot be read.",
    Fault.INCOMPLETE: "The verification of the call was begun and not finished.",
    Fault.COMMITMENT: "The caller did not keep to what it had committed itself to: somebody may sit between you.",
    Fault.FINGERPRINT: "The key of the call is not the one that was announced: somebody may sit between you.",
    Fault.CHANGED: "The key changed in the middle of the call: somebody may have stepped between you.",
}


class VerificationFailed(Exception):
    """The call must not go on. The text is a sentence for the person; it quotes no key."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(_SENTENCES[fault])
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Bound:
    """What is known of the other side once the first description has come.

    Attributes:
        fingerprint: of its certificate; DTLS proves that it holds the key.
        code: the signs to compare; None where the other program offers no verification.
    """

    fingerprint: bytes
    code: tuple[Sign, ...] | None


class CallerSide:
    """The verification of a call that this device placed.

    Args:
        nonce: 32 random bytes, used for this call only.
        fingerprint: of this device's certificate.
    """

    def __init__(self, nonce: bytes, fingerprint: bytes) -> None:
        self._nonce = _sized(nonce, NONCE_BYTES)
        self._fingerprint = _sized(fingerprint, FINGERPRINT_BYTES)
        self._theirs: tuple[bytes, bytes] | None = None
        self._is_accepted = False
        self.bound: Bound | None = None

    @property
    def commitment(self) -> str:
        """For `call_request`."""
        return encode(commitment_of(self._nonce, self._fingerprint))

    def accepted(self, nonce: str | None, fingerprint: str | None) -> str | None:
        """The callee has answered. Returns the nonce for the offer, None where it offers no verification.

        Raises `VerificationFailed`.
        """
        if self._is_accepted:
            raise VerificationFailed(Fault.INCOMPLETE)
        self._is_accepted = True
        if nonce is None and fingerprint is None:
            return None
        if nonce is None or fingerprint is None:
            raise VerificationFailed(Fault.INCOMPLETE)
        self._theirs = decode(nonce), parse_fingerprint(fingerprint)
        return encode(self._nonce)

    def check(self, sdp: str) -> Bound:
        """A description from the other side, of any epoch; raises `VerificationFailed`."""
        if not self._is_accepted:
            raise VerificationFailed(Fault.INCOMPLETE)
        if self.bound is not None:
            return _same(self.bound, sdp)
        shown = fingerprint_in(sdp)
        code = None
        if self._theirs is not None:
            their_nonce, promised = self._theirs
            if not hmac.compare_digest(shown, promised):
                raise VerificationFailed(Fault.FINGERPRINT)
            code = code_of(self._nonce, self._fingerprint, their_nonce, shown)
        self.bound = Bound(shown, code)
        return self.bound


class CalleeSide:
    """The verification of a call that came.

    Args:
        nonce: 32 random bytes, used for this call only.
        fingerprint: of this device's certificate.
        commitment: of the `incoming_call`; None where the caller offers no verification.
    """

    def __init__(self, nonce: bytes, fingerprint: bytes, commitment: str | None) -> None:
        self._nonce = _sized(nonce, NONCE_BYTES)
        self._fingerprint = _sized(fingerprint, FINGERPRINT_BYTES)
        self._commitment = None if commitment is None else decode(commitment)
        self.bound: Bound | None = None

    def accept(self) -> tuple[str, str]:
        """Nonce and fingerprint for `call_accept`."""
        return encode(self._nonce), format_fingerprint(self._fingerprint)

    def check(self, sdp: str, nonce: str | None = None) -> Bound:
        """A description from the other side, with the nonce of its frame; raises `VerificationFailed`."""
        if self.bound is not None:
            return _same(self.bound, sdp)
        shown = fingerprint_in(sdp)
        code = None
        if self._commitment is not None:
            if nonce is None:
                raise VerificationFailed(Fault.INCOMPLETE)
            their_nonce = decode(nonce)
            if not hmac.compare_digest(commitment_of(their_nonce, shown), self._commitment):
                raise VerificationFailed(Fault.COMMITMENT)
            code = code_of(their_nonce, shown, self._nonce, self._fingerprint)
        elif nonce is not None:
            # A nonce that nothing was committed to could have been chosen last.
            raise VerificationFailed(Fault.INCOMPLETE)
        self.bound = Bound(shown, code)
        return self.bound


def commitment_of(nonce: bytes, fingerprint: bytes) -> bytes:
    """What binds a caller: SHA-256(nonce ‖ fingerprint). Both have a fixed length, so there is one way to read it."""
    return hashlib.sha256(nonce + fingerprint).digest()


def code_of(caller_nonce: bytes, caller: bytes, callee_nonce: bytes, callee: bytes) -> tuple[Sign, ...]:
    """The signs over both nonces and both fingerprints (HKDF, RFC 5869, with SHA-256)."""
    key = hmac.digest(caller_nonce + callee_nonce, caller + callee, "sha256")
    value = int.from_bytes(hmac.digest(key, _CODE_INFO + b"\x01", "sha256")[:8], "big") >> (64 - 6 * CODE_SIGNS)
    return tuple(SIGNS[value >> (6 * place) & 63] for place in reversed(range(CODE_SIGNS)))


def fingerprint_in(sdp: str) -> bytes:
    """The one SHA-256 fingerprint of a description.

    Raises `VerificationFailed` where there is none, or where two differ: then it would depend on the reader which
    certificate is meant.
    """
    # `splitlines` is what the WebRTC library splits by, so that no line is a fingerprint to only one of the two.
    found = {
        parse_fingerprint(line.partition(":")[2])
        for line in sdp.splitlines()
        if line.strip().lower().startswith("a=fingerprint:") and _algorithm(line) == "sha-256"
    }
    if len(found) != 1:
        raise VerificationFailed(Fault.FINGERPRINT)
    return found.pop()


def format_fingerprint(fingerprint: bytes) -> str:
    """As in SDP: `sha-256 AB:CD:…`."""
    return f"sha-256 {fingerprint.hex(':').upper()}"


def parse_fingerprint(text: str) -> bytes:
    """What `format_fingerprint` writes; raises `VerificationFailed`."""
    algorithm, _, digits = text.strip().partition(" ")
    try:
        fingerprint = bytes.fromhex(digits.strip().replace(":", ""))
    except ValueError:
        raise VerificationFailed(Fault.MALFORMED) from None
    if algorithm.lower() != "sha-256" or len(fingerprint) != FINGERPRINT_BYTES:
        raise VerificationFailed(Fault.MALFORMED)
    return fingerprint


def encode(value: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """32 bytes of base64url, padded or not; raises `VerificationFailed`."""
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise VerificationFailed(Fault.MALFORMED) from None
    if len(value) != NONCE_BYTES:
        raise VerificationFailed(Fault.MALFORMED)
    return value


def _same(bound: Bound, sdp: str) -> Bound:
    if not hmac.compare_digest(fingerprint_in(sdp), bound.fingerprint):
        raise VerificationFailed(Fault.CHANGED)
    return bound


def _algorithm(line: str) -> str:
    return line.partition(":")[2].strip().partition(" ")[0].lower()


def _sized(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError(f"{size} bytes are needed, not {len(value)}")
    return value
