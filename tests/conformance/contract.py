"""Every row of the wire contract in one place: requests, frames, events, error codes, close codes, limits and rules.

The client of this suite checks every frame that it receives against these tables, and a test of the suite fails
when a row has no test. A field name that ends in `?` is optional: it is absent, or null, when there is nothing to say.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])
Frame = dict[str, Any]
Check = Callable[[Any], bool]

SUBPROTOCOL: Final = "msgd.v1"
PATH: Final = "/v1/ws"


def text(value: Any) -> bool:
    """Any string, the empty one too."""
    return isinstance(value, str)


def name(value: Any) -> bool:
    """A string with something in it."""
    return isinstance(value, str) and bool(value)


def number(value: Any) -> bool:
    """A whole number of zero or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def time_ms(value: Any) -> bool:
    """UTC epoch milliseconds: a value in seconds or microseconds is caught."""
    return number(value) and 1_600_000_000_000 < value < 4_000_000_000_000


def uuid_text(value: Any) -> bool:
    """A UUID in its canonical spelling."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def anything(value: Any) -> bool:
    """A value that the server passes on without looking at it."""
    return True


def one_of(*allowed: str) -> Check:
    """One of these words."""
    return lambda value: value in allowed


def list_of(item: Check) -> Check:
    """A list in which each element passes."""
    return lambda value: isinstance(value, list) and all(item(each) for each in value)


def record(fields: Mapping[str, Check]) -> Check:
    """An object with these fields; further ones are ignored."""
    return lambda value: isinstance(value, dict) and not faults(value, fields)


def faults(frame: Frame, fields: Mapping[str, Check]) -> list[str]:
    """What is wrong with a frame, by field; unknown fields are no fault."""
    found = []
    for spelled, check in fields.items():
        field = spelled.rstrip("?")
        if field not in frame:
            if not spelled.endswith("?"):
                found.append(f"{field} is missing")
        elif frame[field] is None and spelled.endswith("?"):
            continue
        elif not check(frame[field]):
            found.append(f"{field} is {type(frame[field]).__name__}, not as the contract says")
    return found


# Words of the contract.
REGISTRATIONS: Final = ("open", "invite", "closed")
STATUSES: Final = ("online", "away", "dnd", "offline")
STATES: Final = ("none", "requested", "pending", "accepted", "blocked")
SEND_STATUSES: Final = ("delivered_live", "stored")
REASONS: Final = ("hangup", "declined", "busy", "no_answer", "cancelled", "failed", "lost", "glare")
OUTCOMES: Final = ("answered", "missed", "declined", "busy", "failed", "cancelled")
LIMITS: Final = ("max_message_bytes", "max_text_bytes", "window", "max_mailbox", "idle_timeout_s", "auth_timeout_s")
ERROR_CODES: Final = (
    *("bad_frame", "unknown_type", "unauthenticated", "invalid_credentials", "token_expired", "token_revoked"),
    *("account_disabled", "registration_closed", "invite_invalid", "login_taken", "login_invalid", "password_weak"),
    *("not_found", "forbidden", "blocked", "conflict", "too_large", "rate_limited", "mailbox_full", "peer_offline"),
    *("busy", "call_not_found", "call_state", "turn_unavailable", "unavailable", "internal"),
)
CLOSE_CODES: Final = (1000, 1003, 1009, 1012, 1013, 4401, 4403, 4408, 4429)

status, state, reason = one_of(*STATUSES), one_of(*STATES), one_of(*REASONS)
MESSAGE: Final[Mapping[str, Check]] = {
    "message_id": name,
    "client_message_id": name,
    "from": uuid_text,
    "from_login": name,
    "to": uuid_text,
    "text": text,
    "sent_at": time_ms,
    "reply_to?": name,
}
CALL_RECORD: Final[Mapping[str, Check]] = {
    "call_id": uuid_text,
    "peer": uuid_text,
    "direction": name,
    "outcome": one_of(*OUTCOMES),
    "started_at": time_ms,
    "duration_ms": number,
}


def history_item(value: Any) -> bool:
    """A message, or the record of a call, as `history` lists them."""
    if not isinstance(value, dict):
        return False
    fields = CALL_RECORD if "call_id" in value else {**MESSAGE, "edited_at?": time_ms, "deleted?": flag}
    return not faults(value, fields)


DEVICE: Final[Mapping[str, Check]] = {
    "device_id": uuid_text,
    "name": text,
    "created_at": time_ms,
    "last_seen_at": time_ms,
    "current": flag,
}
USER: Final[Mapping[str, Check]] = {"uid": uuid_text, "login": name, "status": status}
CONTACT: Final[Mapping[str, Check]] = {**USER, "state": state, "note?": text, "since": time_ms}
READY: Final[Mapping[str, Check]] = {
    "uid": uuid_text,
    "login": name,
    "device_id": uuid_text,
    "cursor": number,
    "head": number,
    "calls?": list_of(anything),
}

# Replies: what a request that went well is answered with, besides `re`.
REPLIES: Final[Mapping[str, Mapping[str, Check]]] = {
    "registered": {"uid": uuid_text, "login": name},
    "session": {
        "uid": uuid_text,
        "login": name,
        "device_id": uuid_text,
        "access_token": name,
        "access_expires_at": time_ms,
        "refresh_token": name,
        "refresh_expires_at": time_ms,
    },
    "ready": READY,
    "pong": {"at": time_ms},
    "ok": {},
    "devices": {"devices": list_of(record(DEVICE))},
    "users": {"users": list_of(record(USER))},
    "user": {**USER, "last_seen_at?": time_ms, "contact": state, "created_at": time_ms},
    "contact": {**CONTACT, "state": state},
    "contacts": {"contacts": list_of(record(CONTACT))},
    "sent": {
        "message_id": name,
        "client_message_id": name,
        "at": time_ms,
        "seq": number,
        "status": one_of(*SEND_STATUSES),
    },
    "history": {"items": list_of(history_item), "more": flag},
    "conversations": {
        "conversations": list_of(
            record(
                {
                    "peer": uuid_text,
                    "login": name,
                    "last": history_item,
                    "unread": number,
                    "delivered_up_to?": name,
                    "read_up_to?": name,
                    "my_read_up_to?": name,
                }
            )
        )
    },
    "call": {"call_id": uuid_text, "state": one_of("ringing"), "expires_at": time_ms},
    "ice_servers": {
        "ice_servers": list_of(record({"urls": anything, "username?": name, "credential?": name})),
        "ttl_s": number,
    },
}

# Pushes: what comes unasked, without `re`.
PUSHES: Final[Mapping[str, Mapping[str, Check]]] = {
    "hello": {
        "protocol": one_of(SUBPROTOCOL),
        "server": lambda value: isinstance(value, str) and value.startswith("msgd/"),
        "registration": one_of(*REGISTRATIONS),
        "features": list_of(name),
        "limits": record(dict.fromkeys(LIMITS, number)),
    },
    "ready": READY,
    "token_expiring": {"expires_at": time_ms},
    "event": {"seq": lambda value: number(value) and value > 0, "at": time_ms, "event": record({"kind": name})},
    "receipt": {"peer": uuid_text, "delivered_up_to?": name, "read_up_to?": name},
    "read_marker": {"peer": uuid_text, "message_id": name},
    "typing": {"from": uuid_text, "active": flag},
    "presence": {"uid": uuid_text, "status": status, "text?": text, "last_seen_at?": time_ms},
    "incoming_call": {
        "call_id": uuid_text,
        "from": uuid_text,
        "from_login": name,
        "media": list_of(name),
        "commitment?": name,
        "expires_at": time_ms,
    },
    "call_accepted": {"call_id": uuid_text, "nonce?": name, "fingerprint?": name},
    "call_taken": {"call_id": uuid_text},
    "call_ended": {"call_id": uuid_text, "reason": reason},
    "offer": {"call_id": uuid_text, "sdp": text, "from": uuid_text, "epoch?": number, "nonce?": name},
    "answer": {"call_id": uuid_text, "sdp": text, "from": uuid_text, "epoch?": number, "nonce?": name},
    "candidate": {"call_id": uuid_text, "candidate": anything, "from": uuid_text, "epoch?": number},
}

ERROR: Final[Mapping[str, Check]] = {"code": one_of(*ERROR_CODES), "message": name, "retry_after_ms?": number}

EVENTS: Final[Mapping[str, Mapping[str, Check]]] = {
    "message": MESSAGE,
    "message_edited": {"message_id": name, "text": name},
    "message_deleted": {"message_id": name},
    "call": CALL_RECORD,
    "contact": {"peer": uuid_text, "state": state},
    "device": {"device_id": uuid_text},
}

# Requests: the fields by the kind of value that they take, and the type of the reply. `?` marks an optional field.
OPENING: Final[Mapping[str, tuple[Mapping[str, str], str]]] = {
    "register": ({"login": "text", "password": "text", "email?": "text", "invite?": "text"}, "registered"),
    "login": ({"login": "text", "password": "text", "device_name?": "text"}, "session"),
    "authenticate": ({"access_token": "text", "cursor?": "number"}, "ready"),
    "refresh": ({"refresh_token": "text"}, "session"),
    "ping": ({}, "pong"),
}
AUTHENTICATED: Final[Mapping[str, tuple[Mapping[str, str], str]]] = {
    "change_password": ({"old_password": "text", "new_password": "text"}, "ok"),
    "list_devices": ({}, "devices"),
    "revoke_device": ({"device_id": "text"}, "ok"),
    "logout": ({}, "ok"),
    "delete_account": ({"password": "text"}, "ok"),
    "ack": ({"seq": "number"}, ""),
    "search": ({"query": "text", "limit?": "number"}, "users"),
    "get_user": ({"uid?": "text", "login?": "text"}, "user"),
    "contact_request": ({"to": "text", "note?": "text"}, "contact"),
    "contact_accept": ({"peer": "text"}, "contact"),
    "contact_decline": ({"peer": "text"}, "contact"),
    "contact_remove": ({"peer": "text"}, "contact"),
    "block": ({"peer": "text"}, "ok"),
    "unblock": ({"peer": "text"}, "ok"),
    "list_contacts": ({}, "contacts"),
    "send": ({"to": "text", "text": "text", "client_message_id": "text", "reply_to?": "text"}, "sent"),
    "history": ({"peer": "text", "before?": "text", "after?": "text", "limit?": "number"}, "history"),
    "search_messages": ({"query": "text", "peer?": "text", "before?": "text", "limit?": "number"}, "history"),
    "conversations": ({"limit?": "number", "before?": "text"}, "conversations"),
    "edit": ({"message_id": "text", "text": "text"}, "ok"),
    "delete": ({"message_id": "text"}, "ok"),
    "read": ({"peer": "text", "message_id": "text"}, "ok"),
    "typing": ({"to": "text", "active": "flag"}, ""),
    "set_presence": ({"status": "text", "text?": "text"}, "ok"),
    "call_request": ({"to": "text", "media": "list", "commitment?": "text"}, "call"),
    "call_accept": ({"call_id": "text", "nonce?": "text", "fingerprint?": "text"}, "ok"),
    "call_reject": ({"call_id": "text", "reason?": "text"}, ""),
    "offer": ({"call_id": "text", "sdp": "text", "epoch?": "number", "nonce?": "text"}, ""),
    "answer": ({"call_id": "text", "sdp": "text", "epoch?": "number", "nonce?": "text"}, ""),
    "candidate": ({"call_id": "text", "candidate": "object", "epoch?": "number"}, ""),
    "call_end": ({"call_id": "text", "reason?": "text"}, ""),
    "ice_servers": ({}, "ice_servers"),
}
REQUESTS: Final = {**OPENING, **AUTHENTICATED}

# Sentences of the page that stand in no table; each is a row as well.
RULES: Final = (
    "frames in an array are handled in order",
    "one frame or an array, both directions",
    "unknown fields are ignored",
    "exactly one reply carries the request id",
    "no request id, no success reply, but an error",
    "request id of 1 to 64 characters",
    "only the opening before authentication",
    "bearer token in the handshake",
    "session and then ready",
    "logins compared without case",
    "seq without holes",
    "cursor survives connection and daemon",
    "a new device starts after what was acknowledged",
    "sent stands for the event",
    "sent never waits for the window",
    "other devices of the sender get the message",
    "acknowledged is durable",
    "a repeated client_message_id is answered again",
    "text is kept to the byte",
    "delivered and read",
    "crossing requests become accepted",
    "blocking is silent",
    "invisible is offline",
    "a short drop is not announced",
    "every device rings, the others are told",
    "glare",
    "signaling only between the two devices",
    "a lost socket has a grace",
    "epoch, nonce and commitment pass untouched",
    "missed calls are found in the mailbox",
    "turn credentials run out",
    "bad input never ends the connection",
    "content stays out of the log",
)


def case(value: object) -> str:
    """The name of a test case by its value, short and in ASCII."""
    return ascii(value)[:24]


def rows() -> set[str]:
    """Every row of the contract by the name under which a test claims it."""
    return {
        *(f"request {each}" for each in REQUESTS),
        *(f"reply {each}" for each in REPLIES),
        *(f"push {each}" for each in PUSHES),
        *(f"event {each}" for each in EVENTS),
        *(f"error {each}" for each in ERROR_CODES),
        *(f"close {each}" for each in CLOSE_CODES),
        *(f"limit {each}" for each in LIMITS),
        *(f"registration {each}" for each in REGISTRATIONS),
        *(f"status {each}" for each in (*STATUSES, "invisible")),
        *(f"state {each}" for each in STATES),
        *(f"sent {each}" for each in SEND_STATUSES),
        *(f"reason {each}" for each in REASONS),
        *(f"outcome {each}" for each in OUTCOMES),
        *(f"rule {each}" for each in RULES),
    }


def walks(*claimed: str) -> Callable[[Test], Test]:
    """Say which rows a test walks. An unknown row is an error where it is written."""
    unknown = set(claimed) - rows()
    if unknown or not claimed:
        raise ValueError(f"no such row of the contract: {sorted(unknown)}")
    return lambda test: test
