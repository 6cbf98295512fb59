"""Handlers of the account: password, devices, logout, deletion."""

from msgd.auth.names import check_password
from msgd.clock import epoch_ms
from msgd.handlers.opening import check_credentials
from msgd.link import Link, Refused
from msgd.service import Service
from msgd.store.commands import DeleteAccount, RevokeDevice, SetPassword
from msgwire import (
    ChangePassword,
    CloseCode,
    Device,
    Devices,
    ErrorCode,
    ListDevices,
    LogOut,
    Ok,
)
from msgwire import DeleteAccount as DeleteAccountFrame
from msgwire import (
    RevokeDevice as RevokeDeviceFrame,
)


async def change_password(service: Service, link: Link, frame: ChangePassword) -> None:
    """Change the password and end every other session."""
    assert link.person is not None
    person = link.person
    row = await check_credentials(service, link.connection.remote, person.login, frame.old_password)
    check_password(frame.new_password, person.login)
    password_hash = await service.passwords.hash(frame.new_password)
    await service.store.append(
        SetPassword(at=epoch_ms(), account=row.account, password_hash=password_hash, keep_device=link.device_id)
    )
    _cut_others(service, link)
    link.reply(frame, Ok())


def _cut_others(service: Service, link: Link) -> None:
    """Close the sockets of the account's other devices; a second connection of this one stays."""
    assert link.here is not None
    for device_id in {other.device_id for other in link.here.links} - {link.device_id}:
        service.cut(link.account, CloseCode.REVOKED, device_id=device_id)


async def list_devices(service: Service, link: Link, frame: ListDevices) -> None:
    """List the devices that are not revoked."""
    await link.wait_settled()
    rows = await service.store.devices(link.account)
    link.reply(
        frame,
        Devices(
            devices=[
                Device(
                    device_id=row.device_id,
                    name=row.name,
                    created_at=row.created_at,
                    last_seen_at=row.last_seen_at,
                    current=row.device_id == link.device_id,
                )
                for row in rows
            ]
        ),
    )


async def revoke_device(service: Service, link: Link, frame: RevokeDeviceFrame) -> None:
    """Revoke a device of the account; its sockets end at once."""
    account = link.account
    await service.store.append(RevokeDevice(at=epoch_ms(), account=account, device_id=frame.device_id))
    link.reply(frame, Ok())
    service.log("info", "account.revoked", conn=link.connection.id, device=frame.device_id)
    service.cut(account, CloseCode.REVOKED, device_id=frame.device_id)


async def log_out(service: Service, link: Link, frame: LogOut) -> None:
    """End this device."""
    account, device_id = link.account, link.device_id
    await service.store.append(RevokeDevice(at=epoch_ms(), account=account, device_id=device_id))
    link.reply(frame, Ok())
    link.connection.close(CloseCode.NORMAL, "logged out")
    service.cut(account, CloseCode.REVOKED, device_id=device_id, but=link)


async def delete_account(service: Service, link: Link, frame: DeleteAccountFrame) -> None:
    """Delete the account, once the password is shown again."""
    assert link.person is not None
    person = link.person
    row = await check_credentials(service, link.connection.remote, person.login, frame.password)
    if row.account != person.account:
        raise Refused(ErrorCode.FORBIDDEN)
    await service.store.append(DeleteAccount(at=epoch_ms(), account=row.account))
    service.directory.forget(row.account)
    link.reply(frame, Ok())
    link.connection.close(CloseCode.NORMAL, "account deleted")
    service.cut(row.account, CloseCode.REVOKED, but=link)
