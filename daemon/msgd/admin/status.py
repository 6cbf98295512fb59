"""How the server is: sizes, what is going on, and what an administrator should mend."""

import os
from collections.abc import Iterator
from pathlib import Path

import trio

import msgd
from msgd.admin.certificate import CertificateError, days_left
from msgd.admin.context import AdminContext
from msgd.admin.contract import Finding, ShowStatus, Status
from msgd.config import Settings

# A client of Let's Encrypt renews 30 days ahead: with a week left it has failed for three weeks.
CERTIFICATE_WARN_DAYS = 7
_MIB = 1 << 20


async def show(context: AdminContext, _request: ShowStatus) -> Status:
    """Take the sizes from the store, the rest from the running daemon and the disk."""
    now_ms = context.now_ms()
    stats = await context.store.stats()
    live = context.live.report() if context.live else None
    findings = [] if live else [_STOPPED]
    if not await context.store.writable():
        findings.append(_STORE_FAILS)
    days, more = await trio.to_thread.run_sync(_look_at_files, context.settings, now_ms)
    return Status(
        running=live is not None,
        version=msgd.__version__,
        url=live.url if live else None,
        uptime_s=(now_ms - live.started_at) / 1000 if live else None,
        connections=live.connections if live else None,
        sessions=live.sessions if live else None,
        queue_depth=live.queue_depth if live else None,
        accounts=stats.accounts,
        devices=stats.devices,
        messages=stats.messages,
        mailbox_events=stats.mailbox_events,
        store_bytes=stats.store_bytes,
        schema_version=stats.schema_version,
        certificate_days_left=days,
        findings=findings + more,
    )


_STOPPED = Finding("daemon_stopped", "The daemon is not running.", "Start it: msgd --config FILE, or its service.")
_STORE_FAILS = Finding(
    "store_failing",
    "The store cannot write: messages are refused with `unavailable`.",
    "Look at free space and at the log; the daemon goes on by itself once the disk is well.",
)


def _look_at_files(settings: Settings, now_ms: int) -> tuple[int | None, list[Finding]]:
    days: int | None = None
    findings: list[Finding] = []
    if not settings.listen.plain:
        try:
            days = days_left(settings.listen.tls_cert, now_ms)
        except CertificateError as error:
            findings.append(
                Finding("certificate_unreadable", str(error), "Put a PEM certificate there, or change listen.tls_cert.")
            )
        else:
            findings.extend(_judge_certificate(days, settings.listen.tls_cert))
    findings.extend(_judge_disk(settings))
    return days, findings


def _judge_certificate(days: int, path: Path) -> Iterator[Finding]:
    if days < 0:
        yield Finding("certificate_ended", f"The certificate {path} has ended.", "Renew it and send msgd SIGHUP.")
    elif days < CERTIFICATE_WARN_DAYS:
        yield Finding(
            "certificate_ends", f"The certificate {path} ends in {days} days.", "Renew it and send msgd SIGHUP."
        )


def _judge_disk(settings: Settings) -> Iterator[Finding]:
    disk = os.statvfs(settings.store.path.parent)
    free_mib = disk.f_bavail * disk.f_frsize // _MIB
    if free_mib < settings.store.min_free_mib:
        yield Finding(
            "disk_low",
            f"{free_mib} MiB are free where the store is; store.min_free_mib is {settings.store.min_free_mib}.",
            "Free some space, or move the store to a larger disk.",
        )
