"""`msgctl init`: what it writes, for whom it is readable, and what it never overwrites."""

import os
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from msgd.admin import certificate
from msgd.config import load

Ctl = Any
FILES = ("msgd.toml", "keys.json", "tls/cert.pem", "tls/key.pem")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(home: Path) -> dict[str, bytes]:
    return {name: (home / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_everything_is_for_its_owner_alone(ctl: Ctl, tmp_path: Path, umask: int) -> None:
    home = tmp_path / "deep" / "server"
    before = os.umask(umask)
    try:
        made = ctl("init", "--dir", str(home), "--registration", "open", "--yes")
    finally:
        os.umask(before)
    assert made.code == 0
    assert {name: mode(home / name) for name in FILES} == dict.fromkeys(FILES, 0o600)
    assert {mode(path) for path in (home, home / "tls", home / "store")} == {0o700}
    assert sorted(path.name for path in home.rglob("*.new")) == []
    assert list((home / "store").iterdir()) == []


def test_the_configuration_says_what_was_asked(ctl: Ctl, tmp_path: Path) -> None:
    home = tmp_path / "server"
    words = ["--listen", "[::1]:7555", "--registration", "closed", "--public-name", "chat.example.org"]
    assert ctl("init", "--dir", str(home), *words, "--ops-listen", "", "--yes").code == 0
    settings = load(home / "msgd.toml", {})
    assert str(settings.listen.address) == "[::1]:7555"
    assert settings.registration.mode == "closed"
    assert settings.listen.public_name == "chat.example.org"
    assert settings.ops.address is None
    assert settings.listen.tls_cert == home / "tls" / "cert.pem"
    assert settings.auth.keys_file == home / "keys.json"


def test_the_certificate_stands_for_every_name(ctl: Ctl, tmp_path: Path) -> None:
    home = tmp_path / "server"
    words = ["--listen", "192.0.2.7:7443", "--registration", "open", "--public-name", "chat.example.org"]
    made = ctl("init", "--dir", str(home), *words, "--yes")
    found = x509.load_pem_x509_certificate((home / "tls/cert.pem").read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"chat.example.org", "localhost"}
    assert set(map(str, names.get_values_for_type(x509.IPAddress))) == {"192.0.2.7", "127.0.0.1", "::1"}
    assert made.data["fingerprint"] == found.fingerprint(hashes.SHA256()).hex(":").upper()
    assert made.data["fingerprint"] in made.stderr
    life = found.not_valid_after_utc - found.not_valid_before_utc
    assert life.days == certificate.LIFE_DAYS
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "tls/cert.pem", home / "tls/key.pem")


def test_a_wildcard_is_no_name(ctl: Ctl, tmp_path: Path) -> None:
    home = tmp_path / "server"
    assert ctl("init", "--dir", str(home), "--listen", "0.0.0.0:7443", "--registration", "open", "--yes").code == 0
    assert b"0.0.0.0" not in (home / "tls/cert.pem").read_bytes()
    found = x509.load_pem_x509_certificate((home / "tls/cert.pem").read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(map(str, names.get_values_for_type(x509.IPAddress))) == {"127.0.0.1", "::1"}


def test_nothing_is_overwritten_without_force(ctl: Ctl, home: Path) -> None:
    before = contents(home)
    (home / "msgd.toml").unlink()
    refused = ctl("init", "--dir", str(home), "--registration", "open", "--yes")
    assert (refused.code, refused.error, refused.stdout) == (5, "exists", "")
    assert not (home / "msgd.toml").exists()
    assert (home / "keys.json").read_bytes() == before["keys.json"]


def test_force_replaces_all_but_the_store(ctl: Ctl, home: Path) -> None:
    before = contents(home)
    (home / "store" / "msgd.sqlite3").write_text("people's words")
    words = ["--listen", "127.0.0.1:1", "--registration", "closed", "--force", "--yes"]
    assert ctl("init", "--dir", str(home), *words).code == 0
    after = contents(home)
    assert [name for name in FILES if before[name] == after[name]] == []
    assert (home / "store" / "msgd.sqlite3").read_text() == "people's words"


def test_a_dry_run_writes_nothing(ctl: Ctl, tmp_path: Path, home: Path) -> None:
    new = tmp_path / "new"
    said = ctl("init", "--dir", str(new), "--registration", "open", "--yes", "--dry-run")
    assert (said.code, said.data["dry_run"], said.data["replaced"]) == (0, True, [])
    assert not new.exists()
    before = contents(home)
    again = ctl("init", "--dir", str(home), "--registration", "open", "--yes", "--dry-run", "--force")
    assert again.data["replaced"] == [str(home / name) for name in FILES]
    assert contents(home) == before


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        ((), "--dir"),
        (("--dir", "x"), "--listen"),
        (("--dir", "x", "--listen", "h:1", "--public-name", "n", "--registration", "open"), "--yes"),
        (("--dir", "x", "--yes", "--listen", "nonsense"), "--listen"),
        (("--dir", "x", "--yes", "--ops-listen", "nonsense"), "--ops-listen"),
        (("--dir", "x", "--yes", "--registration", "maybe"), "--registration"),
    ],
)
def test_what_is_missing_or_wrong_is_named(ctl: Ctl, tmp_path: Path, words: tuple[str, ...], flag: str) -> None:
    said = ctl("init", *words)
    assert (said.code, said.error) == (2, "usage")
    assert flag in said.stderr
    assert not (tmp_path / "x").exists()


def test_a_place_that_cannot_be_written_is_refused(ctl: Ctl, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = ctl("init", "--dir", str(tmp_path / "file"), "--registration", "open", "--yes")
    assert (said.code, said.error) == (4, "not_written")


def test_a_name_that_is_none_is_refused(ctl: Ctl, tmp_path: Path) -> None:
    said = ctl("init", "--dir", str(tmp_path / "x"), "--public-name", "a..b", "--registration", "open", "--yes")
    assert (said.code, said.error) == (4, "not_written")
    assert not (tmp_path / "x").exists()


def test_a_server_with_invites_gets_its_first(ctl: Ctl, tmp_path: Path) -> None:
    home = tmp_path / "server"
    made = ctl("init", "--dir", str(home), "--registration", "invite", "--yes")
    assert made.code == 0
    assert made.data["invite"].startswith("msgd_inv_")
    listed = ctl("--config", str(home / "msgd.toml"), "invite", "list").data
    assert [(invite["state"], invite["uses"]) for invite in listed] == [("active", 1)]
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert made.data["invite"].encode() not in kept
