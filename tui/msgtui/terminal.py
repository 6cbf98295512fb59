"""Ends the program in good order when a signal or a closed terminal asks for it, and the terminal is left sane."""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

GRACE_S = 5.0
"""How long the orderly end may take; after it the terminal is restored by hand and the process ends."""

_RESTORE = (
    "\x1b[<u\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"
)
"""Keyboard protocol, mouse, paste, focus and resize reports off; line wrap on; the main screen and the cursor back."""


class TerminalGuard:
    """Watches over one terminal.

    Args:
        on_end: starts the orderly end; called on the event loop's thread, with the exit code.
        call: hands a call to the event loop, from a signal handler.
    """

    def __init__(self, on_end: Callable[[int], None], call: Callable[[Callable[[], None]], object]) -> None:
        self._on_end = on_end
        self._call = call
        self._has_begun = False
        self._input = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        self._settings: list[Any] | None = None
        if os.isatty(self._input):
            self._settings = termios.tcgetattr(self._input)

    def install(self) -> None:
        """Take SIGTERM and SIGHUP. Call it before the terminal is changed, on the main thread."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def check(self) -> None:
        """End when the terminal is gone, which not every shell tells by a signal."""
        if not self._has_begun and self._is_gone():
            self._end(128 + signal.SIGHUP)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._end(128 + number)

    def _end(self, code: int) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        if self._is_gone():
            # Writes to a terminal that is gone fail, and a failed writer would hold up the end.
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
        last_resort = threading.Timer(GRACE_S, self._leave, [code])
        last_resort.daemon = True
        last_resort.start()
        self._call(lambda: self._on_end(code))

    def _is_gone(self) -> bool:
        poll = select.poll()
        poll.register(self._input, 0)
        return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))

    def _leave(self, code: int) -> None:
        try:
            os.write(2, _RESTORE.encode())
            if self._settings is not None:
                termios.tcsetattr(self._input, termios.TCSANOW, self._settings)
        except (OSError, termios.error):
            pass  # the terminal is gone
        os._exit(code)
