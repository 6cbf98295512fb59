"""The main screen: people on the left, the open conversation on the right, the connection below."""

from collections.abc import Callable, Coroutine, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static, TextArea

from msgclient import (
    Client,
    ClientError,
    ConnectionChanged,
    ContactChanged,
    ConversationChanged,
    MessageChanged,
    MessageRemoved,
    PresenceChanged,
    ReceiptChanged,
    Resync,
    Update,
)
from msgtui import hints
from msgtui.actions import ACTIONS, BY_ID, Action, Scope
from msgtui.chat_desk import ChatDesk
from msgtui.commands import Command, Text
from msgtui.connection import shown
from msgtui.desk import Refused
from msgtui.explain import explain
from msgtui.reader import Reader
from msgtui.roster import Roster, RowKind
from msgtui.safe_text import safe
from msgtui.times import Calendar
from msgtui.widgets.banner import Banner
from msgtui.widgets.command_hint import CommandHint
from msgtui.widgets.composer import Composer
from msgtui.widgets.mode_bar import ModeBar
from msgtui.widgets.new_below import NewBelow
from msgtui.widgets.peer_header import PeerHeader
from msgtui.widgets.people_list import PeopleList
from msgtui.widgets.relation_bar import RelationBar
from msgtui.widgets.status_line import StatusLine
from msgtui.widgets.timeline import Timeline
from msgtui.writing import Writing

_WELCOME = "Choose somebody on the left,\nor press Ctrl-K and type a login\nto find people on this server."


