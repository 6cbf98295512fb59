"""Errors as sentences: what happened, and what to do now. Pure."""

from msgclient import (
    CertificateProblem,
    ClientError,
    NotConnected,
    NotSignedIn,
    OutboxFull,
    ProfileInUse,
    RequestFailed,
    RequestTimedOut,
    TextTooLong,
    TooManyRequests,
)

from .desk import Refused
from .safe_text import safe
from .times import wait

_BY_CODE: dict[str, str] = {
    "invalid_credentials": "The login or the password is wrong. Check both; capitals count in the password.",
    "account_disabled": "This account is disabled. Ask the server's administrator.",
    "registration_closed": "This server takes no registrations. Ask its administrator for an account.",
    "invite_invalid": "The invite is missing, used up or past its time. Ask for a new one.",
    "login_taken": "Somebody has this login already. Choose another.",
    "login_invalid": "A login is 2 to 32 of a-z 0-9 . _ - and starts with a letter.",
    "password_weak": "The password is too easy to guess. Take 8 characters or more that are not in every list.",
    "not_found": "There is nobody and nothing by that name. Check the spelling; Ctrl-K finds people.",
    "forbidden": "The server does not allow this.",
    "blocked": "You have blocked them. /unblock first.",
    "conflict": "This contradicts what the server has already. Nothing was changed.",
    "too_large": "This is too long for the server. Shorten it.",
    "mailbox_full": "Their mailbox is full: they have to come online before they can get more.",
    "unavailable": "The server cannot store anything now. Nothing was changed; try again in a while.",
    "internal": "The server failed at this. Try again, or ask its administrator to look into the log.",
    "unknown_type": "This server is too old to know this.",
    "token_revoked": "This computer was signed out. Sign in again.",
}


def explain(error: Exception) -> str:
    """One or two sentences about an error of the SDK or a refusal of ours."""
    match error:
        case Refused() | ValueError():
            return safe(str(error))
        case RequestFailed(code="rate_limited"):
            return _rate_limited(error.retry_after_ms)
        case RequestFailed():
            return _BY_CODE.get(error.code) or f"The server refused: {safe(error.message)}"
        case NotConnected():
            return f"{safe(str(error))} Try again when the status line says online."
        case RequestTimedOut():
            return "The server did not answer in time. It may have done it all the same; look before you try again."
        case NotSignedIn():
            return "You are signed out. Sign in first."
        case OutboxFull():
            return f"{error.limit} messages wait for the server already. Wait until it is reachable."
        case TextTooLong():
            return f"This text is longer than the {error.limit} bytes that the server takes. Send it in parts."
        case TooManyRequests():
            return "Too much is asked of the server at once. Try again in a moment."
        case CertificateProblem():
            return f"{safe(str(error))} Nothing was sent."
        case ProfileInUse():
            return "Another msgtui runs with this profile. Close it, or start this one with --profile NAME."
        case ClientError():
            return safe(str(error))
    return "Something went wrong in this program."


def explain_sign_in(error: Exception, host: str) -> str:
    """The same where the server is being reached for the first time."""
    if isinstance(error, NotConnected):
        reason = safe(str(error))
        return f"{host} cannot be reached: {reason} Check the address and the port, and whether the server runs."
    if isinstance(error, CertificateProblem):
        return f"{safe(str(error))} Nothing was sent. Ask the administrator for the fingerprint and try again."
    return explain(error)


def _rate_limited(retry_after_ms: int | None) -> str:
    if retry_after_ms is None:
        return "Too many tries. Wait a minute."
    return f"Too many tries. Wait {wait(retry_after_ms / 1000)}, then try again."
