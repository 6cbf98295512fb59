"""Client addresses: one spelling for each."""

import pytest

from msgd.net.address import client_address, throttle_key


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("192.0.2.7", 40_000), "192.0.2.7"),
        (("::ffff:192.0.2.7", 40_000, 0, 0), "192.0.2.7"),
        (("2001:db8::7", 40_000, 0, 0), "2001:db8::7"),
        (("fe80::7%eth0", 40_000, 0, 2), "fe80::7"),
        ("", "local"),
        (b"\0abstract", "local"),
    ],
)
def test_an_address_has_one_spelling(given: object, expected: str) -> None:
    assert client_address(given) == expected


def test_an_ipv6_subscriber_is_one_client() -> None:
    assert throttle_key("2001:db8:1:2:3::4") == throttle_key("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert throttle_key("2001:db8:1:3::1") != throttle_key("2001:db8:1:2::1")
    assert throttle_key("192.0.2.7") == "192.0.2.7"
    assert throttle_key("local") == "local"
