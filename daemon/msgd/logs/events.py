"""What the daemon can say in its log: every event with its sentence, and every field with what may stand in it.

No field takes free text that came from outside. A new line in the log is a row here.
"""

import enum
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Sentence(str):
    """A text that the daemon's own code wrote for the administrator; wrap nothing in it that a client sent."""

    __slots__ = ()


EVENTS: dict[str, str] = {
    # The process
    "daemon.starting": "The daemon starts.",
    "daemon.ready": "Clients can connect.",
    "daemon.draining": "SIGTERM or SIGINT: clients are told to reconnect.",
    "daemon.stopped": "The daemon has stopped; everything acknowledged is on disk.",
    "daemon.crashed": "A defect ended the daemon.",
    "daemon.uncaught": "An exception that nobody caught, in a thread or a finalizer.",
    "daemon.task_failed": "A background task failed and is started again.",
    "config.advice": "A setting is allowed, but seldom meant.",
    "config.reloaded": "SIGHUP: the new configuration is in force.",
    "config.rejected": "SIGHUP: the new configuration is wrong, and the old one stays.",
    "tls.loaded": "The certificate was read.",
    "tls.rejected": "The new certificate cannot be used, and the old one stays.",
    "keys.loaded": "The signing keys were read.",
    "keys.rejected": "The new signing keys cannot be used, and the old ones stay.",
    # The gateway
    "gateway.listening": "A listener takes connections; `passed` says that systemd gave its socket.",
    "gateway.accept_failed": "A listener could not accept; it pauses.",
    "gateway.handshake_error": "A defect in a handshake.",
    "connection.opened": "A handshake succeeded.",
    "connection.closed": "A connection ended.",
    "connection.authenticated": "A connection is a device's from now on.",
    "connection.outbox_overflow": "A client read too slowly and was cut off; it resumes by cursor.",
    "connection.write_deadline": "A client took nothing for too long and was cut off; it resumes by cursor.",
    "connection.flooded": "A client sent too many frames and was closed.",
    "connection.peer_error": "A defect was fenced at one connection.",
    "handler.failed": "A request failed by a defect.",
    # Accounts and calls
    "account.registered": "An account was made.",
    "account.login_failed": "Wrong login or password; fit for fail2ban.",
    "account.throttled": "A request was refused as rate_limited.",
    "account.refresh_reused": "A used refresh token came again: its device was revoked.",
    "account.revoked": "A device was revoked, or an account disabled or deleted.",
    "call.not_recorded": "The record of an ended call could not be stored.",
    # Store
    "store.opened": "The store is open.",
    "store.migrated": "The schema was upgraded.",
    "store.failed": "The store cannot write; nothing is acknowledged until it can.",
    "store.recovered": "The store writes again.",
    "store.defect": "A command broke by a defect and was taken back; the others of its batch were carried out.",
    "store.callback_defect": "Whoever waited for a command broke by a defect.",
    "store.retention": "Old messages were deleted.",
    # Operations
    "ops.listening": "Metrics and health are served.",
    "ops.request_failed": "A defect in the metrics or health listener.",
    "ops.readiness": "A readiness check changed.",
    "admin.listening": "The admin socket is open.",
    "admin.request": "An administrator's request.",
    "admin.request_failed": "A defect in an administrator's request.",
    "systemd.turn_failed": "The writer did not answer, so the watchdog was not fed.",
    # The log itself
    "log.dropped": "Lines were dropped because stderr took them too slowly.",
    "log.foreign": "A library said something; its words are left out, as they may quote content.",
}
"""The fixed table of events. Names are stable: people search for them."""


def _number(value: object) -> object:
    # An IntEnum, such as a close code, is written as its number.
    if isinstance(value, enum.IntEnum):
        return int(value)
    return value if type(value) in {int, float, bool} else None


def _matching(pattern: str) -> Callable[[object], object]:
    compiled = re.compile(pattern)

    def check(value: object) -> object:
        # A StrEnum is a str; its value is what is written.
        return str(value) if isinstance(value, str) and compiled.fullmatch(value) else None

    return check


def _number_or_word(value: object) -> object:
    return _number(value) if not isinstance(value, str) else _WORD(value)


def _sentence(value: object) -> object:
    return str(value) if type(value) is Sentence else None


def _path(value: object) -> object:
    return str(value) if isinstance(value, Path) else None


def _exception(value: object) -> object:
    # A name alone comes from where the exception itself is no longer at hand.
    return value if isinstance(value, BaseException) else _NAME(value)


_WORD = _matching(r"[a-z][a-z0-9_]{0,39}")
_NAME = _matching(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
_UUID = _matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Field(NamedTuple):
    """What a field may hold: `check` gives the value to write, or None to refuse it."""

    check: Callable[[object], Any]
    sentence: str


FIELDS: dict[str, Field] = {
    "conn": Field(_number_or_word, "Number of the connection in this process."),
    "account": Field(_UUID, "Account id."),
    "device": Field(_UUID, "Device id."),
    "call": Field(_UUID, "Call id."),
    "address": Field(_matching(r"[0-9a-f.:]{2,45}(%[A-Za-z0-9]{1,16})?"), "Address of a client."),
    "listen": Field(_matching(r"[0-9A-Za-z.:\[\]%_/@-]{1,200}"), "Address of a listener."),
    "code": Field(_number_or_word, "Error code or close code of the contract."),
    "error": Field(_exception, "Class of the exception, with the places in the code that it passed."),
    "place": Field(_matching(r"[\w./:< >-]{1,600}"), "Places in the code, innermost first."),
    "what": Field(_sentence, "A sentence written by the daemon."),
    "key": Field(_matching(r"[a-z0-9_.]{1,80}"), "A setting."),
    "name": Field(_WORD, "What is meant: a check, a task, a listener."),
    "operation": Field(_matching(r"[a-z][a-z0-9_. -]{0,59}"), "An administrator's operation."),
    "logger": Field(_NAME, "The library."),
    "path": Field(_path, "A file of the daemon."),
    "version": Field(_matching(r"[0-9A-Za-z.+-]{1,40}"), "Version of the daemon."),
    "signal": Field(_matching(r"SIG[A-Z0-9]{1,8}"), "Signal that was received."),
    "passed": Field(_number, "The socket came from systemd, or the check succeeded."),
    "pid": Field(_number, "Process id."),
    "uid": Field(_number, "Unix user id of an administrator."),
    "schema": Field(_number, "Version of the store's schema."),
    "count": Field(_number, "How many."),
    "queued_bytes": Field(_number, "Bytes that waited."),
    "duration_ms": Field(_number, "How long it took."),
    "pause_s": Field(_number, "How long until the next try."),
    "retry_after_ms": Field(_number, "When the client may try again."),
    "expires_at": Field(_number, "When it ends, UTC epoch ms."),
}
"""The allow-list of fields. Whatever a check refuses is written as `?`; fields that are not here are left out."""
