"""Opaque tokens: the store's digest finds them, and nothing else passes for one."""

import pytest

from msgd.auth.opaque import INVITE, REFRESH, OpaqueKind, digest_of, mint


@pytest.mark.parametrize("kind", [REFRESH, INVITE])
def test_digest_is_found_again_from_the_text(kind: OpaqueKind) -> None:
    token = mint(kind)
    assert token.text.reveal().startswith(kind.prefix)
    assert token.text.reveal() not in repr(token)
    found = digest_of(kind, token.text.reveal())
    assert found is not None
    assert len(found) == 32
    assert found == token.digest != mint(kind).digest


def test_entropy_is_what_was_asked_for() -> None:
    sizes: list[int] = []

    def random_bytes(size: int) -> bytes:
        sizes.append(size)
        return bytes(size)

    assert mint(REFRESH, random_bytes).text.reveal() == "msgd_rt_" + "A" * 43
    assert mint(INVITE, random_bytes).text.reveal() == "msgd_inv_" + "A" * 22
    assert sizes == [32, 16]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "msgd_rt_",
        "A" * 43,
        "msgd_rt_" + "A" * 42,
        "msgd_rt_" + "A" * 44,
        "msgd_rt_" + "!" * 43,
        "msgd_rt_é",
        "msgd_rt_A=",
    ],
)
def test_other_texts_are_no_token(text: str) -> None:
    assert digest_of(REFRESH, text) is None


def test_kinds_are_not_mixed_up() -> None:
    assert digest_of(INVITE, mint(REFRESH).text.reveal()) is None
