"""The states of a client's connection, for whoever shows them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connecting:
    """A connection is being made. `attempt` counts from 1 since the last time online."""

    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Online:
    """The connection is authenticated and the event stream runs."""


@dataclass(frozen=True, slots=True)
class Offline:
    """There is no connection.

    Attributes:
        reason: a sentence for a person.
        retry_at: UTC epoch ms of the next try; None when nothing is tried until `Client.reconnect_now`.
    """

    reason: str
    retry_at: int | None = None


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The profile holds no sign-in.

    Attributes:
        reason: why the sign-in ended, a sentence for a person; empty when there was none yet.
    """

    reason: str = ""


@dataclass(frozen=True, slots=True)
class CertificateChanged:
    """The server shows another certificate than the pinned one. Nothing is sent until a person decides.

    Attributes:
        host: the server, as `HOST:PORT`.
        pinned: SHA-256 fingerprint of the certificate that was accepted before.
        presented: SHA-256 fingerprint of the one shown now; `Client.accept_certificate` takes it.
    """

    host: str
    pinned: str
    presented: str


ConnectionState = Connecting | Online | Offline | SignedOut | CertificateChanged
