"""Lines are never wider than asked, and nothing is lost but the spaces at breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from msgtui.safe_text import safe_body
from msgtui.wrap import cropped, wrap

TEXTS = st.text(st.one_of(st.sampled_from("ab  \n日👍e\u0301 x"), st.characters(codec=None)), max_size=120)


@given(TEXTS, st.integers(2, 40))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    body = safe_body(text).text
    lines = wrap(body, width)
    assert lines
    end = 0
    for start, stop in lines:
        assert cell_len(body[start:stop]) <= width
        assert body[end:start].strip(" \n") == ""
        end = stop
    assert body[end:].strip(" ") == ""


@given(TEXTS, st.integers(0, 30))
def test_a_cropped_line_fits(text: str, width: int) -> None:
    assert cell_len(cropped(safe_body(text).text.replace("\n", " "), width)) <= width


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("日本語", 4, ["日本", "語"]),
        ("a 日本語", 6, ["a 日本", "語"]),
        ("ab\n\ncd", 10, ["ab", "", "cd"]),
        ("exact fit   next", 9, ["exact fit", "next"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_where_lines_break(text: str, width: int, lines: list[str]) -> None:
    assert [text[start:end] for start, end in wrap(text, width)] == lines


def test_a_bound_on_lines() -> None:
    assert len(wrap("x\n" * 10_000, 10, 5)) == 5
    assert len(wrap("x" * 10_000, 10, 5)) == 5
