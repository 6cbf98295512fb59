"""Long conversations: scrolling up through the cache and the server, staying in place, searching."""

import re
from dataclasses import replace

import pytest

from msgclient import ConversationView, LocalMessage, MessageState, NotConnected

from .conftest import Run
from .fake import FakeClient
from .seen import pane_text, press, screen_text, see, until
from .world import MINUTE, NOW

pytestmark = pytest.mark.anyio

COUNT = 100_000


def long_log(count: int, start: int = 0) -> list[LocalMessage]:
    return [
        LocalMessage(
            local_id=number + 1,
            peer="uid-romeo",
            message_id=f"m{number:08}",
            client_message_id=f"c{number}",
            sender="uid-me" if number % 3 == 0 else "uid-romeo",
            sender_login="juliet" if number % 3 == 0 else "romeo",
            outgoing=number % 3 == 0,
            text=f"line {number}" + " and some more words to fill a line or two of the screen" * (number % 4),
            sent_at=NOW - (count + start - number) * MINUTE,
            state=MessageState.SENT if number % 3 == 0 else MessageState.RECEIVED,
        )
        for number in range(start, start + count)
    ]


def lengthy(count: int, *, on_server: int = 0) -> FakeClient:
    client = FakeClient(NOW)
    romeo = client.befriend("romeo", "online")
    log = long_log(count + on_server)
    client.logs[romeo] = log[on_server:]
    client.server_logs[romeo] = log[:on_server]
    client.views[romeo] = ConversationView(
        romeo, "romeo", log[-1], my_read_up_to=log[-1].message_id, reaches_start=not on_server
    )
    return client


async def test_of_a_hundred_thousand_messages_only_a_window_is_read_and_kept(run: Run) -> None:
    client = lengthy(COUNT)
    by_id = {message.local_id: index for index, message in enumerate(client.logs["uid-romeo"])}

    read: list[int] = []

    def messages(peer: str, before: object = None, after: object = None, limit: int = 50) -> list[LocalMessage]:
        log = client.logs[peer]
        read.append(limit)
        if after is not None:
            start = by_id[after.local_id] + 1  # type: ignore[attr-defined]
            return log[start : start + limit]
        end = len(log) if before is None else by_id[before.local_id]  # type: ignore[attr-defined]
        return log[max(0, end - limit) : end]

    client.messages = messages  # type: ignore[method-assign]
    async with run(client) as pilot:
        await see(pilot, "romeo")
        pilot.app.screen.open("uid-romeo")
        await see(pilot, f"line {COUNT - 1}")
        assert sum(read) <= 500
        timeline = pilot.app.screen.timeline
        for _ in range(90):
            timeline.scroll_relative(y=-66, animate=False)
            await pilot.pause()
        assert sum(read) <= 10_000
        assert len(timeline.window.messages) <= 1000
        assert int(re.findall(r"line (\d+)", pane_text(pilot))[0]) < COUNT - 1200
        await press(pilot, "ctrl+end")
        await see(pilot, f"line {COUNT - 1}")


async def test_older_messages_come_from_the_server(run: Run) -> None:
    client = lengthy(30, on_server=250)
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "line 279")
        timeline = pilot.app.screen.timeline
        while timeline.window.messages[0].message_id != "m00000000":
            timeline.scroll_home(animate=False)
            await pilot.pause()
        timeline.scroll_home(animate=False)
        await see(pilot, "This is the beginning of your conversation with", "line 0")
        asked = len(client.called("fetch_history"))
        timeline.scroll_relative(y=5, animate=False)
        timeline.scroll_home(animate=False)
        await pilot.pause()
        assert len(client.called("fetch_history")) == asked == 3


async def test_a_server_that_fails_is_not_asked_for_ever(run: Run) -> None:
    client = lengthy(5, on_server=50)

    async def fail(peer: str, limit: int) -> bool:
        client.calls.append(("fetch_history", peer))
        raise NotConnected("gone")

    client.fetch_history = fail  # type: ignore[method-assign]
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "line 54")
        for _ in range(10):
            await pilot.pause()
        assert len(client.called("fetch_history")) == 1


async def test_the_place_stays_while_messages_come(run: Run) -> None:
    client = lengthy(300)
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "line 299")
        await press(pilot, "pageup", "pageup")
        await see(pilot, gone=("line 299",))
        before = [line[28:] for line in screen_text(pilot).splitlines()[1:18]]
        for number in range(3):
            client.say("uid-romeo", f"news {number}", NOW, read=False, message_id=f"n{number}")
        await see(pilot, "3 new ↓", "Ctrl-End")
        assert [line[28:] for line in screen_text(pilot).splitlines()[1:18]] == before
        assert not client.called("mark_read")
        await press(pilot, "ctrl+end")
        await see(pilot, "news 2", gone=("3 new",))
        await until(pilot, lambda: client.called("mark_read"))


async def test_it_opens_at_the_first_unread_message(run: Run) -> None:
    client = lengthy(400)
    view = client.views["uid-romeo"]
    client.views["uid-romeo"] = replace(view, unread=133, my_read_up_to="m00000199")
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "── new ──", "line 200", gone=("line 399",))


async def test_scrolling_with_the_keys_of_the_timeline(run: Run) -> None:
    client = lengthy(300)
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "line 299")
        await press(pilot, "up", *["up"] * 30)
        await see(pilot, "line 269", gone=("line 299",))
        await press(pilot, "escape")
        assert pilot.app.focused is pilot.app.screen.composer


async def test_search_and_jump_to_the_context(run: Run) -> None:
    client = lengthy(2000)
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "line 1999")
        await press(pilot, "ctrl+f", "line 1234", "enter")
        await see(pilot, "1 message", "line 1234")
        assert client.called("search_messages") == [("line 1234", "uid-romeo")]
        await press(pilot, "enter")
        await see(pilot, "line 1234", "line 1235", "newer messages", gone=("line 1999",))
        assert pilot.app.screen.timeline.selected_message().message_id == "m00001234"
        await press(pilot, "ctrl+end")
        await see(pilot, "line 1999", gone=("newer messages",))


async def test_search_everywhere_and_find_nothing(run: Run) -> None:
    client = lengthy(20)
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "line 19")
        await press(pilot, "ctrl+f", "elephant", "enter")
        await see(pilot, "No message holds these words. Ctrl-T searches everywhere.")
        await press(pilot, "ctrl+t")
        await until(pilot, lambda: client.called("search_messages")[-1] == ("elephant", None))
        await see(pilot, "No message holds these words.", gone=("Ctrl-T searches",))


async def test_a_hit_that_is_not_cached_is_fetched(run: Run) -> None:
    client = lengthy(50, on_server=500)
    wanted = client.server_logs["uid-romeo"][10]
    async with run(client) as pilot:
        await see(pilot, "romeo")
        pilot.app.screen.open("uid-romeo", wanted.message_id)
        await see(pilot, "line 10", "line 11")


async def test_news_are_counted_even_where_the_window_does_not_reach_them(run: Run) -> None:
    client = lengthy(2000)
    async with run(client) as pilot:
        await see(pilot, "romeo")
        pilot.app.screen.open("uid-romeo", "m00000500")
        await see(pilot, "line 500", "newer messages")
        client.say("uid-romeo", "breaking", NOW, message_id="n0")
        client.change(client.logs["uid-romeo"][3], text="an old edit", edited_at=NOW)
        await see(pilot, "1 new ↓", gone=("breaking",))
