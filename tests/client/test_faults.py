"""The client when things go wrong: lost lines, crashes, expired tokens, holes, full disks and bounds."""

from collections.abc import Callable

import anyio
import pytest

import msgwire
from msgclient import (
    CacheFailed,
    Client,
    LimitReached,
    Limits,
    LocalMessage,
    MessageChanged,
    MessageState,
    NotConnected,
    NotSignedIn,
    Offline,
    OutboxFull,
    SignedOut,
    TextTooLong,
)
from msgclient.tokens import TokenFile

from .model_server import Mailbox, ModelServer
from .network import Network
from .waiting import is_online, reach, settled, states, texts

pytestmark = pytest.mark.anyio

PASSWORD = "a good password"
Make = Callable[..., Client]


async def test_messages_queue_while_nobody_listens(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        network.is_down = True
        network.cut()
        await reach(juliet, lambda state: isinstance(state, Offline))
        for number in range(5):
            await juliet.send(romeo.uid, str(number))
        assert juliet.queued == 5
        with pytest.raises(NotConnected):
            await juliet.search("romeo")
    async with make_client() as juliet:
        assert texts(juliet, romeo.uid) == ["0", "1", "2", "3", "4"]
        network.is_down = False
        await settled(juliet, lambda: set(states(juliet, romeo.uid)) == {MessageState.SENT})
    assert [item.text for item in server.items] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("hook", ["cut_before", "cut_after"])
async def test_a_line_cut_around_a_send_sends_it_once(
    hook: str, network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        setattr(network, hook, lambda frame: isinstance(frame, msgwire.Send))
        for number in range(5):
            await juliet.send(romeo.uid, str(number))
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT] * 5)
        assert texts(juliet, romeo.uid) == ["0", "1", "2", "3", "4"]
    assert [item.text for item in server.items] == ["0", "1", "2", "3", "4"]


async def test_a_crash_between_acceptance_and_reply_sends_it_once(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    def then_vanish(frame: msgwire.ClientFrame) -> bool:
        network.is_down = isinstance(frame, msgwire.Send)
        return network.is_down

    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        network.cut_after = then_vanish
        await juliet.send(romeo.uid, "once")
        await reach(juliet, lambda state: isinstance(state, Offline))
        assert states(juliet, romeo.uid) == [MessageState.QUEUED]
    network.is_down = False
    async with make_client() as juliet:
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT])
    assert [item.text for item in server.items] == ["once"]


