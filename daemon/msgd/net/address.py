"""Client addresses: one spelling for each, and what counts as one client for a throttle."""

import ipaddress
from typing import Final

LOCAL: Final = "local"
"""The address of a client that came over a unix socket."""


def client_address(address: object) -> str:
    """Return the address in what accept(2) gave, without port and scope; an IPv4 address in IPv6 clothes as IPv4."""
    if not isinstance(address, tuple):
        return LOCAL
    host = str(address[0]).partition("%")[0]
    return host.removeprefix("::ffff:") if "." in host else host


def throttle_key(remote: str) -> str:
    """Return what stands for one client: an IPv4 address, or the /64 of an IPv6 address, which is one subscriber's."""
    if ":" not in remote:
        return remote
    return str(ipaddress.ip_network((remote, 64), strict=False))
