"""The picture of a call, kept up to date: each change makes a new one, and tells whoever shows it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .messages import SoundTrouble, Stats
from .verdict import Quality
from .view import CallView


class Picture:
    """What is shown of a call, and what its quality was.

    Args:
        view: how it begins.
        on_change: called after each change.
    """

    def __init__(self, view: CallView, on_change: Callable[[], None]) -> None:
        self.view = view
        self.quality = Quality()
        self._on_change = on_change

    def show(self, **changes: Any) -> None:
        """Replace fields of the view; an unknown one is a `TypeError`."""
        view = replace(self.view, **changes)
        if view != self.view:
            self.view = view
            self._on_change()

    def stats(self, stats: Stats) -> None:
        """A second of the call."""
        self.quality.observe(stats)
        self.show(
            path=stats.path,
            rtt_ms=stats.rtt_ms,
            jitter_ms=stats.jitter_ms,
            near_loss=stats.near_loss,
            far_loss=stats.far_loss,
            buffer_ms=stats.buffer_ms,
            bitrate=stats.bitrate,
            concealed_ms=self.quality.concealed_ms,
        )

    def sound_trouble(self, trouble: SoundTrouble) -> None:
        """A device fails, or works again."""
        others = {key: text for key, text in self.view.sound_trouble.items() if key != trouble.direction}
        if trouble.sentence is not None:
            self.quality.sound_was_missing = True
            others[trouble.direction] = trouble.sentence
        self.show(sound_trouble=others)

    def over(self, now_s: float) -> None:
        """The call has ended."""
        since = self.view.connected_at_s
        self.show(
            talked_s=None if since is None else now_s - since,
            verdict=self.quality.verdict(),
            near_level=0,
            far_level=0,
        )
