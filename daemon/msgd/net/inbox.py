"""What came in on one connection while it was paused, in order, and how much memory it holds."""

from typing import Final

from msgd.net.frames import Item

ITEM_BYTES: Final = 64
"""What a held item costs besides its payload; without it, empty messages would be held without bound."""


class Inbox:
    """Items that wait for their connection to be resumed."""

    __slots__ = ("_items", "held_bytes")

    def __init__(self) -> None:
        self._items: list[Item] = []
        self.held_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    def hold(self, item: Item) -> None:
        """Keep an item behind those that are held already."""
        self._items.append(item)
        self.held_bytes += ITEM_BYTES + (len(item) if isinstance(item, bytes) else 0)

    def take_all(self) -> list[Item]:
        """Give out everything that is held, oldest first."""
        items, self._items = self._items, []
        self.held_bytes = 0
        return items
