"""Secrets come from files, credentials or the environment, and are shown to nobody."""

from pathlib import Path

import pytest

from msgd.config import ConfigError, Secret, dump, load

TEXT = "hush-hush-4711"
URLS = {"MSGD_TURN__URLS": "turn:turn.example.org:3478"}


def secret_file(path: Path, content: str = TEXT + "\n", mode: int = 0o600) -> Path:
    path.write_text(content)
    path.chmod(mode)
    return path


def failure(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    assert TEXT not in str(caught.value)
    return str(caught.value)


def test_secret_shows_itself_only_on_request() -> None:
    secret = Secret(TEXT)
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == TEXT
    assert secret == Secret(TEXT) != Secret("other")
    assert hash(secret) == hash(Secret(TEXT))


def test_settings_with_a_secret_hide_it() -> None:
    settings = load(None, URLS | {"MSGD_TURN__SECRET": TEXT})
    assert TEXT not in repr(settings)
    assert dump(settings)["turn"]["secret"] == ["***"]


def test_two_secrets_in_a_file_keep_their_order(tmp_path: Path) -> None:
    secret_file(tmp_path / "turn", "# new\nnew-one\n\n old-one \n")
    config = tmp_path / "msgd.toml"
    config.write_text('[turn]\nsecret_file = "turn"\n')
    assert [secret.reveal() for secret in load(config, URLS).turn.secret] == ["new-one", "old-one"]


def test_secret_in_the_configuration_file_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "msgd.toml"
    config.write_text(f'[turn]\nsecret = ["{TEXT}"]\n')
    assert "turn.secret: a secret may not stand in this file" in failure({}, config)


def test_credential_is_found_without_being_named(tmp_path: Path) -> None:
    secret_file(tmp_path / "turn-secret")
    environ = URLS | {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert load(None, environ).turn.secret == (Secret(TEXT),)
    assert load(None, environ | {"MSGD_TURN__SECRET": "mine"}).turn.secret == (Secret("mine"),)


def test_any_path_may_name_a_credential(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "MSGD_LISTEN__TLS_KEY": "credential:tls-key"}
    assert load(None, environ).listen.tls_key == tmp_path / "tls-key"


@pytest.mark.parametrize("name", ["credential:", "credential:..", "credential:a/b"])
def test_credential_names_stay_in_their_directory(tmp_path: Path, name: str) -> None:
    assert "must name one credential" in failure({"CREDENTIALS_DIRECTORY": str(tmp_path), "MSGD_STORE__PATH": name})


def test_credential_without_systemd_is_told() -> None:
    assert "CREDENTIALS_DIRECTORY is not set" in failure({"MSGD_STORE__PATH": "credential:db"})


def test_broken_secret_files_are_told(tmp_path: Path) -> None:
    def failing(path: Path) -> str:
        return failure(URLS | {"MSGD_TURN__SECRET_FILE": str(path)})

    assert "chmod o=" in failing(secret_file(tmp_path / "open", mode=0o644))
    assert "holds no secret" in failing(secret_file(tmp_path / "empty", "# nothing\n"))
    assert "cannot be read: No such file" in failing(tmp_path / "absent")
    assert "too long" in failing(secret_file(tmp_path / "long", "x" * 70_000))
    binary = secret_file(tmp_path / "binary")
    binary.write_bytes(b"\xff")
    assert "not UTF-8" in failing(binary)


def test_wrong_secret_in_the_environment_is_not_repeated() -> None:
    failure({"MSGD_TURN__SECRET": f'["{TEXT}", 3]'})
