"""How long a certificate lasts, whose it is, and what status makes of that."""

import datetime
from pathlib import Path

import msgspec
import pytest
import trustme

from msgd.admin import certificate
from msgd.admin.context import AdminContext
from msgd.admin.contract import ShowStatus
from msgd.admin.perform import perform

DAY_MS = 86_400_000


@pytest.fixture
def path(tmp_path: Path, context: AdminContext) -> Path:
    path = tmp_path / "cert.pem"
    path.write_bytes(certificate.make(["chat.example.org"], context.now_ms()).certificate)
    return path


@pytest.mark.parametrize(
    ("days_later", "left", "finding"),
    [(0, 825, []), (818, 7, []), (819, 6, ["certificate_ends"]), (826, -1, ["certificate_ended"])],
)
@pytest.mark.trio
async def test_status_warns_before_the_end(
    context: AdminContext, path: Path, days_later: int, left: int, finding: list[str]
) -> None:
    listen = msgspec.structs.replace(context.settings.listen, plain=False, tls_cert=path)
    now_ms = context.now_ms() + days_later * DAY_MS
    later = msgspec.structs.replace(
        context, settings=msgspec.structs.replace(context.settings, listen=listen), now_ms=lambda: now_ms
    )
    status = await perform(later, ShowStatus())
    assert status.certificate_days_left == left
    assert [found.code for found in status.findings] == finding


def test_only_a_certificate_of_its_own_is_pinned(tmp_path: Path, path: Path) -> None:
    assert certificate.own_fingerprint(path) is not None
    issued = tmp_path / "issued.pem"
    trustme.CA().issue_cert("chat.example.org").cert_chain_pems[0].write_to_path(issued)
    assert certificate.own_fingerprint(issued) is None


def test_the_first_of_a_chain_counts(tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    ca = trustme.CA()
    end = datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC)
    ca.issue_cert("chat.example.org", not_after=end).cert_chain_pems[0].write_to_path(chain)
    ca.cert_pem.write_to_path(chain, append=True)
    assert certificate.days_left(chain, int(end.timestamp() * 1000) - 3 * DAY_MS) == 3


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(certificate.CertificateError, match="no PEM certificate"):
        certificate.days_left(tmp_path / "x", 0)


def test_a_key_never_shows_in_a_repr() -> None:
    made = certificate.make(["a"], 1_700_000_000_000)
    assert made.key.decode().splitlines()[1] not in repr(made)
