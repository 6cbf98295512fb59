"""Keys of terminals without a keyboard protocol that Textual's parser takes for others."""

from enum import Enum

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS


class _Learned(Enum):
    """Names as Textual writes them."""

    ALT_ENTER = "alt+enter"


_SEQUENCES: dict[str, _Learned] = {
    # Without this Alt-Enter arrives as Enter, and half a message is sent.
    "\x1b\r": _Learned.ALT_ENTER,
    "\x1b\n": _Learned.ALT_ENTER,
}


def learn_keys() -> None:
    """Teach Textual's parser the sequences it lacks; those that it knows by now stay as they are."""
    table: dict[str, object] = dict(ANSI_SEQUENCES_KEYS)
    for sequence, key in _SEQUENCES.items():
        if sequence not in table:
            ANSI_SEQUENCES_KEYS[sequence] = (key,)  # type: ignore[index]  # a dict in truth; the parser reads `.value` alone
