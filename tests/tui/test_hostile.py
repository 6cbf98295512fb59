"""Ten thousand hostile texts reach the timeline, and the terminal behind it does not notice.

What the program writes is read by a terminal emulator: each cell must be the one that the program meant, and the
terminal's modes, title and colors must be as they were.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyte
import pytest
from rich.cells import get_character_cell_size
from textual.app import App
from textual.driver import Driver
from textual.events import Resize
from textual.geometry import Size
from textual.pilot import Pilot

from msgclient import ConversationView, LocalMessage, MessageState
from msgtui.screens.chat import ChatScreen
from msgtui.widgets.timeline import Timeline

from .fake import FakeClient
from .seen import until
from .world import NOW
from .world import app as make_app

pytestmark = pytest.mark.anyio

COUNT = 10_000
WIDTH, HEIGHT = 100, 160
PER_WINDOW = 125

# What Textual itself writes: colors, the cursor's place, synchronized output, the mouse pointer's shape, nothing else.
NEW = r"\x1b\[\?2026[hl]|\x1b\]22;[a-z-]+\x07"
ALLOWED = re.compile(rf"\x1b\[(?:[0-9;]*m|[0-9]+;[0-9]+H)|{NEW}")
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f-\x9f]")

PARTS = [
    "\x1b[2J", "\x1b[H", "\x1b[31m", "\x1b[?1049l", "\x1b[?25h", "\x1b]0;owned\x07", "\x1b]52;c;ZXZpbA==\x07", "\x1bc",
    "\x1b]8;;http://evil\x1b\\", "\x1bP0;1|17/ab\x1b\\", "\x9b2J", "\x9d0;owned\x9c", "\x90q", "\x08" * 30, "\r",
    "\x07", "\x00", "\x0e", "\x0f", "\x85", "\x7f", "\t", "\n", "\v", "\f", "\u202e", "\u202d", "\u2066", "\u2069",
    "\u200e", "\u200f", "\u061c", "\u2028", "\u2029", "\u200b" * 50, "\u200d", "\ufeff", "\u2060", "\u00ad", "\u180e",
    "a" + "\u0301" * 60, "\u0489" * 9, "\u20dd", "\ufe0f", "\U000e0041\U000e007f", "\U000e01ef", "\ue000", "\U0010fffd",
    "\ufdd0", "\U0001fffe", "\ud800", "\udfff", "\u3164", "\u1160" * 8, "\uffa0", "\u115f", "\u2800", "\u034f",
    "日本語", "👩\u200d👩\u200d👧", "👍\U0001f3ff", "🇩🇪", "❤\ufe0f", "1\ufe0f\u20e3", "שלום", "مرحبا", "नमस्ते", "ไทย",
    "plain words ", "[bold red]markup[/]", "[@click=app.quit]x[/]", "{}%s", " " * 7, "x" * 130,
]  # fmt: skip


def hostile_texts(count: int) -> Iterator[str]:
    choose = random.Random(20251118)
    for _ in range(count):
        parts = [choose.choice(PARTS) for _ in range(choose.randint(1, 5))]
        if choose.random() < 0.3:
            parts.append("".join(chr(choose.randrange(0x110000)) for _ in range(12)))
        yield "".join(parts)


class Recorder(Driver):
    """A terminal that keeps what is written to it."""

    written: str = ""

    def write(self, data: str) -> None:
        type(self).written += data

    def start_application_mode(self) -> None:
        size = Size(WIDTH, HEIGHT)
        self._app.call_later(self._app._post_message, Resize(size, size))

    def disable_input(self) -> None:
        pass

    def stop_application_mode(self) -> None:
        pass


class Terminal:
    """The emulator, told as it was before."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self.screen)
        self.modes = set(self.screen.mode)
        self.charsets = (self.screen.g0_charset, self.screen.g1_charset, self.screen.charset)

    def feed(self, written: str) -> None:
        rest = ALLOWED.sub("", written)
        assert "\x1b" not in rest
        assert not CONTROLS.search(rest)
        # Two of them are newer than the emulator.
        self._stream.feed(without_marks(re.sub(NEW, "", written)))

    def assert_untouched(self) -> None:
        assert self.screen.title == ""
        assert self.screen.icon_name == ""
        assert self.screen.mode == self.modes
        assert (self.screen.g0_charset, self.screen.g1_charset, self.screen.charset) == self.charsets
        assert self.screen.margins is None

    def lines(self) -> list[str]:
        return ["".join(self.screen.buffer[y][x].data for x in range(WIDTH)).rstrip() for y in range(HEIGHT)]


