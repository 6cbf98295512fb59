"""Reading and writing."""

import pytest

from msgclient import MessageState, Offline, Online, ReceiptChanged, RequestFailed, TypingChanged

from .conftest import Run
from .fake import FakeClient
from .seen import press, screen_text, see, told, until
from .world import HOUR, NOW, busy

pytestmark = pytest.mark.anyio


def pair() -> tuple[FakeClient, str]:
    client = FakeClient(NOW)
    romeo = client.befriend("romeo", "online")
    client.say(romeo, "Hello!", NOW - HOUR)
    return client, romeo


async def test_the_list_has_requests_then_recent_conversations_then_the_rest(run: Run) -> None:
    async with run(busy()) as pilot:
        text = await see(pilot, "? paris", "◐ nurse", "● romeo", "⊘ tybalt", "○ laurence", "· rosaline")
        places = [text.index(login) for login in ("paris", "nurse", "romeo", "tybalt", "laurence", "rosaline")]
        assert places == sorted(places)
        await see(pilot, "He closes at noon", "2", "1 waiting")


async def test_nobody_yet(run: Run) -> None:
    async with run(FakeClient(NOW)) as pilot:
        await see(pilot, "Nobody here yet.", "Press Ctrl-K", "Choose somebody on the left", "Ctrl-K find people")


