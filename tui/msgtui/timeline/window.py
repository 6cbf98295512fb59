"""The run of messages that the timeline holds: bounded, in order, without a hole. Pure."""

from bisect import bisect_left
from collections.abc import Sequence

from msgclient import LocalMessage

PAGE = 100
"""Messages read from the cache at a time."""

MAX_MESSAGES = 1000
"""Messages held at most. What is farther from the screen is dropped, and read again when the screen comes near."""


def place(message: LocalMessage) -> tuple[bool, str, int]:
    """Where a message stands in its conversation, as `Client.messages` orders them."""
    if message.message_id is None:
        return (True, "", message.local_id)
    return (False, message.message_id, 0)


class Window:
    """Messages of one conversation.

    Attributes:
        messages: oldest first.
        reaches_end: whether the newest message is among them. Where not, a new one waits in the cache.
    """

    def __init__(self, messages: Sequence[LocalMessage] = (), *, reaches_end: bool = True) -> None:
        self.messages = list(messages)
        self.reaches_end = reaches_end

    def put(self, message: LocalMessage) -> bool:
        """A message is new or has changed; returns whether it is new to this window and stands in it now."""
        old = self.index_of(message.local_id)
        if old is not None:
            del self.messages[old]
        index = bisect_left(self.messages, place(message), key=place)
        is_past_end = index == len(self.messages) and not self.reaches_end
        # A message before the first held one belongs to the unread part of the cache.
        is_before_start = index == 0 and bool(self.messages) and old is None
        if is_past_end or is_before_start:
            return False
        self.messages.insert(index, message)
        return old is None

    def remove(self, local_id: int) -> None:
        """A message is no more."""
        index = self.index_of(local_id)
        if index is not None:
            del self.messages[index]

    def add_older(self, page: Sequence[LocalMessage]) -> None:
        """The page before the first message. The newest ones go where they would be too many."""
        self.messages[:0] = page
        if len(self.messages) > MAX_MESSAGES:
            del self.messages[MAX_MESSAGES:]
            self.reaches_end = False

    def add_newer(self, page: Sequence[LocalMessage], wanted: int = PAGE) -> None:
        """The page after the last message; one shorter than `wanted` is the last there is."""
        self.messages.extend(page)
        self.reaches_end = len(page) < wanted
        del self.messages[: max(0, len(self.messages) - MAX_MESSAGES)]

    def trim_older(self) -> bool:
        """Drop the oldest where live messages have made them too many; returns whether any went."""
        surplus = len(self.messages) - MAX_MESSAGES
        if surplus < PAGE:
            return False
        del self.messages[:surplus]
        return True

    def index_of(self, local_id: int) -> int | None:
        """Where a message stands; looked for from the end, where most changes happen."""
        for index in range(len(self.messages) - 1, -1, -1):
            if self.messages[index].local_id == local_id:
                return index
        return None

    def index_of_id(self, message_id: str) -> int | None:
        """Where the message of the server's id stands."""
        index = bisect_left(self.messages, (False, message_id, 0), key=place)
        if index < len(self.messages) and self.messages[index].message_id == message_id:
            return index
        return None
