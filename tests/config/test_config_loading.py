"""Every way a configuration can be right or wrong, and what the administrator reads then."""

from pathlib import Path

import pytest

from msgd.config import Address, ConfigError, Settings, dump, env_name, load
from msgd.config.settings import SECTIONS
from msgd.config.sources import KINDS


def write(directory: Path, text: str) -> Path:
    path = directory / "msgd.toml"
    path.write_text(text)
    return path


def failure(path: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    return str(caught.value)


def test_empty_file_is_the_defaults_with_paths_beside_it(tmp_path: Path) -> None:
    settings = load(write(tmp_path, ""), {})
    assert settings.store.path == tmp_path / "store/msgd.sqlite3"
    assert settings.auth.keys_file == tmp_path / "keys.json"
    assert settings.turn.secret_file is None
    assert settings.limits == Settings().limits


def test_relative_configuration_path_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, '[store]\npath = "db"\n[admin]\nsocket = "/run/msgd/admin.sock"\n')
    monkeypatch.chdir(tmp_path)
    settings = load(Path("msgd.toml"), {})
    assert settings.store.path == tmp_path / "db"
    assert settings.admin.socket == Path("/run/msgd/admin.sock")


def test_unknown_key_names_line_and_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "[limits]\nwindow = 9\n# a comment\nwidnow = 5\n")
    assert failure(path) == f"{path}:4: unknown key limits.widnow: did you mean limits.window?"


def test_key_in_the_wrong_section_names_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "[listen]\nmax_devices = 5\n")
    assert failure(path) == f"{path}:2: unknown key listen.max_devices: did you mean limits.max_devices?"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("[lgo]\n", 1, "unknown section [lgo]: did you mean [log]?"),
        ("window = 3\n", 1, "unknown section [window]: did you mean limits.window?"),
        ("limits = 3\n", 1, "limits must be a section: write [limits]"),
        ("limits.window = 0\n", 1, "limits.window: must be a whole number from 1 to 65536, is 0"),
        ('\n[limits]\nwindow = "7"\n', 3, 'limits.window: must be a whole number from 1 to 65536, is "7"'),
        ("[limits]\nwindow = true\n", 2, "limits.window: must be a whole number from 1 to 65536, is true"),
        ("[presence]\ntick_s = nan\n", 2, "presence.tick_s: must be a number from 0.01 to 60, is NaN"),
        ("[limits]\nper_address = false\n", 2, 'limits.per_address: must be "on" or "off", is false'),
        ("[listen]\nplain = 1\n", 2, "listen.plain: must be true or false, is 1"),
        (
            '[listen]\naddress = "[::1]:70000"\n',
            2,
            'listen.address: must be HOST:PORT or [IPV6]:PORT, is "[::1]:70000"',
        ),
        ('[listen]\naddress = ":7443"\n', 2, 'listen.address: must be HOST:PORT or [IPV6]:PORT, is ":7443"'),
        ('[store]\npath = ""\n', 2, 'store.path: must be a path, is ""'),
        ("[admin]\nmode = 432\n", 2, 'admin.mode: must be four octal digits in quotes, such as "0660", is 432'),
        ('[admin]\ngroup = "a\\nb"\n', 2, "admin.group: must not hold control characters"),
        ('[turn]\nurls = "turn:a"\n', 2, 'turn.urls: must be a list of strings, is "turn:a"'),
        (
            "[store]\npath = '~nobody-of-that-name/x'\n",
            2,
            "store.path: begins with the home of a user who does not exist",
        ),
        (
            "[limits]\nwindow = 99999999999999999999999\n",
            2,
            "limits.window: must be a whole number from 1 to 65536, is 99999999999999999999999",
        ),
        ("[store]\npath = 1979-05-27\n", 2, 'store.path: must be a path, is "1979-05-27"'),
    ],
)
def test_wrong_value_says_what_it_must_be(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    path = write(tmp_path, text)
    assert failure(path) == f"{path}:{line}: {sentence}"


def test_long_values_are_cut_in_errors(tmp_path: Path) -> None:
    assert len(failure(write(tmp_path, f'[log]\nlevel = "{"x" * 5000}"\n'))) < 400


def test_syntax_error_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path, "[limits]\nwindow = = 3\n")
    assert failure(path).startswith(f"{path}:2: not TOML: ")


def test_end_of_file_in_a_value_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[store]\npath = "abc')
    assert failure(path).startswith(f"{path}")


@pytest.mark.parametrize("value", ["9" * 6000, "[" * 5000])
def test_absurd_file_is_a_configuration_error(tmp_path: Path, value: str) -> None:
    path = write(tmp_path, f"[limits]\nwindow = {value}\n")
    assert failure(path) == f"{path}: not TOML that can be read: a number or a nesting is absurd"


