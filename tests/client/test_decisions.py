"""The small pure parts: backoff, opening, outbox, update queue, packing, presence."""

import msgspec
import pytest

import msgwire
from msgclient import (
    CallSignal,
    ConnectionChanged,
    ConversationChanged,
    Online,
    ReceiptChanged,
    Resync,
    TypingChanged,
)
from msgclient.backoff import Backoff, retry_after_in
from msgclient.link import pack
from msgclient.opening import Keep, Later, LoginRefused, Opened, Opening, Say, SignInEnded
from msgclient.outbox import OutboxFlow
from msgclient.presence import TYPING_S, TypingPeers
from msgclient.tokens import Tokens
from msgclient.updates import KEYS, Update, UpdateQueue

NOW_MS = 1_700_000_000_000


def test_the_jitter_comes_after_the_cap() -> None:
    low, high = Backoff(lambda: 0.0, cap_s=30), Backoff(lambda: 0.999, cap_s=30)
    assert [low.next_delay_s() for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15]
    assert [high.next_delay_s() for _ in range(9)][-1] == pytest.approx(30 * 1.499)
    low.succeeded()
    assert low.next_delay_s() == 0.25
    for _ in range(5000):
        assert low.next_delay_s() <= 45


def test_the_wish_of_the_server_wins() -> None:
    backoff = Backoff(lambda: 0.5)
    assert backoff.next_delay_s(2000) == pytest.approx(2.1)
    for _ in range(20):
        backoff.next_delay_s()
    assert backoff.next_delay_s(100) == pytest.approx(0.105)


@pytest.mark.parametrize(
    ("reason", "wish"),
    [("restart; retry_after_ms=1500", 1500), ("retry_after_ms=0", 0), ("", None), ("retry_after_ms=-3", None)],
)
def test_a_close_reason_may_carry_the_wish(reason: str, wish: int | None) -> None:
    assert retry_after_in(reason) == wish


def tokens(**changes: object) -> Tokens:
    whole = {
        "uid": "u",
        "login": "juliet",
        "device_id": "d",
        "access_token": "access-secret",
        "access_expires_at": NOW_MS + 600_000,
        "refresh_token": "refresh-secret",
        "refresh_expires_at": NOW_MS + 10**9,
    }
    return msgspec.convert({**whole, **changes}, Tokens)


def session_reply() -> msgwire.SessionTokens:
    return msgspec.convert({**msgspec.to_builtins(tokens()), "type": "session"}, msgwire.SessionTokens)


def error(code: str) -> msgwire.Error:
    return msgwire.Error(re="opening", code=code, message=f"It is {code}.")


def test_tokens_say_nothing_of_themselves() -> None:
    assert "secret" not in repr(tokens())


def test_a_fresh_token_authenticates_from_the_cursor() -> None:
    step = Opening(None, tokens(), 7).start(NOW_MS)
    assert isinstance(step, Say)
    assert isinstance(step.frame, msgwire.Authenticate)
    assert step.frame.cursor == 7


@pytest.mark.parametrize("left_ms", [29_999, 0, -1])
def test_a_stale_token_is_refreshed_first(left_ms: int) -> None:
    step = Opening(None, tokens(access_expires_at=NOW_MS + left_ms), 7).start(NOW_MS)
    assert isinstance(step, Say)
    assert isinstance(step.frame, msgwire.Refresh)


def test_an_opening_by_login_keeps_the_tokens_before_it_is_open() -> None:
    opening = Opening(msgwire.LogIn(login="juliet", password="p"), None, None)
    assert isinstance(opening.start(NOW_MS), Say)
    assert isinstance(opening.receive(session_reply()), Keep)
    assert opening.receive(msgwire.TokenExpiring(expires_at=1)) is None
    ready = msgwire.Ready(uid="u", login="juliet", device_id="d", cursor=0, head=0)
    assert opening.receive(ready) == Opened(ready)


ENDS = [
    ("login", "invalid_credentials", LoginRefused),
    ("login", "rate_limited", LoginRefused),
    ("authenticate", "token_expired", Say),
    ("authenticate", "token_revoked", SignInEnded),
    ("authenticate", "account_disabled", SignInEnded),
    ("authenticate", "unavailable", Later),
    ("refresh", "token_expired", SignInEnded),
    ("refresh", "token_revoked", SignInEnded),
    ("refresh", "account_disabled", SignInEnded),
    ("refresh", "unavailable", Later),
    ("refresh", "internal", Later),
    ("refresh", "rate_limited", Later),
]


