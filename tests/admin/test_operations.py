"""Every operation: what it changes, what it refuses, what it cuts, and what the audit log keeps of it."""

import hashlib
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from memory_store import MemoryStore

from msgd.admin.context import AdminContext
from msgd.admin.contract import (
    PAGE_MAX,
    AddUser,
    CreateInvite,
    DeleteUser,
    DisableUser,
    EnableUser,
    ListInvites,
    ListUsers,
    Refused,
    Request,
    RevokeInvite,
    SetUserPassword,
    ShowStatus,
    ShowUser,
)
from msgd.admin.operation import Operation, Trail, table
from msgd.admin.operations import OPERATIONS
from msgd.admin.perform import perform
from msgd.auth.passwords import Overloaded
from msgd.store.commands import AppendAudit, CreateAccount, SetDisabled
from msgd.store.interface import DeviceRow, StoreError

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.trio


async def refusal(context: AdminContext, request: Request[Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        await perform(context, request)
    return caught.value


async def add(context: AdminContext, login: str = "alice") -> None:
    await perform(context, AddUser(login=login, password=PASSWORD))


async def test_a_new_account_has_a_folded_login_and_a_uuid(context: AdminContext, store: MemoryStore) -> None:
    made = await perform(context, AddUser(login="Alice", password=PASSWORD, email="a@example.org"))
    assert made.login == "alice"
    assert uuid.UUID(made.uid).version == 4
    [created] = [command for command in store.commands if isinstance(command, CreateAccount)]
    assert created.password_hash == f"hash of {len(PASSWORD)} characters"
    assert created.email == "a@example.org"
    assert created.invite_hash is None


@pytest.mark.parametrize(
    ("login", "password", "email", "code"),
    [
        ("1alice", PASSWORD, None, "login_invalid"),
        ("alice", "short", None, "password_weak"),
        ("alice", "password", None, "password_weak"),
        ("alice", PASSWORD, "nowhere", "bad_frame"),
    ],
)
async def test_rules_hold_for_administrators_too(
    context: AdminContext, store: MemoryStore, login: str, password: str, email: str | None, code: str
) -> None:
    assert (await refusal(context, AddUser(login=login, password=password, email=email))).code == code
    assert store.commands == []


async def test_a_taken_login_costs_no_hash(context: AdminContext) -> None:
    await add(context)
    context.passwords.refusal = AssertionError("hashed")  # type: ignore[attr-defined]  # the fixture's own
    assert (await refusal(context, AddUser(login="ALICE", password=PASSWORD))).code == "login_taken"


async def test_too_many_hashes_are_busy(context: AdminContext) -> None:
    context.passwords.refusal = Overloaded(50)  # type: ignore[attr-defined]  # the fixture's own
    assert (await refusal(context, AddUser(login="alice", password=PASSWORD))).code == "busy"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (DisableUser(login="alice", reason="spam"), "account_disabled"),
        (DeleteUser(login="alice"), "account_deleted"),
        (SetUserPassword(login="alice", password=PASSWORD), "password_changed"),
    ],
)
async def test_live_connections_are_cut_after_the_commit(
    context: AdminContext, store: MemoryStore, live: Any, request_: Request[Any], reason: str
) -> None:
    await add(context)
    store.commit_gate = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(perform, context, request_)
        await trio.testing.wait_all_tasks_blocked()
        assert live.cuts == [], "cut before the change was durable: the device could come back"
        store.commit_gate.set()
    assert live.cuts == [(1, reason)]


async def test_enabling_cuts_nothing(context: AdminContext, store: MemoryStore, live: Any) -> None:
    await add(context)
    await perform(context, EnableUser(login="alice"))
    assert isinstance(store.commands[-2], SetDisabled)
    assert not store.commands[-2].disabled
    assert live.cuts == []


async def test_without_a_daemon_nothing_is_cut(stopped_context: AdminContext, live: Any) -> None:
    await add(stopped_context)
    done = await perform(stopped_context, DisableUser(login="alice"))
    assert (done.connections_cut, live.cuts) == (0, [])
    assert (await perform(stopped_context, ShowUser(login="alice"))).connections is None


@pytest.mark.parametrize(
    "request_",
    [
        ShowUser(login="nobody"),
        DisableUser(login="nobody"),
        EnableUser(login="nobody"),
        DeleteUser(login="nobody"),
        SetUserPassword(login="nobody", password=PASSWORD),
        RevokeInvite(invite_id=99),
    ],
)
async def test_what_is_not_there_is_not_found(
    context: AdminContext, store: MemoryStore, request_: Request[Any]
) -> None:
    assert (await refusal(context, request_)).code == "not_found"
    assert store.audit == []


