"""Handlers of the opening: registration, sign-in, tokens, ping."""

import uuid

import trio

from msgd import sessions
from msgd.auth import opaque
from msgd.auth.names import check_email, check_login, check_password, fold_login
from msgd.auth.throttle import address_key
from msgd.auth.tokens import TokenExpired, TokenInvalid
from msgd.clock import epoch_ms
from msgd.link import Link, Refused
from msgd.service import Service
from msgd.store.commands import CreateAccount, CreateDevice, RehashPassword, RotateRefresh
from msgd.store.interface import AccountRow, DeviceRow, Rejected
from msgwire import (
    Authenticate,
    CloseCode,
    ErrorCode,
    LogIn,
    Ping,
    Pong,
    Refresh,
    Register,
    Registered,
    SessionTokens,
)

_MAX_DEVICE_NAME = 64


def ping(_service: Service, link: Link, frame: Ping) -> None:
    """Answer with the server's clock."""
    link.reply(frame, Pong(at=epoch_ms()))


async def register(service: Service, link: Link, frame: Register) -> None:
    """Make an account, as far as the registration mode allows."""
    mode = service.settings.registration.mode
    if mode == "closed":
        raise Refused(ErrorCode.REGISTRATION_CLOSED)
    invite_hash = None
    if frame.invite is not None:
        invite_hash = opaque.digest_of(opaque.INVITE, frame.invite)
        if invite_hash is None:
            raise Refused(ErrorCode.INVITE_INVALID)
    elif mode == "invite":
        raise Refused(ErrorCode.INVITE_INVALID, "This server asks for an invite.")
    login = check_login(frame.login)
    check_password(frame.password, login)
    if frame.email is not None:
        check_email(frame.email)
    if service.registration_throttle is not None:
        wait_ms = service.registration_throttle.spend(address_key(link.connection.remote), trio.current_time())
        if wait_ms:
            service.metrics.throttled("register")
            service.log("warning", "account.throttled", address=link.connection.remote, name="register")
            raise Refused(ErrorCode.RATE_LIMITED, "Too many new accounts from here.", retry_after_ms=wait_ms)
    if await service.store.account_by_login(login) is not None:
        # Ahead of the hash, which costs; the store decides again.
        raise Refused(ErrorCode.LOGIN_TAKEN)
    password_hash = await service.passwords.hash(frame.password)
    committed = await service.store.append(
        CreateAccount(
            at=epoch_ms(),
            uid=str(uuid.uuid4()),
            login=login,
            password_hash=password_hash,
            email=frame.email,
            invite_hash=invite_hash if mode == "invite" else None,
        )
    )
    row: AccountRow = committed.result
    service.log("info", "account.registered", conn=link.connection.id)
    link.reply(frame, Registered(uid=row.uid, login=row.login))


async def login(service: Service, link: Link, frame: LogIn) -> None:
    """Sign in with a password, as a new device."""
    started = trio.current_time()
    row = await check_credentials(service, link.connection.remote, frame.login, frame.password)
    if link.person is not None:
        raise Refused(ErrorCode.CONFLICT, "This connection is signed in already.")
    link.attaching = True
    # A new device starts after what the others have acknowledged, as of now.
    service.delivery.flush()
    token = opaque.mint(opaque.REFRESH)
    at = epoch_ms()
    refresh_expires_at = at + service.settings.auth.refresh_ttl_s * 1000
    committed = await service.store.append(
        CreateDevice(
            at=at,
            account=row.account,
            device_id=str(uuid.uuid4()),
            name=(frame.device_name or "")[:_MAX_DEVICE_NAME],
            refresh_hash=token.digest,
            refresh_expires_at=refresh_expires_at,
        )
    )
    device: DeviceRow = committed.result
    if device.evicted is not None:
        service.cut(row.account, CloseCode.REVOKED, device_id=device.evicted)
    service.metrics.logged_in(trio.current_time() - started)
    await _sign_in(service, link, frame, row, device, token.text.reveal(), refresh_expires_at)