async def test_events_missed_while_away_come_in_order_and_once(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    server.window = 7
    shown: list[str] = []
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        updates = juliet.updates()
        await reach(juliet, is_online)
        for number in range(60):
            server.post(romeo, juliet_box, str(number))
            if number % 9 == 4:
                network.cut()
            if number % 4 == 0:
                network.flush()
            await anyio.lowlevel.checkpoint()
        network.flush()
        with anyio.fail_after(5):
            while len(shown) < 60:
                update = await anext(updates)
                if isinstance(update, MessageChanged):
                    shown.append(update.message.text)
        assert shown == [str(number) for number in range(60)]
        assert len(juliet.messages(romeo.uid, limit=100)) == 60
        device = juliet_box.devices[juliet.me.device_id]  # type: ignore[union-attr]  # signed in above
        await network.until(lambda: device.cursor == 60)


async def test_an_expired_token_is_refreshed(
    network: Network, server: ModelServer, juliet_box: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        device = next(iter(juliet_box.devices.values()))
        before = device.refresh_token
        network.cut(4401, "the token ran out")
        await reach(juliet, lambda state: not is_online(state))
        await reach(juliet, is_online)
        assert device.refresh_token != before
        before = device.refresh_token
        server.push(juliet_box, msgwire.TokenExpiring(expires_at=server.now_ms))
        network.flush()
        await network.until(lambda: device.refresh_token != before)
        tokens = TokenFile(juliet.profile.folder)
        with anyio.fail_after(5):
            while tokens.load().refresh_token != device.refresh_token:  # type: ignore[union-attr]  # signed in above
                await anyio.lowlevel.checkpoint()
        assert is_online(juliet.state)
        device.access_token = "no longer valid"
        network.cut()
        await reach(juliet, lambda state: not is_online(state))
        await reach(juliet, is_online)
    async with make_client() as juliet:
        await reach(juliet, is_online)
    assert len(juliet_box.devices) == 1


async def test_a_revoked_device_is_signed_out_and_keeps_what_was_not_sent(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        server.refusals["send"] = [msgwire.Error(code="unavailable", message="", retry_after_ms=60_000)]
        await juliet.send(romeo.uid, "not yet")
        next(iter(juliet_box.devices.values())).is_revoked = True
        network.cut(4403)
        state = await reach(juliet, lambda state: isinstance(state, SignedOut))
        assert isinstance(state, SignedOut)
        assert state.reason
        assert juliet.me is None
        with pytest.raises(NotSignedIn):
            await juliet.send(romeo.uid, "nobody")
        server.refusals.clear()
        await juliet.log_in("juliet", PASSWORD)
        await settled(juliet, lambda: states(juliet, romeo.uid) == [MessageState.SENT])


async def test_a_server_restored_from_an_older_copy_hides_nothing(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        for number in range(10):
            server.post(romeo, juliet_box, str(number))
        network.flush()
        await settled(juliet, lambda: len(texts(juliet, romeo.uid)) == 10)
        del juliet_box.events[4:], server.items[4:]
        for device in juliet_box.devices.values():
            device.cursor = 4
        server.post(romeo, juliet_box, "after the restore")
        network.cut()
        await settled(juliet, lambda: texts(juliet, romeo.uid) == ["0", "1", "2", "3", "after the restore"])


async def test_a_hole_in_the_stream_is_never_shown(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        updates = juliet.updates()
        server.post(romeo, juliet_box, "first")
        server.post(romeo, juliet_box, "second")
        lost = network.transports[-1].connection.out
        assert isinstance(lost.pop(0), msgwire.Event)
        network.flush()
        shown: list[LocalMessage] = []
        with anyio.fail_after(5):
            while len(shown) < 2:
                update = await anext(updates)
                if isinstance(update, MessageChanged):
                    shown.append(update.message)
        assert [message.text for message in shown] == ["first", "second"]
        assert network.dials == 2


async def test_bounds_have_clear_errors(
    network: Network, server: ModelServer, juliet_box: Mailbox, romeo: Mailbox, make_client: Make
) -> None:
    async with make_client(limits=Limits(max_outbox=2, max_pending=3, request_timeout_s=0.05)) as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        with pytest.raises(TextTooLong):
            await juliet.send(romeo.uid, "é" * 8193)
        with pytest.raises(ValueError, match="at least one"):
            await juliet.send(romeo.uid, "")
        for transport in network.transports:
            transport.is_deaf = True
        await juliet.send(romeo.uid, "1")
        await juliet.send(romeo.uid, "2")
        with pytest.raises(OutboxFull):
            await juliet.send(romeo.uid, "3")
        failures: list[Exception] = []

        async def ask() -> None:
            try:
                await juliet.search("anybody")
            except Exception as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
        assert any(isinstance(error, LimitReached) for error in failures)
        assert len(failures) == 5


async def test_a_full_disk_here_acknowledges_nothing(
    network: Network,
    server: ModelServer,
    juliet_box: Mailbox,
    romeo: Mailbox,
    make_client: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with make_client() as juliet:
        await juliet.log_in("juliet", PASSWORD)
        await reach(juliet, is_online)
        await settled(juliet, lambda: juliet._running.cache.reading.meta.is_filled)
        device = next(iter(juliet_box.devices.values()))

        async def full(*_: object) -> None:
            raise CacheFailed("This computer cannot store messages now: database or disk is full.")

        with monkeypatch.context() as broken:
            broken.setattr(juliet._running.cache, "write", full)
            server.post(romeo, juliet_box, "kept by the server")
            network.flush()
            state = await reach(juliet, lambda state: isinstance(state, Offline))
            assert isinstance(state, Offline)
            assert "disk is full" in state.reason
            assert device.cursor == 0
            with pytest.raises(CacheFailed):
                await juliet.send(romeo.uid, "not kept")
        await settled(juliet, lambda: texts(juliet, romeo.uid) == ["kept by the server"])
