"""Access tokens: what is taken, what is refused and why, and that rotation logs nobody out."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest

from msgd.auth.keyring import KeyRing, SigningKey
from msgd.auth.tokens import AUDIENCE, ISSUER, TYPE, AccessTokens, TokenExpired, TokenInvalid
from msgd.config import Secret

NOW = 1_700_000_000_250
UID = "6f1f6d0e-5c07-4c07-a5b8-7f4a0a1f3c11"
DEVICE = "0a5a7a9c-2b9e-4f3d-9a51-6a4c0f3f0d22"


def counting_bytes() -> Callable[[int], bytes]:
    calls = iter(range(256))
    return lambda size: bytes([next(calls)]) * size


def make_tokens(ttl_s: int = 900) -> AccessTokens:
    return AccessTokens(KeyRing.generate(NOW, counting_bytes()), ttl_s, new_id=lambda: "token-1")


def test_token_says_who_and_until_when() -> None:
    tokens = make_tokens()
    token = tokens.mint(UID, DEVICE, NOW)
    claims = tokens.verify(token.text.reveal(), NOW)
    assert (claims.uid, claims.device_id, claims.token_id) == (UID, DEVICE, "token-1")
    assert (claims.issued_at, claims.expires_at) == (1_700_000_000_000, 1_700_000_900_000)
    assert token.expires_at == claims.expires_at
    assert token.text.reveal() not in repr(token)


def test_no_leeway_at_the_end() -> None:
    tokens = make_tokens()
    token = tokens.mint(UID, DEVICE, NOW)
    tokens.verify(token.text.reveal(), token.expires_at - 1)
    with pytest.raises(TokenExpired):
        tokens.verify(token.text.reveal(), token.expires_at)


def test_clock_set_back_keeps_tokens_good() -> None:
    tokens = make_tokens()
    assert tokens.verify(tokens.mint(UID, DEVICE, NOW).text.reveal(), NOW - 3_600_000).uid == UID


def test_rotation_logs_nobody_out() -> None:
    tokens = make_tokens()
    old = tokens.mint(UID, DEVICE, NOW).text.reveal()
    tokens.ring = tokens.ring.rotated(NOW, 900_000, counting_bytes_from(10))
    new = tokens.mint(UID, DEVICE, NOW).text.reveal()
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    assert tokens.verify(old, NOW + 899_000).uid == tokens.verify(new, NOW + 899_000).uid == UID


def test_token_of_a_retired_key_asks_for_a_refresh() -> None:
    tokens = make_tokens(ttl_s=86_400)
    old = tokens.mint(UID, DEVICE, NOW).text.reveal()
    tokens.ring = tokens.ring.rotated(NOW, 1000, counting_bytes_from(10))
    with pytest.raises(TokenExpired):
        tokens.verify(old, NOW + 1000)


def counting_bytes_from(first: int) -> Callable[[int], bytes]:
    calls = iter(range(first, 256))
    return lambda size: bytes([next(calls)]) * size


def test_token_of_an_unknown_key_is_invalid() -> None:
    token = make_tokens().mint(UID, DEVICE, NOW).text.reveal()
    stranger = AccessTokens(KeyRing.generate(NOW), 900)
    with pytest.raises(TokenInvalid):
        stranger.verify(token, NOW)


def signed(tokens: AccessTokens, header: dict[str, Any], payload: dict[str, Any]) -> str:
    """Sign anything with the right key, by hand."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signature = hmac.new(tokens.ring.signing.raw, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def good(tokens: AccessTokens) -> tuple[dict[str, Any], dict[str, Any]]:
    header = {"alg": "HS256", "typ": TYPE, "kid": tokens.ring.signing.kid}
    payload = {"sub": UID, "did": DEVICE, "jti": "1", "iat": 1_700_000_000, "exp": 1_700_000_900}
    return header, payload | {"iss": ISSUER, "aud": AUDIENCE}


def test_token_made_by_hand_is_the_yardstick_of_the_refusals() -> None:
    tokens = make_tokens()
    assert tokens.verify(signed(tokens, *good(tokens)), NOW).uid == UID


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ({"alg": "none"}, {}),
        ({"alg": "HS512"}, {}),
        ({"alg": "RS256"}, {}),
        ({"typ": "JWT"}, {}),
        ({"typ": None}, {}),
        ({"kid": "other"}, {}),
        ({"kid": None}, {}),
        ({"kid": 3}, {}),
        ({"crit": ["x"]}, {}),
        ({}, {"iss": "other"}),
        ({}, {"aud": "other"}),
        ({}, {"aud": ["other"]}),
        ({}, {"sub": None}),
        ({}, {"sub": 3}),
        ({}, {"did": None}),
        ({}, {"jti": None}),
        ({}, {"exp": None}),
        ({}, {"exp": "tomorrow"}),
        ({}, {"exp": 1.5e9}),
        ({}, {"iat": None}),
    ],
)
def test_signed_but_wrong_is_invalid(header: dict[str, Any], payload: dict[str, Any]) -> None:
    tokens = make_tokens()
    good_header, good_payload = good(tokens)
    changed = [
        {name: value for name, value in (right | wrong).items() if value is not None}
        for right, wrong in ((good_header, header), (good_payload, payload))
    ]
    with pytest.raises(TokenInvalid):
        tokens.verify(signed(tokens, *changed), NOW)


def test_expiry_is_told_only_of_a_genuine_token() -> None:
    tokens = make_tokens()
    header, payload = good(tokens)
    text = signed(tokens, header, payload | {"exp": 1_600_000_000})
    with pytest.raises(TokenExpired):
        tokens.verify(text, NOW)
    flipped = text[:-2] + ("A" if text[-2] != "A" else "B") + text[-1]
    with pytest.raises(TokenInvalid):
        tokens.verify(flipped, NOW)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "x" * 3000, "eyJ.eyJ.", "\0", "\ud800"])
def test_garbage_is_invalid_and_not_repeated(text: str) -> None:
    with pytest.raises(TokenInvalid) as caught:
        make_tokens().verify(text, NOW)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_every_flipped_character_is_refused() -> None:
    tokens = make_tokens()
    text = tokens.mint(UID, DEVICE, NOW).text.reveal()
    # The last character carries two bits that base64 leaves unused.
    for place in range(len(text) - 1):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(TokenInvalid):
            tokens.verify(text[:place] + other + text[place + 1 :], NOW)


def test_key_never_shows() -> None:
    key = SigningKey("kid", Secret("c2VjcmV0"), NOW)
    assert "c2VjcmV0" not in repr(key)
    assert "c2VjcmV0" not in repr(msgspec.structs.asdict(key))
