"""Text from the wire comes out as characters that a terminal can only show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size

from msgtui.safe_text import MAX_BODY_CHARS, MAX_MARKS, SafeText, for_editing, safe, safe_body, safe_line

# Every code point there is, lone surrogates too, and the dangerous ones far more often than their share.
HOSTILE = st.sampled_from(
    "\x1b\x07\x08\x0d\x0a\x09\x00\x7f\x9b\x9d\x90\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2066\u2069\u061c"
    "\u2028\u2029\ufeff\ufe0f\ufe0e\U000e0041\U000e01ef\ue000\U0010ffff\ud800\udfff\u0301\u0489\u1161\u3164\u115f"
    "\u034f\u00ad\u2060\u180e\u180b\U0001f1e9\U0001f3ff\u20e3[];mHJ?1049h\\ aא中👍"
)
TEXTS = st.text(st.one_of(HOSTILE, st.characters(codec=None)), max_size=200)


def assert_harmless(safe_text: SafeText, *, newlines: bool) -> None:
    text = safe_text.text
    marks = 0
    for char in text:
        if char == "\n":
            assert newlines
            marks = 0
            continue
        category = unicodedata.category(char)
        assert char in "\u200c\u200d" or category[0] not in "CZ" or char in " \u3000", f"U+{ord(char):04X}"
        if char in "\u200c\u200d":
            continue
        if get_character_cell_size(char) == 0 or category[0] == "M":
            marks += 1
            assert marks <= MAX_MARKS
        else:
            marks = 0
    text.encode()  # no lone surrogate is left
    end = 0
    for start, stop in safe_text.odd:
        assert end <= start < stop <= len(text)
        end = stop


@given(TEXTS)
def test_a_body_is_harmless(text: str) -> None:
    assert_harmless(safe_body(text), newlines=True)


@given(TEXTS)
def test_a_line_is_harmless_and_one_line(text: str) -> None:
    assert_harmless(safe_line(text), newlines=False)
    assert "\n" not in safe(text)


@given(TEXTS)
def test_making_safe_twice_changes_nothing(text: str) -> None:
    once = safe_body(text).text
    assert safe_body(once).text == once


@given(TEXTS)
def test_an_editor_gets_nothing_that_it_would_obey(text: str) -> None:
    left = for_editing(text)
    assert not any(
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in "\n\t\u200c\u200d" for char in left
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]0;owned\x07", "␛]0;owned␇"),
        ("a\x9b31mb", "a⟨U+009B⟩31mb"),
        ("user\u202egnp.exe", "user⟨U+202E⟩gnp.exe"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a" + "\u200b" * 500 + "b", "a⟨U+200B ×500⟩b"),
        ("e" + "\u0301" * 40, "e" + "\u0301" * MAX_MARKS + "⟨+35⟩"),
        ("\u0301x", "◌\u0301x"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0067\U000e0062", "⟨U+E0067⟩⟨U+E0062⟩"),
        ("a\tb", "a    b"),
        ("a\u00a0b", "a b"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("👍\U0001f3fd", "👍"),
        ("❤\ufe0f", "❤"),
        ("🇩🇪", "DE"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("日本語", "日本語"),
        ("שלום", "שלום"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
        ("a\r\nb\rc\u2028d\x85e", "a\nb␍c⟨U+2028⟩d⟨U+0085⟩e"),
    ],
)
def test_what_stands_for_what(text: str, shown: str) -> None:
    assert safe_body(text).text == shown


def test_replacements_are_told_apart_from_the_same_characters_typed() -> None:
    assert safe_body("⟨U+202E⟩").odd == ()
    assert safe_body("a\u202eb").odd == ((1, 9),)


def test_a_body_keeps_lines_and_a_line_does_not() -> None:
    assert safe_body("a\nb").text == "a\nb"
    assert safe_line("a\n\nb").text == "a b"


def test_long_texts_are_cut_and_say_so() -> None:
    assert len(safe_line("x" * 10_000).text) == 401
    body = safe_body("x" * (MAX_BODY_CHARS + 7)).text
    assert body.endswith("⟨7 more characters are not shown⟩")
    million = safe_body("\u202e" * 1_000_000).text
    assert len(million) < 100


def test_cells_are_what_rich_counts() -> None:
    assert cell_len(safe_body("日本\u0301語").text) == 6
