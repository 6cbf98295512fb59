"""What a person sees, as text, and waiting until it is there."""

import asyncio
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

PATIENCE_S = 10.0


def screen_text(pilot: Pilot[Any]) -> str:
    """All cells of the screen, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


LIST = 27
"""Columns of the list at 80."""


def pane_text(pilot: Pilot[Any]) -> str:
    """The right pane at 80 columns."""
    return "\n".join(line[LIST:] for line in screen_text(pilot).splitlines())


_NAMED = {
    "enter",
    "tab",
    "escape",
    "up",
    "down",
    "left",
    "right",
    "backspace",
    "pageup",
    "pagedown",
    "home",
    "end",
    "f1",
}


async def press(pilot: Pilot[Any], *parts: str) -> None:
    """Press named keys one by one, and type everything else as fast as a terminal delivers it."""
    for part in parts:
        if part in _NAMED or "+" in part[1:]:
            await pilot.press(part)
            continue
        for char in part:
            pilot.app.post_message(events.Key(_character_to_key(char), char))
        await pilot.pause()


async def see(pilot: Pilot[Any], *wanted: str, gone: tuple[str, ...] = ()) -> str:
    """Wait until the screen shows all of `wanted`, and the right pane none of `gone`; gives the screen back."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        await pilot.pause()
        text = screen_text(pilot)
        flat = " ".join(text.split()) + " ".join(pane_text(pilot).split())
        missing = [words for words in wanted if words not in text and words not in flat]
        left = [words for words in gone if words in pane_text(pilot)]
        if not missing and not left:
            return text
        assert asyncio.get_running_loop().time() < deadline, f"missing {missing}, still there {left}:\n{text}"


async def until(pilot: Pilot[Any], condition: Any) -> None:
    """Wait until something is true."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"it never came true:\n{screen_text(pilot)}"
        await pilot.pause()


async def told(pilot: Pilot[Any], words: str) -> None:
    """Wait until a notice says something; notices break lines where they like."""
    await until(pilot, lambda: any(words in notice.message for notice in pilot.app._notifications))
