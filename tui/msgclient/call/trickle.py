"""ICE that does not wait: host candidates at once, the others as they come (RFC 8838).

aiortc offers no outgoing trickle: it gathers everything first, and a STUN or TURN server that does not answer, or that
one of the host's addresses cannot reach, holds every call up for five seconds on each side. `TrickleConnection` takes
the place of `aioice.Connection` in aiortc. The private names it uses are watched by `tests/call/test_canaries.py`.
"""

import asyncio
from collections.abc import Callable

import aioice
import aiortc.rtcicetransport
from aioice import ice

GATHER_TIMEOUT_S = 5.0
"""How long late candidates may take; nobody waits for them."""

_Found = tuple[aioice.Candidate, ice.StunProtocol | None]
_NO_ANSWER = (OSError, aioice.stun.TransactionError, KeyError, ValueError)
"""What asking a server may end in; the last two where its answer makes no sense."""


class TrickleConnection(aioice.Connection):
    """An ICE agent that gathers reflexive and relayed candidates while it already checks the host's own.

    `on_candidate` is called with each of them, and with None at the end. With the relay policy there is nothing to
    begin with, so gathering is waited for.
    """

    on_candidate: Callable[[aioice.Candidate | None], None] | None = None
    is_gathering = False
    _late: asyncio.Task[None] | None = None

    async def gather_candidates(self) -> None:
        """Gather the host's candidates, and start looking for the others."""
        if self._local_candidates_start:
            return
        if self._transport_policy is not aioice.TransportPolicy.ALL:
            await super().gather_candidates()
            return
        servers = self.stun_server, self.turn_server
        self.stun_server = self.turn_server = None
        try:
            await super().gather_candidates()
        finally:
            self.stun_server, self.turn_server = servers
        if any(servers):
            self.is_gathering = True
            self._late = asyncio.create_task(self._gather_late())

    async def close(self) -> None:
        """Stop gathering and close."""
        if self._late is not None:
            self._late.cancel()
            await asyncio.wait([self._late])
        await super().close()

    async def _gather_late(self) -> None:
        tasks = self._start_asking()
        try:
            async with asyncio.timeout(GATHER_TIMEOUT_S):
                for task in asyncio.as_completed(tasks):
                    try:
                        candidate, protocol = await task
                    except _NO_ANSWER:
                        continue  # one server or one address fewer
                    self._add(candidate, protocol)
        except TimeoutError:
            pass
        finally:
            for started in tasks:
                started.cancel()
            self._gathered()

    def _start_asking(self) -> list[asyncio.Task[_Found]]:
        tasks: list[asyncio.Task[_Found]] = []
        if self.stun_server is not None:
            for protocol in self._protocols:
                if ":" not in protocol.local_candidate.host:
                    asking = ice.server_reflexive_candidate(protocol, self.stun_server)
                    tasks.append(asyncio.create_task(asking))
        if self.turn_server is not None:
            relaying = ice.relayed_candidate(
                component=1,
                hide_related_address=False,
                protocol_factory=lambda: ice.StunProtocol(self),
                turn_server=self.turn_server,
                turn_username=self.turn_username,
                turn_password=self.turn_password,
                turn_ssl=self.turn_ssl,
                turn_transport=self.turn_transport,
            )
            tasks.append(asyncio.create_task(relaying))
        return tasks

    def _add(self, candidate: aioice.Candidate, protocol: ice.StunProtocol | None) -> None:
        self._local_candidates.append(candidate)
        if protocol is not None:
            # Only a relayed candidate brings a socket of its own; a reflexive one is another name of a host's.
            self._protocols.append(protocol)
            for remote in self._remote_candidates:
                self._pair_remote_candidate(remote)
            self.sort_check_list()
        if self.on_candidate is not None:
            self.on_candidate(candidate)

    def _gathered(self) -> None:
        self.is_gathering = False
        if self.on_candidate is not None:
            self.on_candidate(None)
        if self._early_checks_done and not self._closing:
            self._check_list_maybe_fail()

    def _remote_candidates_expected(self) -> bool:
        """Whether the checks may still find something to do: also while own candidates are on their way."""
        return self.is_gathering or bool(super()._remote_candidates_expected())


def install() -> None:
    """Let aiortc make this kind of agent."""
    aiortc.rtcicetransport.Connection = TrickleConnection  # type: ignore[attr-defined]  # imported there, not exported
