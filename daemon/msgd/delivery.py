"""From the commit to the devices: pushes what was stored, reads for those who are behind, tells senders of receipts.

A session pushes `seq == last + 1` or reads. The same pusher serves a reconnect, a full window, a hint from another
node and the periodic sweep, so none of them can lose or repeat an event.
"""

from collections.abc import Sequence

import trio

from msgd.bus import Hint, MailboxHint
from msgd.clock import epoch_ms
from msgd.link import Link
from msgd.metrics import Metrics
from msgd.people import Here, Online
from msgd.store.commands import MoveCursor
from msgd.store.interface import Outcome, Store, StoredEvent, StoreError
from msgwire import ContactEvent, Event, MessageEvent, Receipt, encode

PAGE_EVENTS = 256
PAGE_ACCOUNTS = 64
RECEIPT_TICK_S = 0.05
SWEEP_S = 30.0
RETRY_S = 1.0


class Delivery:
    """Carries durable events to the sessions of this node."""

    def __init__(
        self,
        store: Store,
        online: Online,
        metrics: Metrics,
        nursery: trio.Nursery,
        high_water_bytes: int,
    ) -> None:
        self._store = store
        self._nursery = nursery
        self.high_water_bytes = high_water_bytes
        self._online = online
        self._metrics = metrics
        # Sessions that are behind and have room. Bounded by the connections.
        self._dirty: dict[Link, None] = {}
        # Sessions whose connection has enough to write for now.
        self._filled: set[Link] = set()
        self._woken = trio.Event()
        # What is to be told at the next tick: bounded by the pairs that talk within one tick.
        self._receipts: dict[tuple[str, str], list[str | None]] = {}
        self._cursors: dict[str, tuple[int, int]] = {}
        self._ticked = trio.Event()
        self._cursors_submitted = 0
        self._cursors_done = 0
        self._cursors_waiters = trio.lowlevel.ParkingLot()

    @property
    def dirty(self) -> int:
        """How many sessions wait for a read."""
        return len(self._dirty)

    def on_commit(self, events: Sequence[StoredEvent]) -> None:
        """Events are on stable storage: push each to the sessions that are ready for it."""
        by_account = self._online.by_account
        for event in events:
            here = by_account.get(event.account)
            if here is not None:
                self._offer(here, event)

    def _offer(self, here: Here, event: StoredEvent) -> None:
        if type(event.body) is ContactEvent:
            _note_contact(here, event.body)
        frame: bytes | None = None
        for link in here.links:
            frame = self._give(link, here, event, frame)
            stream = link.stream
            assert stream is not None, "a link is listed only while it has its stream"
            if stream.behind and stream.room:
                self.mark(link)

    def _give(self, link: Link, here: Here, event: StoredEvent, frame: bytes | None) -> bytes | None:
        """Push an event to a session if it is the next one and there is room; the frame, once it was encoded."""
        stream = link.stream
        assert stream is not None
        if link.connection.queued_bytes > self.high_water_bytes:
            stream.see(event.seq)
        elif stream.offer(event.seq):
            body = event.body
            if frame is None:
                frame = encode(Event(seq=event.seq, at=event.at, event=body))
            if type(body) is MessageEvent and body.sender != here.person.uid:
                stream.track(event.seq, body.sender, body.message_id, trio.current_time())
            self._metrics.pushed(event.at)
            link.connection.send(frame)
            if stream.acked == event.seq:
                # It was acknowledged ahead of the push.
                self._move_cursor(link, here, event.seq)
        return frame

    def mark(self, link: Link) -> None:
        """A session is behind and has room: read for it, as soon as what is queued for it has left."""
        if link.connection.queued_bytes > self.high_water_bytes:
            if link not in self._filled:
                self._filled.add(link)
                self._nursery.start_soon(self._mark_when_drained, link)
            return
        self._dirty[link] = None
        self._woken.set()

    async def _mark_when_drained(self, link: Link) -> None:
        await link.connection.wait_drained()
        self._filled.discard(link)
        if link.stream is not None:
            self.mark(link)

    def forget(self, link: Link) -> None:
        """A session has ended."""
        self._dirty.pop(link, None)

    def acknowledge(self, link: Link, here: Here, seq: int) -> None:
        """A session acknowledges events up to `seq`: receipts to the senders, and its cursor, at the next tick."""
        stream = link.stream
        assert stream is not None
        before = stream.acked
        now = trio.current_time()
        for delivery in stream.ack(seq):
            self._metrics.acknowledged(now - delivery.pushed_at)
            if delivery.seq > here.delivered:
                self.receipt(delivery.sender_uid, here.person.uid, delivered_up_to=delivery.message_id)
        if stream.acked == before:
            return
        self._move_cursor(link, here, stream.acked)
        # A quarter of the window at least, or all: a page for each event would cost a read each.
        if stream.behind and (stream.room >= stream.window // 4 or stream.last == stream.acked):
            self.mark(link)

    def _move_cursor(self, link: Link, here: Here, acked: int) -> None:
        """Write a device's cursor at the next tick."""
        here.delivered = max(here.delivered, acked)
        known = self._cursors.get(link.device_id)
        if known is None or known[1] < acked:
            self._cursors[link.device_id] = (here.person.account, acked)
            self._ticked.set()

    def receipt(
        self, to_uid: str, peer_uid: str, *, delivered_up_to: str | None = None, read_up_to: str | None = None
    ) -> None:
        """Tell `to` how far its messages to `peer` came; what is newer within one tick takes the older's place."""
        entry = self._receipts.setdefault((to_uid, peer_uid), [None, None])
        for place, message_id in enumerate((delivered_up_to, read_up_to)):
            known = entry[place]
            if message_id is not None and (known is None or known < message_id):
                entry[place] = message_id
        self._ticked.set()

    def on_hint(self, hint: Hint) -> None:
        """Another node says that a mailbox has grown."""
        if isinstance(hint, MailboxHint):
            here = self._online.by_account.get(hint.account)
            if here is not None:
                self._raise_head(here, hint.seq)

    def on_resync(self) -> None:
        """Hints may have been lost: look at every mailbox."""
        for here in self._online.by_account.values():
            for link in here.links:
                self.mark(link)

    def _raise_head(self, here: Here, seq: int) -> None:
        for link in here.links:
            stream = link.stream
            assert stream is not None
            stream.head = max(stream.head, seq)
            if stream.behind and stream.room:
                self.mark(link)

    async def run_pusher(self) -> None:
        """Read pages for sessions that are behind, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken = trio.Event()
            while self._dirty:
                wanted: dict[int, int] = {}
                for link in list(self._dirty):
                    account = link.account
                    if account not in wanted and len(wanted) == PAGE_ACCOUNTS:
                        continue
                    del self._dirty[link]
                    if link.stream is not None:
                        wanted[account] = min(link.stream.last, wanted.get(account, link.stream.last))
                try:
                    page = await self._store.mailbox_after(wanted, PAGE_EVENTS)
                except StoreError:
                    for account in wanted:
                        self._mark_all(account)
                    await trio.sleep(RETRY_S)
                    continue
                self._take_page(wanted, page)

    def _take_page(self, wanted: dict[int, int], page: Sequence[StoredEvent]) -> None:
        counts = dict.fromkeys(wanted, 0)
        for event in page:
            counts[event.account] += 1
            here = self._online.by_account.get(event.account)
            if here is None:
                continue
            frame: bytes | None = None
            for link in here.links:
                frame = self._give(link, here, event, frame)
        for account, count in counts.items():
            # An empty page means that what the head promised is not there to read: the sweep looks again.
            if count:
                self._mark_all(account)

    def _mark_all(self, account: int) -> None:
        here = self._online.by_account.get(account)
        for link in here.links if here is not None else ():
            if link.stream is not None and link.stream.behind and link.stream.room:
                self.mark(link)

    async def run_ticks(self) -> None:
        """Send receipts and write cursors behind, gathered for a moment, until cancelled."""
        while True:
            await self._ticked.wait()
            await trio.sleep(RECEIPT_TICK_S)
            self._ticked = trio.Event()
            self.flush()

    def flush(self) -> bool:
        """Send and submit what has been gathered; whether there were cursors to write."""
        receipts, self._receipts = self._receipts, {}
        for (to_uid, peer_uid), (delivered, read) in receipts.items():
            here = self._online.by_uid.get(to_uid)
            if here is not None:
                here.push(encode(Receipt(peer=peer_uid, delivered_up_to=delivered, read_up_to=read)))
        cursors, self._cursors = self._cursors, {}
        at = epoch_ms()
        for device_id, (account, seq) in cursors.items():
            self._cursors_submitted += 1
            self._store.submit(MoveCursor(at=at, account=account, device_id=device_id, seq=seq), self._cursor_done)
        return bool(cursors)

    def _cursor_done(self, _outcome: Outcome) -> None:
        # One that could not be written costs a repeated push, which the client ignores by its `seq`.
        self._cursors_done += 1
        self._cursors_waiters.unpark_all()

    async def wait_written(self) -> None:
        """Write the cursors as they stand now, and wait for that: a read of positions then tells the latest."""
        self.flush()
        target = self._cursors_submitted
        while self._cursors_done < target:
            await self._cursors_waiters.park()

    async def run_sweep(self) -> None:
        """Compare every mailbox's head with what was pushed, now and then: what a lost hint left behind."""
        while True:
            await trio.sleep(SWEEP_S)
            accounts = list(self._online.by_account)
            try:
                heads = await self._store.heads(accounts)
            except StoreError:
                continue
            for account, head in heads.items():
                here = self._online.by_account.get(account)
                if here is not None:
                    self._raise_head(here, head)


def _note_contact(here: Here, event: ContactEvent) -> None:
    """Keep the sets of contacts as the event says."""
    here.accepted.discard(event.peer)
    here.blocking.discard(event.peer)
    if event.state == "accepted":
        here.accepted.add(event.peer)
    elif event.state == "blocked":
        here.blocking.add(event.peer)