async def test_an_account_is_found_by_uid_and_shown_with_its_devices(context: AdminContext, store: MemoryStore) -> None:
    await add(context)
    uid = store.accounts[1].uid
    store.device_rows.append(
        DeviceRow(
            account=1, uid=uid, login="alice", device_id="d1", name="laptop", created_at=1, last_seen_at=2, cursor=0
        )
    )
    found = await perform(context, ShowUser(login=uid))
    assert found.login == "alice"
    assert [device.name for device in found.devices] == ["laptop"]
    assert found.connections == 2


async def test_accounts_come_in_pages(context: AdminContext) -> None:
    for login in ("cc", "aa", "bb"):
        await add(context, login)
    first = await perform(context, ListUsers(limit=2))
    assert ([line.login for line in first.accounts], first.more) == (["aa", "bb"], True)
    rest = await perform(context, ListUsers(after="bb", limit=2))
    assert ([line.login for line in rest.accounts], rest.more) == (["cc"], False)


@pytest.mark.parametrize("limit", [0, PAGE_MAX + 1])
async def test_pages_are_bounded(context: AdminContext, limit: int) -> None:
    assert (await refusal(context, ListUsers(limit=limit))).code == "bad_request"
    assert (await refusal(context, ListInvites(limit=limit))).code == "bad_request"


async def test_an_invite_is_kept_as_a_digest(context: AdminContext, store: MemoryStore) -> None:
    made = await perform(context, CreateInvite(uses=3, ttl_s=60, note="team"))
    [command] = [command for command in store.commands if hasattr(command, "token_hash")]
    assert command.token_hash == hashlib.sha256(made.token.encode()).digest()
    assert command.expires_at == context.now_ms() + 60_000
    assert command.created_by == "root (uid 0)"
    assert made.token not in repr(made)


async def test_an_invite_lives_as_long_as_configured_or_for_ever(context: AdminContext) -> None:
    usual = await perform(context, CreateInvite())
    assert usual.expires_at == context.now_ms() + context.settings.registration.invite_ttl_s * 1000
    assert (await perform(context, CreateInvite(ttl_s=0))).expires_at is None


async def test_invites_show_their_state(context: AdminContext, store: MemoryStore) -> None:
    for _ in range(4):
        await perform(context, CreateInvite(ttl_s=10))
    fresh, used, old, revoked = reversed(store.invite_rows)
    store.invite_rows[:] = [
        msgspec.structs.replace(revoked, revoked=True),
        msgspec.structs.replace(old, expires_at=context.now_ms()),
        msgspec.structs.replace(used, used=1),
        fresh,
    ]
    page = await perform(context, ListInvites(limit=3))
    assert ([line.state for line in page.invites], page.more) == (["revoked", "expired", "used"], True)
    rest = await perform(context, ListInvites(before=page.invites[-1].invite_id))
    assert [line.state for line in rest.invites] == ["active"]


@pytest.mark.parametrize(
    "request_", [CreateInvite(uses=0), CreateInvite(uses=10**9), CreateInvite(ttl_s=-1), CreateInvite(ttl_s=10**12)]
)
async def test_invites_are_bounded(context: AdminContext, request_: CreateInvite) -> None:
    assert (await refusal(context, request_)).code == "bad_request"


async def test_every_change_is_in_the_audit_log_without_secrets(context: AdminContext, store: MemoryStore) -> None:
    await add(context)
    invite = await perform(context, CreateInvite())
    for request in (
        DisableUser(login="alice", reason="spam"),
        EnableUser(login="alice"),
        SetUserPassword(login="alice", password="another secret 9"),
        DeleteUser(login="alice"),
        RevokeInvite(invite_id=1),
    ):
        await perform(context, request)
    changes = {name for name, row in OPERATIONS.items() if row.changes}
    assert {line.action for line in store.audit} == changes
    assert {(line.actor, line.origin) for line in store.audit} == {("root (uid 0)", "admin socket, pid 7")}
    assert [line.target for line in store.audit if line.action == "user.disable"] == ["alice"]
    written = repr([msgspec.structs.asdict(line) for line in store.audit])
    for secret in (PASSWORD, "another secret 9", invite.token, "hash of"):
        assert secret not in written


