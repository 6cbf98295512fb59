"""The field types that several frames share, each with its bounds and its sentence."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_SEQ = 2**63 - 1

RequestId = Annotated[
    str, Meta(min_length=1, max_length=64, description="Chosen by the client; its one reply carries it as `re`.")
]
Uid = Annotated[str, Meta(description="Account id, a UUID.")]
PeerRef = Annotated[str, Meta(min_length=1, max_length=64, description="The other account: its uid, or its login.")]
DeviceId = Annotated[str, Meta(min_length=1, max_length=64, description="Device id, a UUID.")]
CallId = Annotated[str, Meta(min_length=1, max_length=64, description="Call id, a UUID.")]
MessageId = Annotated[
    str, Meta(min_length=1, max_length=64, description="Message id: opaque to clients, and sorts by age.")
]
ClientMessageId = Annotated[
    str,
    Meta(min_length=1, max_length=64, description="Chosen by the sender, unique per account."),
]
Login = Annotated[str, Meta(description="2 to 32 of `a-z 0-9 . _ -`, starting with a letter.")]
Seq = Annotated[int, Meta(ge=0, le=MAX_SEQ, description="A place in the account's mailbox: 1, 2, 3 … with no holes.")]
Millis = Annotated[int, Meta(ge=0, le=MAX_SEQ, description="UTC epoch milliseconds.")]
Text = Annotated[str, Meta(min_length=1, description="1 to `limits.max_text_bytes` bytes of UTF-8, kept to the byte.")]
Note = Annotated[str, Meta(max_length=512, description="A few words that go with a contact request.")]
PageLimit = Annotated[int, Meta(ge=1, le=200, description="How many items at most, 1 to 200.")]
Sdp = Annotated[str, Meta(min_length=1, max_length=65536, description="A session description (RFC 8866).")]
Epoch = Annotated[int, Meta(ge=0, le=1_000_000, description="Counts the peer connections of one call; 0 when absent.")]
Opaque = Annotated[
    str, Meta(max_length=512, description="Passed from device to device untouched; verification is theirs alone.")
]

Registration = Literal["open", "invite", "closed"]
ContactState = Literal["none", "requested", "pending", "accepted", "blocked"]
Status = Literal["online", "away", "dnd", "offline"]
OwnStatus = Literal["online", "away", "dnd", "invisible"]
SentStatus = Literal["delivered_live", "stored"]
Direction = Literal["outgoing", "incoming"]
Medium = Literal["audio"]


class Base(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What every frame and every part of one is. Absent and null mean the same where a field is optional."""

    def __repr__(self) -> str:
        """The name alone: fields hold texts, passwords and tokens, and a repr ends up in logs."""
        return f"<{type(self).__name__}>"


class ClientFrame(Base, tag_field="type", kw_only=True):
    """A frame that a client sends."""

    request_id: RequestId | None = None


class ServerFrame(Base, tag_field="type", kw_only=True):
    """A frame that the server sends."""


class Reply(ServerFrame, kw_only=True):
    """A server frame that answers a request: `re` is the request's id."""

    re: RequestId | None = None


def tag(frame_type: type[msgspec.Struct]) -> str:
    """The `type` (or `kind`) that stands for `frame_type` on the wire."""
    value = frame_type.__struct_config__.tag
    assert isinstance(value, str)
    return value
