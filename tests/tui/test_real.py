"""Two people with the real program, in tmux, on a real daemon."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .real import Daemon, Face, Tmux

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path / "server")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux()
    yield server
    server.close()


@pytest.mark.slow
def test_two_people_meet_write_lose_the_server_and_find_it_again(daemon: Daemon, tmux: Tmux, tmp_path: Path) -> None:
    juliet = Face(tmux, "juliet", tmp_path / "juliet", "--server", daemon.address)
    romeo = Face(tmux, "romeo", tmp_path / "romeo", "--server", daemon.address)
    juliet.register("juliet", daemon.fingerprint)
    romeo.register("romeo", daemon.fingerprint)

    juliet.press("C-k")
    juliet.see("Login, or its beginning")
    juliet.type("rom")
    juliet.see("romeo online, on this server")
    juliet.press("Enter")
    juliet.see("romeo no contact of yours", "Write a message")
    juliet.type("/add romeo It is I, from the balcony.")
    juliet.press("Enter")
    juliet.see("They have not answered yet.")

    romeo.see("? juliet", "It is I, from the", "A accept")
    romeo.press("a")
    romeo.see("● juliet online", "Write a message")
    juliet.see("● romeo online")

    juliet.type("What light through yonder window breaks? 日本語")
    juliet.press("Enter")
    romeo.see("What light through yonder", "日本語")
    juliet.see("read")
    romeo.type("That was my line.")
    romeo.press("Enter")
    juliet.see("That was my line.")

    daemon.stop()
    juliet.see("offline, retry in", "Offline.", "kept and sent later")
    juliet.type("Are you still there?")
    juliet.press("Enter")
    juliet.see("Are you still there?", "1 waiting")
    juliet.press("C-q")
    juliet.see("it left with 0")
    daemon.start()
    romeo.see("● online", gone=("Offline.",))

    again = Face(tmux, "juliet-again", tmp_path / "juliet")
    again.see("● online", gone=("waiting",))
    romeo.see("Are you still there?")
    again.press("Enter")
    again.see("That was my line.", "Are you still there?", "read")
    again.press("C-f")
    again.see("Words in messages")
    again.type("yonder")
    again.press("Enter")
    again.see("1 message. Enter goes there.")
    again.press("Escape")
    for face in (again, romeo):
        face.press("C-q")
        text = face.see("it left with 0", "icanon", "isig")
        assert " -icanon" not in text
        assert face.mode("alternate_on") == face.mode("mouse_any_flag") == "0"
        assert face.mode("cursor_flag") == "1"
    assert juliet.text().count("it left with 0") == 1
