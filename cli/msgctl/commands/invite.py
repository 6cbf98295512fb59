"""Invites."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from msgctl.commands.user import DryRun
from msgctl.failures import Failure
from msgctl.invocation import Invocation
from msgctl.output import say

if TYPE_CHECKING:
    from msgd.admin.contract import InviteLine

InviteId = Annotated[int, typer.Argument(metavar="ID", help="Number of the invite.", show_default=False)]

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def create(
    run: Invocation,
    uses: Annotated[int, typer.Option(metavar="N", min=1, help="How many accounts it is good for.")] = 1,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Its life: 30m, 12h, 7d, 2w, or never [default: registration.invite_ttl_s]",
            show_default=False,
        ),
    ] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="For your own memory; the invited do not see it.")] = "",
) -> None:
    """Make an invite and print its token, this once: only a hash of it is kept."""
    from msgd.admin.contract import CreateInvite

    ttl_s = None if expires is None else _seconds(expires)
    run.show(run.call(CreateInvite(uses=uses, ttl_s=ttl_s, note=note)))


def list_(run: Invocation) -> None:
    """List invites with their state (active, used, expired or revoked), newest first."""
    run.show_many(_invites(run))


def revoke(run: Invocation, invite_id: InviteId, dry_run: DryRun = False) -> None:
    """Make an invite void. Accounts that were made with it stay."""
    from msgd.admin.contract import RevokeInvite

    if dry_run:
        found = next((invite for invite in _invites(run) if invite.invite_id == invite_id), None)
        if found is None:
            raise Failure("not_found", "There is no invite with that number.")
        say(f"Would revoke invite {invite_id}, which is {found.state}; nothing was done.")
        run.show({"invite_id": invite_id, "state": found.state, "dry_run": True})
        return
    run.show(run.call(RevokeInvite(invite_id=invite_id)))


def _invites(run: Invocation) -> "Iterator[InviteLine]":
    from msgd.admin.contract import ListInvites

    before, more = None, True
    while more:
        page = run.call(ListInvites(before=before))
        yield from page.invites
        more = page.more
        before = page.invites[-1].invite_id if page.invites else before


def _seconds(text: str) -> int:
    if text == "never":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Failure("usage", "--expires takes a number with s, m, h, d or w, such as 7d, or never.")
    return int(match[1]) * _SECONDS[match[2]]
