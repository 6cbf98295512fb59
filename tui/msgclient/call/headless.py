"""A call without a face, for scripts and tests: dial, play a file, record what comes, hang up, say how it was."""

from pathlib import Path

import anyio
import msgspec

from ..client import Client
from .calls import CallImpossible, Calls
from .machine import Reason, State
from .messages import FileSound
from .view import CallView

_ENGINE_WAIT_S = 30.0
_PATIENCE_S = 90.0
"""Ringing and connecting end by themselves before."""


class Outcome(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How a call went. Losses are shares of the last second, 0.0 to 1.0."""

    peer: str
    connected: bool
    reason: str | None
    sentence: str | None = None
    talked_s: float = 0.0
    setup_ms: int | None = None
    path: str | None = None
    rtt_ms: float | None = None
    jitter_ms: float | None = None
    near_loss: float | None = None
    far_loss: float | None = None
    concealed_ms: int = 0
    reconnects: int = 0
    security: str = "unknown"
    code: list[str] = []
    verdict: str | None = None


async def call(
    client: Client,
    to: str,
    *,
    duration_s: float,
    play: Path | None = None,
    record: Path | None = None,
    relay_only: bool = False,
) -> Outcome:
    """Place one call and wait for its end.

    Args:
        client: connected and signed in, inside its block.
        to: login or uid.
        duration_s: hang up so long after sound came through.
        play: a sound file to speak; silence without.
        record: a WAV file for what is heard.
        relay_only: never show an own address to the other side.

    Raises `CallImpossible` where no call can be placed from here at all. A call that the other side does not take is an
    outcome.
    """
    sound = FileSound(play=None if play is None else str(play), record=None if record is None else str(record))
    async with Calls(client, sound=sound, relay_only=relay_only, rings=False) as calls:
        with anyio.move_on_after(_ENGINE_WAIT_S) as waiting:
            await calls.wait_for(lambda view: view.is_ready or view.engine_sentence is not None)
        if waiting.cancelled_caught or not calls.view.is_ready:
            raise CallImpossible(calls.view.engine_sentence or "The call engine does not start.")
        await calls.place(to)
        with anyio.move_on_after(_PATIENCE_S):
            await calls.wait_for(lambda view: view.call is not None and _has_settled(view.call))
        if calls.view.call is not None and not calls.view.call.is_over:
            with anyio.move_on_after(duration_s):
                await calls.wait_for(lambda view: view.call is not None and view.call.is_over)
        if calls.view.call is not None and not calls.view.call.is_over:
            calls.hang_up()
        ended = calls.view.call
        assert ended is not None, "a call was placed"
        # The engine completes the recording, and the server learns of the end.
        await anyio.sleep(0.5)
        return _outcome(ended)


def _has_settled(call: CallView) -> bool:
    return call.state in {State.ACTIVE, State.HELD, State.ENDED}


def _outcome(call: CallView) -> Outcome:
    return Outcome(
        peer=call.login,
        connected=call.connected_at_s is not None,
        reason=str(call.reason or Reason.FAILED),
        sentence=call.sentence,
        talked_s=round(call.talked_s or 0.0, 2),
        setup_ms=call.setup_ms,
        path=call.path,
        rtt_ms=call.rtt_ms,
        jitter_ms=call.jitter_ms,
        near_loss=call.near_loss,
        far_loss=call.far_loss,
        concealed_ms=call.concealed_ms,
        reconnects=call.reconnects,
        security=call.security,
        code=[sign.name for sign in call.code],
        verdict=call.verdict,
    )
