"""The configuration."""

import os

from msgctl.failures import DONE, PROBLEMS
from msgctl.invocation import Invocation
from msgctl.output import Output, say


def check(run: Invocation) -> int:
    """Check the configuration by the daemon's own code, environment included, and show every finding at once.

    Errors keep the daemon from starting, and the exit code is 1; advice is about what works but is seldom meant.
    """
    from msgd.config import ConfigError, advice, load

    path = run.config_file()
    try:
        settings = load(path, os.environ)
    except ConfigError as error:
        say(f"{path}: {len(error.problems)} to mend.")
        run.show_many(
            {"severity": "error", "where": found.where, "key": found.key, "what": found.what}
            for found in error.problems
        )
        return PROBLEMS
    say(f"{path} is good.")
    run.show_many(
        {"severity": "advice", "where": str(path), "key": key, "what": f"{key}: {what}"}
        for key, what in advice(settings)
    )
    return DONE


def show(run: Invocation) -> None:
    """Show every setting in force: the file, the environment, and the defaults. Secrets are shown as `***`."""
    from msgd.config import dump

    tree = dump(run.settings())
    if run.output is Output.JSON:
        run.show(tree)
    else:
        run.show_many(
            {"key": f"{section}.{name}", "value": value}
            for section, values in tree.items()
            for name, value in values.items()
        )
