"""Settings that say where the daemon lives: sockets, files, logs, and how it stops."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from msgd.config.kinds import Address, between


class Listen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address that clients connect to."""

    address: Address = Address("127.0.0.1", 7443)
    """Where clients connect, as HOST:PORT or [IPV6]:PORT; port 0 takes a free one and names it in the ready line."""

    plain: bool = False
    """Serve ws:// without TLS: only for a loopback test or behind a proxy that ends TLS."""

    tls_cert: Path = Path("tls/cert.pem")
    """Certificate chain in PEM, own certificate first; read again at SIGHUP."""

    tls_key: Path = Path("tls/key.pem")
    """Private key of the certificate in PEM; `credential:NAME` takes it from systemd."""

    public_name: str = ""
    """Host name that people use to reach this server, for its own certificate and for invites; empty for none."""


class Ops(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The listener for metrics and health, apart from that of the clients."""

    address: Address | None = Address("127.0.0.1", 9464)
    """Where /metrics, /healthz and /readyz are served, as HOST:PORT; an empty string turns them off."""


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The durable state."""

    path: Path = Path("store/msgd.sqlite3")
    """The SQLite database; its directory must belong to the daemon's user."""

    retention_days: Annotated[int, between(0, 36500)] = 0
    """Messages older than this many days are deleted; 0 keeps them for ever."""

    max_messages_per_conversation: Annotated[int, between(0, 100_000_000)] = 0
    """Older messages of a conversation are deleted past this many; 0 keeps all."""

    min_free_mib: Annotated[int, between(0, 1_048_576)] = 64
    """Readiness turns red when the disk of the store has less free space than this, in MiB; 0 never checks."""

    batch_max: Annotated[int, between(1, 4096)] = 256
    """Most commands that one transaction of the writer commits together."""

    queue_max: Annotated[int, between(1, 1_000_000)] = 10_000
    """Most commands that wait for the writer; past it clients get `unavailable`."""

    readers: Annotated[int, between(1, 32)] = 2
    """Read-only database connections, each used by one thread at a time."""


class Admin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The local socket that msgctl speaks to."""

    socket: Path = Path("admin.sock")
    """Path of the unix socket for msgctl."""

    mode: Annotated[str, msgspec.Meta(pattern="^0[0-7]{3}$")] = "0660"
    """Permissions of the socket, in octal."""

    group: str = ""
    """Group that owns the socket, by name; empty keeps the group of the daemon."""

    @property
    def mode_bits(self) -> int:
        """The permissions as a number for chmod."""
        return int(self.mode, 8)


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the daemon says on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe lines that are written; changes at SIGHUP."""

    format: Literal["text", "json"] = "text"
    """One line of text an event, or one JSON object a line."""


class Drain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the daemon stops at SIGTERM."""

    seconds: Annotated[float, between(0, 600)] = 5.0
    """Time over which clients are told to reconnect, in seconds; 0 closes all at once."""
