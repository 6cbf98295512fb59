"""What is asked on a terminal: on stderr alone, because stdout may be a file that a script reads."""

import io

import pytest

from msgctl import asking
from msgctl.failures import Failure


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    keys = io.StringIO()
    monkeypatch.setattr("sys.stdin", keys)
    monkeypatch.setattr(asking, "has_terminal", lambda: True)
    return keys


def type_in(keys: io.StringIO, text: str) -> None:
    keys.write(text)
    keys.seek(0)


@pytest.mark.parametrize(
    ("keys", "default", "answer"),
    [
        ("here\n", None, "here"),
        ("\n\nthere \n", None, "there"),
        ("\n", "usual", "usual"),
        ("\n", "", ""),
        ("x\n", "y", "x"),
    ],
)
def test_an_answer_or_the_default(
    typed: io.StringIO, capsys: pytest.CaptureFixture[str], keys: str, default: str | None, answer: str
) -> None:
    type_in(typed, keys)
    assert asking.ask("Where", "--where", default) == answer
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("Where")


@pytest.mark.parametrize("keys", ["n\n", "\n", "yup\n"])
def test_only_a_yes_is_a_yes(typed: io.StringIO, capsys: pytest.CaptureFixture[str], keys: str) -> None:
    type_in(typed, keys)
    with pytest.raises(Failure) as caught:
        asking.confirm("Sure?", yes=False)
    assert caught.value.exit_code == 4
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("keys", ["y\n", "YES\n"])
def test_a_yes_goes_on(typed: io.StringIO, keys: str) -> None:
    type_in(typed, keys)
    asking.confirm("Sure?", yes=False)


def test_an_announced_yes_asks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    asking.confirm("Sure?", yes=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("content", "why"), [(b"", "empty"), (b"\xff\n", "UTF-8"), (b"x" * 5000, "too long")])
def test_what_is_no_password_file(tmp_path_factory: pytest.TempPathFactory, content: bytes, why: str) -> None:
    path = tmp_path_factory.mktemp("secret") / "file"
    path.write_bytes(content)
    with pytest.raises(Failure, match=why) as caught:
        asking.password(from_stdin=False, from_file=path)
    assert caught.value.exit_code == 2
