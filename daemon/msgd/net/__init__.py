"""The gateway's transport: from listening sockets up to the payload of one WebSocket message, and back."""

from msgd.net.address import client_address, throttle_key
from msgd.net.connection import Connection
from msgd.net.counters import GatewayCounters
from msgd.net.hub import Log
from msgd.net.listen import Inherited, ListenError, inherit_sockets, listening_sockets
from msgd.net.peer import Peer
from msgd.net.serve import Gateway, serve
from msgd.net.settings import GatewaySettings
from msgd.net.timers import Timer, TimerWheel
from msgd.net.tls import TlsBox, make_ssl_context

__all__ = [
    "Connection",
    "Gateway",
    "GatewayCounters",
    "GatewaySettings",
    "Inherited",
    "ListenError",
    "Log",
    "Peer",
    "Timer",
    "TimerWheel",
    "TlsBox",
    "client_address",
    "inherit_sockets",
    "listening_sockets",
    "make_ssl_context",
    "serve",
    "throttle_key",
]
