"""How a connection joins the service, stays in it, and leaves it."""

import trio

from msgd.clock import epoch_ms
from msgd.core.stream import Stream
from msgd.handlers import calls
from msgd.link import Link, Refused
from msgd.net import Connection
from msgd.people import Here, Person
from msgd.service import Service
from msgd.store.commands import TouchDevice
from msgd.store.interface import AccountRow, DeviceRow, Outcome
from msgwire import Authenticate, CloseCode, ErrorCode, Ready, TokenExpiring, encode

_EXPIRING_LEAD_S = 60.0
_EXPIRING_SHARE = 0.25


def open_link(service: Service, connection: Connection) -> Link:
    """A connection is open: greet it, and give it its time to sign in."""
    service.log("debug", "connection.opened", conn=connection.id)
    link = Link(service, connection, lambda gone: detached(service, gone))
    if service.draining or len(service.links) >= service.settings.limits.max_connections:
        connection.close(CloseCode.TRY_AGAIN_LATER, "too many connections, try again later")
        return link
    service.links.add(link)
    link.send(service.hello())
    link.alarms.append(
        service.alarms.after(
            service.settings.limits.auth_timeout_s,
            lambda: connection.close(CloseCode.UNAUTHENTICATED, "not authenticated in time"),
        )
    )
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        link.attaching = True
        link.message(encode(Authenticate(access_token=token.strip())))
    return link


async def attach(
    service: Service, link: Link, row: AccountRow, device: DeviceRow, expires_at: int, cursor: int | None = None
) -> Ready:
    """Make a connection the session of a device; the `ready` that says where its event stream starts.

    The caller sends it in the same turn: from then on events may follow.
    """
    person = Person(row.account, row.uid, row.login)
    if link.person is not None and link.device_id != device.device_id:
        raise Refused(ErrorCode.CONFLICT, "This connection is signed in as another device.")
    if link.stream is not None and link.here is not None:
        if cursor is not None:
            floors = await service.store.floors([row.account])
            link.stream.rewind(max(cursor, floors.get(row.account, 0)))
            service.delivery.mark(link)
        _renew(service, link, expires_at)
        return _ready(service, link, link.stream.last, link.stream.head)
    cuts = service.cuts
    here = await _here(service, row, device.cursor)
    heads = await service.store.heads([row.account])
    floors = await service.store.floors([row.account])
    await _still_good(service, row, device)
    while service.cuts != cuts:
        cuts = service.cuts
        await _still_good(service, row, device)
    if link.gone:
        raise Refused(ErrorCode.UNAUTHENTICATED)
    if len(here.links) >= service.settings.limits.max_connections_per_account:
        link.connection.close(CloseCode.TRY_AGAIN_LATER, "too many connections of this account")
        raise Refused(ErrorCode.RATE_LIMITED, "This account has too many connections.")
    head = heads.get(row.account, 0)
    # What every device has acknowledged long ago is no longer there to be pushed.
    start = max(min(head, device.cursor if cursor is None else cursor), floors.get(row.account, 0))
    link.person = person
    link.device_id = device.device_id
    link.stream = Stream(start, head, service.settings.limits.window)
    link.here = here
    # The account may have left for good while the store was read.
    service.online.add(here)
    here.links.append(link)
    service.log("info", "connection.authenticated", conn=link.connection.id, device=link.device_id)
    service.presence.up(row.account, row.presence, row.presence_text)
    # What was committed since the head was read is found by the pusher's own read.
    service.delivery.mark(link)
    service.nursery.start_soon(service.coord.up, row.account, link.connection.id)
    service.store.submit(TouchDevice(at=epoch_ms(), device_id=device.device_id), _unheard)
    _renew(service, link, expires_at)
    return _ready(service, link, start, head)


async def _still_good(service: Service, row: AccountRow, device: DeviceRow) -> None:
    """Raise `Refused` where the account or the device has come to an end since its rows were read."""
    now = await service.store.account_by_uid(row.uid)
    if now is not None and now.disabled:
        raise Refused(ErrorCode.ACCOUNT_DISABLED)
    known = await service.store.device(device.device_id)
    if now is None or known is None or known.revoked:
        raise Refused(ErrorCode.TOKEN_REVOKED)


async def _here(service: Service, row: AccountRow, delivered: int) -> Here:
    here = service.online.by_account.get(row.account)
    if here is not None:
        return here
    contacts = await service.store.contacts(row.account)
    here = service.online.by_account.get(row.account)
    if here is None:
        here = Here(
            Person(row.account, row.uid, row.login),
            delivered,
            {contact.uid for contact in contacts if contact.state == "accepted"},
            {contact.uid for contact in contacts if contact.state == "blocked"},
        )
        # Listed at once, so that contact events from now on reach its sets.
        service.online.add(here)
    return here


def _ready(service: Service, link: Link, cursor: int, head: int) -> Ready:
    person = link.person
    assert person is not None
    return Ready(
        uid=person.uid,
        login=person.login,
        device_id=link.device_id,
        cursor=cursor,
        head=head,
        calls=calls.device_back(service, link),
    )


def _renew(service: Service, link: Link, expires_at: int) -> None:
    """Let the connection live until its access token runs out, and tell it ahead of that."""
    link.cancel_alarms()
    link.expires_at = expires_at
    left_s = max(0.0, (expires_at - epoch_ms()) / 1000)
    lead_s = min(_EXPIRING_LEAD_S, left_s * _EXPIRING_SHARE)
    now = trio.current_time()
    link.alarms += [
        service.alarms.at(now + left_s - lead_s, lambda: link.send(TokenExpiring(expires_at=expires_at))),
        service.alarms.at(
            now + left_s, lambda: link.connection.close(CloseCode.UNAUTHENTICATED, "the access token ran out")
        ),
    ]


def detached(service: Service, link: Link) -> None:
    """A connection is gone."""
    service.left(link)
    link.cancel_alarms()
    service.delivery.forget(link)
    here = link.here
    if here is None or link.person is None:
        return
    here.links.remove(link)
    account, device_id = link.person.account, link.device_id
    link.stream = None
    link.here = None
    if not any(other.device_id == device_id for other in here.links):
        calls.device_lost(service, account, device_id)
    expires = service.presence.down(account, trio.current_time(), epoch_ms())
    if expires is not None:
        service.alarms.at(expires, lambda: service.presence.expire(account, trio.current_time()))
    service.nursery.start_soon(service.coord.down, account, link.connection.id)
    service.store.submit(TouchDevice(at=epoch_ms(), device_id=device_id), _unheard)


def _unheard(_outcome: Outcome) -> None:
    """When a device was seen is told as far as it could be written."""
