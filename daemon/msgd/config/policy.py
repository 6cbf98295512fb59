"""Settings that say what people may do: accounts, tokens, messages, presence and calls."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from msgd.config.kinds import Secret, between

_DAY_S = 86_400


class Registration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may make an account."""

    mode: Literal["open", "invite", "closed"] = "invite"
    """Anyone, holders of an invite, or nobody but `msgctl user add`."""

    invite_ttl_s: Annotated[int, between(60, 366 * _DAY_S)] = 7 * _DAY_S
    """Life of an invite that is made without a life of its own, in seconds."""


class Auth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Passwords and tokens."""

    access_ttl_s: Annotated[int, between(2, _DAY_S)] = 900
    """Life of an access token, in seconds."""

    refresh_ttl_s: Annotated[int, between(2, 3660 * _DAY_S)] = 60 * _DAY_S
    """Life of a refresh token that is not used, in seconds; each use starts it anew."""

    keys_file: Path = Path("keys.json")
    """Signing keys of the access tokens, readable by the daemon's user only."""

    argon2_time: Annotated[int, between(1, 32)] = 2
    """Passes of argon2id over its memory (RFC 9106, section 3.1)."""

    argon2_memory_kib: Annotated[int, between(8, 4_194_304)] = 19_456
    """Memory of one argon2id hash, in KiB."""

    argon2_parallelism: Annotated[int, between(1, 16)] = 1
    """Lanes of one argon2id hash."""

    workers: Annotated[int, between(1, 64)] = 2
    """Password hashes computed at the same time, each in a thread of its own."""

    queue_max: Annotated[int, between(1, 100_000)] = 256
    """Most password checks that wait for a worker; past it logins get `unavailable` with a time to retry."""


class Messages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Text between accounts."""

    from_strangers: bool = True
    """Let accounts that are no contacts of each other write."""

    edit_window_s: Annotated[int, between(0, 3660 * _DAY_S)] = 0
    """Time after which a message can no longer be edited, in seconds; 0 sets no bound."""


class Presence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is online, and how fast contacts hear of it."""

    grace_s: Annotated[float, between(0, 3600)] = 5.0
    """A device that comes back within this time was never announced as gone, in seconds."""

    tick_s: Annotated[float, between(0.01, 60)] = 0.5
    """Changes are collected for this long and announced together, in seconds."""


class Calls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signaling of calls; the media never passes through the daemon."""

    ring_timeout_s: Annotated[float, between(1, 600)] = 45.0
    """A call that nobody takes ends as missed after this time, in seconds."""

    connect_timeout_s: Annotated[float, between(1, 600)] = 60.0
    """A call that was taken but exchanged no answer ends as failed after this time, in seconds."""

    grace_s: Annotated[float, between(0, 3600)] = 30.0
    """A device that lost its connection during a call may come back within this time, in seconds."""

    max_sdp_bytes: Annotated[int, between(1024, 1_048_576)] = 65_536
    """Largest session description of an offer or answer, in bytes of UTF-8."""

    max_calls: Annotated[int, between(1, 1_000_000)] = 1000
    """Calls alive at the same time on this server; past it callers get `busy`."""

    from_strangers: bool = True
    """Let accounts that are no contacts of each other call."""


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """STUN and TURN servers that devices are told of."""

    urls: tuple[str, ...] = ()
    """TURN servers, as `turn:HOST:PORT?transport=udp` or `turns:HOST:PORT`; empty for none."""

    stun_urls: tuple[str, ...] = ()
    """STUN servers, as `stun:HOST:PORT`; empty for none."""

    secret: tuple[Secret, ...] = ()
    """One or two secrets shared with the TURN server; the first mints; never in the TOML file (see `secret_file`)."""

    secret_file: Path | None = None
    """File with the secrets, one a line, or `credential:NAME`; empty looks for the systemd credential `turn-secret`."""

    ttl_s: Annotated[int, between(60, _DAY_S)] = 3600
    """Life of the TURN credentials that a device gets, in seconds."""
