"""Broken frames made from good ones: changed values, fields and bytes, from one seed and therefore again at will."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any, Final

ODD_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 0.5, 1e300, -0.0),
    *("", " ", "\0", "\n", "x" * 64, "x" * 65, "x" * 5000, "\u202e", "💌", "\ud83d", "\ufeff", "é" * 40),
    *("00000000-0000-4000-8000-000000000000", "null", "' OR 1=1 --", "../../etc/passwd", "%s%n", "*", '"'),
    *([], {}, [[]], [None], {"a": {"b": {"c": []}}}, ["audio"], ["audio"] * 500, {"type": "ping"}),
)
ODD_BYTES: Final = (b"\0", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\\u", b"\\ud800", b"1e999", b"\x7f", b"-")


class Mutator:
    """An endless source of frames, most of which are broken in one way or several."""

    def __init__(self, golden: list[dict[str, Any]], seed: int) -> None:
        self._golden = golden
        self._chance = random.Random(seed)

    def frames(self) -> Iterator[str]:
        """Text messages for the wire."""
        while True:
            choice = self._chance.random()
            if choice < 0.05:
                yield json.dumps(self._golden_frame())
            elif choice < 0.65:
                yield json.dumps(self._with_odd_fields(self._golden_frame()))
            elif choice < 0.75:
                yield json.dumps(
                    [self._with_odd_fields(self._golden_frame()) for _ in range(self._chance.randrange(5))]
                )
            else:
                yield self._with_odd_bytes(json.dumps(self._golden_frame()).encode())

    def _golden_frame(self) -> dict[str, Any]:
        return copy.copy(self._chance.choice(self._golden))

    def _with_odd_fields(self, frame: dict[str, Any]) -> Any:
        chance = self._chance
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            fields = list(frame) or ["type"]
            match chance.randrange(6):
                case 0 | 1 | 2:
                    frame[chance.choice(fields)] = chance.choice(ODD_VALUES)
                case 3:
                    frame.pop(chance.choice(fields), None)
                case 4:
                    other = chance.choice(self._golden)
                    field = chance.choice(list(other))
                    frame[field] = other[field]
                case _:
                    frame[str(chance.choice(ODD_VALUES))[:300]] = chance.choice(ODD_VALUES)
        return chance.choice((frame, frame, frame, frame, frame, frame, [[frame]], chance.choice(ODD_VALUES)))

    def _with_odd_bytes(self, raw: bytes) -> str:
        chance, data = self._chance, bytearray(raw)
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            place = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    data[place : place + 1] = bytes([chance.randrange(128)])
                case 1:
                    data[place:place] = chance.choice(ODD_BYTES)
                case 2:
                    del data[place : place + chance.randrange(1, 20)]
                case 3:
                    data[place:place] = data[place : place + chance.randrange(1, 40)]
                case _:
                    del data[place:]
        return data.decode(errors="replace")
