"""Operations on accounts."""

import uuid

from msgd.admin.context import AdminContext, CutReason
from msgd.admin.contract import (
    PAGE_MAX,
    AccountChanged,
    AccountDetail,
    AccountLine,
    AccountPage,
    AddUser,
    DeleteUser,
    DeviceLine,
    DisableUser,
    EnableUser,
    ListUsers,
    PasswordChanged,
    Refused,
    SetUserPassword,
    ShowUser,
)
from msgd.auth.names import check_email, check_login, check_password
from msgd.store.commands import CreateAccount, DeleteAccount, SetDisabled, SetPassword
from msgd.store.interface import AccountRow

REASON_MAX_CHARACTERS = 200


async def add(context: AdminContext, request: AddUser) -> AccountChanged:
    """Make an account."""
    login = check_login(request.login)
    check_password(request.password, login)
    if request.email is not None:
        check_email(request.email)
    # A hash costs up to 200 ms of CPU: look before it. The command decides, as another may come in between.
    if await context.store.account_by_login(login) is not None:
        raise Refused("login_taken", f"The login {login} is taken: choose another.")
    command = CreateAccount(
        at=context.now_ms(),
        uid=str(uuid.UUID(bytes=context.random_bytes(16), version=4)),
        login=login,
        password_hash=await context.passwords.hash(request.password),
        email=request.email,
    )
    row: AccountRow = (await context.store.append(command)).result
    return AccountChanged(login=row.login, uid=row.uid)


async def list_(context: AdminContext, request: ListUsers) -> AccountPage:
    """List accounts, one more than wanted to know whether there are more."""
    if not 1 <= request.limit <= PAGE_MAX:
        raise Refused("bad_request", f"limit must be from 1 to {PAGE_MAX}.")
    rows = await context.store.list_accounts(request.after, request.limit + 1)
    lines = [
        AccountLine(
            login=row.login,
            uid=row.uid,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            disabled=row.disabled,
        )
        for row in rows[: request.limit]
    ]
    return AccountPage(lines, more=len(rows) > request.limit)


async def show(context: AdminContext, request: ShowUser) -> AccountDetail:
    """Show one account."""
    row = await _find(context, request.login)
    devices = await context.store.devices(row.account)
    return AccountDetail(
        login=row.login,
        uid=row.uid,
        email=row.email,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        disabled=row.disabled,
        disabled_reason=row.disabled_reason,
        connections=context.live.connections_of(row.account) if context.live else None,
        devices=[
            DeviceLine(
                device_id=device.device_id,
                name=device.name,
                created_at=device.created_at,
                last_seen_at=device.last_seen_at,
            )
            for device in devices
        ],
    )


async def disable(context: AdminContext, request: DisableUser) -> AccountChanged:
    """Lock an account out, then cut what is open."""
    if len(request.reason) > REASON_MAX_CHARACTERS:
        raise Refused("too_large", f"A reason has at most {REASON_MAX_CHARACTERS} characters.")
    row = await _find(context, request.login)
    await context.store.append(
        SetDisabled(at=context.now_ms(), account=row.account, disabled=True, reason=request.reason)
    )
    return AccountChanged(login=row.login, uid=row.uid, connections_cut=_cut(context, row, "account_disabled"))


async def enable(context: AdminContext, request: EnableUser) -> AccountChanged:
    """Let an account in again."""
    row = await _find(context, request.login)
    await context.store.append(SetDisabled(at=context.now_ms(), account=row.account, disabled=False))
    return AccountChanged(login=row.login, uid=row.uid)


async def delete(context: AdminContext, request: DeleteUser) -> AccountChanged:
    """Delete an account, then cut what is open."""
    row = await _find(context, request.login)
    await context.store.append(DeleteAccount(at=context.now_ms(), account=row.account))
    return AccountChanged(login=row.login, uid=row.uid, connections_cut=_cut(context, row, "account_deleted"))


async def set_password(context: AdminContext, request: SetUserPassword) -> PasswordChanged:
    """Set a password, then cut what was signed in with the old one."""
    row = await _find(context, request.login)
    check_password(request.password, row.login)
    password_hash = await context.passwords.hash(request.password)
    committed = await context.store.append(
        SetPassword(at=context.now_ms(), account=row.account, password_hash=password_hash)
    )
    return PasswordChanged(
        login=row.login,
        uid=row.uid,
        devices_revoked=len(committed.result),
        connections_cut=_cut(context, row, "password_changed"),
    )


async def _find(context: AdminContext, login: str) -> AccountRow:
    """Find an account by its login, or by its uid."""
    row = await context.store.account_by_login(login) or await context.store.account_by_uid(login)
    if row is None:
        raise Refused("not_found", "There is no account by that login or uid.")
    return row


def _cut(context: AdminContext, row: AccountRow, reason: CutReason) -> int:
    return context.live.cut(row.account, reason) if context.live else 0
