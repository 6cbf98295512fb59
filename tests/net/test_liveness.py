"""When a connection is pinged, given up or left alone."""

from msgd.net.liveness import Signs, Verdict, judge
from msgd.net.settings import GatewaySettings

SETTINGS = GatewaySettings(ping_interval_s=20, idle_timeout_s=60, write_deadline_s=15, close_timeout_s=5)


def test_a_peer_that_was_heard_is_left_alone_until_a_ping_is_due() -> None:
    assert judge(119.9, Signs(100.0), SETTINGS, listening=True) == (Verdict.WELL, 120.0)
    assert judge(120.0, Signs(100.0), SETTINGS, listening=True) == (Verdict.PING, 140.0)


def test_a_silent_peer_is_pinged_again_and_then_given_up() -> None:
    signs = Signs(100.0, pinged_at=120.0)
    assert judge(140.0, signs, SETTINGS, listening=True) == (Verdict.PING, 160.0)
    signs.pinged_at = 140.0
    assert judge(159.9, signs, SETTINGS, listening=True) == (Verdict.WELL, 160.0)
    assert judge(160.0, signs, SETTINGS, listening=True)[0] is Verdict.IDLE


def test_an_answer_starts_the_clock_anew() -> None:
    assert judge(159.0, Signs(150.0, pinged_at=140.0), SETTINGS, listening=True) == (Verdict.WELL, 170.0)


def test_silence_says_nothing_while_the_socket_is_not_read() -> None:
    assert judge(500.0, Signs(100.0), SETTINGS, listening=False) == (Verdict.WELL, 520.0)


def test_a_peer_that_takes_nothing_is_stuck_also_when_it_talks() -> None:
    signs = Signs(114.0, writing_since=100.0)
    assert judge(114.9, signs, SETTINGS, listening=True) == (Verdict.WELL, 115.0)
    assert judge(115.0, signs, SETTINGS, listening=True)[0] is Verdict.STUCK
    assert judge(115.0, signs, SETTINGS, listening=False)[0] is Verdict.STUCK


def test_an_end_that_is_awaited_is_awaited_so_long_and_no_longer() -> None:
    signs = Signs(10.0, ending_since=100.0)
    assert judge(104.9, signs, SETTINGS, listening=True) == (Verdict.WELL, 105.0)
    assert judge(105.0, signs, SETTINGS, listening=True)[0] is Verdict.UNANSWERED


def test_the_next_look_is_always_later_than_this_one() -> None:
    for heard_at in (0.0, 39.0, 40.0, 59.0, 99.9):
        for writing_since in (None, 86.0, 99.0):
            for listening in (True, False):
                verdict, at = judge(100.0, Signs(heard_at, 99.0, writing_since), SETTINGS, listening=listening)
                assert at > 100.0 or verdict in {Verdict.IDLE, Verdict.STUCK}
