"""What the handlers of all connections share: the store, the clock, who is here, and how errors are told."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import trio

from msgd import __version__
from msgd.alarms import Alarm, AlarmClock
from msgd.auth.keyring import KeyRing
from msgd.auth.names import RuleBroken
from msgd.auth.passwords import Overloaded, Passwords
from msgd.auth.throttle import LoginThrottle, Rate, Throttle
from msgd.auth.tokens import AccessTokens
from msgd.bus import Bus, CutHint, Hint, PushHint
from msgd.config import Settings
from msgd.coord import Coord
from msgd.core.calls import CallError, CallRegistry
from msgd.core.presence import OFFLINE, PresenceBoard, Seen
from msgd.delivery import Delivery
from msgd.link import Hold, Link, Refused
from msgd.metrics import Metrics
from msgd.people import Directory, Here, Online, Person
from msgd.store.interface import Rejected, Store, StoreError
from msgwire import SUBPROTOCOL, ClientFrame, ErrorCode, Hello, HelloLimits, Presence, encode
from msgwire.types import Status

Handler = Callable[["Service", Link, Any], Awaitable[None] | None]

FEATURES = ["contacts", "history", "search_messages", "edit", "delete", "typing", "presence", "calls", "read_markers"]

PAGE_BYTES = 524_288
"""What one page of history, search or conversations may take; many clients refuse a message of more than 1 MiB."""

RELIEVED_AT_ONCE = 64
"""Connections that are listened to again at a time: each may bring a whole window of messages."""

# A connection's own requests wait while more than this share of its outbox is queued.
_HIGH_WATER_SHARE = 4
_UNAVAILABLE_RETRY_MS = 1000


class Log(Protocol):
    """Where the daemon says what happened; never with content."""

    def __call__(self, level: str, event: str, /, **fields: object) -> None:
        """Write one line."""


class Service:
    """The live daemon, as its handlers see it."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        bus: Bus,
        coord: Coord,
        node: str,
        keys: KeyRing,
        passwords: Passwords,
        metrics: Metrics,
        log: Log,
        handlers: dict[type[ClientFrame], Handler],
        nursery: trio.Nursery,
    ) -> None:
        self.settings = settings
        self.store = store
        self.bus = bus
        self.coord = coord
        self.node = node
        self.metrics = metrics
        self.log = log
        self.handlers = handlers
        self.nursery = nursery
        self.passwords = passwords
        self.tokens = AccessTokens(keys, settings.auth.access_ttl_s)
        self._set_throttles(settings)
        self.high_water_bytes = settings.limits.outbox_bytes // _HIGH_WATER_SHARE
        """Bytes queued for a connection past which its own requests, and its events, wait."""
        self.alarms = AlarmClock()
        self.directory = Directory(store)
        self.online = Online()
        self.delivery = Delivery(store, self.online, metrics, nursery, self.high_water_bytes)
        self.presence: PresenceBoard[int] = PresenceBoard(settings.presence.grace_s)
        self.calls = CallRegistry(settings.calls.max_calls)
        self.call_alarms: dict[str, list[Alarm]] = {}
        self.links: set[Link] = set()
        # Bounded by the connections.
        self._put_off: dict[Link, None] = {}
        self._emptied = trio.Event()
        self.cuts = 0
        """How often connections were cut: a sign-in that overlaps one looks at its rows again."""
        self.draining = False

    @property
    def page_bytes(self) -> int:
        """What one page may take, so that it finds room in an outbox."""
        return min(PAGE_BYTES, self.settings.limits.outbox_bytes // 2)

    def apply(self, settings: Settings) -> None:
        """Take a new configuration; who was throttled starts anew where a rate has changed."""
        rates_changed = settings.limits != self.settings.limits
        self.settings = settings
        self.tokens.ttl_s = settings.auth.access_ttl_s
        self.high_water_bytes = self.delivery.high_water_bytes = settings.limits.outbox_bytes // _HIGH_WATER_SHARE
        self.calls.max_calls = settings.calls.max_calls
        self.presence.grace_s = settings.presence.grace_s
        if rates_changed:
            self._set_throttles(settings)

    def _set_throttles(self, settings: Settings) -> None:
        limits = settings.limits
        per_address = limits.per_address == "on"
        self.login_throttle = LoginThrottle(
            Rate(limits.logins_per_minute_per_account, 60.0),
            Rate(limits.logins_per_minute_per_address, 60.0) if per_address else None,
        )
        self.registration_throttle = (
            Throttle(Rate(limits.registrations_per_hour_per_address, 3600.0)) if per_address else None
        )
        self.search_throttle = Throttle(Rate(limits.searches_per_minute, 60.0))

    def left(self, link: Link) -> None:
        """A connection is gone."""
        self.links.discard(link)
        if not self.links:
            self._emptied.set()
            self._emptied = trio.Event()

    async def wait_empty(self) -> None:
        """Wait until there is no connection."""
        while self.links:
            await self._emptied.wait()

    def throttles(self) -> dict[str, Throttle]:
        """The throttles by kind."""
        found = {"login": self.login_throttle.accounts, "search": self.search_throttle}
        if self.registration_throttle is not None:
            found["register"] = self.registration_throttle
        return found

    def hello(self) -> Hello:
        """The first frame of a connection."""
        limits = self.settings.limits
        return Hello(
            protocol=SUBPROTOCOL,
            server=f"msgd/{__version__}",
            registration=self.settings.registration.mode,
            features=FEATURES,
            limits=HelloLimits(
                max_message_bytes=limits.max_message_bytes,
                max_text_bytes=limits.max_text_bytes,
                window=limits.window,
                max_mailbox=limits.max_mailbox,
                idle_timeout_s=_plain(limits.idle_timeout_s),
                auth_timeout_s=_plain(limits.auth_timeout_s),
            ),
        )

    async def resolve(self, link: Link, ref: str) -> Person:
        """The person that a frame names; raises `Refused` (`not_found`)."""
        person = self.directory.get(ref) or await self.directory.find(ref)
        if person is None:
            raise Refused(ErrorCode.NOT_FOUND, "There is no such account.")
        return person

    # The writer's queue: before it is full, whoever fills it is not listened to for a while.

    def is_congested(self) -> bool:
        """Whether so many commands wait for the writer that whoever adds to them has to wait."""
        return self.store.queue_depth * 2 > self.settings.store.queue_max

    def put_off(self, link: Link) -> None:
        """A connection's frames wait until the writer has caught up."""
        self._put_off[link] = None
        link.hold(Hold.STORE)

    def relieve(self) -> None:
        """Listen again to some of those who were put off, the longest first, as soon as there is room."""
        if self._put_off and not self.is_congested():
            for link in list(itertools.islice(self._put_off, RELIEVED_AT_ONCE)):
                del self._put_off[link]
                link.release(Hold.STORE)

    # Frames of the moment. Each goes to this node's devices; in a cluster, the bus carries it to the others.

    def push(self, account: int, frame: bytes, *, but: Link | None = None) -> None:
        """Send an encoded frame to every device of an account that is here."""
        here = self.online.by_account.get(account)
        if here is not None:
            here.push(frame, but=but)

    def push_device(self, account: int, device_id: str, frame: bytes) -> None:
        """Send an encoded frame to one device of an account."""
        here = self.online.by_account.get(account)
        for link in here.links if here is not None else ():
            if link.device_id == device_id:
                link.connection.send(frame)

    def on_hint(self, hint: Hint) -> None:
        """Another node asks for something."""
        if isinstance(hint, PushHint):
            if hint.device_id is None:
                self.push(hint.account, hint.frame)
            else:
                self.push_device(hint.account, hint.device_id, hint.frame)
        elif isinstance(hint, CutHint):
            self.cut(hint.account, hint.close_code, device_id=hint.device_id)
        else:
            self.delivery.on_hint(hint)

    def cut(self, account: int, close_code: int, *, device_id: str | None = None, but: Link | None = None) -> int:
        """Close an account's connections, or those of one device; how many there were."""
        self.cuts += 1
        here = self.online.by_account.get(account)
        links = [
            link
            for link in (here.links if here is not None else ())
            if link is not but and device_id in {None, link.device_id}
        ]
        for link in links:
            link.connection.close(close_code, "")
        return len(links)

    # Presence.

    def seen(self, owner: Person, by_uid: str) -> Seen:
        """How an account looks to another one."""
        if self.online.blocks(owner.uid, by_uid):
            return Seen(OFFLINE, None, None)
        return self.presence.seen(owner.account)

    def announce(self) -> set[int]:
        """Tell contacts what changed since the last tick; several changes reach a contact in one message.

        Returns the accounts that were announced.
        """
        changes = self.presence.tick()
        for account, seen in changes:
            here = self.online.by_account.get(account)
            if here is None:
                continue
            uid = here.person.uid
            frame = _presence(here.person, seen)
            for peer_uid in here.accepted:
                peer = self.online.by_uid.get(peer_uid)
                if peer is not None and uid in peer.accepted:
                    peer.push(frame)
                    self.metrics.presence_pushed()
            if not here.links and not self.presence.knows(account):
                self.online.drop(account)
        return {account for account, _ in changes}

    def introduce(self, one: Here, other: Here) -> None:
        """Two have become contacts: show each how the other looks, now.

        What waits for the tick is announced first, so that what they see is what the next tick starts from.
        """
        announced = self.announce()
        for here, peer in ((one, other), (other, one)):
            seen = self.seen(peer.person, here.person.uid)
            if peer.person.account not in announced and seen.status != OFFLINE:
                here.push(_presence(peer.person, seen))

    # Errors.

    def explain(self, link: Link, frame: ClientFrame, error: Exception) -> None:
        """Answer a request that failed. What nobody foresaw is logged by its place, and never by its words."""
        re = frame.request_id
        match error:
            case Refused():
                link.fail(re, error.code, error.sentence, error.retry_after_ms)
            case Rejected():
                link.fail(re, error.code, error.sentence)
            case CallError():
                link.fail(re, error.code)
            case RuleBroken():
                link.fail(re, error.code, error.sentence)
            case Overloaded():
                link.fail(re, ErrorCode.UNAVAILABLE, "Too many sign-ins at once: try again.", error.retry_after_ms)
            case StoreError():
                link.fail(re, ErrorCode.UNAVAILABLE, retry_after_ms=_UNAVAILABLE_RETRY_MS)
            case _:
                self.metrics.handler_failed()
                self.log("error", "handler.failed", conn=link.connection.id, device=link.device_id or None, error=error)
                link.fail(re, ErrorCode.INTERNAL)

    async def run_ticks(self) -> None:
        """Announce presence at every tick, until cancelled; and see that nobody stays put off."""
        while True:
            await trio.sleep(self.settings.presence.tick_s)
            self.announce()
            self.relieve()


def _plain(seconds: float) -> int | float:
    """A number as people write it: 15, not 15.0."""
    return int(seconds) if seconds == int(seconds) else seconds


def _presence(person: Person, seen: Seen) -> bytes:
    status = cast("Status", seen.status)
    return encode(Presence(uid=person.uid, status=status, text=seen.text, last_seen_at=seen.last_seen_at))
