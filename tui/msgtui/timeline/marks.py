"""How far an own message has come, as a few cells: told by shape, so that no color is needed."""

from msgclient import MessageState

MARKS: dict[MessageState, str] = {
    MessageState.QUEUED: "…",
    MessageState.SENT: "✓",
    MessageState.DELIVERED: "✓✓",
    MessageState.READ: "read",
    MessageState.FAILED: "✗",
    MessageState.RECEIVED: "",
}

MEANINGS: dict[MessageState, str] = {
    MessageState.QUEUED: "waits on this computer until the server has it",
    MessageState.SENT: "is stored by the server",
    MessageState.DELIVERED: "has reached a device of theirs",
    MessageState.READ: "has been read",
    MessageState.FAILED: "was refused; select it to send it again or to discard it",
}

WIDTH = max(len(mark) for mark in MARKS.values())
"""Cells of the widest mark."""


def effective_state(
    state: MessageState, message_id: str | None, delivered_up_to: str | None, read_up_to: str | None
) -> MessageState:
    """The state of an own message under the newest receipts, which are positions in the conversation."""
    if state not in (MessageState.SENT, MessageState.DELIVERED) or message_id is None:
        return state
    if read_up_to is not None and message_id <= read_up_to:
        return MessageState.READ
    if delivered_up_to is not None and message_id <= delivered_up_to:
        return MessageState.DELIVERED
    return state
