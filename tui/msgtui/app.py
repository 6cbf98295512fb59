"""The program: one profile, one SDK client, and the screen that fits its state."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.segment import Segments
from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from msgclient import (
    CertificateChanged,
    CertificateQuestion,
    Client,
    ConnectionChanged,
    Profile,
    ProfileProblem,
    ServerAddress,
    SignedOut,
    Update,
)

from .actions import ACTIONS, Scope
from .bursts import PAUSE_S, next_burst
from .explain import explain
from .keys import learn_keys
from .screens.certificate import CertificateScreen
from .screens.certificate_changed import CertificateChangedScreen
from .screens.chat import ChatScreen
from .screens.sign_in import SignInScreen
from .terminal import TerminalGuard
from .times import Calendar

_CLOSE_S = 3.0
"""How long a connection may take to close before the program ends without waiting for it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was said on the command line.

    Attributes:
        profile: its name.
        server: an address, or empty to take the profile's or ask.
        root: where profiles stand; None is the SDK's usual folder.
        theme: a name of a Textual theme.
    """

    profile: str = "default"
    server: str = ""
    root: Path | None = None
    theme: str = "textual-dark"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _raise(error: BaseException) -> None:
    raise error


class MessengerApp(App[None]):
    """The terminal client.

    Args:
        options: what was asked for.
        make_client: makes the SDK's client.
        calendar: the time zone.
        now_ms: the present, UTC epoch ms.
    """

    TITLE = "msgd"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - Textual declares it so
        (0, "-narrow"),
        (60, "-normal"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - Textual declares it so
        (0, "-short"),
        (18, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "quit", show=False, priority=True)]
    CSS = """
    /* Above, where they cover neither the newest message nor what is being written. */
    ToastRack { dock: top; align: right top; margin-top: 1; }
    Toast { max-width: 60%; width: auto; padding: 0 1; margin-top: 0; }
    ChatScreen.-narrow Toast { max-width: 100%; }
    ModalScreen.-short > Vertical, SignInScreen.-short > VerticalScroll { padding: 0 1; }
    SignInScreen.-narrow #quit { display: none; }
    ModalScreen.-short Input, SignInScreen.-short .field { margin-bottom: 0; }
    """

    class Burst(Message):
        """Updates of the SDK that came together."""

        def __init__(self, client: Client, updates: list[Update]) -> None:
            super().__init__()
            self.client = client
            self.updates = updates

    def __init__(
        self,
        options: Options,
        *,
        make_client: Callable[..., Client] = Client,
        calendar: Calendar | None = None,
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        learn_keys()
        super().__init__()
        self._options = options
        self._make_client = make_client
        self._calendar = calendar or Calendar()
        self._now_ms = now_ms
        self._client: Client | None = None
        self._serving: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._asks_about_certificate = False
        self.theme = options.theme

    async def on_mount(self) -> None:
        """Open the profile, and the screen that fits."""
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            guard = TerminalGuard(self._end_soon, loop.call_soon_threadsafe)
            guard.install()
            self.set_interval(2.0, guard.check)
        options = self._options
        try:
            if options.profile not in Profile.names(options.root):
                self.push_screen(self._sign_in_screen(options.server))
                return
            profile = Profile.load(options.profile, options.root)
            client = await self._serve(profile)
        except ProfileProblem as error:
            self.exit(return_code=1, message=explain(error))
            return
        if client.me is None:
            self.push_screen(self._sign_in_screen(options.server or profile.server.url))
        elif options.server and ServerAddress.parse(options.server) != profile.server:
            words = f"The profile {options.profile} belongs to {profile.server.host_port}. Use --profile for another."
            await self._close_client()
            self.exit(return_code=2, message=words)
        else:
            self.push_screen(ChatScreen(client, self._calendar, self._now_ms))
            self._follow(client)

    async def on_unmount(self) -> None:
        """Close the connection and the files, however the program ends."""
        await self._close_client()

    # The client.

    async def open_client(self, server: str) -> Client:
        """The client for a server; raises `ValueError` for a bad address and `ProfileProblem`."""
        wanted = ServerAddress.parse(server)
        if self._client is not None:
            if self._client.profile.server == wanted:
                return self._client
            await self._close_client()
        return await self._serve(Profile.create(self._options.profile, server, self._options.root))

    async def _serve(self, profile: Profile) -> Client:
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._serving = asyncio.create_task(self._run_client(profile, ready))
        self._serving.add_done_callback(lambda serving: self._on_served(serving, ready))
        self._client = await ready
        return self._client

    async def _run_client(self, profile: Profile, ready: "asyncio.Future[Client]") -> None:
        name = f"msgtui on {socket.gethostname()}"
        async with self._make_client(profile, on_certificate=self._ask_about, device_name=name) as client:
            stream = client.updates()
            ready.set_result(client)
            while burst := await next_burst(stream):
                self.post_message(self.Burst(client, burst))
                await asyncio.sleep(PAUSE_S)

    def _on_served(self, serving: asyncio.Task[None], ready: asyncio.Future[Client]) -> None:
        if serving.cancelled() or (error := serving.exception()) is None:
            return
        if ready.done():
            # A client that has died would leave a screen that looks alive.
            self.call_later(_raise, error)
        else:
            ready.set_exception(error)

    async def _close_client(self) -> None:
        serving, self._serving, self._client = self._serving, None, None
        if serving is not None:
            serving.cancel()
            await asyncio.wait([serving], timeout=_CLOSE_S)

    async def _ask_about(self, question: CertificateQuestion) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def answered(yes: bool | None) -> None:
            # The client may have been closed while the question stood.
            if not answer.done():
                answer.set_result(bool(yes))

        self.push_screen(CertificateScreen(question), answered)
        return await answer

    # What follows from its state.

    @on(Burst)
    def _on_burst(self, event: Burst) -> None:
        if event.client is not self._client:
            return
        for screen in self.screen_stack:
            if isinstance(screen, ChatScreen) and screen.is_mounted:
                screen.take(event.updates)
        if any(isinstance(update, ConnectionChanged) for update in event.updates):
            self._follow(event.client)

    def _follow(self, client: Client) -> None:
        state = client.state
        chat = any(isinstance(screen, ChatScreen) for screen in self.screen_stack)
        if isinstance(state, CertificateChanged) and not self._asks_about_certificate:
            self._ask_about_change(client, state)
        elif isinstance(state, SignedOut) and chat:
            screen = self._sign_in_screen(client.profile.server.url, state.reason)
            while len(self.screen_stack) > 2:
                self.pop_screen()
            self.switch_screen(screen)

    def _ask_about_change(self, client: Client, state: CertificateChanged) -> None:
        def answered(trusts: bool | None) -> None:
            self._asks_about_certificate = False
            if trusts:
                client.accept_certificate(state.presented)

        self._asks_about_certificate = True
        self.push_screen(CertificateChangedScreen(state), answered)

    @on(SignInScreen.Done)
    def _on_signed_in(self, event: SignInScreen.Done) -> None:
        self.switch_screen(ChatScreen(event.client, self._calendar, self._now_ms))

    def _sign_in_screen(self, server: str, reason: str = "") -> SignInScreen:
        return SignInScreen(self.open_client, server, reason)

    # The end.

    async def action_quit(self) -> None:
        """Keep what was being written, close the connection, leave."""
        await self._end(0)

    def _end_soon(self, code: int) -> None:
        self._ending = asyncio.create_task(self._end(code))

    async def _end(self, code: int) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, ChatScreen) and screen.is_mounted:
                await screen.writing.close()
        await self._close_client()
        self.exit(return_code=code)

    def _fatal_error(self) -> None:
        """A defect ends the program with its place, but not the values of variables: they hold what people wrote."""
        from rich.traceback import Traceback  # noqa: PLC0415 - a sixth of the whole start, for what should never happen

        self.bell()
        trace = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(trace, self.console.options)))
        self._close_messages_no_wait()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every action of the table that needs no message."""
        if isinstance(screen, ChatScreen):
            for action in ACTIONS:
                if action.scope is Scope.CHAT:
                    yield SystemCommand(action.title.capitalize(), action.help, lambda row=action: screen.run(row))
