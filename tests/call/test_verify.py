"""Verification: honest people agree, and whoever sits between them cannot make them."""

import itertools
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgclient.call.emoji import SIGNS
from msgclient.call.pins import Pins, PinsUnreadable, Trust
from msgclient.call.verify import (
    CODE_SIGNS,
    CalleeSide,
    CallerSide,
    Fault,
    VerificationFailed,
    code_of,
    commitment_of,
    decode,
    encode,
    fingerprint_in,
    format_fingerprint,
    parse_fingerprint,
)

bytes32 = st.binary(min_size=32, max_size=32)


def sdp(fingerprint: bytes, more: str = "") -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"
        f"a=fingerprint:{format_fingerprint(fingerprint)}\r\n{more}a=setup:actpass\r\n"
    )


def test_the_signs_are_64_and_fit_every_terminal() -> None:
    assert len(SIGNS) == len({sign.picture for sign in SIGNS}) == len({sign.name for sign in SIGNS}) == 64
    for sign in SIGNS:
        assert len(sign.picture) == 1
        assert unicodedata.east_asian_width(sign.picture) == "W"
        assert sign.name.isascii()
        assert sign.name.isalpha()


@given(bytes32, bytes32, bytes32, bytes32)
def test_both_sides_show_the_same_code(nonce_a: bytes, key_a: bytes, nonce_b: bytes, key_b: bytes) -> None:
    caller = CallerSide(nonce_a, key_a)
    callee = CalleeSide(nonce_b, key_b, caller.commitment)
    revealed = caller.accepted(*callee.accept())
    at_callee = callee.check(sdp(key_a), revealed)
    at_caller = caller.check(sdp(key_b))
    assert at_caller.code == at_callee.code
    assert at_caller.code is not None
    assert len(at_caller.code) == CODE_SIGNS
    assert (at_caller.fingerprint, at_callee.fingerprint) == (key_b, key_a)
    # A new connection of the same call shows the same certificates.
    assert callee.check(sdp(key_a)) == at_callee
    assert caller.check(sdp(key_b)) == at_caller


