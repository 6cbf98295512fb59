"""The admin socket: lines, bounds, rights, and what happens to a file that a dead daemon left."""

import contextlib
import os
import pwd
import socket
import stat
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from memory_store import MemoryStore

from msgd.admin.context import AdminContext
from msgd.admin.contract import (
    MAX_ANSWER_BYTES,
    MAX_REQUEST_BYTES,
    PAGE_MAX,
    AccountLine,
    AccountPage,
    AddUser,
    CreateInvite,
    ListInvites,
    ListUsers,
    Refused,
)
from msgd.admin.server import Bounds, serve_admin
from msgd.admin.socket_file import AdminSocketError
from msgd.admin.wire import RequestDecoder, decode_answer, encode_request, encode_result
from msgd.config import Admin

pytestmark = pytest.mark.trio


@contextlib.asynccontextmanager
async def serving(context: AdminContext, settings: Admin, **options: Any) -> AsyncIterator[Path]:
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_admin, context, settings, **options))
        yield settings.socket
        nursery.cancel_scope.cancel()


@pytest.fixture
def admin(tmp_path: Path) -> Admin:
    return Admin(socket=tmp_path / "admin.sock")


async def ask(stream: trio.SocketStream, line: bytes) -> Any:
    await stream.send_all(line)
    received = b""
    while not received.endswith(b"\n"):
        chunk = await stream.receive_some(65536)
        assert chunk, "the daemon closed the connection"
        received += chunk
    return msgspec.json.decode(received)


async def is_closed(stream: trio.SocketStream) -> bool:
    with trio.fail_after(5):
        return await stream.receive_some(1) == b""


async def test_requests_are_answered_in_turn(context: AdminContext, admin: Admin) -> None:
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        made = await ask(stream, encode_request(AddUser(login="alice", password="correct horse battery")))
        assert made["result"]["login"] == "alice"
        listed = await ask(stream, encode_request(ListUsers()))
        assert [line["login"] for line in listed["result"]["accounts"]] == ["alice"]
        refused = await ask(stream, encode_request(AddUser(login="alice", password="correct horse battery")))
        assert refused["error"]["code"] == "login_taken"


async def test_two_lines_in_one_piece_and_one_in_two(context: AdminContext, admin: Admin) -> None:
    line = encode_request(ListInvites())
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        await stream.send_all(line + line[:7])
        await stream.send_all(line[7:])
        received = b""
        while received.count(b"\n") < 2:
            received += await stream.receive_some(65536)
    assert received == b'{"result":{"invites":[],"more":false}}\n' * 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"\n", "bad_request"),
        (b"garbage\n", "bad_request"),
        (b"[]\n", "bad_request"),
        (b'{"op":"user.fly"}\n', "unknown_operation"),
        (b'{"op":"user.add","login":"alice"}\n', "bad_request"),
        (b'{"op":"user.show","login":"alice","colour":"red"}\n', "bad_request"),
        (b'{"op":"user.show","login":"\xff"}\n', "bad_request"),
        (b'{"op":"user.show","login":' + b"[" * 30_000 + b"\n", "bad_request"),
        (b'{"nothing":' + b"[" * 30_000 + b"\n", "bad_request"),
    ],
)
async def test_a_wrong_line_is_told_and_the_connection_goes_on(
    context: AdminContext, admin: Admin, line: bytes, code: str
) -> None:
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        assert (await ask(stream, line))["error"]["code"] == code
        assert "result" in await ask(stream, encode_request(ListUsers()))


async def test_a_wrong_password_is_never_repeated(context: AdminContext, admin: Admin) -> None:
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        said = await ask(stream, b'{"op":"user.add","login":"alice","password":["s3cret-word"]}\n')
    assert "s3cret-word" not in str(said)
    assert "password" in said["error"]["message"]


async def test_an_endless_line_is_refused_and_closed(context: AdminContext, admin: Admin) -> None:
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        assert (await ask(stream, b"x" * MAX_REQUEST_BYTES))["error"]["code"] == "too_large"
        assert await is_closed(stream)


async def test_connections_are_bounded(context: AdminContext, admin: Admin) -> None:
    async with serving(context, admin, bounds=Bounds(connections=1)) as path, await trio.open_unix_socket(path) as one:
        assert "result" in await ask(one, encode_request(ListUsers()))
        async with await trio.open_unix_socket(path) as two:
            assert (await ask(two, b""))["error"]["code"] == "busy"
            assert await is_closed(two)
        await one.aclose()
        await trio.testing.wait_all_tasks_blocked()
        async with await trio.open_unix_socket(path) as three:
            assert "result" in await ask(three, encode_request(ListUsers()))


