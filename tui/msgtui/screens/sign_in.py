"""The first screen: which server, then sign in or register."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button, Input, Static

import msgwire
from msgclient import Client, ClientError, ProfileProblem, ServerAddress
from msgtui.explain import explain, explain_sign_in
from msgtui.safe_text import safe

OpenClient = Callable[[str], Awaitable[Client]]
"""Gives the client for a server's address; raises `ValueError` and `ProfileProblem`."""


class SignInScreen(Screen[None]):
    """Asks for a server, greets it, then takes a login. The app goes on when the client is signed in."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]
    AUTO_FOCUS = None
    DEFAULT_CSS = """
    SignInScreen { align: center middle; background: $background; }
    SignInScreen > VerticalScroll { width: 64; max-width: 100%; height: auto; max-height: 100%; padding: 1 2;
        background: $surface; }
    SignInScreen #title { text-style: bold; color: $text-primary; }
    SignInScreen #about { color: $foreground-muted; margin-bottom: 1; }
    SignInScreen .field { height: 1; margin-bottom: 1; }
    SignInScreen .field Static { width: 11; color: $foreground-muted; }
    SignInScreen .field Input { width: 1fr; background: $panel; }
    SignInScreen .field Input:focus { background: $primary 25%; }
    SignInScreen #said { display: none; margin-bottom: 1; padding: 0 1; background: $error 20%; color: $text-error; }
    SignInScreen #buttons { height: 1; align-horizontal: right; }
    SignInScreen Button { margin-left: 1; min-width: 0; padding: 0 1; }
    SignInScreen .account, SignInScreen .registering { display: none; }
    SignInScreen.-greeted .account { display: block; }
    SignInScreen.-greeted.-registering .registering { display: block; }
    SignInScreen.-greeted #server-field { display: none; }
    SignInScreen.-greeted #invite-field { display: none; }
    SignInScreen.-greeted.-registering.-invite #invite-field { display: block; }
    SignInScreen.-closed #other { display: none; }
    """

    class Done(Message):
        """The client is signed in."""

        def __init__(self, client: Client) -> None:
            super().__init__()
            self.client = client

    def __init__(self, open_client: OpenClient, server: str, reason: str = "") -> None:
        super().__init__()
        self._open_client = open_client
        self._server = server
        self._reason = reason
        self._client: Client | None = None
        self._is_busy = False

    def compose(self) -> ComposeResult:
        """A form; what is not asked for yet is hidden."""
        with VerticalScroll(can_focus=False):
            yield Static("msgd", id="title", markup=False)
            yield Static(id="about", markup=False)
            yield from _field("Server", "server", "HOST or HOST:PORT", value=self._server)
            yield from _field("Login", "login", "a-z 0-9 . _ -", "account")
            yield from _field("Password", "password", "", "account", password=True)
            yield from _field("Again", "again", "the password once more", "registering", password=True)
            yield from _field("Invite", "invite", "from the server's administrator", "registering")
            yield Static(id="said", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Quit", id="quit", compact=True)
                yield Button("Create an account", id="other", classes="account", compact=True)
                yield Button("Continue", id="go", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Start with what is not known yet."""
        self._describe()
        self.query_one("#server", Input).focus()
        if self._server:
            self._go()

    def action_back(self) -> None:
        """Ask for the server again."""
        if self.has_class("-greeted") and not self._is_busy:
            self.remove_class("-greeted", "-registering")
            self._say("")
            self._describe()
            self.query_one("#server", Input).focus()

    @on(Button.Pressed, "#quit")
    async def _on_quit(self) -> None:
        await self.app.run_action("quit")

    @on(Button.Pressed, "#other")
    def _on_other(self) -> None:
        self.toggle_class("-registering")
        self._say("")
        self._describe()
        self.query_one("#login", Input).focus()

    @on(Button.Pressed, "#go")
    def _on_go(self) -> None:
        self._go()

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next empty field, and from the last one on."""
        shown = [
            field for field in self.query(Input) if field.parent is not None and field.parent.styles.display != "none"
        ]
        empty = next((field for field in shown if not field.value and field.region), None)
        if empty is not None and empty is not event.input:
            empty.focus()
        else:
            self._go()

    def _go(self) -> None:
        if not self._is_busy:
            work = self._enter() if self.has_class("-greeted") else self._greet()
            self.run_worker(work, exit_on_error=False)

    async def _greet(self) -> None:
        server = self._value("server")
        if not server:
            self._say("Type the address of the server, such as chat.example.org or 192.0.2.7:8443.")
            return
        host = safe(server)
        self._busy(f"Connecting to {host} …")
        try:
            host = ServerAddress.parse(server).host_port
            self._client = await self._open_client(server)
            hello = await self._client.greet()
        except (ClientError, ValueError) as error:
            self._busy(None)
            self._say(explain(error) if isinstance(error, ProfileProblem) else explain_sign_in(error, host))
            self.query_one("#server", Input).focus()
            return
        self._busy(None)
        self.add_class("-greeted")
        self.set_class(hello.registration == "closed", "-closed")
        self.set_class(hello.registration == "invite", "-invite")
        self._describe(host, hello)
        # Why one is here again stands until one acts.
        self._say(safe(self._reason))
        self._reason = ""
        self.query_one("#login", Input).focus()

    async def _enter(self) -> None:
        assert self._client is not None  # the form shows a login only once the server has been greeted
        login, password = self._value("login").lower(), self.query_one("#password", Input).value
        if not login or not password:
            self._say("Type your login and your password.")
            return
        is_new = self.has_class("-registering")
        if is_new and password != self.query_one("#again", Input).value:
            self._say("The two passwords are not the same. Type them again.")
            return
        self._busy("Creating the account …" if is_new else "Signing in …")
        try:
            if is_new:
                await self._client.register(login, password, invite=self._value("invite") or None)
                # From here on it exists: a failed sign-in must not try to make it again.
                self.remove_class("-registering")
            await self._client.log_in(login, password)
        except (ClientError, ValueError) as error:
            self._busy(None)
            self._describe()
            self._say(explain_sign_in(error, self._client.profile.server.host_port))
            self.query_one("#login" if is_new else "#password", Input).focus()
            return
        self._busy(None)
        self.post_message(self.Done(self._client))

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _say(self, words: str) -> None:
        said = self.query_one("#said", Static)
        said.display = bool(words)
        said.update(words)

    def _busy(self, words: str | None) -> None:
        self._is_busy = words is not None
        self._say("")
        self.query_one("#go", Button).disabled = self._is_busy
        if words is not None:
            self.query_one("#about", Static).update(words)
        else:
            self._describe()

    def _describe(self, host: str | None = None, hello: msgwire.Hello | None = None) -> None:
        """Say where one is, and what comes next."""
        go, other = self.query_one("#go", Button), self.query_one("#other", Button)
        if not self.has_class("-greeted") or self._client is None:
            self.query_one("#about", Static).update(
                "Your messenger is on a server that somebody you know runs. Which one?"
            )
            go.label = Content("Continue")
            return
        host = host or self._client.profile.server.host_port
        is_new = self.has_class("-registering")
        words = f"{'New account' if is_new else 'Sign in'} at {safe(host)}"
        if self.has_class("-closed"):
            words += ". Accounts here are made by its administrator"
        self.query_one("#about", Static).update(f"{words}. Esc: another server.")
        go.label = Content("Create" if is_new else "Sign in")
        other.label = Content("I have an account" if is_new else "Create an account")


def _field(
    label: str, name: str, placeholder: str, classes: str = "", *, value: str = "", password: bool = False
) -> ComposeResult:
    with Horizontal(classes=f"field {classes}", id=f"{name}-field"):
        yield Static(label, markup=False)
        yield Input(value, placeholder=placeholder, password=password, id=name, compact=True)