@given(bytes32, bytes32, bytes32, bytes32, st.integers(0, 3), st.integers(0, 255))
def test_every_part_counts(a: bytes, b: bytes, c: bytes, d: bytes, which: int, bit: int) -> None:
    parts = [a, b, c, d]
    changed = bytearray(parts[which])
    changed[bit // 8] ^= 1 << (bit % 8)
    other = [*parts[:which], bytes(changed), *parts[which + 1 :]]
    assert commitment_of(a, b) != commitment_of(*other[:2]) or which > 1
    # Two codes are equal by chance once in 2^36.
    assert code_of(*parts) != code_of(*other)


def test_codes_use_every_sign_evenly() -> None:
    seen = {sign for _ in range(400) for sign in code_of(*(os.urandom(32) for _ in range(4)))}
    assert len(seen) == 64


def test_the_code_is_part_of_the_contract() -> None:
    code = code_of(bytes(32), b"\x01" * 32, b"\x02" * 32, b"\x03" * 32)
    assert [sign.name for sign in code] == CONTRACT_CODE
    assert encode(commitment_of(bytes(32), b"\x01" * 32)) == "XIWVX3CSg-zOK3TxsVUpGIGfOQkRgW57tGaAWjirh_M"


CONTRACT_CODE = ["hat", "fire", "fish", "book", "spanner", "pig"]


@dataclass
class Ends:
    """What the two people have in hand after an exchange that somebody may have tampered with."""

    caller: CallerSide
    callee: CalleeSide


@dataclass(frozen=True)
class Swap:
    """What the one in the middle puts in the place of each thing that passes."""

    commitment: str
    callee_nonce: str
    callee_key: str
    nonce: str
    offer_key: str
    answer_key: str


def run(swap: Swap) -> bool:
    """Whether both people are led to believe in a call whose ends are not the two of them."""
    key_a, key_b, key_m = (os.urandom(32) for _ in range(3))
    nonce_a, nonce_b, nonce_m = (os.urandom(32) for _ in range(3))
    caller = CallerSide(nonce_a, key_a)
    commitment = {
        "honest": caller.commitment,
        "own": encode(commitment_of(nonce_m, key_m)),
        "none": None,
    }[swap.commitment]
    callee = CalleeSide(nonce_b, key_b, commitment)
    sent_nonce, sent_key = callee.accept()
    nonce = {"honest": sent_nonce, "own": encode(nonce_m), "reflected": caller.commitment, "none": None}
    key = {"honest": sent_key, "own": format_fingerprint(key_m), "mirrored": format_fingerprint(key_a), "none": None}
    try:
        revealed = caller.accepted(nonce[swap.callee_nonce], key[swap.callee_key])
        offered_nonce = {"honest": revealed, "own": encode(nonce_m), "reflected": sent_nonce, "none": None}
        offer_key = {"honest": key_a, "own": key_m, "mirrored": key_b}[swap.offer_key]
        at_callee = callee.check(sdp(offer_key), offered_nonce[swap.nonce])
        answer_key = {"honest": key_b, "own": key_m, "mirrored": key_a}[swap.answer_key]
        at_caller = caller.check(sdp(answer_key))
    except VerificationFailed:
        return False
    is_tapped = at_callee.fingerprint != key_a or at_caller.fingerprint != key_b
    return is_tapped and at_caller.code is not None and at_caller.code == at_callee.code


def test_no_swap_makes_the_codes_agree() -> None:
    nonces = ["honest", "own", "reflected", "none"]
    tries = itertools.product(
        ["honest", "own", "none"],
        nonces,
        ["honest", "own", "mirrored", "none"],
        nonces,
        ["honest", "own", "mirrored"],
        ["honest", "own", "mirrored"],
    )
    count = 0
    for parts in tries:
        count += 1
        assert not run(Swap(*parts)), parts
    assert count == 3 * 4 * 4 * 4 * 3 * 3


def test_who_waits_to_see_both_nonces_is_caught_by_the_commitment() -> None:
    key_a, key_b, key_m = (os.urandom(32) for _ in range(3))
    caller = CallerSide(os.urandom(32), key_a)
    # It calls the callee first with a commitment of its own, and learns nonceB.
    callee = CalleeSide(os.urandom(32), key_b, encode(commitment_of(bytes(32), key_m)))
    revealed = caller.accepted(encode(os.urandom(32)), format_fingerprint(key_m))
    assert revealed is not None
    # Now it knows nonceA too, and could look for a nonce that makes the codes agree; but it has to open the commitment.
    for _ in range(100):
        with pytest.raises(VerificationFailed) as refused:
            callee.check(sdp(key_m), encode(os.urandom(32)))
        assert refused.value.fault is Fault.COMMITMENT


def test_the_caller_reveals_nothing_before_the_callee_has_spoken() -> None:
    caller = CallerSide(os.urandom(32), os.urandom(32))
    with pytest.raises(VerificationFailed):
        caller.check(sdp(os.urandom(32)))


def test_a_second_acceptance_is_refused() -> None:
    caller = CallerSide(os.urandom(32), os.urandom(32))
    caller.accepted(encode(os.urandom(32)), format_fingerprint(os.urandom(32)))
    with pytest.raises(VerificationFailed):
        caller.accepted(encode(os.urandom(32)), format_fingerprint(os.urandom(32)))


def test_a_key_that_changes_in_a_later_epoch_ends_the_call() -> None:
    for has_verification in (True, False):
        key_b = os.urandom(32)
        caller = CallerSide(os.urandom(32), os.urandom(32))
        if has_verification:
            caller.accepted(encode(os.urandom(32)), format_fingerprint(key_b))
        else:
            caller.accepted(None, None)
        caller.check(sdp(key_b))
        with pytest.raises(VerificationFailed) as refused:
            caller.check(sdp(os.urandom(32)))
        assert refused.value.fault is Fault.CHANGED


def test_without_verification_there_is_no_code() -> None:
    caller, callee = CallerSide(os.urandom(32), os.urandom(32)), CalleeSide(os.urandom(32), os.urandom(32), None)
    assert caller.accepted(None, None) is None
    assert caller.check(sdp(os.urandom(32))).code is None
    assert callee.check(sdp(os.urandom(32))).code is None


@pytest.mark.parametrize("text", ["", "sha-1 AA", "sha-256", "sha-256 AA:BB", "sha-256 " + "zz" * 32, "AA:BB"])
def test_a_fingerprint_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(VerificationFailed):
        parse_fingerprint(text)


def test_a_description_has_to_be_clear_about_its_key() -> None:
    one, other = os.urandom(32), os.urandom(32)
    assert fingerprint_in(sdp(one, f"a=fingerprint:{format_fingerprint(one)}\r\n")) == one
    assert fingerprint_in(sdp(one, "a=fingerprint:sha-512 AA:BB\r\n")) == one
    for trick in ("\r\n", "\n", "\x0b", "\x1c", "\u2028"):
        hidden = f"a=x{trick}a=fingerprint:{format_fingerprint(other)}\r\n"
        with pytest.raises(VerificationFailed):
            fingerprint_in(sdp(one, hidden))
    with pytest.raises(VerificationFailed):
        fingerprint_in("v=0\r\n")


@settings(max_examples=200)
@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=300))
def test_whatever_comes_ends_in_a_refusal(nonce: str, fingerprint: str, description: str) -> None:
    with pytest.raises(VerificationFailed):
        CallerSide(bytes(32), bytes(32)).accepted(nonce, fingerprint)
    with pytest.raises(VerificationFailed):
        CalleeSide(bytes(32), bytes(32), None).check(description)


