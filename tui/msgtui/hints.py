"""Which keys the last line shows, by what has the focus. Pure."""

from collections.abc import Sequence

from msgclient import LocalMessage, MessageState

from .actions import BY_ID, key_name

Hint = tuple[str, str]
"""A key as people write it, and what it does."""


def hint(action_id: str, words: str | None = None) -> Hint:
    """The key and the title of an action of the table."""
    action = BY_ID[action_id]
    return key_name(action.keys[0]), words or action.title


_QUIT = ("Ctrl-Q", "quit")


def for_list(is_request: bool, is_empty: bool) -> Sequence[Hint]:
    """The list has the focus."""
    if is_empty:
        return [hint("find", "find people"), hint("help"), _QUIT]
    if is_request:
        return [("A", "accept"), ("D", "decline"), ("B", "block"), ("Enter", "look"), hint("help"), _QUIT]
    return [("Enter", "open"), hint("find"), hint("next_unread"), hint("help"), _QUIT]


def for_composer(is_narrow: bool) -> Sequence[Hint]:
    """The composer has the focus."""
    if is_narrow:
        return [("Esc", "list"), hint("help"), ("Enter", "send"), hint("find"), _QUIT]
    return [
        ("Enter", "send"),
        ("↑", "messages"),
        hint("find"),
        hint("search"),
        hint("help"),
        _QUIT,
        ("Alt-Enter", "new line"),
    ]


def for_message(message: LocalMessage | None) -> Sequence[Hint]:
    """The timeline has the focus."""
    back = ("Esc", "write")
    if message is None:
        return [back]
    if message.state is MessageState.FAILED:
        return [hint("retry"), hint("discard"), hint("copy"), back]
    if message.call is not None or message.deleted:
        return [back]
    if message.outgoing and message.message_id is not None:
        return [hint("reply"), hint("edit"), hint("delete"), hint("copy"), back]
    return [hint("reply"), hint("copy"), back]