async def check_credentials(service: Service, remote: str, login_text: str, password: str) -> AccountRow:
    """The account whose login and password these are; an unknown login costs as much time as a wrong password.

    Raises `Refused`: `invalid_credentials`, `account_disabled`, `rate_limited`.
    """
    folded = fold_login(login_text)
    key = folded if folded is not None else ""
    wait_ms = service.login_throttle.attempt(key, remote, trio.current_time())
    if wait_ms:
        service.metrics.throttled("login")
        service.log("warning", "account.throttled", address=remote, name="login")
        raise Refused(ErrorCode.RATE_LIMITED, "Too many failed sign-ins: wait.", retry_after_ms=wait_ms)
    try:
        row = None if folded is None else await service.store.account_by_login(folded)
        verdict = await service.passwords.verify(None if row is None else row.password_hash, password)
    except BaseException:
        service.login_throttle.undecided(key, remote)
        raise
    if row is None or not verdict.matches:
        service.log("warning", "account.login_failed", address=remote)
        raise Refused(ErrorCode.INVALID_CREDENTIALS)
    service.login_throttle.succeeded(key, remote)
    if row.disabled:
        raise Refused(ErrorCode.ACCOUNT_DISABLED)
    if verdict.needs_rehash and row.password_hash is not None:
        password_hash = await service.passwords.hash(password)
        await service.store.append(
            RehashPassword(at=epoch_ms(), account=row.account, old_hash=row.password_hash, password_hash=password_hash)
        )
    return row


async def authenticate(service: Service, link: Link, frame: Authenticate) -> None:
    """Sign a connection in by an access token, or renew its time by a newer one."""
    try:
        claims = service.tokens.verify(frame.access_token, epoch_ms())
    except TokenExpired:
        raise Refused(ErrorCode.TOKEN_EXPIRED) from None
    except TokenInvalid:
        raise Refused(ErrorCode.TOKEN_REVOKED, "This is no access token of this server: sign in.") from None
    await service.delivery.wait_written()
    row = await service.store.account_by_uid(claims.uid)
    device = await service.store.device(claims.device_id)
    if row is None or device is None or device.revoked or device.account != row.account:
        raise Refused(ErrorCode.TOKEN_REVOKED)
    if row.disabled:
        raise Refused(ErrorCode.ACCOUNT_DISABLED)
    link.attaching = True
    ready = await sessions.attach(service, link, row, device, claims.expires_at, frame.cursor)
    ready.re = frame.request_id
    link.send(ready)


async def refresh(service: Service, link: Link, frame: Refresh) -> None:
    """Trade a refresh token for a new pair, and sign the connection in as its device."""
    digest = opaque.digest_of(opaque.REFRESH, frame.refresh_token)
    if digest is None:
        raise Refused(ErrorCode.TOKEN_REVOKED, "This is no refresh token of this server: sign in.")
    token = opaque.mint(opaque.REFRESH)
    service.delivery.flush()
    at = epoch_ms()
    refresh_expires_at = at + service.settings.auth.refresh_ttl_s * 1000
    try:
        committed = await service.store.append(
            RotateRefresh(at=at, old_hash=digest, new_hash=token.digest, new_expires_at=refresh_expires_at)
        )
    except Rejected as error:
        if error.revoked_device is not None:
            account, device_id = error.revoked_device
            service.log("warning", "account.refresh_reused", conn=link.connection.id, device=device_id)
            service.cut(account, CloseCode.REVOKED, device_id=device_id, but=link)
        link.fail(frame.request_id, error.code, error.sentence)
        if error.revoked_device is not None and link.device_id == error.revoked_device[1]:
            link.connection.close(CloseCode.REVOKED)
        return
    device: DeviceRow = committed.result
    row = await service.store.account_by_uid(device.uid)
    if row is None:
        raise Refused(ErrorCode.TOKEN_REVOKED)
    link.attaching = True
    await _sign_in(service, link, frame, row, device, token.text.reveal(), refresh_expires_at)


async def _sign_in(
    service: Service,
    link: Link,
    frame: LogIn | Refresh,
    row: AccountRow,
    device: DeviceRow,
    refresh_token: str,
    refresh_expires_at: int,
) -> None:
    access = service.tokens.mint(row.uid, device.device_id, epoch_ms())
    ready = await sessions.attach(service, link, row, device, access.expires_at)
    link.reply(
        frame,
        SessionTokens(
            uid=row.uid,
            login=row.login,
            device_id=device.device_id,
            access_token=access.text.reveal(),
            access_expires_at=access.expires_at,
            refresh_token=refresh_token,
            refresh_expires_at=refresh_expires_at,
        ),
    )
    link.send(ready)
