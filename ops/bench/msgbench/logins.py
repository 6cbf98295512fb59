"""The login cell: passwords checked at their default cost."""

import asyncio
import math
import resource
import time
from collections.abc import Sequence

import msgspec

from msgbench.accounts import Account, together, wired
from msgbench.faults import VoidRun
from msgbench.served import Daemon
from msgbench.stats import percentile
from msgbench.target import Target

LOGINS_AT_ONCE = 8
LOGIN_ACCOUNTS = 16


class LoginRow(msgspec.Struct, kw_only=True):
    """Logins by password, each on a connection of its own, with the default cost of a password hash."""

    transport: str
    at_once: int
    logins_per_s: float = math.nan
    p50_ms: float = math.nan
    p99_ms: float = math.nan
    daemon_cpu: float = math.nan
    generator_cpu: float = math.nan
    fault: str = ""


async def _make_account(target: Target, login: str) -> Account:
    async with wired(target) as wire:
        return await wire.make_account(login)


async def _log_in_until(target: Target, end_s: float, logins: Sequence[str]) -> list[float]:
    took_ms: list[float] = []
    while (before := time.monotonic()) < end_s:
        async with wired(target) as wire:
            await wire.log_in(logins[len(took_ms) % len(logins)])
        took_ms.append((time.monotonic() - before) * 1000)
    return took_ms


async def _make_accounts(target: Target, run: str) -> list[str]:
    accounts = await together(_make_account(target, f"l{number}-{run}") for number in range(LOGIN_ACCOUNTS))
    return [account.login for account in accounts]


async def _log_in_at_once(target: Target, logins: Sequence[str], seconds: float) -> list[float]:
    end_s = time.monotonic() + seconds
    shares = (logins[number::LOGINS_AT_ONCE] for number in range(LOGINS_AT_ONCE))
    return [ms for part in await together(_log_in_until(target, end_s, share) for share in shares) for ms in part]


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure_logins(daemon: Daemon, run: str, seconds: float) -> LoginRow:
    """Log in over and over, with accounts whose passwords were hashed at the cost that the daemon now asks."""
    row = LoginRow(transport=daemon.target.transport, at_once=LOGINS_AT_ONCE)
    try:
        logins = asyncio.run(_make_accounts(daemon.target, run))
        start, own_s = time.monotonic(), _own_cpu_s()
        daemon_s = daemon.cpu_s() if daemon.pid else math.nan
        took_ms = asyncio.run(_log_in_at_once(daemon.target, logins, seconds))
    except VoidRun as fault:
        row.fault = str(fault)
        return row
    window_s = time.monotonic() - start
    took_ms.sort()
    row.logins_per_s = len(took_ms) / window_s
    row.p50_ms, row.p99_ms = percentile(took_ms, 0.5), percentile(took_ms, 0.99)
    row.daemon_cpu = (daemon.cpu_s() - daemon_s) / window_s if daemon.pid else math.nan
    row.generator_cpu = (_own_cpu_s() - own_s) / window_s
    return row