@pytest.mark.parametrize(("way", "code", "step"), ENDS)
def test_what_a_refusal_in_the_opening_means(way: str, code: str, step: type[object]) -> None:
    login = msgwire.LogIn(login="juliet", password="p") if way == "login" else None
    held = tokens(access_expires_at=0) if way == "refresh" else tokens()
    opening = Opening(login, None if login else held, None)
    opening.start(NOW_MS)
    assert isinstance(opening.receive(error(code)), step)


def message(to: str, client_message_id: str) -> msgwire.Send:
    return msgwire.Send(to=to, text="x", client_message_id=client_message_id)


def test_one_message_of_a_conversation_is_under_way_at_a_time() -> None:
    flow = OutboxFlow(lambda: 0.5, max_in_flight=2)
    heads = [message("a", "1"), message("b", "2"), message("c", "3")]
    assert flow.choose(heads, 0.0) == heads[:2]
    assert flow.choose(heads, 0.0) == []
    flow.accepted(heads[0])
    assert flow.choose([message("a", "4"), *heads[1:]], 0.0) == [message("a", "4")]
    flow.lost()
    assert flow.choose(heads, 0.0) == heads[:2]


def test_a_message_that_is_put_off_holds_its_conversation_and_no_other() -> None:
    flow = OutboxFlow(lambda: 0.0)
    first, other = message("a", "1"), message("b", "2")
    flow.choose([first, other], 10.0)
    later = msgwire.Error(code="rate_limited", message="", retry_after_ms=5000)
    assert not flow.is_final(first, later)
    flow.refused(first, later, 10.0)
    flow.accepted(other)
    assert flow.wake_at() == 15.0
    assert flow.choose([first, message("b", "3")], 12.0) == [message("b", "3")]
    assert flow.choose([first], 15.0) == [first]


@pytest.mark.parametrize("code", ["not_found", "mailbox_full", "blocked", "conflict", "too_large", "forbidden", "new"])
def test_what_will_not_be_taken_later_is_final(code: str) -> None:
    assert OutboxFlow(lambda: 0.5).is_final(message("a", "1"), msgwire.Error(code=code, message=""))


def test_a_message_at_which_the_server_always_fails_is_given_up() -> None:
    flow, failed = OutboxFlow(lambda: 0.5), msgwire.Error(code="internal", message="")
    for _ in range(4):
        assert not flow.is_final(message("a", "1"), failed)
        flow.refused(message("a", "1"), failed, 0.0)
    assert flow.is_final(message("a", "1"), failed)


def test_a_newer_update_takes_the_place_of_an_older_one() -> None:
    queue = UpdateQueue()
    for update in (
        ConversationChanged("a"),
        TypingChanged("a", True),
        ConversationChanged("b"),
        TypingChanged("a", False),
    ):
        queue.put(update)
    assert [queue.get() for _ in range(len(queue))] == [
        ConversationChanged("a"),
        TypingChanged("a", False),
        ConversationChanged("b"),
    ]
    with pytest.raises(LookupError):
        queue.get()


def test_an_overflow_becomes_one_resync_and_keeps_state_and_calls() -> None:
    queue = UpdateQueue(max_updates=8)
    queue.put(ConnectionChanged(Online()))
    ringing = CallSignal(msgwire.CallTaken(call_id="1"))
    queue.put(ringing)
    queue.put(ringing)
    for number in range(7):
        queue.put(ConversationChanged(str(number)))
    assert queue.overflows == 1
    held = [queue.get() for _ in range(len(queue))]
    assert held == [Resync(), ConnectionChanged(Online()), ringing, ringing, *held[4:]]


def test_every_update_but_a_call_has_a_key() -> None:
    assert set(KEYS) | {CallSignal} == set(Update.__args__)
    assert KEYS[ReceiptChanged](ReceiptChanged("a", None, None)) == ("a",)


def test_packing_keeps_order_and_the_limit() -> None:
    frames = [b'{"n":%d}' % number for number in range(30)]
    messages = list(pack(frames, 64))
    assert all(len(packed) <= 64 for packed in messages)
    assert [raw for packed in messages for raw in map(bytes, msgwire.split(packed, 64))] == frames
    assert list(pack([b"{}"], 1)) == [b"{}"]
    assert list(pack([], 64)) == []


def test_typing_ends_by_itself_and_is_bounded() -> None:
    peers = TypingPeers(max_peers=2)
    assert peers.heard("a", True, 0.0)
    assert not peers.heard("a", True, 1.0)
    assert peers.heard("b", True, 2.0)
    assert not peers.heard("c", True, 2.0)
    assert peers.next_end() == 1.0 + TYPING_S
    assert peers.ended(1.0 + TYPING_S) == ["a"]
    assert not peers.is_typing("a")
    assert peers.heard("b", False, 3.0)
    assert not peers.heard("b", False, 3.0)
