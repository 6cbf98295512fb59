"""Bots: a handler for each incoming message, run once for each, also across crashes and restarts."""

import logging
import random
import signal
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

import msgwire
from msgwire import ErrorCode

from .backoff import Backoff
from .client import Client
from .errors import CertificateProblem, ClientError, NotSignedIn, RequestFailed
from .inbox_client import InboxClient
from .profile import Profile
from .state import CertificateChanged, SignedOut
from .transport import Connect
from .trust import Ask, CertificateQuestion

_logger = logging.getLogger("msgclient.bot")

_MAX_TRIES = 3
"""A message at which the handler fails so often is given up, or one bad message would stop the bot for good."""

_FINAL = {ErrorCode.INVALID_CREDENTIALS, ErrorCode.ACCOUNT_DISABLED}
"""Answers to a sign-in that another try does not change."""

_DECIDED = {ErrorCode.CONFLICT, ErrorCode.NOT_FOUND}
"""Answers to a decision that was made before, or that nobody waits for any more."""


@dataclass(slots=True)
class Message:
    """A message that has come. What a handler does through it happens when the handler returns, and then for sure."""

    message_id: str
    sender: str
    sender_login: str
    text: str = field(repr=False)
    sent_at: int
    reply_to: str | None = None
    replies: list[tuple[str, str | None]] = field(default_factory=list, repr=False)

    async def reply(self, text: str, *, quote: bool = False) -> None:
        """Answer; with `quote` as a reply to this very message."""
        self.replies.append((text, self.message_id if quote else None))


@dataclass(slots=True)
class ContactRequest:
    """Somebody asks to be a contact. A decision is carried out when the handler returns."""

    uid: str
    login: str
    note: str | None = field(default=None, repr=False)
    decision: Literal["accept", "decline"] | None = None

    async def accept(self) -> None:
        """Say yes."""
        self.decision = "accept"

    async def decline(self) -> None:
        """Say no."""
        self.decision = "decline"


OnMessage = Callable[[Message], Awaitable[None]]
OnContactRequest = Callable[[ContactRequest], Awaitable[None]]
Beside = Callable[[Client], Coroutine[Any, Any, None]]


