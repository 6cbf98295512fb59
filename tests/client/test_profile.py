"""Profiles: where files stand, who may read them, and what a crash leaves."""

import os
import stat
from pathlib import Path

import pytest

from msgclient import Profile, ProfileInUse, ProfileUnreadable, ServerAddress
from msgclient.profile import data_folder, replace_file
from msgclient.tokens import TokenFile, Tokens

TOKENS = Tokens(
    uid="u",
    login="juliet",
    device_id="d",
    access_token="access",
    access_expires_at=1,
    refresh_token="refresh",
    refresh_expires_at=2,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("chat.example", "wss://chat.example:443/v1/ws"),
        ("chat.example:8443", "wss://chat.example:8443/v1/ws"),
        ("wss://chat.example/", "wss://chat.example:443/v1/ws"),
        ("ws://localhost:80/elsewhere", "ws://localhost:80/elsewhere"),
        ("[::1]:8443", "wss://[::1]:8443/v1/ws"),
    ],
)
def test_a_server_is_a_host_or_a_url(text: str, url: str) -> None:
    assert ServerAddress.parse(text).url == url


@pytest.mark.parametrize("text", ["", "https://chat.example", "wss://me:secret@chat.example", "a.example?b", "h:99999"])
def test_anything_else_is_no_server(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the sentence is the library's for a bad port
        ServerAddress.parse(text)


def test_profiles_stand_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert data_folder() == tmp_path / ".local/share/msgd"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made = Profile.create("juliet", "chat.example")
    assert made == Profile.load("juliet")
    assert made.folder == tmp_path / "data/msgd/profiles/juliet"
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert Profile.names() == ["juliet"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 65])
def test_a_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        Profile.create(name, "chat.example", tmp_path)
    with pytest.raises(ProfileUnreadable):
        Profile.load(name, tmp_path)


def test_a_missing_or_broken_profile_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ProfileUnreadable, match="no profile"):
        Profile.load("nobody", tmp_path)
    profile = Profile.create("juliet", "chat.example", tmp_path)
    (profile.folder / "profile.json").write_text("{")
    with pytest.raises(ProfileUnreadable):
        Profile.load("juliet", tmp_path)


def test_a_profile_is_held_by_one(tmp_path: Path) -> None:
    profile = Profile.create("juliet", "chat.example", tmp_path)
    held = profile.lock()
    with pytest.raises(ProfileInUse):
        profile.lock()
    held.release()
    profile.lock().release()


def test_tokens_are_private_and_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = TokenFile(tmp_path)
    assert file.load() is None
    file.store(TOKENS)
    path = tmp_path / "tokens.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _fails)
        with pytest.raises(OSError, match="no space"):
            file.store(TOKENS.without_access())
    assert file.load() == TOKENS
    assert [entry.name for entry in tmp_path.iterdir()] == ["tokens.json"]
    file.clear()
    file.clear()
    assert file.load() is None


def test_broken_tokens_do_not_tell_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text('{"access_token": "secret", ')
    with pytest.raises(ProfileUnreadable) as unreadable:
        TokenFile(tmp_path).load()
    assert "secret" not in f"{unreadable.value} {unreadable.value.__cause__}"


def test_a_replaced_file_keeps_no_wider_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def _fails(*_: object) -> None:
    raise OSError("no space")
