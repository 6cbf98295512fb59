"""Lays a window of messages out as one column of lines, painting only what has changed. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from textual.strip import Strip

from msgclient import LocalMessage, MessageState
from msgtui.times import Calendar

from .marks import effective_state
from .painter import Painted, Painter, Setting

_GROUP_MS = 5 * 60_000
"""A pause after which the name is shown again."""

FindReply = Callable[[str], LocalMessage | None]


@dataclass(frozen=True, slots=True)
class Marks:
    """What is true of the conversation as a whole: receipts of own messages, and the first unread message."""

    delivered_up_to: str | None = None
    read_up_to: str | None = None
    first_unread: str | None = None


class Layout:
    """Lines of messages under a heading.

    Args:
        find_reply: the message of an id, for the line that quotes it.
    """

    def __init__(self, calendar: Calendar, find_reply: FindReply) -> None:
        self._calendar = calendar
        self._find_reply = find_reply
        self._painter: Painter | None = None
        self._painted: dict[int, tuple[LocalMessage, Setting, Painted]] = {}
        self._heading: list[Strip] = []
        self._messages: Sequence[LocalMessage] = ()
        self._blocks: list[list[Strip]] = []
        self._tops: list[int] = [0]

    @property
    def height(self) -> int:
        """Lines in all."""
        return self._tops[-1]

    def arrange(
        self, messages: Sequence[LocalMessage], heading: str, painter: Painter, marks: Marks, now_ms: int
    ) -> None:
        """Lay out again. Messages that look as before are not painted again."""
        if painter is not self._painter:
            self._painter, self._painted = painter, {}
        painted: dict[int, tuple[LocalMessage, Setting, Painted]] = {}
        before: LocalMessage | None = None
        for message in messages:
            setting = self._setting(message, before, marks, now_ms)
            known = self._painted.get(message.local_id)
            if known is None or known[1] != setting or (known[0] is not message and known[0] != message):
                known = (message, setting, painter.paint(message, setting))
            painted[message.local_id] = known
            before = message
        self._painted = painted
        self._messages = list(messages)
        self._heading = painter.notice(heading) if heading else []
        self._blocks = [self._heading, *(block.lines for _, _, block in painted.values())]
        self._tops = list(accumulate((len(block) for block in self._blocks), initial=0))

    def line(self, y: int) -> Strip | None:
        """The line at `y`, counted from the top."""
        if not 0 <= y < self.height:
            return None
        block = bisect_right(self._tops, y) - 1
        return self._blocks[block][y - self._tops[block]]

    def message_at(self, y: int) -> LocalMessage | None:
        """The message whose line stands at `y`."""
        if not 0 <= y < self.height:
            return None
        block = bisect_right(self._tops, y) - 1
        return self._messages[block - 1] if block > 0 else None

    def lines_of(self, local_id: int) -> range:
        """The lines of a message with all that stands above it; empty when it is not here."""
        for index, message in enumerate(self._messages):
            if message.local_id == local_id:
                return range(self._tops[index + 1], self._tops[index + 2])
        return range(0)

    def body_of(self, local_id: int) -> range:
        """The lines of a message itself."""
        lines = self.lines_of(local_id)
        return lines[self._painted[local_id][2].above :] if lines else lines

    def newest_incoming_above(self, y: int) -> LocalMessage | None:
        """The newest message of the peer whose last line stands above `y`."""
        last = bisect_right(self._tops, y) - 2
        for index in range(min(last, len(self._messages)) - 1, -1, -1):
            message = self._messages[index]
            if not message.outgoing and message.message_id is not None:
                return message
        return None

    def _setting(self, message: LocalMessage, before: LocalMessage | None, marks: Marks, now_ms: int) -> Setting:
        calendar = self._calendar
        is_new_day = before is None or calendar.day(before.sent_at) != calendar.day(message.sent_at)
        is_first_unread = message.message_id is not None and message.message_id == marks.first_unread
        has_head = (
            before is None
            or is_new_day
            or is_first_unread
            or before.outgoing != message.outgoing
            or message.sent_at - before.sent_at > _GROUP_MS
        )
        state = message.state
        if message.outgoing:
            state = effective_state(state, message.message_id, marks.delivered_up_to, marks.read_up_to)
        else:
            state = MessageState.RECEIVED
        reply = None
        if message.reply_to is not None and (answered := self._find_reply(message.reply_to)) is not None:
            who = "You" if answered.outgoing else answered.sender_login
            reply = (who, "a deleted message" if answered.deleted else answered.text[:400])
        day = calendar.day_name(message.sent_at, now_ms) if is_new_day else None
        return Setting(day, is_first_unread, has_head, state, reply)
