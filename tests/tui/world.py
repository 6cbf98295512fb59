"""Conversations as people have them, on a fixed day, for tests and snapshots."""

from datetime import UTC, datetime
from pathlib import Path

import msgwire
from msgclient import MessageState, Profile
from msgtui.app import MessengerApp, Options
from msgtui.times import Calendar

from .fake import FakeClient

NOW = int(datetime(2025, 11, 18, 10, 42, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SERVER = "wss://chat.example.org:8443"


def busy() -> FakeClient:
    """Somebody with a life: several conversations, a request, unread messages, a failure, a call."""
    client = FakeClient(NOW)
    nurse = client.befriend("nurse", "away", status_text="at the market")
    romeo = client.befriend("romeo", "online")
    tybalt = client.befriend("tybalt", "dnd")
    client.befriend("laurence", "offline", last_seen_at=NOW - 3 * HOUR)
    client.befriend("paris", state="pending", note="Your father says we should talk.")
    client.befriend("rosaline", state="requested")

    client.say(tybalt, "Where is he?", NOW - 4 * DAY)
    client.say(tybalt, "I have not seen him.", NOW - 4 * DAY + MINUTE, mine=True)

    client.say(nurse, "I could not find the apothecary that you meant. Is it the one behind the church?", NOW - DAY)
    client.say(nurse, "The one next to the well. Ask for Anna.", NOW - DAY + 3 * MINUTE, mine=True)
    client.say(nurse, "Found it!", NOW - 50 * MINUTE, read=False)
    client.say(nurse, "He closes at noon, so I had to run. Do you need anything else?", NOW - 49 * MINUTE, read=False)

    start = NOW - DAY - 3 * HOUR
    client.say(romeo, "Are you coming to the feast tonight?", start)
    client.say(romeo, "My cousin says that there will be music.", start + MINUTE)
    yes = client.say(romeo, "I live there :) Look for the mask with the feathers.", start + 4 * MINUTE, mine=True)
    client.say(
        romeo,
        "",
        start + 2 * HOUR,
        call=msgwire.CallItem(
            message_id="m-call", call_id="call-1", peer=romeo, direction="incoming", outcome="answered",
            started_at=start + 2 * HOUR, duration_ms=192_000,
        ),
    )  # fmt: skip
    today = NOW - 90 * MINUTE
    client.say(
        romeo, "Did you see the new build of the balcony? The stairs are finally done.", today, reply_to=yes.message_id
    )
    client.say(romeo, "日本語も大丈夫 👍 и по-русски тоже", today + MINUTE)
    client.say(romeo, "Yes! Just tried them.", today + 20 * MINUTE, mine=True)
    client.say(
        romeo,
        "Two things:\n- the third step creaks\n- somebody should oil the door before the party on Saturday",
        today + 21 * MINUTE,
        mine=True,
        edited_at=today + 22 * MINUTE,
    )
    client.say(romeo, "", today + 24 * MINUTE, deleted=True)
    client.say(romeo, "I bring the oil.", today + 30 * MINUTE)
    view = client.views[romeo]
    client.views[romeo] = type(view)(**{
        **{name: getattr(view, name) for name in view.__slots__},
        "read_up_to": "m00000012", "delivered_up_to": "m00000014",
    })  # fmt: skip
    client.say(romeo, "You are the best.", today + 31 * MINUTE, mine=True)
    client.say(romeo, "See you at nine?", today + 32 * MINUTE, mine=True, state=MessageState.QUEUED, message_id=None)
    return client


def app(client: FakeClient, tmp_path: Path, *, theme: str = "textual-dark", is_known: bool = True) -> MessengerApp:
    """The program with a client of ours; `is_known` when there is a profile already."""
    if is_known:
        Profile.create("default", SERVER, tmp_path)
        client.profile = Profile.load("default", tmp_path)
    options = Options(root=tmp_path, theme=theme)
    return MessengerApp(options, make_client=client, calendar=Calendar(UTC), now_ms=lambda: client.now_ms)
