"""Why a store could not be opened: each error says what happened and what to do."""


class StoreOpenError(Exception):
    """The store could not be opened; nothing was changed.

    Attributes:
        held: another process has it open.
    """

    held = False


class StoreLocked(StoreOpenError):
    """Another process has the store open."""

    held = True


class SchemaTooNew(StoreOpenError):
    """The store was written by a newer version of the daemon."""


class StoreUnusable(StoreOpenError):
    """The file or its directory cannot be used: missing, not ours, no database, or damaged."""
