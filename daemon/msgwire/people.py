"""Frames of users, contacts and presence."""

from typing import Annotated

from msgspec import Meta

from .types import (
    Base,
    ClientFrame,
    ContactState,
    Login,
    Millis,
    Note,
    OwnStatus,
    PageLimit,
    PeerRef,
    Reply,
    ServerFrame,
    Status,
    Uid,
)

PresenceText = Annotated[str, Meta(max_length=128, description="A few words beside the status.")]


class Search(ClientFrame, tag="search", kw_only=True):
    """Find accounts by login, login prefix or uid."""

    query: Annotated[str, Meta(min_length=1, max_length=64)]
    limit: PageLimit | None = None


class FoundUser(Base, kw_only=True):
    """One account that a search found."""

    uid: Uid
    login: Login
    status: Status


class Users(Reply, tag="users", kw_only=True):
    """What a search found, the exact match first, then by login."""

    users: list[FoundUser]


class GetUser(ClientFrame, tag="get_user", kw_only=True):
    """Look one account up, by `uid` or by `login`."""

    uid: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    login: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class User(Reply, tag="user", kw_only=True):
    """One account, as the asker may see it."""

    uid: Uid
    login: Login
    status: Status
    contact: ContactState
    created_at: Millis
    last_seen_at: Millis | None = None


class ContactRequest(ClientFrame, tag="contact_request", kw_only=True):
    """Ask somebody to be a contact. Two crossing requests become `accepted`."""

    to: PeerRef
    note: Note | None = None


class ContactAccept(ClientFrame, tag="contact_accept", kw_only=True):
    """Accept a pending request."""

    peer: PeerRef


class ContactDecline(ClientFrame, tag="contact_decline", kw_only=True):
    """Decline a pending request."""

    peer: PeerRef


class ContactRemove(ClientFrame, tag="contact_remove", kw_only=True):
    """End a contact, or take a request back."""

    peer: PeerRef


class ContactEntry(Base, kw_only=True):
    """One entry of the contact list."""

    uid: Uid
    login: Login
    state: ContactState
    status: Status
    since: Millis
    note: str | None = None
    text: str | None = None


class Contact(Reply, tag="contact", kw_only=True):
    """The contact as it now stands for the asker."""

    uid: Uid
    login: Login
    state: ContactState
    status: Status
    since: Millis
    note: str | None = None


class Block(ClientFrame, tag="block", kw_only=True):
    """Block an account, silently: to them, you look offline from now on."""

    peer: PeerRef


class Unblock(ClientFrame, tag="unblock", kw_only=True):
    """Take a block back."""

    peer: PeerRef


class ListContacts(ClientFrame, tag="list_contacts", kw_only=True):
    """List contacts, requests both ways and blocks."""


class Contacts(Reply, tag="contacts", kw_only=True):
    """The contact list, by login."""

    contacts: list[ContactEntry]


class SetPresence(ClientFrame, tag="set_presence", kw_only=True):
    """Set the account's status and the words beside it."""

    status: OwnStatus
    text: PresenceText | None = None


class Presence(ServerFrame, tag="presence", kw_only=True):
    """A contact's presence changed."""

    uid: Uid
    status: Status
    text: str | None = None
    last_seen_at: Millis | None = None
