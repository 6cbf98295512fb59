"""How a benchmark ends when it does not end well: VoidRun exits with 1, Unusable with 2."""


class VoidRun(Exception):
    """The daemon broke the contract during the run, so its figures count for nothing."""


class Unusable(Exception):
    """The benchmark cannot be run as asked: wrong target, missing compiler, a daemon that does not start."""
