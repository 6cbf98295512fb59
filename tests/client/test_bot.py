"""Bots: the one in the docs, answers given once wherever the process dies, and Echo."""

import json
import re
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest
import trustme

import msgwire
from msgclient import CertificateProblem, CertificateQuestion, Client, NotSignedIn, Profile, RequestFailed
from msgclient.bot import Bot, ContactRequest, Message
from msgclient.echo import Credentials, echo_bot, main
from msgclient.trust import KnownServers

from .loopback import Loopback
from .model_server import Mailbox, ModelServer
from .network import Network
from .test_trust import certificate

pytestmark = pytest.mark.anyio

PASSWORD = "a good password"
DOCS = Path(__file__).parents[2] / "docs" / "bots.md"


@pytest.fixture
def parrot(server: ModelServer) -> Mailbox:
    return server.register("parrot", PASSWORD)


@pytest.fixture
def romeo(server: ModelServer, parrot: Mailbox) -> Mailbox:
    return server.register("romeo")


@pytest.fixture
def make_bot(make_client: Callable[..., Client], network: Network, tmp_path: Path) -> Callable[..., Bot]:
    profile = Profile.create("parrot", "ws://model.invalid:80", tmp_path)

    def make(login: str | None = "parrot", password: str | None = PASSWORD) -> Bot:
        return Bot(profile, login=login, password=password, connect=network)

    return make


@asynccontextmanager
async def running(bot: Bot) -> Any:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bot.serve)
        yield
        tasks.cancel_scope.cancel()


def answers(server: ModelServer, parrot: Mailbox) -> list[str]:
    return [item.text for item in server.items if item.sender == parrot.uid]


def parroting(bot: Bot) -> Bot:
    @bot.on_message
    async def answer(message: Message) -> None:
        await message.reply(message.text)

    return bot


async def test_each_message_is_answered_once_across_restarts_and_lost_lines(
    server: ModelServer, network: Network, parrot: Mailbox, romeo: Mailbox, make_bot: Callable[..., Bot]
) -> None:
    server.window = 4
    for number in range(20):
        server.post(romeo, parrot, str(number))
    for faults in range(6):
        hook = "cut_before" if faults % 2 else "cut_after"
        setattr(network, hook, lambda frame: isinstance(frame, msgwire.Send))
        before = len(answers(server, parrot))
        async with running(parroting(make_bot())):
            await network.until(lambda before=before: len(answers(server, parrot)) > before + 1)
    async with running(parroting(make_bot())):
        await network.until(lambda: len(answers(server, parrot)) == 20)
    assert answers(server, parrot) == [str(number) for number in range(20)]


async def test_a_bot_killed_before_its_mark_answers_once(
    server: ModelServer, network: Network, parrot: Mailbox, romeo: Mailbox, make_bot: Callable[..., Bot]
) -> None:
    server.post(romeo, parrot, "hello")
    reached = anyio.Event()
    bot = make_bot()

    @bot.on_message
    async def dies(message: Message) -> None:
        await message.reply(message.text)
        reached.set()
        await anyio.sleep_forever()

    async with running(bot):
        await reached.wait()
    assert answers(server, parrot) == []
    async with running(parroting(make_bot())):
        await network.until(lambda: answers(server, parrot))
        await network.until(lambda: next(iter(parrot.devices.values())).cursor == 2)
    assert answers(server, parrot) == ["hello"]