async def test_a_silent_connection_is_closed(context: AdminContext, admin: Admin) -> None:
    async with (
        serving(context, admin, bounds=Bounds(line_s=0.01)) as path,
        await trio.open_unix_socket(path) as stream,
    ):
        assert await is_closed(stream)


async def test_the_audit_log_names_the_peer(context: AdminContext, admin: Admin, store: MemoryStore) -> None:
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        await ask(stream, encode_request(CreateInvite()))
    [line] = store.audit
    name = pwd.getpwuid(os.getuid()).pw_name
    assert line.actor == f"{name} (uid {os.getuid()})"
    assert line.origin == f"admin socket, pid {os.getpid()}"


async def test_a_defect_is_fenced(context: AdminContext, admin: Admin, store: MemoryStore) -> None:
    async def broken(after: str, limit: int) -> None:
        raise ZeroDivisionError("secret words")

    store.list_accounts = broken  # type: ignore[assignment,method-assign]  # a defect
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        said = await ask(stream, encode_request(ListUsers()))
        assert said["error"]["code"] == "internal"
        assert "secret" not in str(said)
        assert "result" in await ask(stream, encode_request(ListInvites()))


async def test_the_file_has_its_mode_and_goes_at_the_end(context: AdminContext, admin: Admin) -> None:
    async with serving(context, msgspec.structs.replace(admin, mode="0600")) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert [file.name for file in path.parent.glob("admin*")] == ["admin.sock"]
    assert not admin.socket.exists()


async def test_a_file_left_by_a_dead_daemon_is_replaced(context: AdminContext, admin: Admin) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(admin.socket))
    dead.close()
    async with serving(context, admin) as path, await trio.open_unix_socket(path) as stream:
        assert "result" in await ask(stream, encode_request(ListUsers()))


async def start_fails(context: AdminContext, settings: Admin) -> str:
    with pytest.RaisesGroup(AdminSocketError, flatten_subgroups=True) as caught:
        async with serving(context, settings):
            pass
    return str(caught.value.exceptions[0])


async def test_a_living_daemon_keeps_its_socket(context: AdminContext, admin: Admin) -> None:
    async with serving(context, admin) as path:
        assert "Another process listens" in await start_fails(context, admin)
        async with await trio.open_unix_socket(path) as stream:
            assert "result" in await ask(stream, encode_request(ListUsers()))


async def test_the_file_of_a_successor_stays(context: AdminContext, admin: Admin) -> None:
    async with serving(context, admin) as path:
        path.unlink()
        path.touch()
    assert admin.socket.exists()


async def test_another_kind_of_file_is_not_touched(context: AdminContext, admin: Admin) -> None:
    admin.socket.write_text("precious")
    assert "is no socket" in await start_fails(context, admin)
    assert admin.socket.read_text() == "precious"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"group": "no-such-group"}, "no group"),
        ({"socket": Path("/tmp") / ("x" * 120)}, "too long"),
        ({"socket": Path("/no-such-directory/admin.sock")}, "cannot be made"),
    ],
)
async def test_what_cannot_be_made_is_told(
    context: AdminContext, admin: Admin, change: dict[str, Any], why: str
) -> None:
    assert why in await start_fails(context, msgspec.structs.replace(admin, **change))
    assert list(admin.socket.parent.glob("admin*")) == []


async def test_a_socket_from_systemd_is_served_and_left_alone(context: AdminContext, admin: Admin) -> None:
    given = socket.socket(socket.AF_UNIX)
    given.bind(str(admin.socket))
    given.listen()
    async with serving(context, admin, inherited=given) as path, await trio.open_unix_socket(path) as stream:
        assert "result" in await ask(stream, encode_request(ListUsers()))
    assert admin.socket.exists()


async def test_the_largest_page_fits_into_an_answer() -> None:
    widest = AccountLine(login="x" * 32, uid="0" * 36, created_at=2**63 - 1, last_seen_at=2**63 - 1, disabled=False)
    assert len(encode_result(AccountPage([widest] * PAGE_MAX, more=True))) < MAX_ANSWER_BYTES


async def test_answers_are_read_as_what_was_asked() -> None:
    assert decode_answer(ListUsers, b'{"result":{"accounts":[],"more":false,"new":1}}\n') == AccountPage([], more=False)
    with pytest.raises(Refused):
        decode_answer(ListUsers, b'{"error":{"code":"not_found","message":"gone"}}\n')
    for wrong in (b"{}\n", b"nonsense\n", b'{"result":{"accounts":1}}\n'):
        with pytest.raises(msgspec.DecodeError):
            decode_answer(ListUsers, wrong)


async def test_every_request_survives_the_wire() -> None:
    sent = AddUser(login="alice", password="päss wörd \n")
    assert RequestDecoder(AddUser, ListUsers).decode(encode_request(sent).removesuffix(b"\n")) == sent
