"""Certificates over real sockets: the system's authorities, pins, changes, and nothing sent to a stranger."""

import datetime
import ssl
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
import trustme

from msgclient import (
    CertificateChanged,
    CertificateProblem,
    CertificateQuestion,
    Client,
    NotConnected,
    Online,
    Profile,
    ProfileUnreadable,
)
from msgclient.trust import KnownServers, fingerprint_of

from .loopback import Loopback
from .model_server import ModelServer

pytestmark = pytest.mark.anyio

PASSWORD = "a good password"


def certificate(authority: trustme.CA, name: str = "localhost", **options: object) -> tuple[ssl.SSLContext, str]:
    """A server's context, and its fingerprint."""
    leaf = authority.issue_cert(name, **options)  # type: ignore[arg-type]  # only not_after is passed
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context, fingerprint_of(ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode()))


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def model() -> ModelServer:
    model = ModelServer()
    model.register("juliet", PASSWORD)
    return model


@pytest.fixture
def known(tmp_path: Path) -> KnownServers:
    return KnownServers(tmp_path / "known_servers")


class Person:
    """Answers questions about certificates, and remembers them."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[CertificateQuestion] = []

    async def __call__(self, question: CertificateQuestion) -> bool:
        self.questions.append(question)
        return self.answer


def client_of(server: Loopback, root: Path, ask: Callable[[CertificateQuestion], Awaitable[bool]] | None) -> Client:
    return Client(Profile.create("juliet", server.url, root), on_certificate=ask)


async def test_a_chain_of_the_system_is_accepted_without_a_question(
    authority: trustme.CA, model: ModelServer, known: KnownServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "authorities.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    person = Person(False)
    with Loopback(model, certificate(authority)[0]) as server:
        async with client_of(server, tmp_path, person) as client:
            await client.log_in("juliet", PASSWORD)
        assert person.questions == []
        assert known.pinned(f"localhost:{server.port}") is None


async def test_an_unknown_certificate_is_asked_about_once_and_pinned(
    authority: trustme.CA, model: ModelServer, known: KnownServers, tmp_path: Path
) -> None:
    context, fingerprint = certificate(authority)
    person = Person(True)
    with Loopback(model, context) as server:
        host = f"localhost:{server.port}"
        async with client_of(server, tmp_path, person) as client:
            await client.log_in("juliet", PASSWORD)
            client.reconnect_now()
            with anyio.fail_after(10):
                await client.wait_for(lambda state: isinstance(state, Online))
        async with client_of(server, tmp_path, None) as client:
            with anyio.fail_after(10):
                await client.wait_for(lambda state: isinstance(state, Online))
        assert [(question.host, question.fingerprint) for question in person.questions] == [(host, fingerprint)]
        assert person.questions[0].reason
        assert known.pinned(host) == fingerprint


@pytest.mark.parametrize("ask", [Person(False), None], ids=["no", "nobody to ask"])
async def test_a_refused_certificate_gets_nothing(
    ask: Person | None, authority: trustme.CA, model: ModelServer, tmp_path: Path
) -> None:
    with Loopback(model, certificate(authority)[0]) as server:
        async with client_of(server, tmp_path, ask) as client:
            with pytest.raises(CertificateProblem):
                await client.log_in("juliet", PASSWORD)
            with pytest.raises(CertificateProblem):
                await client.greet()
        assert server.do(lambda model: model.asked) == []


async def test_expired_and_misnamed_certificates_are_accepted_by_pin_only(
    authority: trustme.CA, model: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "authorities.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    expired = certificate(authority, not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    for context, fingerprint in (expired, certificate(authority, "elsewhere.example")):
        person = Person(True)
        with Loopback(model, context) as server:
            async with client_of(server, tmp_path, person) as client:
                await client.greet()
            assert [question.fingerprint for question in person.questions] == [fingerprint]


async def test_a_changed_certificate_stops_everything_until_a_person_says_yes(
    authority: trustme.CA, model: ModelServer, known: KnownServers, tmp_path: Path
) -> None:
    first, old = certificate(authority)
    second, new = certificate(authority)
    person = Person(True)
    with Loopback(model, first) as server:
        async with client_of(server, tmp_path, person) as client:
            await client.log_in("juliet", PASSWORD)
    model.asked.clear()
    with Loopback(model, second, server.port) as server:
        async with client_of(server, tmp_path, person) as client:
            with anyio.fail_after(10):
                state = await client.wait_for(lambda state: isinstance(state, CertificateChanged))
            assert state == CertificateChanged(f"localhost:{server.port}", old, new)
            assert server.do(lambda model: model.asked) == []
            with pytest.raises(CertificateProblem):
                await client.greet()
            client.reconnect_now()
            with anyio.fail_after(10):
                await client.wait_for(lambda state: isinstance(state, CertificateChanged))
            assert known.pinned(f"localhost:{server.port}") == old
            client.accept_certificate(new)
            with anyio.fail_after(10):
                await client.wait_for(lambda state: isinstance(state, Online))
            assert known.pinned(f"localhost:{server.port}") == new
    assert len(person.questions) == 1


async def test_accepting_one_certificate_does_not_accept_another(
    authority: trustme.CA, model: ModelServer, known: KnownServers, tmp_path: Path
) -> None:
    person = Person(False)
    with Loopback(model, certificate(authority)[0]) as server:
        known.pin(f"localhost:{server.port}", "AA:BB")
        async with client_of(server, tmp_path, person) as client:
            client.accept_certificate("CC:DD")
            with pytest.raises(CertificateProblem):
                await client.greet()
    assert len(person.questions) == 1


async def test_a_server_without_tls_or_without_websockets_is_a_clear_failure(tmp_path: Path) -> None:
    async def chat(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.send(b"220 mail.example ESMTP\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, chat)
        for scheme, words in (("wss", "TLS"), ("ws", "does not speak this protocol")):
            profile = Profile.create(scheme, f"{scheme}://127.0.0.1:{port}", tmp_path)
            async with Client(profile) as client:
                with pytest.raises(NotConnected, match=words):
                    await client.greet()
        tasks.cancel_scope.cancel()
    profile = Profile.create("nobody", f"wss://127.0.0.1:{port}", tmp_path)
    async with Client(profile) as client:
        with pytest.raises(NotConnected, match="cannot be reached"):
            await client.greet()


def test_the_file_of_pins_is_private_and_strict(known: KnownServers, tmp_path: Path) -> None:
    assert known.pinned("a:1") is None
    known.pin("a:1", "AA")
    known.pin("[::1]:2", "BB")
    known.pin("a:1", "CC")
    path = tmp_path / "known_servers"
    assert path.read_text() == "[::1]:2 SHA256:BB\na:1 SHA256:CC\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    known.forget("a:1")
    assert known.pinned("a:1") is None
    path.write_text("# by hand\n\nb:3 BB\n")
    with pytest.raises(ProfileUnreadable, match="line 3"):
        known.pinned("b:3")
