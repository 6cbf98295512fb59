"""The sign-in of a profile, in a file of mode 0600 that is replaced as a whole: a refresh token works once."""

from pathlib import Path
from typing import Self

import msgspec

import msgwire

from .errors import ProfileUnreadable
from .profile import replace_file
from .views import Account


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one device. Times are UTC epoch ms by the server's clock."""

    uid: str
    login: str
    device_id: str
    access_token: str
    access_expires_at: int
    refresh_token: str
    refresh_expires_at: int

    @classmethod
    def of(cls, reply: msgwire.SessionTokens) -> Self:
        """The tokens in a `session` reply."""
        return cls(**{name: getattr(reply, name) for name in cls.__struct_fields__})

    @property
    def account(self) -> Account:
        """Whose they are."""
        return Account(self.uid, self.login, self.device_id)

    def without_access(self) -> "Tokens":
        """The same, with an access token that counts as run out."""
        return msgspec.structs.replace(self, access_expires_at=0)

    def __repr__(self) -> str:
        return f"Tokens(login={self.login!r})"


class TokenFile:
    """Where a profile keeps its tokens."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tokens.json"

    def load(self) -> Tokens | None:
        """The stored tokens; None when nobody is signed in. Raises `ProfileUnreadable`."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Tokens)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            # The cause is left out: it could quote a token.
            raise ProfileUnreadable(f"{self._path} cannot be read.") from None

    def store(self, tokens: Tokens) -> None:
        """Store tokens durably. Blocks for an fsync."""
        replace_file(self._path, msgspec.json.encode(tokens))

    def clear(self) -> None:
        """Forget the sign-in."""
        self._path.unlink(missing_ok=True)
