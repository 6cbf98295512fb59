"""Why a command failed: a stable code, a sentence, and the exit code that scripts go by."""

DONE = 0
PROBLEMS = 1
USAGE = 2
UNREACHABLE = 3
REFUSED = 4
CONFLICT = 5
# EX_SOFTWARE of sysexits(3).
DEFECT = 70
# As a shell reports a program that ended by SIGINT or SIGPIPE: 128 and the signal.
INTERRUPTED = 130
BROKEN_PIPE = 141

EXIT_SENTENCES = {
    DONE: "done",
    PROBLEMS: "checked and found problems: they stand on stdout",
    USAGE: "wrong usage, or a configuration that cannot be used; nothing was done",
    UNREACHABLE: "the daemon is not reachable, and its store cannot be worked on either",
    REFUSED: "refused: by the rules, by the rights of the system, or by a disk that does not write",
    CONFLICT: "there is nothing by that name, or it is there already",
    DEFECT: "a defect in msgctl; the traceback stands on stderr",
    INTERRUPTED: "interrupted",
}
"""What each exit code means, for the documentation."""

_EXITS = {
    "usage": USAGE,
    "config_missing": USAGE,
    "config_invalid": USAGE,
    "bad_request": USAGE,
    "unreachable": UNREACHABLE,
    "not_found": CONFLICT,
    "login_taken": CONFLICT,
    "conflict": CONFLICT,
    "exists": CONFLICT,
}


class Failure(Exception):
    """A command that did not do what it was asked.

    Attributes:
        code: Stable, for scripts.
        message: For the administrator; no secret stands in it.
    """

    def __init__(self, code: str, message: str) -> None:
        """Carry the code and its sentence."""
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        return _EXITS.get(self.code, REFUSED)


def exits_by_code() -> dict[int, list[str]]:
    """The error codes that have an exit code of their own, for the documentation."""
    found: dict[int, list[str]] = {}
    for code, exit_code in _EXITS.items():
        found.setdefault(exit_code, []).append(code)
    return found
