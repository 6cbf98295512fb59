"""Events that a bot has stored but not handled yet, so that a restart handles each once."""

import sqlite3

import msgspec

import msgwire

_decoder: msgspec.json.Decoder[msgwire.AnyEvent] = msgspec.json.Decoder(msgwire.AnyEvent)


class Inbox:
    """Reads and writes of unhandled events."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, event: msgwire.AnyEvent) -> None:
        """Keep an event until it is handled."""
        self._db.execute("INSERT INTO inbox (event) VALUES (?)", (msgspec.json.encode(event),))

    def oldest(self, limit: int) -> list[tuple[int, int, msgwire.AnyEvent]]:
        """The oldest events: number, how often they were tried, and what happened."""
        rows = self._db.execute("SELECT number, tries, event FROM inbox ORDER BY number LIMIT ?", (limit,))
        return [(number, tries, _decoder.decode(event)) for number, tries, event in rows]

    def count(self) -> int:
        """How many events wait."""
        (count,) = self._db.execute("SELECT count(*) FROM inbox").fetchone()
        return int(count)

    def tried(self, number: int) -> None:
        """A handler starts on an event; counted before it runs, so that one that kills the process ends too."""
        self._db.execute("UPDATE inbox SET tries = tries + 1 WHERE number = ?", (number,))

    def handled(self, number: int) -> None:
        """An event needs no further handling."""
        self._db.execute("DELETE FROM inbox WHERE number = ?", (number,))
