"""The NAT laboratory: two homes behind routers, the internet between them, a TURN server and the daemon on it.

::

    hA, hA2 — router A —┐                      ┌ .10 TURN, .11 STUN
                        ├─ 203.0.113.0/24 (pub)┤
    hB ------ router B —┘                      └ .20 the daemon

A router keeps the port where it can (`cone`: port-restricted), gives each flow a port of its own (`sym`: symmetric), or
also lets no UDP through (`udpblock`). The internet may refuse a way to a server, packets vanishing as they do there.
"""

import re
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from msgbench.calls.netns import Namespace, connect, sweep

TURN = "203.0.113.10"
STUN = "203.0.113.11"
DAEMON = "203.0.113.20"
TURN_PORT = 3478
TURNS_PORT = 5349
MODES = {"cone": "masquerade", "sym": "masquerade fully-random", "udpblock": "masquerade"}
_WAYS = {
    "stun": f"ip daddr {STUN} udp dport {TURN_PORT} drop",
    "udp": f"ip daddr {TURN} udp dport {TURN_PORT} drop",
    "tcp": f"ip daddr {TURN} tcp dport {TURN_PORT} drop",
    "tls": f"ip daddr {TURN} tcp dport {TURNS_PORT} drop",
}

# Before address translation and routing, so that not even a packet that is dropped on its way stays unseen.
_WATCH = """
table inet watch {
  set seen { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 65535; }
  set odd { type ipv4_addr . inet_proto; flags dynamic; size 65535; }
  chain leaving {
    type filter hook output priority -400; policy accept;
    oifname "lo" accept
    meta l4proto { tcp, udp } add @seen { ip daddr . meta l4proto . th dport } accept
    meta nfproto ipv4 add @odd { ip daddr . meta l4proto }
  }
}
"""


class NatLab:
    """The whole laboratory; a context manager.

    Attributes:
        pub: where the servers run. hosts: `hA`, `hA2` and `hB` by name.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._routers: dict[str, Namespace] = {}
        self.hosts: dict[str, Namespace] = {}

    def __enter__(self) -> Self:
        sweep()
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _namespace(self, label: str) -> Namespace:
        made = self._stack.enter_context(Namespace(label))
        # One family keeps the list of what is contacted short; the kernel's own neighbor discovery is not in it.
        made.sysctl("net.ipv6.conf.all.disable_ipv6", "1")
        return made

    def _build(self) -> None:
        self.pub = self._namespace("pub")
        self.pub.ip("link", "add", "net", "type", "bridge")
        for address in (TURN, STUN, DAEMON):
            self.pub.ip("addr", "add", f"{address}/24", "dev", "net")
        self.pub.ip("link", "set", "net", "up")
        for number, side in enumerate("AB", 1):
            self._routers[side] = self._router(side, number)
        for label, side, address in (
            ("hA", "A", "192.168.1.10"),
            ("hA2", "A", "192.168.1.11"),
            ("hB", "B", "192.168.2.10"),
        ):
            self.hosts[label] = self._host(label, self._routers[side], address)
        self.route(a="cone", b="cone")

    def _router(self, side: str, number: int) -> Namespace:
        router = self._namespace(f"nat{side}")
        connect((router, "wan"), (self.pub, f"home{side}"))
        self.pub.ip("link", "set", f"home{side}", "master", "net")
        router.ip("addr", "add", f"203.0.113.{number + 1}/24", "dev", "wan")
        router.ip("route", "add", "default", "via", "203.0.113.1")
        router.ip("link", "add", "lan", "type", "bridge")
        router.ip("addr", "add", f"192.168.{number}.1/24", "dev", "lan")
        router.ip("link", "set", "lan", "up")
        router.sysctl("net.ipv4.ip_forward", "1")
        return router

    def _host(self, label: str, router: Namespace, address: str) -> Namespace:
        host = self._namespace(label)
        connect((host, "eth0"), (router, f"to{label}"))
        router.ip("link", "set", f"to{label}", "master", "lan")
        host.nft(_WATCH)
        self.give_address(host, address)
        host.name_host(TURN, "turn.lab")
        return host

    def give_address(self, host: Namespace, address: str) -> None:
        """Give a host this address in place of the one it has, as another Wi-Fi network would."""
        host.ip("addr", "flush", "dev", "eth0")
        host.ip("addr", "add", f"{address}/24", "dev", "eth0")
        host.ip("route", "add", "default", "via", address.rpartition(".")[0] + ".1")

    def route(self, *, a: str, b: str) -> None:
        """Set how the two routers translate addresses, and forget all flows."""
        for side, mode in (("A", a), ("B", b)):
            udp = "meta l4proto udp drop" if mode == "udpblock" else ""
            self._routers[side].nft(f"""
                flush ruleset
                table ip nat {{
                  chain out {{ type nat hook postrouting priority 100; oifname "wan" {MODES[mode]}; }}
                }}
                table ip filter {{
                  chain through {{
                    type filter hook forward priority 0; policy drop;
                    {udp}
                    ct state established,related accept
                    iifname "lan" accept
                  }}
                  chain own {{ type filter hook input priority 0; policy accept; iifname "wan" ct state new drop; }}
                }}
            """)

    def close_ways(self, ways: Iterable[str]) -> None:
        """Let packets to these servers vanish: of `stun`, `udp`, `tcp` and `tls`, the last three being TURN."""
        rules = "; ".join(_WAYS[way] for way in ways)
        self.pub.nft(
            f"""
            flush ruleset
            table ip closed {{
              chain arriving {{ type filter hook input priority 0; policy accept; {rules}; }}
            }}
        """
            if rules
            else "flush ruleset"
        )

    def forget_contacts(self) -> None:
        """Begin the lists of `contacts` anew."""
        for host in self.hosts.values():
            host.nft("flush set inet watch seen; flush set inet watch odd")

    def contacts(self, host: Namespace) -> set[tuple[str, str, int]]:
        """Where a host has sent packets to: address, protocol, port (0 where the protocol has none)."""
        listed = host.nft("list set inet watch seen")
        found = {
            (address, protocol, int(port))
            for address, protocol, port in re.findall(r"([\d.]+) \. (tcp|udp) \. (\d+)", listed)
        }
        odd = host.nft("list set inet watch odd")
        return found | {(address, protocol, 0) for address, protocol in re.findall(r"([\d.]+) \. ([\w-]+)", odd)}
