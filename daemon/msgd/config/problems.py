"""What is wrong with a configuration, each finding with its place, and the error that carries them all."""

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """One finding.

    Attributes:
        where: `FILE:LINE`, `FILE`, or the name of an environment variable.
        key: Full path of the key, such as `limits.window`; empty when the finding is about a whole file.
        what: The sentence for the administrator. It never holds a secret value.
    """

    where: str
    key: str
    what: str

    def __str__(self) -> str:
        """Write one line: place, then sentence."""
        return f"{self.where}: {self.what}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` names every reason at once, in the order found."""

    def __init__(self, *problems: Problem) -> None:
        """Carry the findings; there is at least one."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
