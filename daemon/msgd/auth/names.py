"""What a login, a password and an email address may be."""

import re

from msgd.auth.common_passwords import COMMON_PASSWORDS
from msgwire import ErrorCode

PASSWORD_MIN_CHARACTERS = 8
PASSWORD_MAX_CHARACTERS = 256
# Both cases are written out: re.IGNORECASE would also let the Kelvin sign and the long s in.
_LOGIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,31}")
# Enough to catch a slip; whether the address exists only a letter to it can tell (RFC 5321, section 4.5.3.1).
_EMAIL = re.compile(
    r"[^\s@\x00-\x1f\x7f]{1,64}@(?=.{1,253}$)[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*"
)
_EMAIL_MAX_CHARACTERS = 254


class RuleBroken(Exception):
    """A login, password or email address is not acceptable.

    Attributes:
        code: The error code of the contract.
        sentence: What is wrong, without the value.
    """

    def __init__(self, code: ErrorCode, sentence: str) -> None:
        """Say which rule."""
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def fold_login(login: str) -> str | None:
    """Give the one spelling that is stored and compared, in lower case; None when it can be no login."""
    return login.lower() if _LOGIN.fullmatch(login) else None


def check_login(login: str) -> str:
    """Give the folded login.

    Raises:
        RuleBroken: `login_invalid`.
    """
    folded = fold_login(login)
    if folded is None:
        raise RuleBroken(ErrorCode.LOGIN_INVALID, "A login is 2 to 32 of a-z 0-9 . _ - and starts with a letter.")
    return folded


def check_password(password: str, login: str) -> None:
    """Check a new password; existing ones are never judged again.

    Raises:
        RuleBroken: `password_weak`.
    """
    if len(password) < PASSWORD_MIN_CHARACTERS:
        raise _weak(f"A password has at least {PASSWORD_MIN_CHARACTERS} characters.")
    if len(password) > PASSWORD_MAX_CHARACTERS:
        raise _weak(f"A password has at most {PASSWORD_MAX_CHARACTERS} characters.")
    folded = password.casefold()
    if folded == login.casefold():
        raise _weak("The password must not be the login.")
    if folded in COMMON_PASSWORDS:
        raise _weak("This password is one of the first that everybody tries.")


def check_email(email: str) -> None:
    """Check that an address has the form of one; it is never resolved or written to.

    Raises:
        RuleBroken: `bad_frame`.
    """
    if len(email) > _EMAIL_MAX_CHARACTERS or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise RuleBroken(ErrorCode.BAD_FRAME, "The email address is not of the form name@host.")


def _weak(sentence: str) -> RuleBroken:
    return RuleBroken(ErrorCode.PASSWORD_WEAK, sentence)
