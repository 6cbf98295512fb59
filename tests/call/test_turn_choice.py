"""Which servers are used, by servers that answer when the test says so, and by a real STUN socket."""

import asyncio
from dataclasses import dataclass

import pytest
from aioice import stun

from msgclient.call.turn_choice import Choice, Chooser, Server, ask, servers_in

pytestmark = pytest.mark.anyio


@dataclass
class Entry:
    urls: list[str]
    username: str | None = "user"
    credential: str | None = "secret"


ALL = [
    Entry(["stun:a.example", "stun:b.example:3479"], None, None),
    Entry(["turns:t.example?transport=tcp", "turn:t.example?transport=tcp", "turn:t.example"]),
]


class Servers:
    """Answers after so many seconds; one that is not named never does."""

    def __init__(self, **after_s: float | None) -> None:
        self.after_s = after_s
        self.asked: list[str] = []

    async def __call__(self, server: Server) -> None:
        self.asked.append(server.kind)
        wait_s = self.after_s.get(server.kind)
        if wait_s is None:
            raise OSError
        await asyncio.sleep(wait_s)


async def choose(servers: Servers) -> Choice:
    return await Chooser(asyncio.get_running_loop().time, servers).choose(ALL)


async def test_udp_is_best_also_when_it_is_a_little_slower() -> None:
    choice = await choose(Servers(stun=0.0, udp=0.1, tcp=0.0, tls=0.0))
    assert choice.turn is not None
    assert choice.turn.kind == "udp"
    assert choice.stun is not None
    assert choice.stun.host == "a.example"


async def test_where_udp_is_blocked_tcp_is_taken_and_then_tls() -> None:
    assert (await choose(Servers(tcp=0.0, tls=0.0))).turn.kind == "tcp"  # type: ignore[union-attr]  # that is the test
    assert (await choose(Servers(tls=0.0))).turn.kind == "tls"  # type: ignore[union-attr]  # as above


async def test_a_server_that_hangs_does_not_hold_the_call_up() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    choice = await choose(Servers(udp=60.0, tcp=0.05))
    assert choice.turn is not None
    assert choice.turn.kind == "tcp"
    assert loop.time() - started < 1.0


async def test_nothing_is_chosen_where_nothing_answers() -> None:
    assert await choose(Servers()) == Choice()
    assert await Chooser(asyncio.get_running_loop().time, Servers()).choose([]) == Choice()


async def test_the_answer_is_remembered_but_not_the_credentials() -> None:
    servers = Servers(stun=0.0, udp=0.0)
    chooser = Chooser(asyncio.get_running_loop().time, servers)
    await chooser.choose(ALL)
    count = len(servers.asked)
    fresh = [ALL[0], Entry(ALL[1].urls, "later", "other")]
    choice = await chooser.choose(fresh)
    assert len(servers.asked) == count
    assert choice.turn is not None
    assert (choice.turn.username, choice.turn.credential) == ("later", "other")
    await chooser.choose(ALL, frozenset({"192.0.2.1"}))
    assert len(servers.asked) > count, "another network, other ways"


async def test_who_asks_together_asks_once() -> None:
    servers = Servers(udp=0.05)
    chooser = Chooser(asyncio.get_running_loop().time, servers)
    one, other = await asyncio.gather(chooser.choose(ALL), chooser.choose(ALL))
    assert one == other
    assert servers.asked.count("udp") == 1


def test_what_cannot_be_used_is_left_out() -> None:
    entries = [
        Entry(["http://x", "stun:", "turn:x?transport=sctp", "turns:x?transport=udp", "turn:y"], None, None),
        Entry([f"turn:h{n}.example" for n in range(100)]),
    ]
    servers = servers_in(entries)
    assert len(servers) == 16
    assert {server.kind for server in servers} == {"udp"}
    assert "secret" not in repr(servers)


async def test_a_stun_server_is_asked_as_a_call_would() -> None:
    class Stun(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            request = stun.parse_message(data)
            answer = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.RESPONSE,
                transaction_id=request.transaction_id,
            )
            answer.attributes["XOR-MAPPED-ADDRESS"] = addr
            self.transport.sendto(bytes(answer), addr)  # type: ignore[attr-defined]  # it is a datagram transport

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Stun, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        async with asyncio.timeout(5):
            await ask(Server("stun", "127.0.0.1", port, "stun:x"))
    finally:
        transport.close()
