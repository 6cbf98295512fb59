"""A store in memory for the admin operations alone: it records every command, and fails when told to."""

import trio

from msgd.store.commands import (
    AccountId,
    AppendAudit,
    Command,
    CreateAccount,
    CreateInvite,
    DeleteAccount,
    RevokeInvite,
    SetDisabled,
    SetPassword,
)
from msgd.store.interface import AccountRow, Committed, DeviceRow, InviteRow, Rejected, Stats, Unavailable
from msgwire import ErrorCode


class MemoryStore:
    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.accounts: dict[AccountId, AccountRow] = {}
        self.device_rows: list[DeviceRow] = []
        self.invite_rows: list[InviteRow] = []
        self.fails: type[Command] | None = None
        self.is_writable = True
        self.commit_gate: trio.Event | None = None

    @property
    def audit(self) -> list[AppendAudit]:
        return [command for command in self.commands if isinstance(command, AppendAudit)]

    async def append(self, command: Command) -> Committed:
        if self.commit_gate is not None:
            await self.commit_gate.wait()
        await trio.lowlevel.checkpoint()
        if self.fails is not None and isinstance(command, self.fails):
            raise Unavailable
        self.commands.append(command)
        return Committed(self._change(command))

    def _change(self, command: Command) -> object:
        match command:
            case CreateAccount():
                number = len(self.accounts) + 1
                self.accounts[number] = row = AccountRow(
                    account=number,
                    uid=command.uid,
                    login=command.login,
                    created_at=command.at,
                    disabled=False,
                    deleted=False,
                    disabled_reason="",
                    presence="online",
                    presence_text=None,
                    last_seen_at=None,
                    email=command.email,
                    password_hash=command.password_hash,
                )
                return row
            case SetPassword():
                return [device.device_id for device in self.device_rows if device.account == command.account]
            case DeleteAccount():
                del self.accounts[command.account]
            case CreateInvite():
                invite = InviteRow(
                    invite_id=len(self.invite_rows) + 1,
                    uses=command.uses,
                    used=0,
                    created_at=command.at,
                    expires_at=command.expires_at,
                    revoked=False,
                    note=command.note,
                    created_by=command.created_by,
                )
                self.invite_rows.insert(0, invite)
                return invite
            case RevokeInvite() if command.invite_id not in {row.invite_id for row in self.invite_rows}:
                raise Rejected(ErrorCode.NOT_FOUND)
            case SetDisabled() | RevokeInvite() | AppendAudit():
                pass
        return None

    async def account_by_login(self, login: str) -> AccountRow | None:
        return next((row for row in self.accounts.values() if row.login == login.lower()), None)

    async def account_by_uid(self, uid: str) -> AccountRow | None:
        return next((row for row in self.accounts.values() if row.uid == uid), None)

    async def list_accounts(self, after: str, limit: int) -> list[AccountRow]:
        rows = sorted(self.accounts.values(), key=lambda row: row.login)
        return [row for row in rows if row.login > after][:limit]

    async def devices(self, account: AccountId) -> list[DeviceRow]:
        return [device for device in self.device_rows if device.account == account]

    async def invites(self) -> list[InviteRow]:
        return self.invite_rows

    async def stats(self) -> Stats:
        return Stats(
            accounts=len(self.accounts), devices=0, messages=7, mailbox_events=9, store_bytes=4096, schema_version=1
        )

    async def writable(self) -> bool:
        return self.is_writable
