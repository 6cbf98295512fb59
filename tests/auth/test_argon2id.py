"""Password hashes: right ones match, wrong and unknown ones cost the same, counted in hash operations."""

import argon2
import msgspec
import pytest

from msgd.auth.argon2id import Argon2id
from msgd.config import Auth

CHEAP = Auth(argon2_time=1, argon2_memory_kib=8, argon2_parallelism=1)


@pytest.fixture
def operations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the parameters of every argon2 computation."""
    made: list[str] = []
    real = argon2.low_level.verify_secret

    def counted(encoded: bytes, secret: bytes, kind: argon2.Type) -> bool:
        made.append(encoded.decode().rsplit("$", 2)[0])
        return real(encoded, secret, kind)

    monkeypatch.setattr("argon2._password_hasher.verify_secret", counted)
    return made


def test_hash_matches_its_password_only() -> None:
    argon2id = Argon2id(CHEAP)
    stored = argon2id.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert "correct" not in stored
    assert argon2id.verify(stored, "correct horse").matches
    assert not argon2id.verify(stored, "correct horsE").matches
    assert argon2id.hash("correct horse") != stored


def test_unknown_login_costs_what_a_wrong_password_costs(operations: list[str]) -> None:
    argon2id = Argon2id(CHEAP)
    stored = argon2id.hash("correct horse")
    costs = []
    for known in (stored, None, "", "!locked", "$argon2id$v=19$garbage"):
        operations.clear()
        assert not argon2id.verify(known, "a guess").matches
        costs.append([operation for operation in operations if "m=8" in operation])
    assert costs == [["$argon2id$v=19$m=8,t=1,p=1"]] * len(costs)


def test_nothing_matches_the_hash_of_nobody() -> None:
    argon2id = Argon2id(CHEAP, random_bytes=bytes)
    for guess in ("", "\0" * 32, "a guess"):
        assert not argon2id.verify(None, guess).matches


def test_changed_parameters_ask_for_a_new_hash() -> None:
    stored = Argon2id(CHEAP).hash("correct horse")
    assert not Argon2id(CHEAP).verify(stored, "correct horse").needs_rehash
    stronger = Argon2id(msgspec.structs.replace(CHEAP, argon2_memory_kib=16))
    assert stronger.verify(stored, "correct horse").needs_rehash
    assert not stronger.verify(stored, "wrong").needs_rehash


@pytest.mark.parametrize(
    ("typed", "typed_elsewhere"), [("pässword", "pa\u0308ssword"), ("Ångström", "A\u030angstro\u0308m")]
)
def test_composed_and_decomposed_letters_are_the_same(typed: str, typed_elsewhere: str) -> None:
    argon2id = Argon2id(CHEAP)
    assert argon2id.verify(argon2id.hash(typed), typed_elsewhere).matches


@pytest.mark.parametrize("odd", ["", "\ud800 alone", "nul\0inside", "x" * 100_000])
def test_odd_passwords_are_only_wrong(odd: str) -> None:
    argon2id = Argon2id(CHEAP)
    assert not argon2id.verify(argon2id.hash("correct horse"), odd).matches
    assert argon2id.verify(argon2id.hash(odd), odd).matches