def meant(app: App[Any]) -> list[str]:
    strips = app.screen._compositor.render_strips()
    return [without_marks(strip.text).rstrip() for strip in strips]


def without_marks(text: str) -> str:
    """The emulator stops at marks of combining class 0; they are safe, because there are never many on one base."""
    return "".join(char for char in text if ord(char) < 0x300 or get_character_cell_size(char))


def client_with(texts: list[str]) -> FakeClient:
    client = FakeClient(NOW)
    peer = client.befriend("mallory\x1b]0;x\x07\u202e", "online", status_text="\x1b[31m\u202e")
    client.logs[peer] = [
        LocalMessage(
            local_id=number, peer=peer, message_id=f"m{number:08}", client_message_id=f"c{number}", sender=peer,
            sender_login="mallory\x1b[7m", outgoing=False, text=text, sent_at=NOW, state=MessageState.RECEIVED,
        )
        for number, text in enumerate(texts, 1)
    ]  # fmt: skip
    client.views[peer] = ConversationView(peer, "mallory", client.logs[peer][-1], reaches_start=True)
    return client


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    Recorder.written = ""
    monkeypatch.setattr(App, "get_driver_class", lambda self: Recorder)
    # The guard watches a real terminal, and this one is none.
    monkeypatch.setattr("msgtui.app.TerminalGuard.install", lambda self: None)
    monkeypatch.setattr("msgtui.app.TerminalGuard.check", lambda self: None)
    return Recorder


@pytest.mark.slow
async def test_ten_thousand_hostile_texts(recorder: type[Recorder], tmp_path: Path) -> None:
    client = client_with(list(hostile_texts(COUNT)))
    app = make_app(client, tmp_path)
    seen: set[int] = set()

    async def look(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        chat = pilot.app.screen
        assert isinstance(chat, ChatScreen)
        (peer,) = client.logs
        chat.open(peer)
        await until(pilot, lambda: bool(chat.timeline.window.messages))
        # From here on the window is the test's own, and nobody adds pages to it.
        chat.reader.peer = None
        seen.update(await read_all(pilot, chat.timeline, client.logs[peer], recorder))
        pilot.app.exit()

    await app.run_async(headless=False, mouse=False, auto_pilot=look)
    assert len(seen) == COUNT


async def read_all(
    pilot: Pilot[Any], timeline: Timeline, log: list[LocalMessage], recorder: type[Recorder]
) -> set[int]:
    """Show every message, a screen at a time; gives the numbers of those that were on the screen."""
    terminal, seen = Terminal(), set[int]()
    for start in range(0, len(log), PER_WINDOW):
        timeline.window.messages[:] = log[start : start + PER_WINDOW]
        timeline.rearrange()
        timeline.to_end()
        while True:
            await pilot.pause()
            await pilot.pause()
            written, recorder.written = recorder.written, ""
            terminal.feed(written)
            terminal.assert_untouched()
            assert terminal.lines() == meant(pilot.app)
            top = round(timeline.scroll_y)
            on_screen = (timeline._layout.message_at(y) for y in range(top, top + timeline.size.height))
            seen.update(message.local_id for message in on_screen if message is not None)
            if top == 0:
                break
            timeline.scroll_relative(y=-timeline.size.height, animate=False, immediate=True)
    return seen
