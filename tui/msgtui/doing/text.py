"""Actions on messages: edit, delete, reply, retry, discard, copy."""

from msgclient import LocalMessage, MessageState
from msgtui.desk import Desk, Refused
from msgtui.safe_text import for_editing


async def edit(desk: Desk, argument: str) -> None:
    """Change the text of an own message: in the composer, or to what was typed."""
    message = desk.last_own()
    message_id = _editable(message)
    if argument.strip():
        await desk.client.edit(message_id, argument)
    else:
        desk.start_edit(message)


async def delete(desk: Desk, argument: str) -> None:
    """Delete an own message after a question."""
    message = desk.last_own()
    if message.state is MessageState.FAILED:
        await desk.client.discard(message)
        return
    message_id = _editable(message)
    if await desk.ask("Delete this message for both of you? It cannot be brought back.", "Delete"):
        await desk.client.delete(message_id)


async def reply(desk: Desk, argument: str) -> None:
    """Answer the selected message."""
    message = desk.selected()
    if message.message_id is None:
        raise Refused("This message is not with the server yet: wait until it is sent.")
    desk.start_reply(message)


async def retry(desk: Desk, argument: str) -> None:
    """Send a failed message again."""
    await desk.client.retry(_failed(desk))
    desk.tell("It waits to be sent again.")


async def discard(desk: Desk, argument: str) -> None:
    """Remove a failed message."""
    await desk.client.discard(_failed(desk))


async def copy(desk: Desk, argument: str) -> None:
    """Copy the text of the selected message."""
    message = desk.selected()
    if not message.text:
        raise Refused("There is no text to copy.")
    desk.app.copy_to_clipboard(for_editing(message.text))
    desk.tell("Copied, if your terminal allows it (OSC 52).")


def _editable(message: LocalMessage) -> str:
    if not message.outgoing or message.call is not None:
        raise Refused("You can change only what you wrote yourself.")
    if message.deleted:
        raise Refused("This message is deleted already.")
    if message.message_id is None:
        raise Refused("This message is not with the server yet: wait until it is sent.")
    return message.message_id


def _failed(desk: Desk) -> LocalMessage:
    message = desk.last_own()
    if message.state is not MessageState.FAILED:
        raise Refused("This message has not failed.")
    return message
