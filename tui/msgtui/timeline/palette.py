"""The styles that the timeline paints with, read from the theme once."""

from dataclasses import dataclass, fields

from rich.style import Style

COMPONENTS = frozenset(
    f"timeline--{name.replace('_', '-')}"
    for name in (
        "text",
        "quiet",
        "odd",
        "me",
        "peer",
        "my_bar",
        "peer_bar",
        "day",
        "unread",
        "failure",
        "call",
        "read",
        "selected",
    )
)


@dataclass(frozen=True, slots=True)
class Palette:
    """One style for each part of a message; a field is the component class `timeline--FIELD`."""

    text: Style
    quiet: Style
    odd: Style
    me: Style
    peer: Style
    my_bar: Style
    peer_bar: Style
    day: Style
    unread: Style
    failure: Style
    call: Style
    read: Style
    selected: Style

    @classmethod
    def names(cls) -> list[str]:
        """The fields, in order."""
        return [field.name for field in fields(cls)]
