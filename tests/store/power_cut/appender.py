"""Run as a process: appends without end, and writes down what was acknowledged, one line each.

Arguments: the database, the file of acknowledgments, and what to break on purpose: nothing, unsynced, early.
"""

import itertools
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import trio

from msgd.store import commands
from msgd.store.commands import Command
from msgd.store.interface import Committed, Outcome
from msgd.store.sqlite import Keep, Pace, SqliteStore

PEOPLE = 4
IN_FLIGHT = 24


class Unsynced(sqlite3.Connection):
    """Commits without a sync, whatever it is told."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous = FULL", "synchronous = NORMAL"), *args)


class Early(sqlite3.Connection):
    """Says that it has committed, and commits when the next transaction begins."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and self.total_changes:
            return super().execute("SELECT 1")
        if sql.startswith(("BEGIN IMMEDIATE", "PRAGMA")) and self.in_transaction:
            super().execute("COMMIT")
        return super().execute(sql, *args)

    def close(self) -> None:
        if self.in_transaction:
            super().execute("COMMIT")
        super().close()


BROKEN: dict[str, type[sqlite3.Connection]] = {
    "nothing": sqlite3.Connection,
    "unsynced": Unsynced,
    "early": Early,
}


async def main(database: Path, acknowledged: Path, broken: str) -> None:
    real_connect = sqlite3.connect
    sqlite3.connect = lambda *args, **fields: real_connect(*args, factory=BROKEN[broken], **fields)  # type: ignore
    # A step of everything every few batches: runs, checkpoints, sweeps are cut, too.
    pace = Pace(quiet_s=0.01, run_min=100, run_max=150, slice_entries=40, words_messages=20, wal_frames_max=150)
    if broken != "nothing":
        # Upkeep has commits of its own, which would sync what the broken ones left.
        pace = Pace(quiet_s=60, run_min=10**9, wal_frames_max=10**9)
    store = SqliteStore(database, clock=lambda: 1_000, pace=pace, keep=Keep(every_ms=20))
    log = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    numbers = itertools.count()

    async with trio.open_nursery() as nursery:
        await nursery.start(store.run, lambda _: None)

        async def do(command: Command) -> Any:
            return (await store.append(command)).result

        people = []
        for number in range(PEOPLE):
            create = commands.CreateAccount(at=1, uid=f"u{number}", login=f"p{number}", password_hash="x")
            people.append((await do(create)).account)
            device = {"device_id": f"d{number}", "name": "n", "refresh_hash": b"%d" % number}
            await do(commands.CreateDevice(at=1, account=people[-1], refresh_expires_at=9, **device))

        def send() -> None:
            number = next(numbers)
            sender, receiver = number % PEOPLE, number * 7 // PEOPLE % PEOPLE
            text = f"{number} " + "x" * (number * 37 % 900)
            command = commands.SendMessage(
                at=1_000 + number,
                sender=people[sender],
                receiver=people[receiver],
                text=text,
                client_message_id=str(number),
            )

            def done(outcome: Outcome) -> None:
                assert isinstance(outcome, Committed)
                sent = outcome.result
                os.write(log, f"{sender} {receiver} {sent.seq} {sent.message_id} {text}\n".encode())
                cursor = commands.MoveCursor(at=1, account=people[sender], device_id=f"d{sender}", seq=sent.seq)
                store.submit(cursor, lambda _: None)
                send()

            store.submit(command, done)

        for _ in range(IN_FLIGHT):
            send()
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
