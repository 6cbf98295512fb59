"""The SQLite engine of the store."""

from .engine import SqliteStore
from .errors import SchemaTooNew, StoreLocked, StoreOpenError, StoreUnusable
from .limits import Keep, Pace, StoreLimits
from .observer import StoreObserver

__all__ = [
    "Keep",
    "Pace",
    "SchemaTooNew",
    "SqliteStore",
    "StoreLimits",
    "StoreLocked",
    "StoreObserver",
    "StoreOpenError",
    "StoreUnusable",
]
