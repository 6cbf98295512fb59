"""The value types of settings beyond plain numbers and strings: addresses, secrets, bounded numbers."""

import re
from typing import Self

import msgspec

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:\s]+)):(?P<port>[0-9]{1,5})")


class Address(msgspec.Struct, frozen=True):
    """A TCP address, written HOST:PORT or [IPV6]:PORT.

    Attributes:
        host: Name or literal address, without brackets.
        port: 0 to 65535; 0 asks the system for a free port.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read HOST:PORT.

        Raises:
            ValueError: The text is no address, or the port is over 65535.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > 65535:
            raise ValueError("not an address")
        return cls(match["v6"] or match["host"], int(match["port"]))

    def __str__(self) -> str:
        """Write it as it was read."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Secret:
    """A text that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Wrap the text."""
        self._text = text

    def reveal(self) -> str:
        """Give the text itself; call it only where the secret is used."""
        return self._text

    def __repr__(self) -> str:
        """Hide the text, also from tracebacks and dumps."""
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Compare for a changed configuration; never for a secret that somebody presents."""
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._text)


def between(low: float, high: float) -> msgspec.Meta:
    """Bound a number: both ends are allowed."""
    return msgspec.Meta(ge=low, le=high)
