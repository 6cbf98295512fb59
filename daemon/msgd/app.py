"""Puts the daemon together: opens what it needs, serves until told to stop, and closes so that nothing is lost."""

import gc
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from functools import partial
from typing import cast

import trio

from msgd import __version__, sessions
from msgd.admin.context import AdminContext
from msgd.admin.server import serve_admin
from msgd.auth.keyring import KeyRing, KeyRingError
from msgd.auth.passwords import Passwords
from msgd.bus import LocalBus
from msgd.clock import epoch_ms
from msgd.config import Address, ConfigError, Settings, advice
from msgd.coord import LocalCoord
from msgd.drain import drain
from msgd.handlers.table import HANDLERS
from msgd.live import LiveService
from msgd.logs import Sentence, log, set_level
from msgd.logs.output import LineWriter
from msgd.metrics import Metrics, sources
from msgd.metrics.lag import measure_lag
from msgd.net import (
    Gateway,
    GatewayCounters,
    GatewaySettings,
    Inherited,
    ListenError,
    TlsBox,
    inherit_sockets,
    listening_sockets,
    make_ssl_context,
    serve,
)
from msgd.ops import Ops, disk_has_room
from msgd.service import Service
from msgd.store.configured import StoreOpenError, keep, open_store, store_limits
from msgd.store.interface import Store, StoredEvent
from msgd.store.sqlite import SqliteStore
from msgd.systemd import Notifier, feed_watchdog, watchdog_interval_s
from msgwire import PATH

NODE = "local"
SWITCH_INTERVAL_S = 0.0005
"""How long the event loop and the writer thread let each other wait for the interpreter; the default is 5 ms."""
GC_THRESHOLDS = (50_000, 50, 100)
"""Frames and commands live briefly and hold no cycles: the collector finds little, so it looks seldom."""
REFUSED_AT_ONCE = 1024
"""Connections past `limits.max_connections` that are told so with 1013; any further handshake gets 503."""
STOP_SLACK_S = 10.0
"""What systemd is asked for beyond the drain."""


class Committed:
    """Hands committed events on to where they are delivered, which begins after the store does."""

    def __init__(self) -> None:
        self._deliver: Callable[[Sequence[StoredEvent]], None] | None = None

    def go_to(self, deliver: Callable[[Sequence[StoredEvent]], None]) -> None:
        """Deliver from now on; before, nobody is connected."""
        self._deliver = deliver

    def take(self, events: Sequence[StoredEvent]) -> None:
        """Take the events of one command."""
        if self._deliver is not None:
            self._deliver(events)


class StartError(Exception):
    """The daemon cannot start; the text says what happened and what to do."""


