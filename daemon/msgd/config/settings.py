"""The whole configuration as one frozen value, and its view for an administrator's eyes."""

from pathlib import Path
from typing import Any

import msgspec

from msgd.config.hosting import Admin, Drain, Listen, Log, Ops, Store
from msgd.config.kinds import Address, Secret
from msgd.config.limits import Limits
from msgd.config.policy import Auth, Calls, Messages, Presence, Registration, Turn


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of the daemon; `Settings()` holds the defaults, with paths as they stand in the sections."""

    listen: Listen = Listen()
    ops: Ops = Ops()
    store: Store = Store()
    admin: Admin = Admin()
    registration: Registration = Registration()
    auth: Auth = Auth()
    limits: Limits = Limits()
    messages: Messages = Messages()
    presence: Presence = Presence()
    calls: Calls = Calls()
    turn: Turn = Turn()
    log: Log = Log()
    drain: Drain = Drain()


# A section holds only what TOML can say, so a tree of plain values is enough to show it.
SECTIONS: dict[str, type[msgspec.Struct]] = {field.name: field.type for field in msgspec.structs.fields(Settings)}


def dump(settings: Settings) -> dict[str, dict[str, Any]]:
    """Give every setting as TOML would hold it, by section and key; each secret is shown as `***`."""
    return {
        name: {key: plain(value) for key, value in msgspec.structs.asdict(getattr(settings, name)).items()}
        for name in SECTIONS
    }


def plain(value: object) -> object:
    """Turn one value into what TOML holds: string, number, truth value or list of those; nothing is an empty string."""
    if value is None:
        return ""
    if isinstance(value, Address | Path | Secret):
        return str(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value
