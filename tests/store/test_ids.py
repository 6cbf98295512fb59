import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgd.store.ids import COUNTER_BITS, MessageIds, decode_id, encode_id

NUMBERS = st.integers(1, 2**63 - 1)


@given(st.lists(st.integers(0, 2**42), min_size=2, max_size=50))
def test_ids_grow_whatever_the_clock_does(times: list[int]) -> None:
    ids = MessageIds()
    given_out = [ids.next(at) for at in times]
    assert given_out == sorted(set(given_out))
    assert given_out[0] >> COUNTER_BITS == times[0] or times[0] == 0


def test_ids_go_on_after_the_last_one() -> None:
    assert MessageIds(last=500 << COUNTER_BITS).next(3) == (500 << COUNTER_BITS) + 1


@given(NUMBERS, NUMBERS)
def test_written_ids_sort_as_numbers_do_and_are_read_back(one: int, other: int) -> None:
    assert (encode_id(one) < encode_id(other)) == (one < other)
    assert decode_id(encode_id(one)) == one
    assert len(encode_id(one)) == 16


@pytest.mark.parametrize("text", ["", "0" * 16, "f" * 16, "A" * 16, "1" * 15, "1" * 17, "٣" * 16, "0x" + "1" * 14])
def test_what_is_no_id_is_none(text: str) -> None:
    assert decode_id(text) is None