async def test_a_handler_that_fails_is_tried_three_times_and_says_no_content(
    server: ModelServer,
    network: Network,
    parrot: Mailbox,
    romeo: Mailbox,
    make_bot: Callable[..., Bot],
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[str] = []
    bot = make_bot()

    @bot.on_message
    async def fails(message: Message) -> None:
        tries.append(message.text)
        await message.reply("never sent")
        if message.text == "a secret":
            raise ValueError(message.text)

    server.post(romeo, parrot, "a secret")
    server.post(romeo, parrot, "fine")
    async with running(bot):
        await network.until(lambda: answers(server, parrot))
    assert tries == ["a secret"] * 3 + ["fine"]
    assert answers(server, parrot) == ["never sent"]
    assert "ValueError" in caplog.text
    assert "a secret" not in caplog.text


async def test_contact_requests_are_decided(
    server: ModelServer, network: Network, parrot: Mailbox, romeo: Mailbox, make_bot: Callable[..., Bot]
) -> None:
    bot = make_bot()

    @bot.on_contact_request
    async def welcome(request: ContactRequest) -> None:
        assert request.login == "romeo"
        await request.accept()

    async with running(bot):
        await network.until(lambda: network.transports and network.transports[-1].connection.account)
        network.transports[-1].connection._contact(romeo, "parrot", "requested", "pending")
        network.flush()
        await network.until(lambda: parrot.contacts.get(romeo.uid) == "accepted")


async def test_a_bot_that_cannot_sign_in_says_why(
    server: ModelServer, parrot: Mailbox, make_bot: Callable[..., Bot]
) -> None:
    with anyio.fail_after(5):
        with pytest.raises(RequestFailed, match="invalid_credentials"):
            await make_bot(password="wrong").serve()
        with pytest.raises(NotSignedIn):
            await make_bot(login=None).serve()


async def test_a_bot_that_was_signed_out_signs_in_again(
    server: ModelServer, network: Network, parrot: Mailbox, romeo: Mailbox, make_bot: Callable[..., Bot]
) -> None:
    async with running(parroting(make_bot())):
        await network.until(lambda: any(isinstance(frame, msgwire.ListContacts) for frame in server.asked))
        next(iter(parrot.devices.values())).is_revoked = True
        network.cut(4403)
        server.post(romeo, parrot, "are you there?")
        await network.until(lambda: answers(server, parrot))
    assert len(parrot.devices) == 2


async def test_a_bot_asks_about_a_changed_certificate_and_ends_where_it_may_not_go_on(tmp_path: Path) -> None:
    model = ModelServer()
    parrot, romeo = model.register("parrot", PASSWORD), model.register("romeo")
    context, fingerprint = certificate(trustme.CA())
    answers_of: list[CertificateQuestion] = []

    async def ask(question: CertificateQuestion) -> bool:
        answers_of.append(question)
        return question.fingerprint == fingerprint

    with Loopback(model, context) as loopback:
        profile = Profile.create("parrot", loopback.url, tmp_path)
        KnownServers(profile.known_servers).pin(f"localhost:{loopback.port}", "AA:BB")
        with pytest.raises(CertificateProblem):
            await Bot(profile, login="parrot", password=PASSWORD).serve()
        bot = parroting(Bot(profile, login="parrot", password=PASSWORD, on_certificate=ask))
        async with running(bot):
            loopback.do(lambda model: model.post(romeo, parrot, "hello"))
            await anyio.to_thread.run_sync(loopback.until, lambda model: answers(model, parrot))
    assert [question.fingerprint for question in answers_of] == [fingerprint]


async def test_the_bot_of_the_docs_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found is not None
    source = found.group(1)
    assert len([line for line in source.splitlines() if line.strip()]) <= 15
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    model = ModelServer()
    parrot, romeo = model.register("parrot", PASSWORD), model.register("romeo", PASSWORD)
    with Loopback(model) as server:
        async with Client(Profile.create("parrot", server.url)) as client:
            await client.log_in("parrot", PASSWORD)
        names: dict[str, Any] = {"__name__": "parrot"}
        exec(compile(source, str(DOCS), "exec"), names)
        async with running(names["bot"]), Client(Profile.create("romeo", server.url)) as client:
            await client.log_in("romeo", PASSWORD)
            updates = client.updates()
            await client.send(parrot.uid, "Polly?")
            with anyio.fail_after(10):
                while len(client.messages(parrot.uid)) < 2:
                    await anext(updates)
            assert client.messages(parrot.uid)[1].text == "romeo said: Polly?"
    assert romeo.uid in {item.to for item in model.items}


async def test_echo_answers_to_the_byte(tmp_path: Path) -> None:
    model = ModelServer()
    echo, romeo = model.register("echo", PASSWORD), model.register("romeo")
    with Loopback(model) as loopback:
        bot = echo_bot(Credentials(loopback.url, "echo", PASSWORD), tmp_path)
        async with running(bot):
            loopback.do(lambda model: model.post(romeo, echo, "to the\x1b byte"))
            await anyio.to_thread.run_sync(loopback.until, lambda model: answers(model, echo))
    assert answers(model, echo) == ["to the\x1b byte"]


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (json.dumps({"server": "wss://h", "login": "echo", "password": "secret"}), 0o644, "chmod 600"),
        ('{"server": "wss://h", "login": "echo", "password": "secret", "x": 1}', 0o600, "is not JSON with"),
        ('{"server": "https://h", "login": "echo", "password": "secret"}', 0o600, "wss:// URL"),
    ],
)
async def test_echo_refuses_bad_credentials_without_quoting_them(
    content: str, mode: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(content)
    path.chmod(mode)
    status = await anyio.to_thread.run_sync(main, ["--credentials", str(path), "--data", str(tmp_path)])
    said = capsys.readouterr().err
    assert status == 2
    assert words in said
    assert "secret" not in said


async def test_echo_as_a_process_stops_at_sigterm(tmp_path: Path) -> None:
    model = ModelServer()
    echo, romeo = model.register("echo", PASSWORD), model.register("romeo")
    credentials = tmp_path / "credentials.json"
    with Loopback(model) as loopback:
        content = {"server": loopback.url, "login": "echo", "password": PASSWORD, "fingerprint": None}
        credentials.touch(0o600)
        credentials.write_text(json.dumps(content))
        loopback.do(lambda model: model.post(romeo, echo, "hello"))
        command = [sys.executable, "-m", "msgclient.echo", "--credentials", str(credentials), "--data", str(tmp_path)]
        async with await anyio.open_process(command, stdout=None, stderr=None) as process:
            await anyio.to_thread.run_sync(loopback.until, lambda model: answers(model, echo))
            with anyio.fail_after(10):
                process.terminate()
                assert await process.wait() == 0
    assert answers(model, echo) == ["hello"]
