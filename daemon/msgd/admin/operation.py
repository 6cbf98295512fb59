"""One operation as a row: what it takes, who carries it out, what it leaves in the audit log."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from msgd.admin.context import AdminContext
from msgd.admin.contract import Request, operation_name

Q = TypeVar("Q", bound=Request[Any])
R = TypeVar("R")

_NAME = re.compile(r"[a-z]+\.[a-z]+")


class Trail(msgspec.Struct, frozen=True):
    """What the audit log says of a change; never a password or a token."""

    target: str
    detail: str = ""


class Operation(msgspec.Struct, Generic[Q, R], frozen=True, kw_only=True):
    """A row of the table.

    Attributes:
        request: Its tag is the operation's name, its docstring the help.
        handler: Carries it out; raises `Refused`, the store's errors or broken rules of `msgd.auth`.
        trail: What to write into the audit log after it; None where it changes nothing.
        works_stopped: Whether it is of use without a running daemon.
    """

    request: type[Q]
    handler: Callable[[AdminContext, Q], Awaitable[R]]
    trail: Callable[[Q, R], Trail] | None = None
    works_stopped: bool = True

    @property
    def name(self) -> str:
        """Noun and verb."""
        return operation_name(self.request)

    @property
    def help(self) -> str:
        """One sentence for people."""
        return self.request.__doc__ or ""

    @property
    def changes(self) -> bool:
        """Whether it changes state, and so stands in the audit log."""
        return self.trail is not None


def table(rows: Iterable[Operation[Any, Any]]) -> Mapping[str, Operation[Any, Any]]:
    """Index the rows by name.

    Raises:
        ValueError: A row has no help or no proper name, or two have the same.
    """
    found: dict[str, Operation[Any, Any]] = {}
    for row in rows:
        if not _NAME.fullmatch(row.name):
            raise ValueError(f"operation {row.name!r} is not named noun.verb")
        if not row.help.strip() or row.help == Request.__doc__:
            raise ValueError(f"operation {row.name} has no help")
        if row.name in found:
            raise ValueError(f"two operations are named {row.name}")
        found[row.name] = row
    return found
