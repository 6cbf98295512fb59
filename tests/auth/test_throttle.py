"""Throttles: how many, how soon again, for whom, and that the map stays small."""

import pytest

from msgd.auth.throttle import LoginThrottle, Rate, Throttle, address_key


def test_burst_then_steady_rate() -> None:
    throttle = Throttle(Rate(10, 60.0))
    assert [throttle.spend("a", 100.0) for _ in range(12)] == [0] * 10 + [6000] * 2
    assert throttle.spend("a", 105.9) == 100
    assert throttle.spend("a", 106.0) == 0
    assert throttle.spend("a", 106.0) == 6000
    assert throttle.refused_total == 4


def test_told_time_is_enough() -> None:
    throttle = Throttle(Rate(7, 10.0))
    now_s = 12.345
    for _ in range(50):
        wait_ms = throttle.spend("a", now_s)
        if wait_ms:
            now_s += wait_ms / 1000
            assert throttle.spend("a", now_s) == 0


def test_no_more_than_the_rate_over_long_times() -> None:
    throttle = Throttle(Rate(5, 1.0))
    taken = sum(throttle.spend("a", step / 100) == 0 for step in range(10_000))
    assert 499 <= taken - 5 <= 501


def test_keys_do_not_share() -> None:
    throttle = Throttle(Rate(1, 60.0))
    assert throttle.spend("a", 0.0) == 0
    assert throttle.spend("a", 0.0) == 60_000
    assert throttle.spend("b", 0.0) == 0


def test_refund_and_reset() -> None:
    throttle = Throttle(Rate(2, 60.0))
    throttle.spend("a", 0.0)
    throttle.spend("a", 0.0)
    throttle.refund("a")
    assert throttle.spend("a", 0.0) == 0
    assert throttle.spend("a", 0.0) > 0
    throttle.reset("a")
    assert [throttle.spend("a", 0.0) for _ in range(3)] == [0, 0, 30_000]
    throttle.refund("never seen")
    throttle.reset("never seen")


def test_refunds_do_not_pile_up_an_allowance() -> None:
    throttle = Throttle(Rate(2, 60.0))
    for _ in range(50):
        throttle.spend("a", 0.0)
        throttle.refund("a")
        throttle.refund("a")
    assert [throttle.spend("a", 0.0) > 0 for _ in range(3)] == [False, False, True]


def test_map_is_bounded_and_counts_what_it_forgets() -> None:
    throttle = Throttle(Rate(1, 60.0), max_keys=3)
    for key in "abc":
        throttle.spend(key, 0.0)
    throttle.spend("d", 1.0)
    assert (len(throttle), throttle.evicted_total) == (3, 1)
    assert throttle.spend("a", 1.0) == 0
    assert throttle.spend("d", 1.0) > 0
    for number in range(100):
        throttle.spend(f"later-{number}", 1000.0)
    assert len(throttle) == 3
    # The three busy at the first moment had filled up again, and cost nothing to forget.
    assert throttle.evicted_total == 2 + 97


def test_refused_key_is_not_forgotten_for_being_quiet() -> None:
    throttle = Throttle(Rate(1, 60.0), max_keys=2)
    throttle.spend("victim", 0.0)
    throttle.spend("a", 1.0)
    assert throttle.spend("victim", 2.0) > 0
    throttle.spend("b", 3.0)
    assert throttle.spend("victim", 4.0) > 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("@socket", "@socket"),
    ],
)
def test_address_stands_for_one_client(address: str, key: str) -> None:
    assert address_key(address) == key


def login_throttle() -> LoginThrottle:
    return LoginThrottle(Rate(2, 60.0), Rate(4, 60.0))


def test_failures_throttle_the_account_from_every_address() -> None:
    throttle = login_throttle()
    assert throttle.attempt("ann", "192.0.2.1", 0.0) == 0
    assert throttle.attempt("ann", "192.0.2.2", 0.0) == 0
    assert throttle.attempt("ann", "192.0.2.3", 0.0) == 30_000
    assert throttle.attempt("bob", "192.0.2.3", 0.0) == 0


def test_failures_throttle_the_address_for_every_account() -> None:
    throttle = login_throttle()
    assert [throttle.attempt(f"user{number}", "2001:db8::1", 0.0) for number in range(5)] == [0, 0, 0, 0, 15_000]
    assert throttle.attempt("user9", "2001:db8::ffff", 0.0) == 15_000
    assert throttle.attempt("user9", "2001:db8:0:1::", 0.0) == 0


def test_success_clears_the_account_and_gives_the_address_one_back() -> None:
    throttle = login_throttle()
    for _ in range(100):
        assert throttle.attempt("ann", "192.0.2.1", 0.0) == 0
        throttle.succeeded("ann", "192.0.2.1")
    throttle.attempt("bob", "192.0.2.1", 0.0)
    throttle.attempt("ann", "192.0.2.1", 0.0)
    throttle.succeeded("ann", "192.0.2.1")
    # Bob's failure still counts for the address.
    assert [throttle.attempt(f"user{number}", "192.0.2.1", 0.0) > 0 for number in range(4)] == [False] * 3 + [True]


def test_refusal_by_the_account_costs_the_address_nothing() -> None:
    throttle = login_throttle()
    for _ in range(50):
        throttle.attempt("ann", "192.0.2.1", 0.0)
    assert throttle.attempt("bob", "192.0.2.1", 0.0) == 0


def test_overload_is_nobodys_failure() -> None:
    throttle = login_throttle()
    for _ in range(50):
        assert throttle.attempt("ann", "192.0.2.1", 0.0) == 0
        throttle.undecided("ann", "192.0.2.1")


def test_address_can_be_left_to_a_proxy() -> None:
    throttle = LoginThrottle(Rate(2, 60.0), None)
    assert [throttle.attempt(f"user{number}", "127.0.0.1", 0.0) for number in range(100)] == [0] * 100
    throttle.succeeded("user1", "127.0.0.1")
    throttle.undecided("user2", "127.0.0.1")
    assert throttle.attempt("user3", "127.0.0.1", 0.0) == 0
    assert throttle.attempt("user3", "127.0.0.1", 0.0) == 30_000
