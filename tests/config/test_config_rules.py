"""Settings that contradict each other, and settings that are allowed but deserve a word."""

import pytest

from msgd.config import ConfigError, advice, env_name, load


@pytest.mark.parametrize(
    ("values", "culprit"),
    [
        ({"auth.argon2_memory_kib": "8", "auth.argon2_parallelism": "2"}, "auth.argon2_memory_kib"),
        ({"turn.urls": "turn://host", "turn.secret": "a"}, "turn.urls"),
        ({"turn.urls": "turn:host:3478?transport=sctp", "turn.secret": "a"}, "turn.urls"),
        ({"turn.urls": "turn:host:3478"}, "turn.urls"),
        ({"turn.stun_urls": "turn:host"}, "turn.stun_urls"),
        ({"turn.secret": "a,b,c"}, "turn.secret"),
    ],
)
def test_contradiction_is_told_at_its_key(values: dict[str, str], culprit: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {env_name(key): text for key, text in values.items()})
    assert [problem.key for problem in caught.value.problems] == [culprit]
    assert str(caught.value).count(f"{culprit}: ") == 1


@pytest.mark.parametrize(
    ("values", "culprits"),
    [
        ({}, []),
        ({"registration.mode": "open"}, ["registration.mode"]),
        ({"listen.plain": "true"}, []),
        ({"listen.plain": "true", "listen.address": "0.0.0.0:80"}, ["listen.plain"]),
        ({"ops.address": "[::]:9464"}, ["ops.address"]),
        ({"ops.address": ""}, []),
        ({"auth.argon2_memory_kib": "64"}, ["auth.argon2_memory_kib"]),
        ({"auth.refresh_ttl_s": "60"}, ["auth.refresh_ttl_s"]),
        ({"limits.max_message_bytes": "65536"}, ["limits.max_message_bytes", "calls.max_sdp_bytes"]),
        ({"limits.window": "20000"}, ["limits.max_mailbox"]),
        ({"limits.frames_burst": "10"}, ["limits.frames_burst"]),
    ],
)
def test_allowed_but_unusual_settings_are_pointed_out(values: dict[str, str], culprits: list[str]) -> None:
    settings = load(None, {env_name(key): text for key, text in values.items()})
    assert [key for key, _ in advice(settings)] == culprits


def test_full_turn_section_is_taken() -> None:
    settings = load(
        None,
        {
            "MSGD_TURN__URLS": "turn:turn.example.org:3478?transport=udp,turns:turn.example.org:443?transport=tcp",
            "MSGD_TURN__STUN_URLS": "stun:turn.example.org:3478",
            "MSGD_TURN__SECRET": "new,old",
        },
    )
    assert [len(settings.turn.urls), len(settings.turn.secret)] == [2, 2]
