"""Logins, passwords and email addresses: what is taken and what is refused."""

import pytest

from msgd.auth.common_passwords import COMMON_PASSWORDS
from msgd.auth.names import RuleBroken, check_email, check_login, check_password, fold_login
from msgwire import ErrorCode


@pytest.mark.parametrize("login", ["ab", "a" * 32, "ann.b_c-1", "a--", "z9"])
def test_login_is_taken(login: str) -> None:
    assert check_login(login) == login


@pytest.mark.parametrize("login", ["Ann", "ANN", "ann"])
def test_login_has_one_spelling(login: str) -> None:
    assert check_login(login) == "ann"


@pytest.mark.parametrize(
    "login",
    [
        "",
        "a",
        "a" * 33,
        "1ab",
        ".ab",
        "a b",
        "ab\n",
        "änn",
        "ann@host",
        "\u212aelvin",
        "a\u017f",
        "аnn",
        "a\0b",
        "ann\u200b",
    ],
)
def test_login_is_refused(login: str) -> None:
    assert fold_login(login) is None
    with pytest.raises(RuleBroken) as caught:
        check_login(login)
    assert caught.value.code is ErrorCode.LOGIN_INVALID


@pytest.mark.parametrize("password", ["correct horse", "ünïcödé pass", "x" * 7 + "y", "z" * 256, "        ", "😀" * 8])
def test_password_is_taken(password: str) -> None:
    check_password(password, "ann")


@pytest.mark.parametrize(
    ("password", "login"),
    [
        ("", "ann"),
        ("1234567", "ann"),
        ("😀" * 7, "ann"),
        ("z" * 257, "ann"),
        ("Christopher", "christopher"),
        ("password", "ann"),
        ("PassWord1", "ann"),
        ("12345678", "ann"),
    ],
)
def test_password_is_refused_without_being_repeated(password: str, login: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        check_password(password, login)
    assert caught.value.code is ErrorCode.PASSWORD_WEAK
    assert password in {"", "password"} or password not in caught.value.sentence


def test_list_of_common_passwords_says_nothing_that_the_length_says_already() -> None:
    assert len(COMMON_PASSWORDS) > 200
    assert min(map(len, COMMON_PASSWORDS)) >= 8
    assert all(password == password.casefold() for password in COMMON_PASSWORDS)


@pytest.mark.parametrize(
    "email", ["a@b", "ann.b+tag@mail.example.org", "ann@xn--bcher-kva.example", "ä@bücher.example"]
)
def test_email_is_taken(email: str) -> None:
    check_email(email)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ann",
        "@host",
        "ann@",
        "a@b@c",
        "a b@c",
        "a@b c",
        "a@-b",
        "a@b-",
        "a@.b",
        "a@b..c",
        "a@b\n",
        "x" * 65 + "@b",
        "a@" + "b" * 64,
        "a@" + "b." * 130 + "c",
        "a\u202e@b",
        "a\x1b[1m@b",
    ],
)
def test_email_is_refused(email: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        check_email(email)
    assert caught.value.code is ErrorCode.BAD_FRAME
