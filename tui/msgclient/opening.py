"""How a connection becomes an authenticated one: which frame follows which answer. Pure; the clock is an argument.

The rules, by what was sent last and what came:

    login         session        keep the tokens, wait for ready
                  error          the login has failed; the error is the caller's
    authenticate  ready          open
                  token_expired, unauthenticated, invalid_credentials    send refresh
                  token_revoked, account_disabled    signed out
    refresh       session        keep the tokens, wait for ready
                  token_expired, token_revoked, account_disabled, invalid_credentials, unauthenticated    signed out
    any           other error    try again later, after its retry_after_ms
"""

from dataclasses import dataclass

import msgwire
from msgwire import ErrorCode

from .tokens import Tokens

_FRESH_MS = 30_000
"""An access token that runs out sooner is refreshed at once."""

DEAD_REFRESH = {
    ErrorCode.TOKEN_EXPIRED,
    ErrorCode.TOKEN_REVOKED,
    ErrorCode.ACCOUNT_DISABLED,
    ErrorCode.INVALID_CREDENTIALS,
    ErrorCode.UNAUTHENTICATED,
}
"""The codes after which a refresh token is of no use."""

_DEAD_ACCESS = {ErrorCode.TOKEN_REVOKED, ErrorCode.ACCOUNT_DISABLED}
_STALE_ACCESS = {ErrorCode.TOKEN_EXPIRED, ErrorCode.UNAUTHENTICATED, ErrorCode.INVALID_CREDENTIALS}


@dataclass(frozen=True, slots=True)
class Say:
    """Send this frame."""

    frame: msgwire.ClientFrame


@dataclass(frozen=True, slots=True)
class Keep:
    """Store these tokens before anything else happens: the ones before them are used up."""

    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Opened:
    """The event stream runs."""

    ready: msgwire.Ready


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """The server does not take this login."""

    error: msgwire.Error


@dataclass(frozen=True, slots=True)
class SignInEnded:
    """The stored tokens are of no use any more; `reason` is a sentence for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """The server cannot do it now."""

    error: msgwire.Error


Step = Say | Keep | Opened | LoginRefused | SignInEnded | Later


class Opening:
    """One opening. Give it `start`, then each frame until it says `Opened`, `LoginRefused`, `SignInEnded` or `Later`.

    Args:
        login: the login to send; None signs in by `tokens`.
        cursor: the last event that this device has stored; None when it has never had one.
    """

    def __init__(self, login: msgwire.LogIn | None, tokens: Tokens | None, cursor: int | None) -> None:
        if login is None and tokens is None:
            raise ValueError("an opening needs a login or tokens")
        self._login = login
        self._tokens = tokens
        self._cursor = cursor
        self._sent: msgwire.ClientFrame | None = None

    def start(self, now_ms: int) -> Step:
        """The first frame to send, once the server has said hello."""
        if self._login is not None:
            return self._say(self._login)
        assert self._tokens is not None
        if self._tokens.access_expires_at - now_ms < _FRESH_MS:
            return self._say(msgwire.Refresh(refresh_token=self._tokens.refresh_token))
        return self._say(msgwire.Authenticate(access_token=self._tokens.access_token, cursor=self._cursor))

    def receive(self, frame: msgwire.ServerFrame) -> Step | None:
        """What follows from a frame; None when it has no part in the opening."""
        match frame:
            case msgwire.SessionTokens():
                self._tokens = Tokens.of(frame)
                return Keep(self._tokens)
            case msgwire.Ready():
                return Opened(frame)
            case msgwire.Error(re=re) if re is not None:
                return self._failed(frame)
        return None

    def _failed(self, error: msgwire.Error) -> Step:
        match self._sent:
            case msgwire.LogIn():
                return LoginRefused(error)
            case msgwire.Refresh() if error.code in DEAD_REFRESH:
                return SignInEnded(error.message)
            case msgwire.Authenticate() if error.code in _DEAD_ACCESS:
                return SignInEnded(error.message)
            case msgwire.Authenticate() if error.code in _STALE_ACCESS:
                assert self._tokens is not None
                return self._say(msgwire.Refresh(refresh_token=self._tokens.refresh_token))
        return Later(error)

    def _say(self, frame: msgwire.ClientFrame) -> Say:
        self._sent = frame
        frame.request_id = "opening"
        return Say(frame)
