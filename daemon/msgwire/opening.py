"""Frames of the opening and of the account: registration, sign-in, tokens, devices."""

import msgspec

from .types import (
    Base,
    ClientFrame,
    DeviceId,
    Login,
    Millis,
    Registration,
    Reply,
    Seq,
    ServerFrame,
    Uid,
)


class HelloLimits(Base, kw_only=True):
    """The limits that a client has to know."""

    max_message_bytes: int
    max_text_bytes: int
    window: int
    max_mailbox: int
    idle_timeout_s: int | float
    auth_timeout_s: int | float


class Hello(ServerFrame, tag="hello", kw_only=True):
    """The server's first frame on every connection."""

    protocol: str
    server: str
    registration: Registration
    features: list[str]
    limits: HelloLimits


class Register(ClientFrame, tag="register", kw_only=True):
    """Make an account. Replied to by `registered`; does not sign in."""

    login: str
    password: str
    email: str | None = None
    invite: str | None = None


class Registered(Reply, tag="registered", kw_only=True):
    """The account exists."""

    uid: Uid
    login: Login


class LogIn(ClientFrame, tag="login", kw_only=True):
    """Sign in with a password: makes a device and authenticates this socket as it."""

    login: str
    password: str
    device_name: str | None = None


class Authenticate(ClientFrame, tag="authenticate", kw_only=True):
    """Authenticate this socket by an access token; `cursor` overrides the stored one."""

    access_token: str
    cursor: Seq | None = None


class Refresh(ClientFrame, tag="refresh", kw_only=True):
    """Trade a refresh token for a new pair. A token used twice revokes its device."""

    refresh_token: str


class Ping(ClientFrame, tag="ping", kw_only=True):
    """Ask for a sign of life."""


class SessionTokens(Reply, tag="session", kw_only=True):
    """The tokens of one device. The refresh token works once."""

    uid: Uid
    login: Login
    device_id: DeviceId
    access_token: str
    access_expires_at: Millis
    refresh_token: str
    refresh_expires_at: Millis


class ReadyCall(Base, kw_only=True):
    """A call that this device may go on with after a reconnect."""

    call_id: str
    state: str
    peer: Uid
    direction: str


class Ready(Reply, tag="ready", kw_only=True):
    """The socket is authenticated and the event stream starts after `cursor`."""

    uid: Uid
    login: Login
    device_id: DeviceId
    cursor: Seq
    head: Seq
    calls: list[ReadyCall] = msgspec.field(default_factory=list)


class TokenExpiring(ServerFrame, tag="token_expiring", kw_only=True):
    """The access token of this socket runs out at `expires_at`: refresh, or be closed with 4401."""

    expires_at: Millis


class Pong(Reply, tag="pong", kw_only=True):
    """The answer to `ping`, with the server's clock."""

    at: Millis


class Ok(Reply, tag="ok", kw_only=True):
    """Done."""


class Error(Reply, tag="error", kw_only=True):
    """The request, or a frame without an id, failed. `code` is stable; `message` is for a person."""

    code: str
    message: str
    retry_after_ms: int | None = None


class ChangePassword(ClientFrame, tag="change_password", kw_only=True):
    """Change the password; ends every other session of the account."""

    old_password: str
    new_password: str


class ListDevices(ClientFrame, tag="list_devices", kw_only=True):
    """List the account's devices."""


class Device(Base, kw_only=True):
    """One revocable installation of an account."""

    device_id: DeviceId
    name: str
    created_at: Millis
    last_seen_at: Millis
    current: bool


class Devices(Reply, tag="devices", kw_only=True):
    """The account's devices, oldest first."""

    devices: list[Device]


class RevokeDevice(ClientFrame, tag="revoke_device", kw_only=True):
    """Revoke a device: its tokens end and its sockets are closed with 4403."""

    device_id: DeviceId


class LogOut(ClientFrame, tag="logout", kw_only=True):
    """End this device; the socket is closed with 1000 after `ok`."""


class DeleteAccount(ClientFrame, tag="delete_account", kw_only=True):
    """Delete the account for good. The login is never given out again."""

    password: str
