"""The error codes and close codes of the contract, each with its sentence for a person."""

import enum


class ErrorCode(enum.StrEnum):
    """Stable codes of `error` frames."""

    BAD_FRAME = "bad_frame"
    UNKNOWN_TYPE = "unknown_type"
    UNAUTHENTICATED = "unauthenticated"
    INVALID_CREDENTIALS = "invalid_credentials"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a code, no secret
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a code, no secret
    ACCOUNT_DISABLED = "account_disabled"
    REGISTRATION_CLOSED = "registration_closed"
    INVITE_INVALID = "invite_invalid"
    LOGIN_TAKEN = "login_taken"
    LOGIN_INVALID = "login_invalid"
    PASSWORD_WEAK = "password_weak"  # noqa: S105 - a code, no secret
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    BLOCKED = "blocked"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    MAILBOX_FULL = "mailbox_full"
    PEER_OFFLINE = "peer_offline"
    BUSY = "busy"
    CALL_NOT_FOUND = "call_not_found"
    CALL_STATE = "call_state"
    TURN_UNAVAILABLE = "turn_unavailable"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


SENTENCES: dict[ErrorCode, str] = {
    ErrorCode.BAD_FRAME: "The frame is not valid JSON of a known form.",
    ErrorCode.UNKNOWN_TYPE: "The server does not know this type of frame.",
    ErrorCode.UNAUTHENTICATED: "Sign in first.",
    ErrorCode.INVALID_CREDENTIALS: "The login or the password is wrong.",
    ErrorCode.TOKEN_EXPIRED: "The token has run out: refresh it or sign in again.",
    ErrorCode.TOKEN_REVOKED: "The token is no longer valid: sign in again.",
    ErrorCode.ACCOUNT_DISABLED: "The account is disabled: ask the server's administrator.",
    ErrorCode.REGISTRATION_CLOSED: "The server takes no registrations: ask its administrator.",
    ErrorCode.INVITE_INVALID: "The invite is missing, unknown, used up or past its time: ask for a new one.",
    ErrorCode.LOGIN_TAKEN: "The login is taken: choose another.",
    ErrorCode.LOGIN_INVALID: "A login is 2 to 32 of a-z 0-9 . _ - and starts with a letter.",
    ErrorCode.PASSWORD_WEAK: "A password is 8 to 256 characters and not one that everybody tries first.",
    ErrorCode.NOT_FOUND: "There is nothing by that name or id.",
    ErrorCode.FORBIDDEN: "This is not yours to do.",
    ErrorCode.BLOCKED: "You have blocked this account: unblock it first.",
    ErrorCode.CONFLICT: "This contradicts what is already there.",
    ErrorCode.TOO_LARGE: "This is larger than the server's limit.",
    ErrorCode.RATE_LIMITED: "Too many tries: wait a moment.",
    ErrorCode.MAILBOX_FULL: "The receiver's mailbox is full: they have to come online first.",
    ErrorCode.PEER_OFFLINE: "No device of theirs is connected; they will find a missed call.",
    ErrorCode.BUSY: "They are in another call or do not want to be disturbed; they will find a missed call.",
    ErrorCode.CALL_NOT_FOUND: "There is no such call for this device.",
    ErrorCode.CALL_STATE: "The call is not in a state that allows this.",
    ErrorCode.TURN_UNAVAILABLE: "The server has no STUN or TURN server configured.",
    ErrorCode.UNAVAILABLE: "The server cannot store this now; nothing was changed. Try again.",
    ErrorCode.INTERNAL: "The server failed at this; nothing more is known. The administrator's log has the place.",
}


class CloseCode(enum.IntEnum):
    """WebSocket close codes in use (RFC 6455 section 7.4; 44xx are the contract's own)."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    BINARY = 1003
    INVALID_UTF8 = 1007
    TOO_LARGE = 1009
    INTERNAL = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    UNAUTHENTICATED = 4401
    REVOKED = 4403
    IDLE = 4408
    FLOODING = 4429


CLOSE_SENTENCES: dict[CloseCode, str] = {
    CloseCode.NORMAL: "A normal end: logout, or the client said so.",
    CloseCode.PROTOCOL_ERROR: "The client broke RFC 6455.",
    CloseCode.BINARY: "Binary messages are refused.",
    CloseCode.INVALID_UTF8: "A text message was not UTF-8.",
    CloseCode.TOO_LARGE: "A message was over `limits.max_message_bytes`.",
    CloseCode.INTERNAL: "The server failed; reconnect.",
    CloseCode.SERVICE_RESTART: "The service restarts: reconnect with jitter; the reason may carry `retry_after_ms=N`.",
    CloseCode.TRY_AGAIN_LATER: "The server or this account has too many connections: try again later.",
    CloseCode.UNAUTHENTICATED: "Not authenticated in time, or the access token ran out.",
    CloseCode.REVOKED: "The account is disabled or the device is revoked.",
    CloseCode.IDLE: "The client was silent for `limits.idle_timeout_s`.",
    CloseCode.FLOODING: "The client sends faster than `limits.frames_per_s` allows.",
}