async def test_looking_is_not_audited(context: AdminContext, store: MemoryStore) -> None:
    await add(context)
    before = len(store.commands)
    for request in (ListUsers(), ShowUser(login="alice"), ListInvites(), ShowStatus()):
        await perform(context, request)
    assert len(store.commands) == before


async def test_a_store_that_cannot_write_is_told(context: AdminContext, store: MemoryStore) -> None:
    store.fails = CreateAccount
    told = await refusal(context, AddUser(login="alice", password=PASSWORD))
    assert told.code == "unavailable"
    assert "nothing was changed" in told.message


async def test_a_defect_of_the_store_is_told(
    context: AdminContext, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_command: Any) -> None:
        raise StoreError

    monkeypatch.setattr(store, "append", broken)
    assert (await refusal(context, CreateInvite())).code == "internal"


async def test_a_change_without_its_audit_line_is_told(context: AdminContext, store: MemoryStore) -> None:
    store.fails = AppendAudit
    told = await refusal(context, AddUser(login="alice", password=PASSWORD))
    assert told.code == "unavailable"
    assert "change was made" in told.message


async def test_a_change_that_has_begun_is_finished(context: AdminContext, store: MemoryStore, live: Any) -> None:
    await add(context)
    store.commit_gate = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(perform, context, DisableUser(login="alice"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        store.commit_gate.set()
    assert live.cuts == [(1, "account_disabled")]
    assert store.audit[-1].action == "user.disable"


async def test_a_store_that_never_answers_is_given_up(
    context: AdminContext, store: MemoryStore, autojump_clock: trio.testing.MockClock
) -> None:
    store.commit_gate = trio.Event()
    assert (await refusal(context, CreateInvite())).code == "unavailable"


async def test_status_says_what_goes_on(context: AdminContext) -> None:
    status = await perform(context, ShowStatus())
    assert (status.running, status.uptime_s, status.connections, status.queue_depth) == (True, 90.0, 3, 1)
    assert (status.messages, status.url, status.findings) == (7, "wss://127.0.0.1:7443/v1/ws", [])


async def test_status_finds_what_to_mend(stopped_context: AdminContext, store: MemoryStore) -> None:
    settings = stopped_context.settings
    tls = msgspec.structs.replace(settings.listen, plain=False)
    tight = msgspec.structs.replace(settings.store, min_free_mib=1_048_576 * 1024)
    context = msgspec.structs.replace(
        stopped_context, settings=msgspec.structs.replace(settings, listen=tls, store=tight)
    )
    store.is_writable = False
    status = await perform(context, ShowStatus())
    assert not status.running
    assert status.uptime_s is None
    assert [finding.code for finding in status.findings] == [
        "daemon_stopped",
        "store_failing",
        "certificate_unreadable",
        "disk_low",
    ]


async def _handler(_context: AdminContext, _request: Any) -> None: ...


def _row(request: type[Request[Any]]) -> Operation[Any, Any]:
    return Operation(request=request, handler=_handler, trail=lambda _asked, _done: Trail("x"))


class Helpless(Request[ListUsers], frozen=True, kw_only=True, tag="user.puzzle"):
    pass


class Misnamed(Request[ListUsers], frozen=True, kw_only=True, tag="puzzle"):
    """Named badly."""


@pytest.mark.parametrize(("rows", "why"), [([Helpless], "help"), ([Misnamed], "noun.verb"), ([AddUser] * 2, "two")])
async def test_a_row_that_is_wrong_stops_the_start(rows: list[type[Request[Any]]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        table(map(_row, rows))


async def test_what_needs_a_daemon_says_so(stopped_context: AdminContext, monkeypatch: pytest.MonkeyPatch) -> None:
    handler: Callable[[AdminContext, Any], Coroutine[Any, Any, None]] = _handler
    row = Operation(request=ShowStatus, handler=handler, works_stopped=False)
    monkeypatch.setitem(OPERATIONS, "status.show", row)  # type: ignore[arg-type]  # a dict behind a Mapping
    assert (await refusal(stopped_context, ShowStatus())).code == "daemon_stopped"


async def test_passwords_stay_out_of_every_repr() -> None:
    assert PASSWORD not in repr(AddUser(login="alice", password=PASSWORD))
    assert PASSWORD not in str(SetUserPassword(login="alice", password=PASSWORD))
