"""One operation from request to audit line, the same over the socket and on a stopped store."""

from typing import Any, TypeVar

import trio

from msgd.admin.context import AdminContext
from msgd.admin.contract import Refused, Request, operation_name
from msgd.admin.operation import Operation
from msgd.admin.operations import OPERATIONS
from msgd.auth.names import RuleBroken
from msgd.auth.passwords import Overloaded
from msgd.store.commands import AppendAudit
from msgd.store.interface import Rejected, StoreError, Unavailable
from msgwire import SENTENCES

R = TypeVar("R")

CHANGE_MAX_S = 30.0
"""A change that has begun is given this long to reach the disk, the live connections and the audit log."""


async def perform(context: AdminContext, request: Request[R]) -> R:
    """Carry an operation out for `context.caller`.

    A change, the cutting of connections and its audit line belong together, so a cancellation waits for all three.

    Raises:
        Refused: It was not carried out, or it cannot be told whether it was.
    """
    operation: Operation[Request[R], R] | None = OPERATIONS.get(operation_name(type(request)))
    if operation is None:
        raise Refused("unknown_operation", "The daemon does not know this operation.")
    if context.live is None and not operation.works_stopped:
        raise Refused("daemon_stopped", "This needs a running daemon.")
    if not operation.changes:
        return await _checked(operation, context, request)
    with trio.move_on_after(CHANGE_MAX_S, shield=True):
        result = await _checked(operation, context, request)
        await _audit(operation, context, request, result)
        return result
    raise Refused(
        "unavailable", f"The store did not answer within {CHANGE_MAX_S:g} s; look whether the change was made."
    )


async def _checked(operation: Operation[Any, R], context: AdminContext, request: Request[R]) -> R:
    """Call the handler, and give every refusal its code and sentence."""
    try:
        return await operation.handler(context, request)
    except Rejected as refusal:
        raise Refused(refusal.code.value, refusal.sentence or SENTENCES[refusal.code]) from None
    except RuleBroken as broken:
        raise Refused(broken.code.value, broken.sentence) from None
    except Overloaded:
        raise Refused("busy", "Too many passwords are being checked; try again in a moment.") from None
    except Unavailable as error:
        raise Refused("unavailable", "The store cannot write now; nothing was changed.") from error
    except StoreError as error:
        # The engine has a defect, and has logged its place; what it did before that is not known.
        raise Refused(
            "internal", "The store failed at this; look whether it was done. The log has the place."
        ) from error


async def _audit(operation: Operation[Any, R], context: AdminContext, request: Request[R], result: R) -> None:
    assert operation.trail is not None
    trail = operation.trail(request, result)
    try:
        await context.store.append(
            AppendAudit(
                at=context.now_ms(),
                actor=context.caller.actor,
                origin=context.caller.origin,
                action=operation.name,
                target=trail.target,
                detail=trail.detail,
            )
        )
    except Unavailable as error:
        raise Refused("unavailable", "The change was made, but the audit log could not be written.") from error
