"""The event stream of a session, alone and against a model of the whole path."""

from hypothesis import given
from hypothesis import strategies as st

from msgd.core.stream import Stream


def test_events_are_pushed_in_order_up_to_the_window() -> None:
    stream = Stream(cursor=5, head=5, window=2)
    assert stream.offer(6)
    assert stream.offer(7)
    assert not stream.offer(8), "the window is full"
    assert stream.behind
    assert stream.room == 0
    list(stream.ack(6))
    assert stream.room == 1
    assert not stream.offer(9), "8 comes first"
    assert stream.offer(8)


def test_an_event_is_never_pushed_twice_nor_early() -> None:
    stream = Stream(cursor=0, head=0, window=10)
    assert not stream.offer(2)
    assert stream.offer(1)
    assert not stream.offer(1)
    assert stream.offer(2)


def test_sent_stands_for_the_event_only_where_it_is_next_and_needs_no_room() -> None:
    stream = Stream(cursor=0, head=0, window=1)
    assert stream.offer(1)
    assert stream.room == 0
    assert stream.sent(2)
    assert not stream.offer(2)
    assert not stream.sent(4), "3 has not come"
    assert stream.behind


def test_an_acknowledgment_covers_what_was_pushed_and_no_more() -> None:
    stream = Stream(cursor=0, head=0, window=10)
    for seq in (1, 2, 3):
        assert stream.offer(seq)
    stream.track(1, "juliet", "m1", 0.0)
    stream.track(3, "romeo", "m3", 0.0)
    assert [delivery.message_id for delivery in stream.ack(2)] == ["m1"]
    assert [delivery.message_id for delivery in stream.ack(99)] == ["m3"]
    assert stream.acked == 3
    assert list(stream.ack(1)) == []
    assert stream.acked == 3


def test_a_client_that_knows_more_than_its_cursor_says_does_not_fill_the_window() -> None:
    stream = Stream(cursor=0, head=10, window=3)
    assert list(stream.ack(8)) == []
    assert [seq for seq in range(1, 11) if stream.offer(seq)] == list(range(1, 11)), "1 to 8 are known, 2 are in flight"
    assert stream.acked == 8
    assert stream.room == 1


def test_what_was_acknowledged_too_early_is_pushed_all_the_same() -> None:
    stream = Stream(cursor=0, head=2, window=3)
    list(stream.ack(2))
    assert stream.offer(1)
    assert stream.offer(2)


def test_a_client_that_keeps_its_own_cursor_starts_where_it_says_but_not_past_the_head() -> None:
    stream = Stream(cursor=5, head=9, window=10)
    stream.rewind(2)
    assert (stream.last, stream.acked) == (2, 2)
    stream.rewind(50)
    assert (stream.last, stream.acked) == (9, 9)


@given(
    window=st.integers(1, 5),
    moves=st.lists(st.sampled_from(["commit", "own", "page", "ack", "reconnect", "lost_offer"]), max_size=80),
)
def test_whatever_happens_each_event_arrives_once_and_in_order(window: int, moves: list[str]) -> None:
    """Live offers may be lost and connections may end at any point; pages from the store make good for all of it."""
    head, cursor = 0, 0
    stream = Stream(0, 0, window)
    seen: list[int] = []
    this_connection: list[int] = []

    def arrive(seq: int) -> None:
        this_connection.append(seq)
        if seq not in seen:
            seen.append(seq)

    def page() -> None:
        for seq in range(stream.last + 1, head + 1):
            if stream.offer(seq):
                arrive(seq)

    for move in moves:
        if move == "commit":
            head += 1
            if stream.offer(head):
                arrive(head)
        elif move == "lost_offer":
            head += 1
        elif move == "own":
            head += 1
            if stream.sent(head):
                arrive(head)
        elif move == "page":
            page()
        elif move == "ack":
            list(stream.ack(stream.last))
            cursor = stream.acked
        else:
            assert (
                this_connection == list(range(this_connection[0], this_connection[-1] + 1)) if this_connection else True
            )
            this_connection = []
            stream = Stream(cursor, head, window)
    while stream.last < head:
        list(stream.ack(stream.last))
        page()
    assert seen == list(range(1, head + 1))
