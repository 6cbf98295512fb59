"""What a face shows of calls: one immutable picture, replaced as a whole with every change."""

import enum
from dataclasses import dataclass, field

from .emoji import Sign
from .machine import Reason, State


class Security(enum.StrEnum):
    """What is known of who is at the other end.

    `UNKNOWN`: not yet connected. `UNVERIFIED`: compare the code. `VERIFIED`: this device of theirs was compared before.
    `CHANGED`: somebody of that account was compared before, this device was not: say it loudly. `UNAVAILABLE`: their
    program cannot be verified. `REFUSED`: what came did not fit, and the call was ended.
    """

    UNKNOWN = "unknown"
    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    CHANGED = "changed"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CallView:
    """The call of this device, or the one that has just ended.

    Attributes:
        peer, login: the other account; `peer` is empty until the server has named it.
        direction: `outgoing` or `incoming`.
        reason: how it ended.
        sentence: what the person should read beside the state, where there is something to say.
        connected_at_s: when sound first came through, by the monotonic clock of the event loop.
        talked_s: how long, once it has ended.
        is_muted, is_deafened, is_held_here, is_held_there: who hears whom.
        security, code: who is at the other end, and the signs to compare.
        path: `direct`, `punched`, `relay`, `relay/udp`, `relay/tcp` or `relay/tls`.
        near_loss, far_loss: shares lost in the last second of what comes and of what goes.
        concealed_ms: sound that was made up, in the whole call.
        near_level, far_level: meters, 0 to 100.
        sound_trouble: sentences about devices that do not work, by `input` and `output`.
        cancels_echo: False where a headset is needed; None while that is open.
        verdict: one line about the quality, once it has ended.
    """

    call_id: str | None
    peer: str
    login: str
    direction: str
    state: State
    reason: Reason | None = None
    sentence: str | None = None
    connected_at_s: float | None = None
    talked_s: float | None = None
    is_muted: bool = False
    is_deafened: bool = False
    is_held_here: bool = False
    is_held_there: bool = False
    security: Security = Security.UNKNOWN
    code: tuple[Sign, ...] = ()
    path: str | None = None
    setup_ms: int | None = None
    rtt_ms: float | None = None
    jitter_ms: float | None = None
    near_loss: float | None = None
    far_loss: float | None = None
    buffer_ms: int | None = None
    bitrate: int | None = None
    concealed_ms: int = 0
    reconnects: int = 0
    near_level: int = 0
    far_level: int = 0
    sound_trouble: dict[str, str] = field(default_factory=dict)
    cancels_echo: bool | None = None
    verdict: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state is State.ENDED


@dataclass(frozen=True, slots=True)
class CallsView:
    """Everything about calls at one moment.

    Attributes:
        call: the current call, or the last one until the next begins; None before the first.
        is_ready: whether the engine runs, so that a call can be placed or answered.
        engine_sentence: why it does not.
        mic_level: what the check of the microphone hears, 0 to 100; None while there is none.
    """

    call: CallView | None = None
    is_ready: bool = False
    engine_sentence: str | None = None
    mic_level: int | None = None
