"""Where the load goes: one address of this machine, and never another."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from msgbench.faults import Unusable

PATH = "/v1/ws"


@dataclass(frozen=True)
class Target:
    """A listening daemon.

    Attributes:
        host: Literal loopback address.
        port: TCP port.
        tls: True for wss://.
    """

    host: str
    port: int
    tls: bool

    @property
    def url(self) -> str:
        """The address as a client writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.tls else 'ws'}://{host}:{self.port}{PATH}"

    @property
    def transport(self) -> str:
        """The word for it in a table."""
        return "wss" if self.tls else "ws"


def parse_target(url: str) -> Target:
    """Read a ws:// or wss:// address; `localhost` counts as 127.0.0.1.

    Raises:
        Unusable: It is no such address, or it leaves this machine.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or port is None:
        raise Unusable(f"{url!r} is not ws://HOST:PORT{PATH} or wss://HOST:PORT{PATH}")
    if parts.path not in {"", "/", PATH}:
        raise Unusable(f"the daemon serves {PATH}, not {parts.path}")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise Unusable(f"{parts.hostname} is not a loopback address: a load test is for your own machine only")
    return Target(host, port, parts.scheme == "wss")
