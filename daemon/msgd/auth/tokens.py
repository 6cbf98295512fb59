"""Access tokens: short-lived JWTs (RFC 7519) signed with HMAC-SHA256 and one key of the ring."""

import uuid
from collections.abc import Callable

import jwt
import msgspec

from msgd.auth.keyring import KeyRing
from msgd.config import Secret

ISSUER = "msgd"
AUDIENCE = "msgd.v1"
# RFC 9068, section 2.1: says that this is an access token, so that no other JWT of ours can pass for one.
TYPE = "at+jwt"
_ALGORITHM = "HS256"
# Ours are below 400; a longer one is not ours and is not worth parsing.
_MOST_CHARACTERS = 2048


class TokenInvalid(Exception):
    """The text is no access token of this server, or its key is gone."""


class TokenExpired(Exception):
    """The token was good once; its time has passed."""


class AccessClaims(msgspec.Struct, frozen=True):
    """What a valid access token says.

    Attributes:
        uid: The account.
        device_id: The device.
        token_id: Unique to this token.
        issued_at: UTC epoch ms, whole seconds.
        expires_at: UTC epoch ms, whole seconds; from this moment on the token is expired.
    """

    uid: str
    device_id: str
    token_id: str
    issued_at: int
    expires_at: int


class AccessToken(msgspec.Struct, frozen=True):
    """A new token and the moment it ends, UTC epoch ms."""

    text: Secret
    expires_at: int


class _Payload(msgspec.Struct, frozen=True):
    """The claims on the wire; times are NumericDates, seconds since the epoch (RFC 7519, section 2)."""

    sub: str
    did: str
    jti: str
    iat: int
    exp: int
    iss: str = ISSUER
    aud: str = AUDIENCE


class AccessTokens:
    """Mint and verify access tokens.

    Attributes:
        ring: The keys; assign a newly loaded ring to rotate, live tokens stay good.
        ttl_s: Life of a new token.
    """

    def __init__(self, ring: KeyRing, ttl_s: int, new_id: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        """Start with a ring; `new_id` names each token."""
        self.ring = ring
        self.ttl_s = ttl_s
        self._new_id = new_id

    def mint(self, uid: str, device_id: str, now_ms: int) -> AccessToken:
        """Make a token for a device that runs out `ttl_s` from now."""
        issued = now_ms // 1000
        key = self.ring.signing
        payload = _Payload(sub=uid, did=device_id, jti=self._new_id(), iat=issued, exp=issued + self.ttl_s)
        text = jwt.encode(
            msgspec.structs.asdict(payload), key.raw, algorithm=_ALGORITHM, headers={"kid": key.kid, "typ": TYPE}
        )
        return AccessToken(Secret(text), payload.exp * 1000)

    def verify(self, text: str, now_ms: int) -> AccessClaims:
        """Check signature, kind, issuer, audience and time, without leeway.

        Raises:
            TokenExpired: All is right except the time (RFC 7519, section 4.1.4), or its key has been retired: refresh.
            TokenInvalid: Anything else; the reason is not for strangers.
        """
        if len(text) > _MOST_CHARACTERS:
            raise TokenInvalid("too long")
        try:
            header = jwt.get_unverified_header(text)
            key = self.ring.find(str(header.get("kid")))
            if key is None or header.get("typ") != TYPE:
                raise TokenInvalid("unknown key or kind")
            # The library would look at the wall clock, so times are checked below.
            decoded = jwt.decode(
                text,
                key.raw,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            payload = msgspec.convert(decoded, _Payload)
        except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError):
            # The cause is dropped with its arguments: they may hold parts of the token.
            raise TokenInvalid("not a token of this server") from None
        if now_ms >= payload.exp * 1000 or key.is_retired(now_ms):
            raise TokenExpired("past its time")
        return AccessClaims(payload.sub, payload.did, payload.jti, payload.iat * 1000, payload.exp * 1000)
