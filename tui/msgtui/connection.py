"""The connection's state as a sign, a few words and a sentence. Pure."""

from dataclasses import dataclass

from msgclient import CertificateChanged, Connecting, ConnectionState, Offline, Online, SignedOut

from .safe_text import safe
from .times import wait


@dataclass(frozen=True, slots=True)
class Shown:
    """How a state is shown.

    Attributes:
        kind: `online`, `connecting`, `offline` or `stopped`; names the color.
        sign: one cell, different in shape for each kind.
        words: for the status line.
        sentence: for the banner; empty when there is nothing to say.
    """

    kind: str
    sign: str
    words: str
    sentence: str = ""


def shown(state: ConnectionState, now_ms: int) -> Shown:
    """How to show a state; the countdown runs to `now_ms`."""
    match state:
        case Online():
            return Shown("online", "●", "online")
        case Connecting(attempt=attempt):
            return Shown("connecting", "◌", "connecting" if attempt <= 1 else f"connecting, try {attempt}")
        case Offline(reason=reason, retry_at=None):
            return Shown("stopped", "○", "offline", f"{safe(reason)} Ctrl-R connects.")
        case Offline(reason=reason, retry_at=int() as retry_at):
            seconds = wait(max(0, retry_at - now_ms) / 1000)
            sentence = f"{safe(reason)} What you write is kept and sent later."
            return Shown("offline", "○", f"offline, retry in {seconds}", sentence)
        case CertificateChanged():
            return Shown("stopped", "■", "stopped: certificate", "The server shows another certificate. Ctrl-R asks.")
        case SignedOut(reason=reason):
            return Shown("stopped", "○", "signed out", safe(reason))
    return Shown("stopped", "○", "offline")
