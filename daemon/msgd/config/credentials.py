"""Files that come from systemd's credential store, and secrets read from files."""

import stat
from collections.abc import Mapping
from pathlib import Path

from msgd.config.kinds import Secret

SCHEME = "credential:"
TURN_SECRET = "turn-secret"  # noqa: S105 - the name of the credential, not its value
# A secret file is short; more than this is the wrong file.
_MOST_BYTES = 65_536


def resolve(path: Path, base: Path, environ: Mapping[str, str]) -> Path:
    """Make a path absolute: relative ones start at `base`, `credential:NAME` at systemd's directory.

    Raises:
        ValueError: The name is a credential, and systemd gave no directory or the name leaves it; or it begins with
            the home of nobody.
    """
    text = str(path)
    if not text.startswith(SCHEME):
        try:
            return base / path.expanduser()
        except RuntimeError:
            raise ValueError("begins with the home of a user who does not exist") from None
    name = text.removeprefix(SCHEME)
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise ValueError(
            "names a systemd credential, but CREDENTIALS_DIRECTORY is not set: is LoadCredential= missing?"
        )
    if "/" in name or name in {"", ".", ".."}:
        raise ValueError("must name one credential, without slashes")
    return Path(directory) / name


def turn_credential(environ: Mapping[str, str]) -> Path | None:
    """Find the credential `turn-secret`, or nothing where systemd passed none."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    path = Path(directory) / TURN_SECRET if directory else None
    return path if path is not None and path.is_file() else None


def read_secrets(path: Path) -> tuple[Secret, ...]:
    """Read one secret a line; empty lines and lines that begin with # are passed over.

    Raises:
        ValueError: The file cannot be read, may be read by everyone, is too long or holds no secret.
    """
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
                raise ValueError(f"{path} may be read by every user of this machine: chmod o= it")
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{path} is too long for a file of secrets")
    try:
        lines = [line.strip() for line in content.decode().splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    secrets = tuple(Secret(line) for line in lines if line and not line.startswith("#"))
    if not secrets:
        raise ValueError(f"{path} holds no secret")
    return secrets
