"""Opening a trusted WebSocket: the system's authorities first, a pin otherwise, a question where there is none."""

import functools
import ssl

import anyio
from anyio.abc import TaskGroup

from .errors import CertificateProblem
from .profile import ServerAddress
from .transport import CertificateRejected, Connect, DialFailed, Transport, adapter
from .trust import Ask, CertificateQuestion, KnownServers, PinnedContext, system_context


class PinnedCertificateChanged(CertificateProblem):
    """The server shows another certificate than the pinned one; a person has to decide.

    Attributes:
        host: the server, as `HOST:PORT`.
        pinned: fingerprint of the certificate that was accepted before; `presented`, of the one shown now.
    """

    def __init__(self, host: str, pinned: str, presented: str) -> None:
        super().__init__(f"{host} shows another certificate than the one that was accepted before.")
        self.host = host
        self.pinned = pinned
        self.presented = presented


class Dialer:
    """Opens connections to one server.

    Args:
        address: the server.
        known: the pinned certificates.
        ask: asked before an unknown certificate is pinned; None refuses it.
        timeout_s: for one TCP, TLS and WebSocket handshake together; a person's answer is not timed.
        connect: an adapter; None takes the one of the running event loop.
    """

    def __init__(
        self,
        address: ServerAddress,
        known: KnownServers,
        ask: Ask | None,
        *,
        timeout_s: float = 15.0,
        connect: Connect | None = None,
    ) -> None:
        self.address = address
        self._known = known
        self._ask = ask
        self._timeout_s = timeout_s
        self._connect = connect
        self._approved: str | None = None

    @functools.cached_property
    def _system(self) -> ssl.SSLContext:
        """Made once: it reads every authority that the system trusts."""
        return system_context()

    def approve(self, fingerprint: str) -> None:
        """Take this certificate in place of the pinned one at the next dial.

        The pin goes, and the system's authorities are asked first: a server that has moved to a certificate of theirs
        is not pinned again, or each renewal would raise the question.
        """
        self._known.forget(self.address.host_port)
        self._approved = fingerprint

    async def open(self, tasks: TaskGroup) -> Transport:
        """Open a connection that may be trusted.

        Raises `PinnedCertificateChanged`, `CertificateProblem`, and `DialFailed` for everything that time may heal.
        """
        host = self.address.host_port
        if not self.address.secure:
            return await self._try(None, tasks)
        pinned = self._known.pinned(host)
        if pinned is not None:
            return await self._open_pinned(pinned, tasks)
        try:
            return await self._try(self._system, tasks)
        except CertificateRejected as rejected:
            reason = str(rejected)
        presented = await self._look(tasks)
        if not await self._is_wanted(CertificateQuestion(host, presented, reason)):
            raise CertificateProblem(f"The certificate of {host} was not accepted.")
        self._known.pin(host, presented)
        return await self._open_pinned(presented, tasks)

    async def _open_pinned(self, pinned: str, tasks: TaskGroup) -> Transport:
        context = PinnedContext.allowing(pinned)
        try:
            return await self._try(context, tasks)
        except CertificateRejected:
            raise PinnedCertificateChanged(self.address.host_port, pinned, context.presented or "none") from None

    async def _look(self, tasks: TaskGroup) -> str:
        """The fingerprint that the server shows; the handshake is broken off before anything else is sent."""
        context = PinnedContext.allowing(None)
        try:
            await self._try(context, tasks)
        except CertificateRejected:
            pass
        if context.presented is None:
            raise DialFailed("The server shows no certificate.")
        return context.presented

    async def _is_wanted(self, question: CertificateQuestion) -> bool:
        if question.fingerprint == self._approved:
            return True
        return self._ask is not None and await self._ask(question)

    async def _try(self, context: ssl.SSLContext | None, tasks: TaskGroup) -> Transport:
        connect = self._connect or adapter()
        with anyio.move_on_after(self._timeout_s):
            return await connect(self.address, context, tasks)
        raise DialFailed(f"The server did not answer within {self._timeout_s:g} s.")
