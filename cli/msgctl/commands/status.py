"""How the server is."""

from msgctl.failures import DONE, PROBLEMS
from msgctl.invocation import Invocation


def status(run: Invocation) -> int:
    """Show how the server is, and what to mend. While the daemon is stopped, show what its store knows."""
    from msgd.admin.contract import ShowStatus

    found = run.call(ShowStatus())
    run.show(found)
    return PROBLEMS if found.findings else DONE
