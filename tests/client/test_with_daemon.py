"""The SDK against the real daemon: two people talk, restarts and kills in between, tokens, revocation, Echo."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from msgclient import (
    CertificateQuestion,
    Client,
    MessageChanged,
    MessageState,
    Offline,
    Online,
    Profile,
    RequestFailed,
    SignedOut,
)

from .daemon import Daemon

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PASSWORD = "wherefore art thou"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path / "daemon")
    daemon.start()
    yield daemon
    daemon.stop()
    assert not any("Traceback" in line for line in daemon.log), daemon.log


def client_of(daemon: Daemon, root: Path, name: str) -> Client:
    async def compare(question: CertificateQuestion) -> bool:
        return question.fingerprint == daemon.fingerprint

    return Client(Profile.create(name, daemon.url, root), on_certificate=compare)


async def sign_up(client: Client, login: str) -> str:
    with anyio.fail_after(20):
        registered = await client.register(login, PASSWORD)
        await client.log_in(login, PASSWORD)
    return registered.uid


async def settled(client: Client, wanted: Callable[[], object], timeout_s: float = 20) -> None:
    updates = client.updates()
    with anyio.fail_after(timeout_s):
        while not wanted():
            await anext(updates)


async def noticed(wanted: Callable[[], object]) -> None:
    """Wait for what another process leaves in a file: there is no event for it."""
    with anyio.fail_after(20):
        while not wanted():  # noqa: ASYNC110 - see above
            await anyio.sleep(0.05)


async def reach(client: Client, *kinds: type) -> object:
    with anyio.fail_after(20):
        return await client.wait_for(lambda state: isinstance(state, kinds))


def own_states(client: Client, peer: str) -> set[MessageState]:
    return {message.state for message in client.messages(peer, limit=1000) if message.outgoing}


async def test_two_people_talk_with_a_restart_in_between(daemon: Daemon, tmp_path: Path) -> None:
    async with client_of(daemon, tmp_path, "juliet") as juliet:
        to_juliet = await sign_up(juliet, "juliet")
        async with client_of(daemon, tmp_path, "romeo") as romeo:
            to_romeo = await sign_up(romeo, "romeo")
            assert [user.uid for user in await juliet.search("rom")] == [to_romeo]
            assert (await juliet.request_contact("romeo", "It is I.")).state == "requested"
            await settled(romeo, lambda: romeo.contact(to_juliet))
            pending = romeo.contact(to_juliet)
            assert pending is not None
            assert (pending.state, pending.note) == ("pending", "It is I.")
            await romeo.accept_contact(to_juliet)
            await settled(juliet, lambda: [contact.state for contact in juliet.contacts()] == ["accepted"])
            await settled(juliet, lambda: [contact.status for contact in juliet.contacts()] == ["online"])
            for number in range(10):
                await juliet.send(to_romeo, f"juliet {number}")
                await romeo.send(to_juliet, f"romeo {number}")
            for client, peer in ((juliet, to_romeo), (romeo, to_juliet)):
                await settled(client, lambda client=client, peer=peer: len(client.messages(peer)) == 20)
                await settled(
                    client, lambda client=client, peer=peer: own_states(client, peer) == {MessageState.DELIVERED}
                )
            assert [m.text for m in juliet.messages(to_romeo)] == [m.text for m in romeo.messages(to_juliet)]
            assert romeo.conversations()[0].unread == 10
            await romeo.mark_read(to_juliet, romeo.messages(to_juliet)[-1].message_id or "")
            assert romeo.conversations()[0].unread == 0
            await settled(juliet, lambda: own_states(juliet, to_romeo) == {MessageState.READ})
            first = juliet.messages(to_romeo)[0]
            assert first.message_id is not None
            author = juliet if first.outgoing else romeo
            await author.edit(first.message_id, "as I meant it")
            await settled(romeo, lambda: romeo.messages(to_juliet)[0].text == "as I meant it")
            await settled(juliet, lambda: juliet.messages(to_romeo)[0].text == "as I meant it")
        for number in range(3):
            await juliet.send(to_romeo, f"while you sleep {number}")
        await settled(juliet, lambda: not juliet.queued)
        await anyio.to_thread.run_sync(daemon.stop)
        await reach(juliet, Offline)
        await juliet.send(to_romeo, "into the dark")
        await anyio.to_thread.run_sync(daemon.start)
        juliet.reconnect_now()
        await settled(juliet, lambda: not juliet.queued)
        async with client_of(daemon, tmp_path, "romeo") as romeo:
            await settled(romeo, lambda: len(romeo.messages(to_juliet)) == 24)
            wanted = ["while you sleep 0", "while you sleep 1", "while you sleep 2", "into the dark"]
            assert [message.text for message in romeo.messages(to_juliet)[-4:]] == wanted
        async with client_of(daemon, tmp_path, "another-device") as romeo:
            await romeo.log_in("romeo", PASSWORD)
            await settled(romeo, lambda: len(romeo.messages(to_juliet)) == 24)
            assert [m.text for m in romeo.messages(to_juliet)] == [m.text for m in juliet.messages(to_romeo)]


async def test_kills_under_load_lose_nothing_and_show_nothing_twice(daemon: Daemon, tmp_path: Path) -> None:
    total, shown = 240, list[str]()
    async with client_of(daemon, tmp_path, "juliet") as juliet, client_of(daemon, tmp_path, "romeo") as romeo:
        to_juliet, to_romeo = await sign_up(juliet, "juliet"), await sign_up(romeo, "romeo")
        arrivals = romeo.updates()

        async def write() -> None:
            for number in range(total):
                await juliet.send(to_romeo, str(number))

        async def read() -> None:
            known: set[int] = set()
            while len(shown) < total:
                update = await anext(arrivals)
                if isinstance(update, MessageChanged) and update.message.local_id not in known:
                    known.add(update.message.local_id)
                    shown.append(update.message.text)

        async def kill() -> None:
            for number in range(5):
                target = (number + 1) * total // 7
                await settled(romeo, lambda target=target: len(shown) >= target, 60)
                await anyio.to_thread.run_sync(daemon.stop, signal.SIGKILL)
                await anyio.to_thread.run_sync(daemon.start)
                juliet.reconnect_now()
                romeo.reconnect_now()

        with anyio.fail_after(90):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                tasks.start_soon(read)
                tasks.start_soon(kill)
        await settled(juliet, lambda: not juliet.queued)
        assert shown == [str(number) for number in range(total)]
        for client, peer in ((juliet, to_romeo), (romeo, to_juliet)):
            assert [message.text for message in client.messages(peer, limit=1000)] == shown


async def test_tokens_are_refreshed_on_a_live_connection_and_after_it(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "daemon", MSGD_AUTH__ACCESS_TTL_S="4")
    daemon.start()
    try:
        async with client_of(daemon, tmp_path, "juliet") as juliet:
            await sign_up(juliet, "juliet")
            file = juliet.profile.folder / "tokens.json"
            first = file.read_bytes()
            await noticed(lambda: file.read_bytes() != first)
            assert isinstance(juliet.state, Online)
            juliet.reconnect_now()
            await juliet.wait_for(lambda state: not isinstance(state, Online))
            await reach(juliet, Online)
            assert len(await juliet.devices()) == 1
    finally:
        daemon.stop()


async def test_a_revoked_device_is_signed_out_at_once(daemon: Daemon, tmp_path: Path) -> None:
    async with client_of(daemon, tmp_path, "phone") as phone, client_of(daemon, tmp_path, "laptop") as laptop:
        await sign_up(phone, "juliet")
        await laptop.log_in("juliet", PASSWORD)
        (other,) = [device for device in await laptop.devices() if not device.current]
        await laptop.revoke_device(other.device_id)
        await reach(phone, SignedOut)
        assert not (phone.profile.folder / "tokens.json").exists()
        await phone.log_in("juliet", PASSWORD)
        await laptop.change_password(PASSWORD, "a rose by any other name")
        await reach(phone, SignedOut)
        with pytest.raises(RequestFailed, match="invalid_credentials"):
            await phone.log_in("juliet", PASSWORD)
        await laptop.log_out()
        assert isinstance(laptop.state, SignedOut)


async def test_echo_answers_and_accepts_contacts(daemon: Daemon, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "msgctl.main", "--config", str(daemon.config), "echo", "run"]
    log = tmp_path / "echo.log"
    async with (
        await anyio.open_file(log, "wb") as output,
        await anyio.open_process(command, stdout=output.wrapped, stderr=output.wrapped) as echo,
    ):
        async with client_of(daemon, tmp_path, "juliet") as juliet:
            await sign_up(juliet, "juliet")
            await noticed(lambda: "Made the account" in log.read_text())
            peer = (await juliet.get_user(login="echo")).uid
            await juliet.request_contact("echo")
            await settled(juliet, lambda: [contact.state for contact in juliet.contacts()] == ["accepted"])
            await juliet.send(peer, "is there anybody\x1b[2J?")
            await settled(juliet, lambda: len(juliet.messages(peer)) == 2)
            assert juliet.messages(peer)[1].text == "is there anybody\x1b[2J?"
        echo.terminate()
        with anyio.fail_after(10):
            assert await echo.wait() == 0