async def test_write_and_follow_the_state_of_a_message(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Hello!", "romeo online", "Write a message")
        await press(pilot, "How are you?", "enter")
        await see(pilot, "How are you?", "10:42 …", "1 waiting")
        assert client.called("send") == [(romeo, "How are you?", None)]
        message = client.change(client.logs[romeo][-1], state=MessageState.SENT, message_id="m00000900")
        text = await see(pilot, "10:42 ✓", gone=("✓✓",))
        assert "waiting" not in text
        client.tell(ReceiptChanged(romeo, message.message_id, None))
        await see(pilot, "10:42 ✓✓")
        client.tell(ReceiptChanged(romeo, None, message.message_id))
        await see(pilot, "10:42 read")


async def test_letters_and_enter_that_come_at_once_are_one_message(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Write a message")
        await press(pilot, "quick", "enter")
        await until(pilot, lambda: client.called("send"))
        assert client.called("send") == [(romeo, "quick", None)]


async def test_several_lines(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Write a message")
        await press(pilot, "one", "alt+enter", "two", "ctrl+j", "three", "enter")
        await until(pilot, lambda: client.called("send"))
        assert client.called("send") == [(romeo, "one\ntwo\nthree", None)]


async def test_a_refused_message_says_why_and_can_be_sent_again_or_discarded(run: Run) -> None:
    client, romeo = pair()
    failed = client.say(
        romeo, "Are you there?", NOW, mine=True, message_id=None, state=MessageState.FAILED,
        failure="mailbox_full", failure_text="The receiver's mailbox is full.",
    )  # fmt: skip
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Are you there?", "✗", "Not sent: The receiver's")
        await press(pilot, "up")
        await see(pilot, "Shift-R send again", "X discard")
        await press(pilot, "R")
        await see(pilot, "10:42 …", gone=("Not sent",))
        assert client.called("retry") == [(failed.local_id,)]
        client.change(client.logs[romeo][-1], state=MessageState.FAILED, failure="x", failure_text="No.")
        await see(pilot, "Not sent: No.")
        await press(pilot, "x")
        await see(pilot, "Hello!", gone=("Are you there?",))


async def test_what_could_not_be_queued_stays_in_the_composer(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Write a message")
        await press(pilot, "precious")
        await until(pilot, lambda: client.views[romeo].draft == "precious")
        client.refusal = RequestFailed("internal", "x")
        await press(pilot, "enter")
        await told(pilot, "The server failed at this")
        await see(pilot, "precious")
        assert pilot.app.screen.composer.text == "precious"


async def test_edit_and_delete(run: Run) -> None:
    client, romeo = pair()
    mine = client.say(romeo, "I came at nein", NOW, mine=True)
    async with run(client) as pilot:
        await press(pilot, "enter", "up")
        await see(pilot, "E edit", "D delete")
        await press(pilot, "e")
        await see(pilot, "Editing")
        await press(pilot, "backspace", "backspace", "backspace", "backspace", "nine", "enter")
        await see(pilot, "I came at nine (edited)", gone=("Editing",))
        assert client.called("edit") == [(mine.message_id, "I came at nine")]
        await press(pilot, "up")
        await see(pilot, "D delete")
        await press(pilot, "d")
        await see(pilot, "Delete this message for both of you?")
        await press(pilot, "escape", "escape")
        await see(pilot, "I came at nine")
        await press(pilot, "/delete", "enter")
        await see(pilot, "Delete this message")
        await press(pilot, "tab", "enter")
        await see(pilot, "This message was deleted.")


async def test_an_edit_gives_the_draft_back(run: Run) -> None:
    client, romeo = pair()
    client.say(romeo, "sent", NOW, mine=True)
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "sent")
        await press(pilot, "half a thou")
        await until(pilot, lambda: client.views[romeo].draft == "half a thou")
        await press(pilot, "shift+tab", "e")
        await see(pilot, "Editing")
        await press(pilot, "escape")
        assert pilot.app.screen.composer.text == "half a thou"


async def test_an_answer_quotes(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter", "up", "r")
        await see(pilot, "Answering romeo", "Hello!")
        await press(pilot, "Hi.", "enter")
        await see(pilot, "↳ romeo: Hello!", "Hi.", gone=("Answering",))
        assert client.called("send") == [(romeo, "Hi.", client.logs[romeo][0].message_id)]


async def test_drafts_belong_to_their_conversation(run: Run) -> None:
    client, romeo = pair()
    nurse = client.befriend("nurse")
    client.say(nurse, "Yes?", NOW - 2 * HOUR)
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Hello!")
        await press(pilot, "for romeo", "alt+down")
        await see(pilot, "Yes?", "Draft: for romeo")
        assert pilot.app.screen.composer.text == ""
        await press(pilot, "for nurse", "alt+up")
        text = await see(pilot, "Hello!", "Draft: for nurse")
        assert "Draft: for romeo" not in text
        assert pilot.app.screen.composer.text == "for romeo"
        await press(pilot, "ctrl+q")
    assert client.views[romeo].draft == "for romeo"
    assert client.views[nurse].draft == "for nurse"


async def test_commands_do_not_reach_anybody_by_accident(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Hello!")
        await press(pilot, "/serach", "enter")
        await told(pilot, "Did you mean /search?")
        pilot.app.screen.composer.put(" /quit")
        await press(pilot, "enter")
        await told(pilot, "A space stands before /quit")
        assert not client.called("send")
        await press(pilot, "enter")
        await until(pilot, lambda: client.called("send"))
        await press(pilot, "//etc", "enter")
        await until(pilot, lambda: len(client.called("send")) == 2)
        assert client.called("send") == [(romeo, " /quit", None), (romeo, "/etc", None)]


async def test_commands_are_hinted_and_completed(run: Run) -> None:
    client, _ = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Hello!")
        await press(pilot, "/awa")
        await see(pilot, "/away [WORDS]")
        await press(pilot, "tab", "lunch", "enter")
        await told(pilot, "Your contacts see you away.")
        assert client.called("set_presence") == [("away", "lunch")]


async def test_typing_both_ways(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "romeo online")
        client.typing_peers.add(romeo)
        client.tell(TypingChanged(romeo, True))
        await see(pilot, "is typing…")
        await press(pilot, "abc", "enter")
        await until(pilot, lambda: client.called("typing") == [(romeo, True), (romeo, False)])


async def test_read_is_what_was_on_the_screen_with_the_focus(run: Run) -> None:
    client, romeo = pair()
    first = client.say(romeo, "One", NOW, read=False)
    async with run(client) as pilot:
        await see(pilot, "romeo")
        assert not client.called("mark_read")
        await press(pilot, "enter")
        await until(pilot, lambda: client.called("mark_read") == [(romeo, first.message_id)])
        await see(pilot, "── new ──")
        pilot.app.app_focus = False
        client.say(romeo, "Two", NOW, read=False)
        await see(pilot, "Two")
        assert len(client.called("mark_read")) == 1
        pilot.app.app_focus = True
        pilot.app.screen.on_app_focus()
        await until(pilot, lambda: len(client.called("mark_read")) == 2)


async def test_offline_is_told_with_reason_and_countdown(run: Run) -> None:
    client, _ = pair()
    async with run(client, size=(100, 24)) as pilot:
        await press(pilot, "enter")
        client.become(Offline("The server cannot be reached: Connection refused.", NOW + 12_000))
        await see(pilot, "offline, retry in 12 s", "Offline. The server cannot be reached", "kept and sent later")
        await press(pilot, "later", "enter")
        await see(pilot, "later", "1 waiting")
        await press(pilot, "ctrl+r")
        await until(pilot, lambda: client.called("reconnect_now"))
        client.become(Online())
        await see(pilot, "● online", gone=("Offline.",))


async def test_a_burst_is_shown_once(run: Run) -> None:
    client, romeo = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Hello!")
        shown = 0
        arrange = pilot.app.screen.timeline.rearrange

        def count() -> None:
            nonlocal shown
            shown += 1
            arrange()

        pilot.app.screen.timeline.rearrange = count
        for number in range(300):
            client.say(romeo, f"message {number}", NOW)
        await see(pilot, "message 299")
        assert shown <= 3


async def test_one_pane_at_a_time_on_a_narrow_terminal(run: Run) -> None:
    client, _ = pair()
    async with run(client, size=(40, 12)) as pilot:
        await see(pilot, "romeo", gone=("Write a message",))
        await press(pilot, "enter")
        await see(pilot, "Hello!", "Write a message")
        await press(pilot, "escape")
        await see(pilot, "romeo", gone=("Write a message",))


async def test_resizing_in_the_middle(run: Run) -> None:
    client = busy()
    async with run(client) as pilot:
        await press(pilot, "down", "down", "enter")
        for size in [(300, 80), (40, 12), (20, 6), (10, 3), (80, 24), (61, 10)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await pilot.resize_terminal(300, 80)
        text = await see(pilot, "You are the best.")
        assert all(len(line.rstrip()) < 160 for line in text.splitlines() if "best" in line)


async def test_the_palette_and_the_help_know_every_action(run: Run) -> None:
    client, _ = pair()
    async with run(client, size=(100, 50)) as pilot:
        await press(pilot, "f1")
        await see(pilot, "/devices", "Ctrl-K")
        await press(pilot, "blo")
        await see(pilot, "/unblock", gone=("/devices",))
        await press(pilot, "escape", "ctrl+p")
        await see(pilot, "Do not disturb")
        await press(pilot, "escape")


async def test_themes(run: Run) -> None:
    client, _ = pair()
    async with run(client) as pilot:
        await press(pilot, "enter")
        await see(pilot, "Hello!")
        await press(pilot, "/theme light", "enter")
        await until(pilot, lambda: pilot.app.theme == "textual-light")
        await press(pilot, "/theme nothing", "enter")
        await told(pilot, "There is no such theme")
        assert "Hello!" in screen_text(pilot)
