"""A file that only its owner can read, and that is there whole or not at all."""

import os
from pathlib import Path

_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700


def write_private(path: Path, content: bytes) -> None:
    """Write or replace a file with mode 0600; after a crash it holds the old content or the new.

    Raises:
        OSError: The disk or the rights of the directory do not allow it.
    """
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def make_private_directory(path: Path) -> None:
    """Make a directory with mode 0700; one that is there keeps its rights, as somebody may have chosen them.

    Raises:
        OSError: It cannot be made, or something else has its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(_DIRECTORY_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
