"""The tables of frames: what a client may send, what answers it, and what the server pushes."""

from dataclasses import dataclass

from . import calls, events, opening, people, text
from .types import ClientFrame, Reply, ServerFrame, tag

SUBPROTOCOL = "msgd.v1"
PATH = "/v1/ws"


@dataclass(frozen=True, slots=True)
class Request:
    """One row of the contract: a client frame, the reply to one that carries an id, and when it is allowed."""

    frame: type[ClientFrame]
    reply: type[Reply] | None
    section: str
    before_sign_in: bool = False


REQUESTS: tuple[Request, ...] = (
    Request(opening.Register, opening.Registered, "Opening", before_sign_in=True),
    Request(opening.LogIn, opening.SessionTokens, "Opening", before_sign_in=True),
    Request(opening.Authenticate, opening.Ready, "Opening", before_sign_in=True),
    Request(opening.Refresh, opening.SessionTokens, "Opening", before_sign_in=True),
    Request(opening.Ping, opening.Pong, "Opening", before_sign_in=True),
    Request(opening.ChangePassword, opening.Ok, "Account"),
    Request(opening.ListDevices, opening.Devices, "Account"),
    Request(opening.RevokeDevice, opening.Ok, "Account"),
    Request(opening.LogOut, opening.Ok, "Account"),
    Request(opening.DeleteAccount, opening.Ok, "Account"),
    Request(text.Ack, opening.Ok, "Event stream"),
    Request(people.Search, people.Users, "Users and contacts"),
    Request(people.GetUser, people.User, "Users and contacts"),
    Request(people.ContactRequest, people.Contact, "Users and contacts"),
    Request(people.ContactAccept, people.Contact, "Users and contacts"),
    Request(people.ContactDecline, people.Contact, "Users and contacts"),
    Request(people.ContactRemove, people.Contact, "Users and contacts"),
    Request(people.Block, opening.Ok, "Users and contacts"),
    Request(people.Unblock, opening.Ok, "Users and contacts"),
    Request(people.ListContacts, people.Contacts, "Users and contacts"),
    Request(text.Send, text.Sent, "Text"),
    Request(text.History, text.HistoryPage, "Text"),
    Request(text.SearchMessages, text.HistoryPage, "Text"),
    Request(text.Conversations, text.ConversationsPage, "Text"),
    Request(text.Edit, opening.Ok, "Text"),
    Request(text.Delete, opening.Ok, "Text"),
    Request(text.Read, opening.Ok, "Text"),
    Request(text.Typing, opening.Ok, "Text"),
    Request(people.SetPresence, opening.Ok, "Presence"),
    Request(calls.CallRequest, calls.Call, "Calls"),
    Request(calls.CallAccept, opening.Ok, "Calls"),
    Request(calls.CallReject, opening.Ok, "Calls"),
    Request(calls.SendOffer, opening.Ok, "Calls"),
    Request(calls.SendAnswer, opening.Ok, "Calls"),
    Request(calls.SendCandidate, opening.Ok, "Calls"),
    Request(calls.CallEnd, opening.Ok, "Calls"),
    Request(calls.GetIceServers, calls.IceServers, "Calls"),
)

PUSHES: tuple[tuple[type[ServerFrame], str], ...] = (
    (opening.Hello, "Opening"),
    (opening.TokenExpiring, "Opening"),
    (events.Event, "Event stream"),
    (text.Receipt, "Text"),
    (text.ReadMarker, "Text"),
    (text.TypingPush, "Text"),
    (people.Presence, "Presence"),
    (calls.IncomingCall, "Calls"),
    (calls.CallAccepted, "Calls"),
    (calls.CallTaken, "Calls"),
    (calls.CallEnded, "Calls"),
    (calls.Offer, "Calls"),
    (calls.Answer, "Calls"),
    (calls.CandidatePush, "Calls"),
)

CLIENT_FRAMES: tuple[type[ClientFrame], ...] = tuple(row.frame for row in REQUESTS)

REPLIES: tuple[type[Reply], ...] = (
    opening.Registered,
    opening.SessionTokens,
    opening.Ready,
    opening.Pong,
    opening.Ok,
    opening.Error,
    opening.Devices,
    people.Users,
    people.User,
    people.Contact,
    people.Contacts,
    text.Sent,
    text.HistoryPage,
    text.ConversationsPage,
    calls.Call,
    calls.IceServers,
)

SERVER_FRAMES: tuple[type[ServerFrame], ...] = (*REPLIES, *(frame for frame, _ in PUSHES))

BEFORE_SIGN_IN: frozenset[str] = frozenset(tag(row.frame) for row in REQUESTS if row.before_sign_in)
