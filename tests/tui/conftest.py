"""What all tests of the terminal client share."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from pytest_textual_snapshot import SVGImageExtension

from .fake import FakeClient
from .world import app as make_app

# syrupy has renamed the attribute since this plugin was written; without it pictures are called `.raw`.
SVGImageExtension.file_extension = "svg"

Run = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def anyio_backend() -> str:
    """Textual runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_color_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tester's own terminal asks for must not show in snapshots."""
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL", "MSGTUI_THEME", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the program without a terminal, as a context that gives the pilot."""

    def start(client: FakeClient, size: tuple[int, int] = (80, 24), **more: Any) -> AbstractAsyncContextManager[Any]:
        return make_app(client, tmp_path, **more).run_test(size=size, notifications=True)

    return start
