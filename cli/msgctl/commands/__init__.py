"""One file for each noun of the command line.

The commands import the daemon's modules when they run and not when they load: that doubles the time of `--help` and of
every completion.
"""
