"""Which function carries out which command."""

from collections.abc import Callable
from typing import Any, Final

from .. import commands
from ..commands import Command
from . import accounts, calls, contacts, devices, invites, messages, revisions
from .turn import Turn


class Probe(Command, frozen=True, kw_only=True):
    """A write down to the disk that changes nothing. Result: None."""


class CatchUp(Command, frozen=True, kw_only=True):
    """Bring the word index up to date with the log, as far as one bounded step goes. Result: whether it is."""


def _probe(turn: Turn, command: Probe) -> None:
    turn.db.execute("UPDATE mark SET value = ? WHERE name = 'probe'", (command.at,))


def _catch_up(turn: Turn, command: CatchUp) -> bool:
    return turn.index_words()


HANDLERS: Final[dict[type[Command], Callable[[Turn, Any], object]]] = {
    commands.SendMessage: messages.send_message,
    commands.MoveCursor: messages.move_cursor,
    commands.MarkRead: messages.mark_read,
    commands.EditMessage: revisions.edit_message,
    commands.DeleteMessage: revisions.delete_message,
    commands.RecordCall: calls.record_call,
    commands.ChangeContact: contacts.change_contact,
    commands.CreateAccount: accounts.create_account,
    commands.SetPassword: accounts.set_password,
    commands.RehashPassword: accounts.rehash_password,
    commands.SetDisabled: accounts.set_disabled,
    commands.SetPresence: accounts.set_presence,
    commands.DeleteAccount: accounts.delete_account,
    commands.CreateDevice: devices.create_device,
    commands.RotateRefresh: devices.rotate_refresh,
    commands.RevokeDevice: devices.revoke_device,
    commands.TouchDevice: devices.touch_device,
    commands.CreateInvite: invites.create_invite,
    commands.RevokeInvite: invites.revoke_invite,
    commands.AppendAudit: invites.append_audit,
    Probe: _probe,
    CatchUp: _catch_up,
}

COLLECTED: Final = frozenset({commands.SendMessage, commands.MoveCursor})
"""Commands that read nothing which may wait in the turn; before any other one the turn is flushed."""
