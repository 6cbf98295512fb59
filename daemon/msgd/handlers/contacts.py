"""Handlers of users, contacts and presence."""

from typing import cast, get_args

import trio

from msgd.clock import epoch_ms
from msgd.link import Link, Refused
from msgd.people import Person
from msgd.service import Service
from msgd.store.commands import ChangeContact, ContactAction, SetPresence
from msgd.store.interface import ContactRow
from msgwire import (
    Block,
    Contact,
    ContactAccept,
    ContactDecline,
    ContactEntry,
    ContactRemove,
    ContactRequest,
    Contacts,
    ErrorCode,
    FoundUser,
    GetUser,
    ListContacts,
    Ok,
    Presence,
    Search,
    Unblock,
    User,
    Users,
    encode,
)
from msgwire import SetPresence as SetPresenceFrame
from msgwire.types import ContactState, Status

DEFAULT_FOUND = 20


def _status(text: str) -> Status:
    assert text in get_args(Status), "the board shows others only what the wire has a word for"
    return cast("Status", text)


async def search(service: Service, link: Link, frame: Search) -> None:
    """Find people by login, prefix or uid."""
    assert link.person is not None
    wait_ms = service.search_throttle.spend(link.person.uid, trio.current_time())
    if wait_ms:
        service.metrics.throttled("search")
        raise Refused(ErrorCode.RATE_LIMITED, "Too many searches: wait.", retry_after_ms=wait_ms)
    limit = min(frame.limit or DEFAULT_FOUND, service.settings.limits.history_page)
    rows = await service.store.search_accounts(frame.query, limit)
    asker = link.person.uid
    link.reply(
        frame,
        Users(
            users=[
                FoundUser(
                    uid=row.uid,
                    login=row.login,
                    status=_status(service.seen(Person(row.account, row.uid, row.login), asker).status),
                )
                for row in rows
            ]
        ),
    )


async def get_user(service: Service, link: Link, frame: GetUser) -> None:
    """Look one account up."""
    assert link.person is not None
    await link.wait_settled()
    ref = frame.uid or frame.login
    if ref is None or (frame.uid is not None and frame.login is not None):
        raise Refused(ErrorCode.BAD_FRAME, "Name either a uid or a login.")
    row = await service.directory.row(ref)
    if row is None:
        raise Refused(ErrorCode.NOT_FOUND, "There is no such account.")
    person = Person(row.account, row.uid, row.login)
    contact = await service.store.contact(link.account, row.account)
    seen = service.seen(person, link.person.uid)
    may_know = contact.state == "accepted" and not contact.blocked_by_peer and row.presence != "invisible"
    link.reply(
        frame,
        User(
            uid=row.uid,
            login=row.login,
            status=_status(seen.status),
            contact=_state(contact),
            created_at=row.created_at,
            last_seen_at=row.last_seen_at if may_know and seen.status == "offline" else None,
        ),
    )


def _state(row: ContactRow) -> ContactState:
    return cast("ContactState", row.state)


async def _change(service: Service, link: Link, ref: str, action: ContactAction, note: str | None = None) -> ContactRow:
    assert link.person is not None
    peer = await service.resolve(link, ref)
    if peer.account == link.person.account:
        raise Refused(ErrorCode.CONFLICT, "That is your own account.")
    committed = await service.store.append(
        ChangeContact(at=epoch_ms(), account=link.person.account, peer=peer.account, action=action, note=note)
    )
    return cast("ContactRow", committed.result)


def _show(service: Service, link: Link, row: ContactRow) -> Contact:
    assert link.person is not None
    status = "offline"
    if row.state == "accepted":
        status = service.seen(Person(row.peer, row.uid, row.login), link.person.uid).status
    return Contact(
        uid=row.uid, login=row.login, state=_state(row), status=_status(status), since=row.since, note=row.note
    )


def _introduce(service: Service, link: Link, row: ContactRow) -> None:
    """Two have become contacts: each learns how the other looks."""
    peer = service.online.by_account.get(row.peer)
    if row.state == "accepted" and row.changed and link.here is not None and peer is not None:
        service.introduce(link.here, peer)


async def contact_request(service: Service, link: Link, frame: ContactRequest) -> None:
    """Ask somebody to be a contact."""
    if frame.note is not None and len(frame.note.encode()) > service.settings.limits.max_note_bytes:
        raise Refused(ErrorCode.TOO_LARGE, "The note is too long.")
    row = await _change(service, link, frame.to, "request", frame.note)
    link.reply(frame, _show(service, link, row))
    _introduce(service, link, row)


async def contact_accept(service: Service, link: Link, frame: ContactAccept) -> None:
    """Accept a pending request."""
    row = await _change(service, link, frame.peer, "accept")
    link.reply(frame, _show(service, link, row))
    _introduce(service, link, row)


async def contact_decline(service: Service, link: Link, frame: ContactDecline) -> None:
    """Decline a pending request."""
    link.reply(frame, _show(service, link, await _change(service, link, frame.peer, "decline")))


async def contact_remove(service: Service, link: Link, frame: ContactRemove) -> None:
    """End a contact, or take a request back."""
    link.reply(frame, _show(service, link, await _change(service, link, frame.peer, "remove")))


async def block(service: Service, link: Link, frame: Block) -> None:
    """Block an account: from now on this one looks offline to it."""
    assert link.person is not None
    was = await service.resolve(link, frame.peer)
    looked = service.presence.seen(link.account).status
    row = await _change(service, link, frame.peer, "block")
    link.reply(frame, Ok())
    if row.changed and looked != "offline" and service.online.accepts(was.uid, link.person.uid):
        service.push(was.account, encode(Presence(uid=link.person.uid, status="offline")))


async def unblock(service: Service, link: Link, frame: Unblock) -> None:
    """Take a block back."""
    await _change(service, link, frame.peer, "unblock")
    link.reply(frame, Ok())


async def list_contacts(service: Service, link: Link, frame: ListContacts) -> None:
    """The contact list, with how each looks now."""
    await link.wait_settled()
    rows = await service.store.contacts(link.account)
    entries = []
    for row in rows:
        shown = _show(service, link, row)
        text = None
        if row.state == "accepted":
            assert link.person is not None
            text = service.seen(Person(row.peer, row.uid, row.login), link.person.uid).text
        entries.append(
            ContactEntry(
                uid=row.uid,
                login=row.login,
                state=shown.state,
                status=shown.status,
                since=row.since,
                note=row.note,
                text=text,
            )
        )
    link.reply(frame, Contacts(contacts=entries))


async def set_presence(service: Service, link: Link, frame: SetPresenceFrame) -> None:
    """Choose a status; kept over restarts."""
    account = link.account
    await service.store.append(SetPresence(at=epoch_ms(), account=account, status=frame.status, text=frame.text))
    if link.here is not None:
        service.presence.choose(account, frame.status, frame.text)
    link.reply(frame, Ok())
