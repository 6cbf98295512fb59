"""Keeps the timeline of the open conversation filled: from the cache first, then from the server."""

from msgclient import (
    Client,
    ClientError,
    ConversationView,
    LocalMessage,
    MessageChanged,
    MessageRemoved,
    Online,
    ReceiptChanged,
)

from .safe_text import safe
from .timeline.layout import Marks
from .timeline.window import MAX_MESSAGES, PAGE, place
from .widgets.timeline import Timeline

_AROUND = 60
"""Messages on each side of one that was searched for."""

_MAX_FETCHES = 40
"""Pages fetched at most to reach a message that was searched for."""

_FETCH_PAGE = 200


class Reader:
    """One open conversation at a time.

    Attributes:
        peer: whose conversation is open.
        new_below: messages of the peer that came while the reader was further up.
    """

    def __init__(self, client: Client, timeline: Timeline) -> None:
        self._client = client
        self._timeline = timeline
        self.peer: str | None = None
        self.new_below = 0
        self._is_dirty = False
        self._is_fetching = False
        self._gave_up = False

    def open(self, peer: str) -> None:
        """Show a conversation at its first unread message, or at its end."""
        self.peer, self.new_below, self._gave_up = peer, 0, False
        view = self._client.conversation(peer)
        unread = view.unread if view is not None else 0
        messages = self._client.messages(peer, limit=min(MAX_MESSAGES, PAGE + unread))
        self._timeline.heading = self._heading(view)
        self._timeline.show(messages, _marks(view, _first_unread(messages, view)))

    async def open_at(self, peer: str, message_id: str) -> None:
        """Show a conversation around one message, fetching what is missing; at its end where that fails."""
        if self.peer != peer:
            self.open(peer)
        fetches = 0
        while (wanted := self._client.message_by_id(message_id)) is None and fetches < _MAX_FETCHES:
            fetches += 1
            if not await self._client.fetch_history(peer, _FETCH_PAGE):
                wanted = self._client.message_by_id(message_id)
                break
        if wanted is None or self.peer != peer:
            return
        before = self._client.messages(peer, before=wanted, limit=_AROUND)
        after = self._client.messages(peer, after=wanted, limit=_AROUND)
        self._timeline.show_at([*before, wanted, *after], self._timeline.marks, message_id)

    def close(self) -> None:
        """Show nothing."""
        self.peer, self.new_below = None, 0
        self._timeline.heading = ""
        self._timeline.show([], Marks())

    def reload(self) -> None:
        """The cache may differ from what is shown: read it again, without losing the place where possible."""
        if self.peer is None:
            return
        self._gave_up = False
        view = self._client.conversation(self.peer)
        held = self._timeline.window.messages
        if self._timeline.follows or not held:
            self._timeline.window.messages[:] = self._client.messages(self.peer, limit=max(PAGE, len(held)))
            self._timeline.window.reaches_end = True
        else:
            self._timeline.window.messages[:] = [
                message for old in held if (message := self._client.message(old.local_id)) is not None
            ]
        self._timeline.heading = self._heading(view)
        self._timeline.marks = _marks(view, self._timeline.marks.first_unread)
        self._is_dirty = True

    def take(self, update: MessageChanged | MessageRemoved | ReceiptChanged) -> None:
        """Something changed in the open conversation; `flush` shows it."""
        window = self._timeline.window
        marks = self._timeline.marks
        match update:
            case MessageChanged(message=message):
                is_news = not window.messages or place(message) > place(window.messages[-1])
                window.put(message)
                if is_news and message.outgoing:
                    marks = Marks(marks.delivered_up_to, marks.read_up_to, None)
                elif is_news and not self._timeline.follows:
                    self.new_below += 1
            case MessageRemoved(local_id=local_id):
                window.remove(local_id)
            case ReceiptChanged():
                delivered = max(marks.delivered_up_to or "", update.delivered_up_to or "")
                read = max(marks.read_up_to or "", update.read_up_to or "")
                marks = Marks(delivered or None, read or None, marks.first_unread)
        self._timeline.marks = marks
        self._is_dirty = True

    def flush(self) -> None:
        """Show what was taken."""
        if self._is_dirty:
            self._is_dirty = False
            if self._timeline.follows:
                self._timeline.window.trim_older()
            self._timeline.rearrange()

    def older(self) -> bool:
        """The reader nears the top; returns whether the server has to be asked, by `fetch_older`."""
        if self.peer is None or self._is_fetching:
            return False
        held = self._timeline.window.messages
        page = self._client.messages(self.peer, before=held[0], limit=PAGE) if held else []
        if page:
            self._timeline.window.add_older(page)
            self._timeline.rearrange()
            return False
        view = self._client.conversation(self.peer)
        self._set_heading(self._heading(view))
        reaches_start = view is not None and view.reaches_start
        return not reaches_start and not self._gave_up and isinstance(self._client.state, Online)

    async def fetch_older(self) -> None:
        """Fetch a page from the server, and show it."""
        peer = self.peer
        if peer is None or self._is_fetching:
            return
        self._is_fetching = True
        self._set_heading("Fetching older messages…")
        try:
            await self._client.fetch_history(peer, PAGE)
        except ClientError:
            self._gave_up = True
        finally:
            self._is_fetching = False
        if self.peer != peer:
            return
        held = self._timeline.window.messages
        page = self._client.messages(peer, before=held[0] if held else None, limit=PAGE)
        # A server that has nothing more and does not say so must not be asked for ever.
        self._gave_up = self._gave_up or not page
        self._timeline.window.add_older(page)
        self._timeline.heading = self._heading(self._client.conversation(peer))
        self._timeline.rearrange()

    def newer(self) -> None:
        """The reader nears the end of a window that does not reach the newest message."""
        held = self._timeline.window.messages
        if self.peer is None or not held:
            return
        self._timeline.window.add_newer(self._client.messages(self.peer, after=held[-1], limit=PAGE))
        self._timeline.rearrange()

    def to_end(self) -> None:
        """Show the newest messages."""
        self.new_below = 0
        if self.peer is not None and not self._timeline.window.reaches_end:
            marks = self._timeline.marks
            self._timeline.show(self._client.messages(self.peer, limit=PAGE), marks)
        self._timeline.to_end()

    def unread_seen(self) -> LocalMessage | None:
        """The newest message of the peer that is on the screen, if it is not marked as read yet."""
        if self.peer is None:
            return None
        seen = self._timeline.newest_seen()
        view = self._client.conversation(self.peer)
        if seen is None or seen.message_id is None or view is None:
            return None
        is_news = view.my_read_up_to is None or seen.message_id > view.my_read_up_to
        return seen if is_news else None

    def _set_heading(self, words: str) -> None:
        if self._timeline.heading != words:
            self._timeline.heading = words
            self._timeline.rearrange()

    def _heading(self, view: ConversationView | None) -> str:
        if view is None or (view.last is None and view.reaches_start):
            return "No messages yet. Write the first one below."
        if view.reaches_start:
            return f"This is the beginning of your conversation with {safe(view.login)}."
        if not isinstance(self._client.state, Online):
            return "Older messages are on the server. They come when the connection is back."
        return ""


def _marks(view: ConversationView | None, first_unread: str | None) -> Marks:
    return Marks() if view is None else Marks(view.delivered_up_to, view.read_up_to, first_unread)


def _first_unread(messages: list[LocalMessage], view: ConversationView | None) -> str | None:
    if view is None or not view.unread:
        return None
    read_up_to = view.my_read_up_to or ""
    incoming = (message.message_id for message in messages if not message.outgoing and message.message_id is not None)
    return next((message_id for message_id in incoming if message_id > read_up_to), None)
