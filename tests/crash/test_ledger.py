"""The ledger finds every kind of broken promise, and none in a history that is right."""

from collections.abc import Callable

import pytest

from .ledger import Ledger, Letter, Place

Mailboxes = dict[str, list[Place]]


def history() -> tuple[Ledger, Mailboxes, dict[str, int]]:
    """Two messages from a to b, both promised, a third that was never answered; b has a device event first."""
    ledger = Ledger()
    for number in (1, 2, 3):
        ledger.wrote(Letter("a", "b", f"c{number}", f"text {number}"))
    ledger.was_promised(ledger.letters[0], "m1", 1)
    ledger.was_promised(ledger.letters[1], "m2", 2)
    ledger.saw("b", 2, "m1")
    ledger.saw("b", 1, "device")
    boxes: Mailboxes = {
        "a": [Place(1, "m1", "a", "c1", "text 1"), Place(2, "m2", "a", "c2", "text 2")],
        "b": [Place(2, "m1", "a", "c1", "text 1"), Place(3, "m2", "a", "c2", "text 2")],
    }
    return ledger, boxes, {"a": 2, "b": 3}


def test_a_right_history_has_no_faults() -> None:
    ledger, boxes, heads = history()
    assert ledger.check(boxes, heads) == []
    assert [letter.client_message_id for letter in ledger.unanswered("a")] == ["c3"]


def test_what_was_not_promised_may_be_there_or_not() -> None:
    ledger, boxes, _ = history()
    boxes["a"].append(Place(3, "m3", "a", "c3", "text 3"))
    boxes["b"].append(Place(4, "m3", "a", "c3", "text 3"))
    assert ledger.check(boxes, {"a": 3, "b": 4}) == []
    ledger.was_promised(ledger.letters[2], "m3", 3)
    ledger.was_promised(ledger.letters[2], "m3", 3)
    assert ledger.check(boxes, {"a": 3, "b": 4}) == []


def twice(_: Ledger, boxes: Mailboxes, heads: dict[str, int]) -> None:
    boxes["b"].append(Place(4, "m9", "a", "c1", "text 1"))
    heads["b"] = 4


def elsewhere(_: Ledger, boxes: Mailboxes, heads: dict[str, int]) -> None:
    boxes["a"][1] = boxes["a"][1]._replace(seq=3)
    heads["a"] = 3


def overtaken(_: Ledger, boxes: Mailboxes, __: dict[str, int]) -> None:
    boxes["b"] = [Place(2, "m2", "a", "c2", "text 2"), Place(3, "m1", "a", "c1", "text 1")]


Damage = Callable[[Ledger, Mailboxes, dict[str, int]], object]
DAMAGES: dict[str, Damage] = {
    "lost at the receiver": lambda _, boxes, __: boxes["b"].pop(),
    "lost at the sender": lambda _, boxes, __: boxes["a"].pop(),
    "twice at the receiver": twice,
    "at another place": elsewhere,
    "another text": lambda _, boxes, __: boxes["b"].insert(0, boxes["b"].pop(0)._replace(text="text")),
    "another id": lambda _, boxes, __: boxes["b"].append(boxes["b"].pop()._replace(message_id="m7")),
    "out of order": lambda _, boxes, __: boxes["b"].reverse(),
    "overtaken": overtaken,
    "promised twice": lambda ledger, _, __: ledger.was_promised(ledger.letters[0], "m1", 7),
    "a place that changed": lambda ledger, _, __: ledger.saw("b", 2, "m8"),
    "a place that is taken back": lambda ledger, _, __: ledger.saw("b", 9, "m9"),
    "a place that became another": lambda ledger, _, __: ledger.saw("b", 3, "m9"),
    "past the head": lambda _, __, heads: heads.update(b=2),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_broken_promise_is_found(damage: Damage) -> None:
    ledger, boxes, heads = history()
    damage(ledger, boxes, heads)
    assert ledger.check(boxes, heads) != []
