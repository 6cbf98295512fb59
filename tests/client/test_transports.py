"""Both adapters over real sockets: close codes, great messages, a server that goes away and comes back."""

from pathlib import Path

import anyio
import pytest

from msgclient import Client, MessageState, Offline, Online, Profile
from msgclient.profile import ServerAddress
from msgclient.transport import TransportClosed, adapter

from .loopback import Loopback
from .model_server import ModelServer

pytestmark = pytest.mark.anyio

PASSWORD = "a good password"


@pytest.fixture
def model() -> ModelServer:
    return ModelServer()


async def test_a_close_code_and_its_reason_arrive(model: ModelServer) -> None:
    with Loopback(model) as server:
        async with anyio.create_task_group() as tasks:
            transport = await adapter()(ServerAddress.parse(server.url), None, tasks)
            assert b'"hello"' in await transport.receive()
            server.close_all(1012, "restart; retry_after_ms=40")
            with pytest.raises(TransportClosed) as closed:
                await transport.receive()
            assert (closed.value.code, closed.value.reason) == (1012, "restart; retry_after_ms=40")
            with pytest.raises(TransportClosed):
                await transport.send(b'{"type":"ping"}')
            await transport.close()
            await transport.close()
            tasks.cancel_scope.cancel()


async def test_the_wish_of_a_restarting_server_is_shown_and_kept(model: ModelServer, tmp_path: Path) -> None:
    model.register("juliet", PASSWORD)
    with Loopback(model) as server:
        async with Client(Profile.create("juliet", server.url, tmp_path)) as juliet:
            await juliet.log_in("juliet", PASSWORD)
            await anyio.to_thread.run_sync(server.close_all, 1012, "retry_after_ms=40")
            with anyio.fail_after(10):
                state = await juliet.wait_for(lambda state: isinstance(state, Offline))
                assert isinstance(state, Offline)
                assert state.retry_at is not None
                await juliet.wait_for(lambda state: isinstance(state, Online))


async def test_texts_of_every_kind_and_size_survive_the_way_to_the_byte(model: ModelServer, tmp_path: Path) -> None:
    romeo = model.register("romeo")
    model.register("juliet", PASSWORD)
    texts = ["\x00\x1b]0;title\x07", "\u202egnol\u202c", "é" * 8192, "\x01" * 16384, "👩‍👩‍👧\ufeff\r\n\t"]
    with Loopback(model) as server:
        async with Client(Profile.create("juliet", server.url, tmp_path)) as juliet:
            await juliet.log_in("juliet", PASSWORD)
            updates = juliet.updates()
            for text in texts:
                await juliet.send(romeo.uid, text)
            with anyio.fail_after(10):
                while juliet.queued:
                    await anext(updates)
            assert [message.text for message in juliet.messages(romeo.uid)] == texts
            assert await juliet.fetch_history(romeo.uid) is False
        assert server.do(lambda model: [item.text for item in model.items]) == texts


async def test_a_conversation_goes_on_after_a_restart_of_the_server(model: ModelServer, tmp_path: Path) -> None:
    juliet_box, romeo = model.register("juliet", PASSWORD), model.register("romeo")
    with Loopback(model) as server:
        client = Client(Profile.create("juliet", server.url, tmp_path))
        await client.__aenter__()
        await client.log_in("juliet", PASSWORD)
    model.post(romeo, juliet_box, "while you were away")
    with anyio.fail_after(10):
        await client.wait_for(lambda state: isinstance(state, Offline))
    await client.send(romeo.uid, "and I wrote to you")
    updates = client.updates()
    with Loopback(model, port=server.port) as server:
        client.reconnect_now()
        with anyio.fail_after(10):
            while client.queued or len(client.messages(romeo.uid)) < 2:
                await anext(updates)
        states = [message.state for message in client.messages(romeo.uid)]
        assert states == [MessageState.RECEIVED, MessageState.SENT]
        await client.__aexit__(None, None, None)
