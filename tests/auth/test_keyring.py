"""The key file: private, whole after a crash, and understood or refused with a reason."""

import json
import os
from pathlib import Path

import pytest

from msgd.auth.keyring import KeyRing, KeyRingError, SigningKey
from msgd.config import Secret

NOW = 1_700_000_000_000


def test_ring_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = KeyRing.generate(NOW).rotated(NOW + 5, 900_000)
    ring.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.load(path).keys == ring.keys
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_saving_ignores_the_umask_and_what_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    (tmp_path / "keys.json.new").write_text("half a")
    before = os.umask(0)
    try:
        KeyRing.generate(NOW).save(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.load(path).signing.created_at == NOW


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    KeyRing.generate(NOW).save(path)
    path.chmod(mode)
    with pytest.raises(KeyRingError, match="chmod 600"):
        KeyRing.load(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "truncated"),
        ("{}", "Expected `array`"),
        ("[]", "there is no key"),
        ('[{"kid": "a", "secret": "hush"}]', "missing required field `created_at`"),
        ('[{"kid": "a", "secret": "hush-hush", "created_at": 1}]', "is not 32 bytes"),
        ('[{"kid": "a", "secret": "***", "created_at": 1}]', "is not 32 bytes"),
        ("x" * 70_000, "too long"),
    ],
)
def test_broken_file_is_told_without_its_content(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyRingError, match=reason) as caught:
        KeyRing.load(path)
    assert "hush" not in str(caught.value)


def test_missing_file_and_directory_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="No such file"):
        KeyRing.load(tmp_path / "keys.json")
    with pytest.raises(KeyRingError, match="cannot be written"):
        KeyRing.generate(NOW).save(tmp_path / "absent" / "keys.json")


def test_two_keys_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    KeyRing.generate(NOW).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    with pytest.raises(KeyRingError, match="same kid"):
        KeyRing.load(path)


def test_newest_key_signs_whatever_the_order() -> None:
    old, new = KeyRing.generate(1).keys[0], KeyRing.generate(2).keys[0]
    assert KeyRing([new, old]).signing == KeyRing([old, new]).signing == new


def test_key_under_retirement_does_not_sign() -> None:
    retiring = SigningKey("b", Secret("x"), 2, retired_at=9)
    assert KeyRing([SigningKey("a", Secret("y"), 1), retiring]).signing.kid == "a"


def test_rotation_keeps_live_keys_and_drops_long_retired_ones() -> None:
    first = KeyRing.generate(NOW)
    second = first.rotated(NOW + 1000, 500)
    assert [key.retired_at for key in second.keys] == [NOW + 1500, None]
    assert second.signing is second.keys[-1]
    in_overlap = second.rotated(NOW + 1200, 500)
    assert [key.retired_at for key in in_overlap.keys] == [NOW + 1500, NOW + 1700, None]
    later = in_overlap.rotated(NOW + 5000, 500)
    assert len(later.keys) == 2


def test_rotation_with_the_clock_set_back_still_signs_with_the_new_key() -> None:
    ring = KeyRing.generate(NOW)
    assert ring.rotated(NOW - 60_000, 500).signing.kid != ring.signing.kid
