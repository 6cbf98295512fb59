"""Every error says what happened and what to do."""

import pytest

import msgwire
from msgclient import Connecting, NotConnected, Offline, Online, OutboxFull, RequestFailed, SignedOut, TextTooLong
from msgtui.connection import shown
from msgtui.explain import explain, explain_sign_in


@pytest.mark.parametrize("code", list(msgwire.ErrorCode))
def test_every_code_has_a_sentence(code: msgwire.ErrorCode) -> None:
    words = explain(RequestFailed(code, msgwire.SENTENCES[code]))
    assert len(words) > 15
    assert words.endswith(".")
    assert "went wrong in this program" not in words


def test_a_wait_is_told() -> None:
    assert "Wait 8 s" in explain(RequestFailed("rate_limited", "x", retry_after_ms=7_400))
    assert "Wait" in explain(RequestFailed("rate_limited", "x"))


def test_bounds_are_told() -> None:
    assert "16384" in explain(TextTooLong("x", 16384))
    assert "500" in explain(OutboxFull("x", 500))


def test_a_server_cannot_speak_through_an_error() -> None:
    assert "\x1b" not in explain(RequestFailed("new_code", "\x1b[2J all is well"))
    assert "\x1b" not in explain_sign_in(NotConnected("\x1b]0;x\x07"), "host:1")


def test_an_unreachable_server_is_named() -> None:
    words = explain_sign_in(NotConnected("Connection refused."), "chat.example.org:8443")
    assert words.startswith("chat.example.org:8443 cannot be reached: Connection refused.")
    assert "address" in words


def test_states_differ_without_color() -> None:
    states = [Online(), Connecting(), Offline("x", 5), Offline("x", None), SignedOut("bye")]
    views = [shown(state, 0) for state in states]
    assert len({(view.sign, view.words) for view in views}) == len(states)
    assert "retry in 12 s" in shown(Offline("x", 12_000), 0).words
    assert "kept" in shown(Offline("x", 12_000), 0).sentence