@pytest.mark.parametrize("key", ["limits.window", "presence.tick_s", "turn.urls"])
def test_variable_of_the_wrong_form_is_told(key: str) -> None:
    assert failure(None, {env_name(key): "[x"}).startswith(f"{env_name(key)}: {key}: must be a")


def test_missing_and_binary_files_are_configuration_errors(tmp_path: Path) -> None:
    assert "No such file" in failure(tmp_path / "absent.toml")
    binary = tmp_path / "msgd.toml"
    binary.write_bytes(b"\xff\xfe")
    assert "is not UTF-8" in failure(binary)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "[limits]\nwindow = 0\nwidnow = 1\n[log]\nlevel = 3\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {"MSGD_LOG__FORMAT": "xml"})
    assert [(problem.key, problem.where.rpartition("/")[2]) for problem in caught.value.problems] == [
        ("limits.widnow", "msgd.toml:3"),
        ("limits.window", "msgd.toml:2"),
        ("log.level", "msgd.toml:5"),
        ("log.format", "MSGD_LOG__FORMAT"),
    ]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("limits.window", " 12 ", 12),
        ("limits.window", "1_000", 1000),
        ("limits.per_address", "off", "off"),
        ("presence.tick_s", "2", 2.0),
        ("listen.plain", "yes", True),
        ("listen.plain", "OFF", False),
        ("listen.address", "[::1]:0", Address("::1", 0)),
        ("ops.address", "", None),
        ("turn.stun_urls", "stun:a:1, stun:b:2,", ("stun:a:1", "stun:b:2")),
        ("turn.stun_urls", '["stun:a:1"]', ("stun:a:1",)),
        ("turn.stun_urls", "", ()),
        ("store.path", "/srv/db", Path("/srv/db")),
    ],
)
def test_environment_is_read_by_type(key: str, text: str, value: object) -> None:
    settings = load(None, {env_name(key): text})
    section, name = key.split(".")
    assert getattr(getattr(settings, section), name) == value


def test_every_key_takes_its_default_from_the_environment(tmp_path: Path) -> None:
    shown = dump(Settings())
    environ = {}
    for key in KINDS:
        section, name = key.split(".")
        value = shown[section][name]
        environ[env_name(key)] = ",".join(value) if isinstance(value, list) else str(value)
    path = write(tmp_path, "")
    assert load(path, environ) == load(path, {})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MSGD_LIMITS__WIDNOW", "MSGD_LIMITS__WINDOW"),
        ("MSGD_LIMITS_WINDOW", "MSGD_LIMITS__WINDOW"),
        ("MSGD_LIMIT__WINDOW", "MSGD_LIMITS__WINDOW"),
    ],
)
def test_misspelt_variable_names_the_nearest(name: str, nearest: str) -> None:
    assert failure(None, {name: "3"}) == f"{name}: unknown setting: did you mean {nearest}?"


def test_variables_of_others_are_left_alone() -> None:
    assert load(None, {"MSGD_CONFIG": "x", "MSGDX": "y", "PATH": "/bin"}) == load(None, {})


def test_override_wins_over_environment_and_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[ops]\naddress = "127.0.0.1:1"\n[limits]\nwindow = 5\nmax_mailbox = 700\n')
    environ = {"MSGD_OPS__ADDRESS": "127.0.0.1:2", "MSGD_LIMITS__WINDOW": "6"}
    settings = load(path, environ, {"ops.address": "127.0.0.1:3"})
    assert (settings.ops.address, settings.limits.window, settings.limits.max_mailbox) == (
        Address("127.0.0.1", 3),
        6,
        700,
    )


def test_override_of_no_key_is_a_defect() -> None:
    with pytest.raises(KeyError):
        load(None, {}, {"ops.adress": ""})


def test_settings_cannot_be_changed() -> None:
    settings = load(None, {})
    with pytest.raises(AttributeError):
        settings.limits.window = 3  # type: ignore[misc]  # that it is refused is the point


def test_dump_is_plain_and_complete() -> None:
    shown = dump(load(None, {}))
    assert set(shown) == set(SECTIONS)
    assert shown["listen"]["address"] == "127.0.0.1:7443"
    assert load(None, {}).admin.mode_bits == 0o660


@pytest.mark.parametrize("text", ["127.0.0.1:7443", "[::1]:0", "chat.example.org:443", "[fe80::1%eth0]:1"])
def test_addresses_are_written_as_read(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize("text", ["", "7443", "host", "::1:80", "[::1]", "host:", "host:99999", "h:1 ", "h:-1"])
def test_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        Address.parse(text)
