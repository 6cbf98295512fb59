"""Ctrl-F: words in messages, in the open conversation or in all; a hit opens in its context."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

import msgwire
from msgclient import Client, ClientError
from msgtui.explain import explain
from msgtui.roster import Roster
from msgtui.safe_text import safe, safe_line
from msgtui.times import Calendar

_PAGE = 50


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was chosen."""

    peer: str
    message_id: str


class SearchScreen(ModalScreen[Hit | None]):
    """Gives back the hit that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("ctrl+t", "toggle_all", show=False, priority=True),
    ]
    AUTO_FOCUS = "#words"
    DEFAULT_CSS = """
    SearchScreen { align: center top; }
    SearchScreen > Vertical { width: 90; max-width: 96%; height: auto; max-height: 100%; padding: 1 2;
        background: $panel; }
    SearchScreen Horizontal { height: 1; margin-bottom: 1; }
    SearchScreen Input { width: 1fr; background: $surface; }
    SearchScreen Button { margin-left: 1; min-width: 12; }
    SearchScreen OptionList { height: auto; max-height: 45vh; border: none; padding: 0; background: $panel;
        scrollbar-size-vertical: 1; scrollbar-color: $surface; scrollbar-background: $panel;
        text-wrap: nowrap; text-overflow: ellipsis; }
    SearchScreen OptionList:focus { border: none; }
    SearchScreen #said { color: $foreground-muted; margin-top: 1; }
    """

    def __init__(self, client: Client, roster: Roster, peer: str | None, words: str, calendar: Calendar) -> None:
        super().__init__()
        self._client = client
        self._roster = roster
        self._peer = peer
        self._words = words
        self._calendar = calendar
        self._hits: list[msgwire.Item] = []
        self._searched: tuple[str, bool] | None = None
        self._everywhere = peer is None

    def compose(self) -> ComposeResult:
        """A field, a choice, a list, a line."""
        with Vertical():
            with Horizontal():
                yield Input(self._words, placeholder="Words in messages", id="words", compact=True)
                yield Button(self._where, id="where", compact=True)
            yield OptionList(id="hits", markup=False)
            yield Static("Enter searches. Ctrl-T: here or everywhere.", id="said", markup=False)

    def on_mount(self) -> None:
        """Search at once where words were given."""
        if self._words:
            self._search()

    def action_step(self, step: int) -> None:
        """Move the highlight while one goes on typing."""
        hits = self.query_one(OptionList)
        if hits.option_count:
            hits.highlighted = ((hits.highlighted or 0) + step) % hits.option_count

    def action_toggle_all(self) -> None:
        """Search here, or everywhere."""
        self._everywhere = self._peer is None or not self._everywhere
        self.query_one(Button).label = Content(self._where)
        if self._searched is not None:
            self._search()

    @on(Button.Pressed)
    def _on_where(self) -> None:
        self.action_toggle_all()
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _on_submitted(self) -> None:
        if self._searched == self._wanted and self._hits:
            self._choose()
        else:
            self._search()

    @on(OptionList.OptionSelected)
    def _on_selected(self) -> None:
        self._choose()

    @property
    def _where(self) -> str:
        return "everywhere" if self._everywhere else "here"

    @property
    def _wanted(self) -> tuple[str, bool]:
        return self.query_one(Input).value.strip(), self._everywhere

    def _choose(self) -> None:
        index = self.query_one(OptionList).highlighted
        if index is None or index >= len(self._hits):
            return
        item = self._hits[index]
        self.dismiss(Hit(self._peer_of(item), item.message_id))

    def _search(self) -> None:
        if self._wanted[0]:
            self.run_worker(self._ask(), exclusive=True)

    async def _ask(self) -> None:
        wanted = self._wanted
        self._say("Searching …")
        peer = None if wanted[1] else self._peer
        try:
            hits = await self._client.search_messages(wanted[0], peer=peer, limit=_PAGE)
        except (ClientError, ValueError) as error:
            self._say(explain(error))
            return
        self._searched = wanted
        self._hits = list(reversed(hits.items))
        found = self.query_one(OptionList)
        found.set_options([Option(self._line(item)) for item in self._hits])
        found.highlighted = 0 if self._hits else None
        count = len(self._hits)
        if not count:
            self._say("No message holds these words." + ("" if wanted[1] else " Ctrl-T searches everywhere."))
        else:
            more = ", the newest; type more words for fewer" if hits.more else ""
            self._say(f"{count} {'message' if count == 1 else 'messages'}{more}. Enter goes there.")

    def _line(self, item: msgwire.Item) -> Content:
        who = "You" if self._is_mine(item) else self._roster.login(self._peer_of(item))
        if not isinstance(item, msgwire.MessageItem):
            return Content(f"☎ call with {safe(who)}")
        where = f" to {safe(self._roster.login(item.to))}" if self._is_mine(item) else ""
        text = safe_line(item.text, 200).text
        return Content.assemble(
            (f"{self._calendar.full(item.sent_at)}  ", "$foreground-muted"),
            (f"{safe(who)}{where}", "bold"),
            f"\n  {text}",
        )

    def _is_mine(self, item: msgwire.Item) -> bool:
        me = self._client.me
        return isinstance(item, msgwire.MessageItem) and me is not None and item.sender == me.uid

    def _peer_of(self, item: msgwire.Item) -> str:
        if isinstance(item, msgwire.CallItem):
            return item.peer
        return item.to if self._is_mine(item) else item.sender

    def _say(self, words: str) -> None:
        self.query_one("#said", Static).update(words)
