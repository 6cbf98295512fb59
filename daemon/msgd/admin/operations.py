"""The table of all operations: a new one is its types in `contract`, its handler, and a row here."""

from msgd.admin import invites, status, users
from msgd.admin.contract import (
    AddUser,
    CreateInvite,
    DeleteUser,
    DisableUser,
    EnableUser,
    ListInvites,
    ListUsers,
    RevokeInvite,
    SetUserPassword,
    ShowStatus,
    ShowUser,
)
from msgd.admin.operation import Operation, Trail, table

OPERATIONS = table(
    [
        Operation(request=AddUser, handler=users.add, trail=lambda _, made: Trail(made.login, made.uid)),
        Operation(request=ListUsers, handler=users.list_),
        Operation(request=ShowUser, handler=users.show),
        Operation(
            request=DisableUser,
            handler=users.disable,
            trail=lambda asked, done: Trail(done.login, asked.reason),
        ),
        Operation(request=EnableUser, handler=users.enable, trail=lambda _, done: Trail(done.login)),
        Operation(request=DeleteUser, handler=users.delete, trail=lambda _, done: Trail(done.login, done.uid)),
        Operation(
            request=SetUserPassword,
            handler=users.set_password,
            trail=lambda _, done: Trail(done.login, f"devices revoked: {done.devices_revoked}"),
        ),
        Operation(
            request=CreateInvite,
            handler=invites.create,
            trail=lambda _, made: Trail(f"invite {made.invite_id}", f"uses: {made.uses}"),
        ),
        Operation(request=ListInvites, handler=invites.list_),
        Operation(
            request=RevokeInvite,
            handler=invites.revoke,
            trail=lambda asked, _: Trail(f"invite {asked.invite_id}"),
        ),
        Operation(request=ShowStatus, handler=status.show),
    ]
)