@given(bytes32)
def test_what_is_written_is_read_back(value: bytes) -> None:
    assert decode(encode(value)) == value
    assert parse_fingerprint(format_fingerprint(value)) == value


def test_no_error_quotes_a_key() -> None:
    key = os.urandom(32)
    caller = CallerSide(os.urandom(32), os.urandom(32))
    caller.accepted(encode(os.urandom(32)), format_fingerprint(os.urandom(32)))
    with pytest.raises(VerificationFailed) as refused:
        caller.check(sdp(key))
    assert key.hex(":").upper() not in str(refused.value)


def test_pins_tell_new_pinned_and_changed_apart(tmp_path: Path) -> None:
    path = tmp_path / "call_keys.json"
    pins = Pins(path)
    phone, laptop, stranger = (os.urandom(32) for _ in range(3))
    assert pins.judge("romeo", phone) is Trust.NEW
    pins.pin("romeo", phone)
    pins.pin("romeo", laptop)
    for again in (pins, Pins(path)):
        assert again.judge("romeo", phone) is Trust.PINNED
        assert again.judge("romeo", laptop) is Trust.PINNED
        assert again.judge("romeo", stranger) is Trust.CHANGED
        assert again.judge("paris", stranger) is Trust.NEW
    assert path.stat().st_mode & 0o077 == 0
    pins.forget("romeo")
    assert Pins(path).judge("romeo", phone) is Trust.NEW


def test_pins_are_bounded(tmp_path: Path) -> None:
    pins = Pins(tmp_path / "call_keys.json")
    keys = [os.urandom(32) for _ in range(20)]
    for key in keys:
        pins.pin("romeo", key)
    assert pins.judge("romeo", keys[0]) is Trust.CHANGED
    assert pins.judge("romeo", keys[-1]) is Trust.PINNED


def test_damaged_pins_are_not_taken_for_none(tmp_path: Path) -> None:
    path = tmp_path / "call_keys.json"
    path.write_bytes(b"{")
    with pytest.raises(PinsUnreadable):
        Pins(path)
