"""The store as the configuration describes it, for the daemon and for whoever works on a stopped one."""

from msgd.clock import epoch_ms
from msgd.config import Settings
from msgd.store.sqlite import Keep, SqliteStore, StoreLimits, StoreObserver, StoreOpenError

__all__ = ["StoreOpenError", "keep", "open_store", "store_limits"]

_DAY_MS = 86_400_000


def store_limits(settings: Settings) -> StoreLimits:
    """What the store enforces by itself; `SqliteStore.set_limits` takes it after a reload."""
    limits = settings.limits
    return StoreLimits(
        max_mailbox=limits.max_mailbox,
        max_devices=limits.max_devices,
        max_contacts=limits.max_contacts,
        max_pending_requests=limits.max_pending_requests,
        messages_from_strangers=settings.messages.from_strangers,
        edit_window_ms=settings.messages.edit_window_s * 1000,
    )


def keep(settings: Settings) -> Keep:
    """How long the store keeps things; `SqliteStore.set_keep` takes it after a reload."""
    return Keep(
        messages_ms=settings.store.retention_days * _DAY_MS,
        messages_per_conversation=settings.store.max_messages_per_conversation,
    )


def open_store(settings: Settings, observer: StoreObserver | None = None) -> SqliteStore:
    """A store whose lock is held and whose schema is up to date; `run` does the rest, and closes it.

    Raises `StoreOpenError`, whose text says what happened and what to do.
    """
    store = SqliteStore(
        settings.store.path,
        clock=epoch_ms,
        limits=store_limits(settings),
        keep=keep(settings),
        batch_max=settings.store.batch_max,
        queue_max=settings.store.queue_max,
        readers=settings.store.readers,
        observer=observer,
    )
    store.open()
    return store
