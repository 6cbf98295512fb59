"""Presence: devices, grace, invisibility, and that a tick says only what changed."""

from msgd.core.presence import PresenceBoard, Seen

GONE = Seen("offline", None, 1000)


def board() -> PresenceBoard[str]:
    return PresenceBoard(grace_s=5.0)


def test_coming_online_is_announced_once() -> None:
    presence = board()
    presence.up("juliet", "online", "on the balcony")
    presence.up("juliet", "online", None)
    assert presence.tick() == [("juliet", Seen("online", "on the balcony", None))]
    assert presence.tick() == []


def test_a_short_drop_is_not_announced() -> None:
    presence = board()
    presence.up("juliet", "online", None)
    presence.tick()
    assert presence.down("juliet", 10.0, 1000) == 15.0
    assert presence.seen("juliet").status == "online"
    presence.up("juliet", "online", None)
    presence.expire("juliet", 15.0)
    assert presence.tick() == []


def test_after_the_grace_the_account_is_gone_and_forgotten() -> None:
    presence = board()
    presence.up("juliet", "away", None)
    presence.tick()
    presence.down("juliet", 10.0, 1000)
    presence.expire("juliet", 14.9)
    assert presence.tick() == []
    presence.expire("juliet", 15.0)
    assert presence.tick() == [("juliet", GONE)]
    assert len(presence) == 0


def test_another_device_keeps_the_account_online() -> None:
    presence = board()
    presence.up("juliet", "online", None)
    presence.up("juliet", "online", None)
    presence.tick()
    assert presence.down("juliet", 10.0, 1000) is None
    assert presence.tick() == []


def test_many_changes_within_a_tick_are_one() -> None:
    presence = board()
    presence.up("juliet", "online", None)
    presence.tick()
    for status in ("away", "dnd", "away", "dnd"):
        presence.choose("juliet", status, None)
    assert presence.tick() == [("juliet", Seen("dnd", None, None))]
    presence.choose("juliet", "away", None)
    presence.choose("juliet", "dnd", None)
    assert presence.tick() == []


def test_becoming_invisible_looks_like_leaving_and_tells_no_more() -> None:
    presence = board()
    presence.up("juliet", "online", "here")
    presence.tick()
    presence.choose("juliet", "invisible", "secret")
    assert presence.tick() == [("juliet", Seen("offline", None, None))]
    presence.down("juliet", 10.0, 1000)
    presence.expire("juliet", 15.0)
    assert presence.tick() == [], "an invisible account has left already"


def test_an_invisible_account_never_shows_when_it_comes() -> None:
    presence = board()
    presence.up("juliet", "invisible", "secret")
    assert presence.tick() == []
    assert presence.seen("juliet") == Seen("offline", None, None)


def test_a_thousand_accounts_that_come_make_one_tick() -> None:
    presence = board()
    for number in range(1000):
        presence.up(f"n{number}", "online", None)
    assert len(presence.tick()) == 1000
    assert presence.tick() == []
