"""The window keeps messages in order, bounded, and without a hole."""

import random
from dataclasses import replace

from msgclient import LocalMessage, MessageState
from msgtui.timeline.window import MAX_MESSAGES, PAGE, Window, place


def message(number: int, *, message_id: str | None = "", text: str = "x") -> LocalMessage:
    return LocalMessage(
        local_id=number, peer="p", message_id=f"m{number:06}" if message_id == "" else message_id,
        client_message_id=None, sender="p", sender_login="p", outgoing=message_id is None, text=text,
        sent_at=number, state=MessageState.RECEIVED,
    )  # fmt: skip


def test_messages_stand_in_the_order_of_the_cache() -> None:
    window = Window([message(5)])
    for number in random.Random(1).sample(range(6, 60), 54):
        assert window.put(message(number))
    assert [held.local_id for held in window.messages] == list(range(5, 60))


def test_a_queued_message_moves_to_its_place_when_it_is_sent() -> None:
    window = Window([message(1)])
    queued = message(2, message_id=None)
    assert window.put(queued)
    assert window.put(message(3))
    assert [held.local_id for held in window.messages] == [1, 3, 2]
    assert not window.put(replace(queued, message_id="m000002"))
    assert [held.local_id for held in window.messages] == [1, 2, 3]


def test_what_is_outside_the_window_stays_in_the_cache() -> None:
    window = Window([message(10), message(11)], reaches_end=False)
    assert not window.put(message(12))
    assert not window.put(message(3))
    assert len(window.messages) == 2
    assert window.put(replace(message(99), message_id="m0000105"))


def test_pages_on_both_sides_keep_the_bound() -> None:
    log = [message(number) for number in range(5 * MAX_MESSAGES)]
    window = Window(log[-PAGE:])
    while window.messages[0].local_id > 0:
        start = window.messages[0].local_id
        window.add_older(log[max(0, start - PAGE) : start])
        assert len(window.messages) <= MAX_MESSAGES
    assert not window.reaches_end
    while not window.reaches_end:
        end = window.messages[-1].local_id + 1
        window.add_newer(log[end : end + PAGE])
        assert len(window.messages) <= MAX_MESSAGES
        ids = [held.local_id for held in window.messages]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert window.messages[-1] is log[-1]


def test_live_messages_push_the_oldest_out() -> None:
    window = Window([message(number) for number in range(MAX_MESSAGES)])
    for number in range(MAX_MESSAGES, MAX_MESSAGES + PAGE):
        window.put(message(number))
    assert window.trim_older()
    assert len(window.messages) == MAX_MESSAGES
    assert window.reaches_end


def test_finding_and_removing() -> None:
    window = Window([message(1), message(2), message(3, message_id=None)])
    assert window.index_of(3) == 2
    assert window.index_of_id("m000002") == 1
    assert window.index_of_id("nothing") is None
    window.remove(2)
    window.remove(77)
    assert [place(held)[2] for held in window.messages] == [0, 3]
