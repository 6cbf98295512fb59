"""Operations while the daemon is stopped: the same code on the store itself, under the store's own lock."""

import os
from collections.abc import Sequence
from typing import TypeVar

import trio

from msgd.admin.context import AdminContext
from msgd.admin.contract import Refused, Request, operation_name
from msgd.admin.operations import OPERATIONS
from msgd.admin.peer import caller_of_this_process
from msgd.admin.perform import perform
from msgd.auth.passwords import Passwords
from msgd.config import Settings
from msgd.store.configured import StoreOpenError, open_store
from msgd.store.interface import StoredEvent

R = TypeVar("R")


class StoreHeld(Exception):
    """Another process holds the store, or there is none: nothing can be done on it now."""


def carry_out(settings: Settings, request: Request[R]) -> R:
    """Open the store, carry out one operation, and close it again.

    A change makes the store where there is none yet, so that accounts can be made before the first start.

    Raises:
        StoreHeld: The lock of the store is held, or there is no store to look at.
        Refused: The operation was not carried out, `wrong_user` and `store_unusable` among the reasons.
    """
    place = settings.store.path
    if not place.exists() and not OPERATIONS[operation_name(type(request))].changes:
        raise StoreHeld(f"The daemon is stopped, and there is no store at {place} yet: start the daemon once.")
    _require_owner(settings)
    try:
        return trio.run(_on_store, settings, request)
    except StoreOpenError as error:
        if error.held:
            raise StoreHeld(
                f"{error} Nobody answers at {settings.admin.socket}: where that process is just starting or stopping, "
                "try again; where the socket was removed, restart it."
            ) from error
        raise Refused("store_unusable", str(error)) from error


async def _on_store(settings: Settings, request: Request[R]) -> R:
    store = open_store(settings)
    context = AdminContext(
        store=store, settings=settings, passwords=Passwords(settings.auth), caller=caller_of_this_process()
    )
    refusal: Refused | None = None
    result: list[R] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run, _nobody_is_connected)
        try:
            result.append(await perform(context, request))
        except Refused as error:
            # Out of the nursery by hand: it would come wrapped in a group.
            refusal = error
        nursery.cancel_scope.cancel()
    if refusal is not None:
        raise refusal
    return result[0]


def _nobody_is_connected(_events: Sequence[StoredEvent]) -> None:
    """Devices find the events in their mailboxes when they come back."""


def _require_owner(settings: Settings) -> None:
    """Keep root and others from leaving files in the store that the daemon's user could not open afterwards."""
    directory = settings.store.path.parent
    try:
        owner = directory.stat().st_uid
    except OSError as error:
        raise StoreHeld(
            f"The daemon is stopped, and its store {directory} cannot be reached: {error.strerror}."
        ) from error
    if owner != os.geteuid():
        raise Refused(
            "wrong_user", f"The daemon is stopped, and its store belongs to another user: sudo -u '#{owner}' msgctl …"
        )
