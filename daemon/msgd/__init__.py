"""The msgd daemon: one trio process that relays, stores and signals for the people of one server."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("msgd")
except PackageNotFoundError:
    # Run from a source tree that was never installed.
    __version__ = "0+source"
