"""Ctrl-K: conversations and contacts as one types, then anybody on the server."""

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

import msgwire
from msgclient import Client, ClientError
from msgtui.explain import explain
from msgtui.roster import PRESENCE, Roster, Row, RowKind
from msgtui.safe_text import safe

_PAUSE_S = 0.25
"""A pause in typing after which the server is asked."""

_MAX_KNOWN = 50


class FindScreen(ModalScreen[str | None]):
    """Gives back the uid of who was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("alt+r", "request", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    FindScreen { align: center top; }
    FindScreen > Vertical { width: 64; max-width: 96%; height: auto; max-height: 100%; padding: 1 2;
        background: $panel; }
    FindScreen Input { background: $surface; margin-bottom: 1; }
    FindScreen OptionList { height: auto; max-height: 45vh; border: none; padding: 0; background: $panel;
        scrollbar-size-vertical: 1; scrollbar-color: $surface; scrollbar-background: $panel; }
    FindScreen OptionList:focus { border: none; }
    FindScreen #said { color: $foreground-muted; margin-top: 1; }
    """

    def __init__(self, client: Client, roster: Roster, typed: str = "") -> None:
        super().__init__()
        self._client = client
        self._roster = roster
        self._typed = typed
        self._found: list[msgwire.FoundUser] = []
        self._asked: asyncio.TimerHandle | None = None

    def compose(self) -> ComposeResult:
        """A field, a list, a line."""
        with Vertical():
            yield Input(self._typed, placeholder="Login, or its beginning", id="query", compact=True)
            yield OptionList(id="found", markup=False)
            yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        """Begin with everybody one knows."""
        self._show()

    @on(Input.Changed)
    def _on_changed(self) -> None:
        self._found = []
        self._show()
        if self._asked is not None:
            self._asked.cancel()
        if self._query:
            loop = asyncio.get_running_loop()
            self._asked = loop.call_later(_PAUSE_S, lambda: self.run_worker(self._search(), exclusive=True))

    @on(Input.Submitted)
    def _on_submitted(self) -> None:
        self._choose()

    @on(OptionList.OptionSelected)
    def _on_selected(self) -> None:
        self._choose()

    def action_step(self, step: int) -> None:
        """Move the highlight while one goes on typing."""
        found = self.query_one(OptionList)
        if found.option_count:
            found.highlighted = ((found.highlighted or 0) + step) % found.option_count

    def action_request(self) -> None:
        """Send a contact request to who is highlighted."""
        uid = self._highlighted()
        if uid is not None:
            self.run_worker(self._request(uid), exit_on_error=False)

    @property
    def _query(self) -> str:
        return self.query_one(Input).value.strip().lower()

    def _highlighted(self) -> str | None:
        found = self.query_one(OptionList)
        return None if found.highlighted is None else found.get_option_at_index(found.highlighted).id

    def _choose(self) -> None:
        uid = self._highlighted()
        if uid is not None:
            self.dismiss(uid)
        elif self._query:
            self.run_worker(self._search(), exclusive=True)

    async def _search(self) -> None:
        query = self._query
        self._say("Asking the server …")
        try:
            found = await self._client.search(query)
        except (ClientError, ValueError) as error:
            self._say(explain(error))
            return
        for user in found:
            self._roster.met(user.uid, user.login)
        if query == self._query:
            self._found = found
            self._show(is_complete=True)

    async def _request(self, uid: str) -> None:
        try:
            contact = await self._client.request_contact(uid)
        except ClientError as error:
            self._say(explain(error))
            return
        self._roster.put_contact(contact)
        self._show(is_complete=True)
        self._say(f"{safe(contact.login)} has your request.")

    def _show(self, *, is_complete: bool = False) -> None:
        known = [row for row in self._roster.rows() if self._query in row.login.lower()][:_MAX_KNOWN]
        uids = {row.uid for row in known}
        me = self._client.me
        strangers = [user for user in self._found if user.uid not in uids and (me is None or user.uid != me.uid)]
        options = [
            *(Option(_known(row), id=row.uid) for row in known),
            *(Option(_stranger(user), id=user.uid) for user in strangers),
        ]
        found = self.query_one(OptionList)
        found.set_options(options)
        found.highlighted = 0 if options else None
        if options:
            hint = "Enter opens" + (" · Alt-R requests contact" if strangers else "")
            self._say(hint)
        elif is_complete:
            self._say("Nobody on this server has a login that begins so.")
        else:
            self._say("Type a login to find people on this server.")

    def _say(self, words: str) -> None:
        self.query_one("#said", Static).update(words)


def _known(row: Row) -> Content:
    sign, words = PRESENCE.get(row.status, ("·", ""))
    if row.kind is RowKind.REQUEST:
        sign, words = "?", "wants to be your contact"
    count = f"  {row.unread} unread" if row.unread else ""
    return Content.assemble(
        f"{sign} ", (row.login, "bold"), (f"  {words}", "$foreground-muted"), (count, "$text-accent")
    )


def _stranger(user: msgwire.FoundUser) -> Content:
    sign, words = PRESENCE.get(user.status, ("·", ""))
    return Content.assemble(f"{sign} ", (safe(user.login), "bold"), (f"  {words}, on this server", "$foreground-muted"))