class ChatScreen(Screen[None]):
    """One account's conversations."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"do('{action.id}')", action.title, show=False, priority=True)
        for action in ACTIONS
        if action.scope is not Scope.MESSAGE
        for key in action.keys
    ]
    DEFAULT_CSS = """
    ChatScreen #side { width: 27; background: $surface; }
    ChatScreen.-wide #side { width: 36; }
    ChatScreen #account { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    ChatScreen #people { height: 1fr; }
    ChatScreen #talk { width: 1fr; }
    ChatScreen #reading { height: 1fr; layers: below above; }
    ChatScreen #timeline { height: 1fr; layer: below; }
    ChatScreen #welcome {
        height: 1fr; content-align: center middle; text-align: center; padding: 0 2; color: $foreground-muted;
    }
    ChatScreen #reading, ChatScreen #composer { display: none; }
    ChatScreen.-talking #reading, ChatScreen.-talking #composer { display: block; }
    ChatScreen.-talking #welcome { display: none; }
    ChatScreen.-narrow #side { width: 1fr; }
    ChatScreen.-narrow #talk { display: none; }
    ChatScreen.-narrow.-talking #side { display: none; }
    ChatScreen.-narrow.-talking #talk { display: block; }
    """

    def __init__(self, client: Client, calendar: Calendar, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self._client = client
        self.calendar = calendar
        self.now_ms = now_ms
        self.roster = Roster()

    def compose(self) -> ComposeResult:
        """Two panes and a line."""
        with Horizontal():
            with Vertical(id="side"):
                yield Static(id="account", markup=False)
                yield PeopleList(self.calendar, self.now_ms, id="people")
            with Vertical(id="talk"):
                yield PeerHeader(id="peer")
                yield Banner(id="banner")
                yield Static(_WELCOME, id="welcome", markup=False)
                with Vertical(id="reading"):
                    yield Timeline(self.calendar, self.now_ms, self._client.message_by_id, id="timeline")
                    yield NewBelow(id="new-below")
                yield RelationBar(id="relation")
                yield CommandHint(id="hint")
                yield ModeBar(id="mode")
                yield Composer(id="composer")
        yield StatusLine(self.now_ms, id="status")

    def on_mount(self) -> None:
        """Show the cache before anything comes from the server."""
        self.people = self.query_one(PeopleList)
        self.timeline = self.query_one(Timeline)
        self.composer = self.query_one(Composer)
        self._header = self.query_one(PeerHeader)
        self._relation = self.query_one(RelationBar)
        self._status = self.query_one(StatusLine)
        self._banner = self.query_one(Banner)
        self._new_below = self.query_one(NewBelow)
        self._account = self.query_one("#account", Static)
        self.reader = Reader(self._client, self.timeline)
        mode, hint = self.query_one(ModeBar), self.query_one(CommandHint)
        self.writing = Writing(self._client, self.composer, mode, hint, self.now_ms, self.start)
        self._desk = ChatDesk(self, self._client)
        self._load()
        self._show()
        self.people.focus()
        # What happened today says 10:31 in the list, and tomorrow it has to say Tue.
        self.set_interval(60, self.people.refresh)

    @property
    def is_narrow(self) -> bool:
        """Whether only one pane fits."""
        return self.has_class("-narrow")

    # What the SDK says.

    def take(self, updates: Sequence[Update]) -> None:
        """A burst of changes: each is noted, then everything is shown once."""
        changed: set[str] = set()
        for update in updates:
            match update:
                case MessageChanged() | MessageRemoved() | ReceiptChanged():
                    changed.add(update.peer)
                    if update.peer == self.reader.peer:
                        self.reader.take(update)
                case ConversationChanged():
                    changed.add(update.peer)
                case ContactChanged() | PresenceChanged():
                    self.roster.put_contact(update.contact)
                case ConnectionChanged() | Resync():
                    self._load()
                    self.reader.reload()
        for peer in changed:
            self.roster.put_conversation(self._client.conversation(peer))
        self.reader.flush()
        self._show()
        self._mark_read()

    def _load(self) -> None:
        self.roster.load(self._client.conversations(), self._client.contacts())

    def _show(self) -> None:
        self.people.show(self.roster.rows(self.reader.peer))
        self._show_peer()
        state = shown(self._client.state, self.now_ms())
        self._status.show_state(self._client.state, self._client.queued)
        self._banner.show(state)
        account = self._client.me
        self._account.update("msgd" if account is None else safe(account.login))
        self._show_new_below()
        self._show_hints()

    def _show_peer(self) -> None:
        header, relation, peer = self._header, self._relation, self.reader.peer
        if peer is None:
            header.show_nobody()
            relation.display = False
            return
        contact, login = self.roster.contact(peer), self.roster.login(peer)
        header.show(login, contact, self._client.is_typing(peer), self.calendar, self.now_ms())
        relation.show(login, contact)

    def _show_new_below(self) -> None:
        follows = self.timeline.follows or self.reader.peer is None
        if follows:
            self.reader.new_below = 0
        self._new_below.show(self.reader.new_below, follows)

    def _show_hints(self) -> None:
        if self.focused is self.timeline:
            wanted = hints.for_message(self.timeline.selected_message())
        elif self.focused is self.people:
            row = self.people.row(self.people.cursor)
            wanted = hints.for_list(row is not None and row.kind is RowKind.REQUEST, row is None)
        else:
            wanted = hints.for_composer(self.is_narrow)
        self._status.show_hints(wanted)

    def _mark_read(self) -> None:
        """Read is what stood on the screen while the terminal had the focus."""
        if self.is_current and self.app.app_focus:
            seen = self.reader.unread_seen()
            if seen is not None and seen.message_id is not None:
                self.start(self._client.mark_read(seen.peer, seen.message_id))

    # What is opened.

    def open(self, uid: str, at_message: str | None = None) -> None:
        """Open a conversation, at its end or at a message."""
        self.people.open_uid = uid
        self.add_class("-talking")
        self.writing.open(uid)
        # The timeline needs its size before it can be filled: it may have been hidden until now.
        self.call_after_refresh(self._fill, uid, at_message)

    def _fill(self, uid: str, at_message: str | None) -> None:
        if at_message is not None:
            self.start(self.reader.open_at(uid, at_message))
            self.timeline.focus()
        elif uid != self.reader.peer:
            self.reader.open(uid)
        else:
            self.reader.to_end()
        self._show()
        self.call_after_refresh(self._mark_read)

    def close(self) -> None:
        """Go back to the list; on a narrow terminal that hides the conversation."""
        if self.is_narrow:
            self.writing.open(None)
            self.reader.close()
            self.remove_class("-talking")
            self.people.open_uid = None
            self._show()
        self.people.focus()

    # Actions.

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Do something beside the screen; what goes wrong is told as a sentence."""
        self.run_worker(self._do(work))

    async def _do(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except (ClientError, Refused, ValueError) as error:
            self.notify(explain(error), severity="error", markup=False, timeout=8)

    def action_do(self, action_id: str, argument: str = "") -> None:
        """Run an action of the table."""
        self.run(BY_ID[action_id], argument)

    def run(self, action: Action, argument: str = "") -> None:
        """Run an action of the table."""
        self.start(action.run(self._desk, argument))

    @on(Timeline.OlderWanted)
    def _on_older_wanted(self) -> None:
        if self.reader.older():
            self.start(self.reader.fetch_older())

    @on(Timeline.NewerWanted)
    def _on_newer_wanted(self) -> None:
        self.reader.newer()

    @on(Timeline.Moved)
    def _on_moved(self) -> None:
        self._show_new_below()
        self._mark_read()

    @on(NewBelow.Clicked)
    def _on_new_below(self) -> None:
        self.reader.to_end()

    @on(PeopleList.Opened)
    def _on_opened(self, event: PeopleList.Opened) -> None:
        self.open(event.uid)
        self.call_after_refresh(self.composer.focus)

    @on(PeopleList.Answered)
    def _on_answered(self, event: PeopleList.Answered) -> None:
        self.run(BY_ID[event.action_id], self.roster.login(event.uid))

    @on(PeopleList.Pointed)
    @on(Timeline.Selected)
    def _on_other_row(self) -> None:
        self._show_hints()

    @on(Timeline.Left)
    @on(Composer.Cancelled)
    def _on_write(self, event: Timeline.Left | Composer.Cancelled) -> None:
        if isinstance(event, Timeline.Left):
            self.composer.focus()
        elif not self.writing.cancel():
            self.close()

    @on(Composer.WentUp)
    def _on_went_up(self) -> None:
        self.timeline.focus()

    @on(Composer.Paged)
    def _on_paged(self, event: Composer.Paged) -> None:
        self.timeline.scroll_relative(y=event.pages * max(1, self.timeline.size.height - 2), animate=False)

    @on(TextArea.Changed)
    def _on_text_changed(self) -> None:
        self.writing.changed()

    @on(Composer.Submitted)
    def _on_submitted(self, event: Composer.Submitted) -> None:
        try:
            said = self.writing.submit(event.text)
        except Refused as refused:
            self.notify(explain(refused), severity="warning", markup=False, timeout=8)
            return
        match said:
            case Command():
                self.run(said.action, said.argument)
            case Text():
                self.reader.to_end()

    @on(RelationBar.Chosen)
    def _on_chosen(self, event: RelationBar.Chosen) -> None:
        self.run(BY_ID[event.action_id])

    def on_descendant_focus(self) -> None:
        """Other keys matter now."""
        self._show_hints()

    def on_app_focus(self) -> None:
        """The person looks at the terminal again."""
        self._mark_read()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Nothing covers the conversation any more."""
        self._mark_read()