class Bot:
    """An account that answers by itself.

    ::

        bot = Bot(Profile.load("parrot"))


        @bot.on_message
        async def answer(message: Message) -> None:
            await message.reply(message.text)


        bot.run()

    Events are handled one after the other, in the order of the stream. The mark that a message is handled and the
    replies to it go to disk in one transaction, and the outbox sends them: so each message has its replies once,
    wherever the process was killed. Anything else that a handler does may happen again after a crash. An event at
    which the handler raises is tried three times.

    Args:
        profile: whose account it is.
        login: with `password`, signs in where the profile holds no sign-in.
        on_certificate: as in `Client`; a changed certificate is put to it as well.
        connect: as in `Client`.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        login: str | None = None,
        password: str | None = None,
        on_certificate: Ask | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._login = login
        self._password = password
        self._ask = on_certificate
        self._on_message: OnMessage | None = None
        self._on_contact_request: OnContactRequest | None = None
        self._beside: list[Beside] = []
        self.client = InboxClient(profile, on_certificate=on_certificate, device_name="bot", connect=connect)

    def on_message(self, handler: OnMessage) -> OnMessage:
        """Make `handler` the one for messages of others; a decorator."""
        self._on_message = handler
        return handler

    def on_contact_request(self, handler: OnContactRequest) -> OnContactRequest:
        """Make `handler` the one for contact requests; a decorator. Without it they stay pending."""
        self._on_contact_request = handler
        return handler

    def beside(self, work: Beside) -> Beside:
        """Run `work(client)` for as long as the bot serves, for what is no message; a decorator.

        What it raises ends the bot.
        """
        self._beside.append(work)
        return work

    def run(self, backend: Literal["asyncio", "trio"] = "asyncio") -> None:
        """Serve until SIGINT or SIGTERM; raises what `serve` raises."""
        anyio.run(self._until_signal, backend=backend)

    async def serve(self) -> None:
        """Serve until cancelled, for a bot that is part of a larger program.

        Raises `ProfileProblem` at the start; `NotSignedIn`, `RequestFailed` and `CertificateProblem` where the server
        does not take the bot and another try would not help.
        """
        failure: ClientError | None = None
        async with self.client, anyio.create_task_group() as tasks:
            tasks.start_soon(self._handle_all)
            for work in self._beside:
                tasks.start_soon(work, self.client)
            try:
                await self._stay_signed_in()
            except ClientError as error:
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _until_signal(self) -> None:
        failure: ClientError | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_at_signal, tasks.cancel_scope)
            try:
                await self.serve()
            except ClientError as error:
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _stay_signed_in(self) -> None:
        backoff = Backoff(random.random, first_s=2.0)
        while True:
            state = await self.client.wait_for(lambda state: isinstance(state, SignedOut | CertificateChanged))
            if isinstance(state, CertificateChanged):
                await self._settle(state)
                continue
            if self._login is None or self._password is None:
                raise NotSignedIn("The profile holds no sign-in, and the bot has no password. " + _reason(state))
            try:
                await self.client.log_in(self._login, self._password)
                backoff.succeeded()
            except RequestFailed as failed:
                if failed.code in _FINAL:
                    raise
                await anyio.sleep(backoff.next_delay_s(failed.retry_after_ms))
            except CertificateProblem:
                if not isinstance(self.client.state, CertificateChanged):
                    raise
            except ClientError as error:
                _logger.warning("cannot sign in: %s", error)
                await anyio.sleep(backoff.next_delay_s())

    async def _settle(self, state: CertificateChanged) -> None:
        question = CertificateQuestion(state.host, state.presented, "it is not the certificate that was pinned")
        if self._ask is None or not await self._ask(question):
            raise CertificateProblem(f"{state.host} shows another certificate than the pinned one.")
        self.client.accept_certificate(state.presented)
        await self.client.wait_for(lambda now: now != state)

    async def _handle_all(self) -> None:
        backoff = Backoff(random.random)
        while True:
            number, tries, event = await self.client.next_event()
            if tries >= _MAX_TRIES:
                _logger.error("gave up event %d after %d tries", number, tries)
                await self.client.handled(number)
                continue
            await self.client.tried(number)
            try:
                await self._handle(number, event)
                backoff.succeeded()
            except Exception as error:
                # The words of the exception could be the words of the message, so only its kind and place are said.
                place = traceback.extract_tb(error.__traceback__)[-1]
                name = type(error).__name__
                _logger.error("event %d: %s at %s:%s", number, name, place.filename, place.lineno)  # noqa: TRY400
                await anyio.sleep(backoff.next_delay_s())

    async def _handle(self, number: int, event: msgwire.AnyEvent) -> None:
        match event:
            case msgwire.MessageEvent() if self._on_message is not None:
                message = Message(
                    event.message_id, event.sender, event.from_login, event.text, event.sent_at, event.reply_to
                )
                await self._on_message(message)
                await self.client.handled(number, message.sender, message.replies)
            case msgwire.ContactEvent() if self._on_contact_request is not None:
                request = ContactRequest(event.peer, event.login, event.note)
                await self._on_contact_request(request)
                await self._carry_out(request)
                await self.client.handled(number)
            case _:
                await self.client.handled(number)

    async def _carry_out(self, request: ContactRequest) -> None:
        """Tell the server, as often as it takes; being told twice changes nothing there."""
        if request.decision is None:
            return
        act = self.client.accept_contact if request.decision == "accept" else self.client.decline_contact
        backoff = Backoff(random.random)
        while True:
            try:
                await act(request.uid)
            except RequestFailed as failed:
                if failed.code in _DECIDED:
                    return
                if failed.retry_after_ms is None:
                    raise
                await anyio.sleep(backoff.next_delay_s(failed.retry_after_ms))
            except ClientError:
                await anyio.sleep(backoff.next_delay_s())
            else:
                return


def _reason(state: object) -> str:
    return state.reason if isinstance(state, SignedOut) else ""


async def _cancel_at_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