class App:
    """One run of the daemon."""

    def __init__(
        self,
        settings: Settings,
        reload_settings: Callable[[], Settings],
        environ: MutableMapping[str, str],
        lines: LineWriter,
    ) -> None:
        self.settings = settings
        self._reload_settings = reload_settings
        self._inherited: Inherited = inherit_sockets(environ)
        self._notifier = Notifier.from_environ(environ)
        self._watchdog_s = watchdog_interval_s(environ)
        self._metrics = Metrics()
        self._metrics.log_lines_dropped.source = lambda: lines.dropped_total
        self._counters = GatewayCounters()
        self._store: SqliteStore | None = None
        self._started_at = epoch_ms()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises `StartError` where that cannot begin."""
        settings = self.settings
        keys = _load_keys(settings)
        tls = None if settings.listen.plain else TlsBox(_load_certificate(settings))
        try:
            sockets = listening_sockets(settings.listen.address.host, settings.listen.address.port, self._inherited)
        except ListenError as error:
            raise StartError(f"{error.strerror}: end it, or change listen.address") from error
        store = self._store = _open_store(settings, self._metrics)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with trio.open_nursery() as base:
                # The store outlives all that may still hand it a command.
                committed = Committed()
                await base.start(store.run, committed.take)
                async with trio.open_nursery() as nursery:
                    service = self._service(store, keys, nursery)
                    committed.go_to(service.delivery.on_commit)
                    await self._serve(service, sockets, tls, signals, nursery)
                base.cancel_scope.cancel()
        log("info", "daemon.stopped")

    def _service(self, store: SqliteStore, keys: KeyRing, nursery: trio.Nursery) -> Service:
        service = Service(
            settings=self.settings,
            store=store,
            bus=LocalBus(),
            coord=LocalCoord(NODE),
            node=NODE,
            keys=keys,
            passwords=Passwords(self.settings.auth),
            metrics=self._metrics,
            log=log,
            handlers=HANDLERS,
            nursery=nursery,
        )
        metrics = self._metrics
        sources.state_version(metrics)
        sources.read_gateway(metrics, self._counters)
        sources.read_passwords(metrics, service.passwords)
        sources.read_throttles(metrics, service.throttles())
        metrics.sessions_dirty.source = lambda: service.delivery.dirty
        metrics.store_queue.source = lambda: store.queue_depth
        metrics.calls_live.source = lambda: len(service.calls)
        return service

    async def _serve(
        self,
        service: Service,
        sockets: list[socket.socket],
        tls: TlsBox | None,
        signals: AsyncIterator[int],
        nursery: trio.Nursery,
    ) -> None:
        settings, store = self.settings, service.store
        nursery.start_soon(service.bus.run, service.on_hint, service.delivery.on_resync)
        nursery.start_soon(service.delivery.run_pusher)
        nursery.start_soon(service.delivery.run_ticks)
        nursery.start_soon(service.delivery.run_sweep)
        nursery.start_soon(service.alarms.run)
        nursery.start_soon(service.run_ticks)
        nursery.start_soon(measure_lag, self._metrics)
        gateway: Gateway = await nursery.start(
            serve, sockets, tls, partial(sessions.open_link, service), gateway_settings(settings), self._counters, log
        )
        bound = sockets[0].getsockname()
        url = f"{'ws' if tls is None else 'wss'}://{Address(str(bound[0]), int(bound[1]))}{PATH}"
        context = AdminContext(
            store=store,
            settings=settings,
            passwords=service.passwords,
            live=LiveService(service, self._started_at, url),
        )
        try:
            await nursery.start(partial(serve_admin, context, settings.admin, inherited=self._inherited_one("admin")))
            ops_at = await self._start_ops(store, nursery)
        except OSError as error:
            raise StartError(str(error)) from error
        if self._watchdog_s is not None:
            nursery.start_soon(feed_watchdog, self._notifier, self._watchdog_s, store.writable)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._say_ready(url, ops_at)
        async for number in signals:
            if number == signal.SIGHUP:
                self._reload(service, gateway, tls)
                continue
            break
        self._notifier.stopping("telling clients to reconnect")
        self._notifier.extend_timeout(settings.drain.seconds + STOP_SLACK_S)
        log("info", "daemon.draining")
        gateway.stop_accepting()
        await drain(service, settings.drain.seconds)
        await service.delivery.wait_written()
        nursery.cancel_scope.cancel()

    def _inherited_one(self, name: str) -> socket.socket | None:
        found = self._inherited.get(name)
        return found[0] if found else None

    async def _start_ops(self, store: SqliteStore | Store, nursery: trio.Nursery) -> Address | None:
        settings = self.settings
        if settings.ops.address is None:
            return None

        async def store_writes() -> str | None:
            return None if await store.writable() else "The store cannot write: see the daemon's log and the disk."

        checks = {
            "store": store_writes,
            "disk": disk_has_room(settings.store.path, settings.store.min_free_mib),
        }
        ops = Ops(self._metrics, store.writable, checks)
        return cast("Address", await nursery.start(ops.serve, settings.ops.address))

    def _say_ready(self, url: str, ops_at: Address | None) -> None:
        """The one line on stderr that says where the daemon is."""
        ops = "" if ops_at is None else f" ops http://{ops_at}"
        print(f"msgd {__version__} ready: {url}{ops}", file=sys.stderr, flush=True)  # noqa: T201 - promised to scripts
        self._notifier.ready(f"serving {url}")
        for key, sentence in advice(self.settings):
            log("warning", "config.advice", key=key, what=Sentence(sentence))
        log("info", "daemon.ready")

    def _reload(self, service: Service, gateway: Gateway, tls: TlsBox | None) -> None:
        """Take new limits, certificates, keys and log level; whatever is wrong leaves the old in force, and says so."""
        self._notifier.reloading(time.monotonic_ns() // 1000)
        status = "reloaded"
        try:
            settings = self._reload_settings()
            keys = _load_keys(settings)
            context = None if tls is None else _load_certificate(settings)
        except (ConfigError, StartError) as error:
            status = "reload refused, the old configuration stays; msgctl config check says why"
            log("error", "config.rejected", what=Sentence(str(error)))
        else:
            # Addresses, paths and the store are those of the start: they change with a restart.
            self.settings = settings
            service.apply(settings)
            assert self._store is not None, "signals are heard once the store is open"
            self._store.set_limits(store_limits(settings))
            self._store.set_keep(keep(settings))
            service.tokens.ring = keys
            gateway.settings = gateway_settings(settings)
            if tls is not None and context is not None:
                tls.context = context
            set_level(settings.log.level)
            log("info", "config.reloaded")
        self._notifier.ready(status)


def gateway_settings(settings: Settings) -> GatewaySettings:
    """What of the configuration the gateway needs."""
    limits = settings.limits
    return GatewaySettings(
        max_message_bytes=limits.max_message_bytes,
        outbox_bytes=limits.outbox_bytes,
        write_deadline_s=limits.write_deadline_s,
        idle_timeout_s=limits.idle_timeout_s,
        ping_interval_s=limits.idle_timeout_s / 3,
        max_connections=limits.max_connections + REFUSED_AT_ONCE,
    )


def _load_keys(settings: Settings) -> KeyRing:
    try:
        return KeyRing.load(settings.auth.keys_file)
    except KeyRingError as error:
        raise StartError(f"{error}; `msgctl init` makes a new one") from error


def _load_certificate(settings: Settings) -> ssl.SSLContext:
    listen = settings.listen
    try:
        return make_ssl_context(listen.tls_cert, listen.tls_key)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or "unreadable"
        raise StartError(
            f"the certificate {listen.tls_cert} with its key {listen.tls_key} cannot be used: {reason}"
        ) from error


def _open_store(settings: Settings, metrics: Metrics) -> SqliteStore:
    try:
        return open_store(settings, metrics)
    except StoreOpenError as error:
        raise StartError(str(error)) from error
