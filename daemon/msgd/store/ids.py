"""Message ids: 63-bit integers that grow with time, written as sixteen lower-case hex digits that sort as they do."""

COUNTER_BITS = 20
_DIGITS = frozenset("0123456789abcdef")
_LENGTH = 16
_LARGEST = 2**63 - 1


class MessageIds:
    """Gives out ids: milliseconds in the high bits, a counter in the low ones; a clock that steps back changes nothing.

    Only one of these may give ids to a store. More than 2**20 ids in one millisecond borrow from the next.
    """

    def __init__(self, last: int = 0) -> None:
        """Start after `last`, the highest id that was given out before."""
        self.last = last

    def next(self, at: int) -> int:
        """The next id, for something that happened at `at` (UTC epoch ms)."""
        number = at << COUNTER_BITS
        if number <= self.last:
            number = self.last + 1
        self.last = number
        return number


def encode_id(number: int) -> str:
    """How an id is written on the wire."""
    return f"{number:016x}"


def decode_id(text: str) -> int | None:
    """The id that `text` stands for; None where it is no id of ours."""
    if len(text) != _LENGTH or not _DIGITS.issuperset(text):
        return None
    number = int(text, 16)
    return number if 0 < number <= _LARGEST else None
