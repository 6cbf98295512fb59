"""The event stream: seq without holes, cursors that survive, the window, resuming, and where a new device starts."""

import pytest

from .client import Device
from .contract import Frame, walks
from .people import Person, World

pytestmark = pytest.mark.anyio


async def caught_up(person: Person) -> int:
    """The newest seq of an account, which its phone then has acknowledged. Its connection is closed."""
    await person.phone.barrier()
    await person.phone.ask("ack", seq=person.phone.transcript.position)
    head = person.phone.transcript.position
    await person.phone.close()
    return head


async def next_texts(device: Device, count: int) -> list[str]:
    """The texts of the next messages that a device gets."""
    return [(await device.event("message"))["text"] for _ in range(count)]


def texts(frames: list[Frame]) -> list[str]:
    return [frame["event"]["text"] for frame in frames if frame["event"]["kind"] == "message"]


@walks("push event", "event message", "rule seq without holes")
async def test_what_comes_while_away_comes_in_order(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    head = await caught_up(juliet)
    for each in range(30):
        await romeo.write(juliet, f"while away {each}")
    phone = await juliet.back(juliet.phone)
    assert phone.transcript.ready["cursor"] == head
    assert phone.transcript.ready["head"] == head + 30
    frames = [await phone.event_frame("message") for _ in range(30)]
    assert [frame["seq"] for frame in frames] == list(range(head + 1, head + 31))
    assert texts(frames) == [f"while away {each}" for each in range(30)]
    await romeo.write(juliet, "and live")
    assert (await phone.event_frame("message"))["seq"] == head + 31


@walks("request ack", "rule cursor survives connection and daemon")
async def test_what_was_acknowledged_does_not_come_again(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await caught_up(juliet)
    for each in range(6):
        await romeo.write(juliet, f"in two parts {each}")
    phone = await juliet.back(juliet.phone, acks=False)
    frames = [await phone.event_frame("message") for _ in range(6)]
    await phone.ask("ack", seq=frames[2]["seq"])
    await phone.drop()
    phone = await juliet.back(juliet.phone)
    assert phone.transcript.ready["cursor"] == frames[2]["seq"]
    assert await next_texts(phone, 3) == [f"in two parts {each}" for each in (3, 4, 5)]
    await phone.no_event("message")


@walks("request ack")
async def test_without_an_acknowledgment_everything_comes_again(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await caught_up(juliet)
    await romeo.write(juliet, "never acknowledged")
    for _ in range(3):
        phone = await juliet.back(juliet.phone, acks=False)
        assert (await phone.event("message"))["text"] == "never acknowledged"
        await phone.drop()


@walks("request ack")
async def test_an_older_acknowledgment_changes_nothing(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    for each in range(3):
        await romeo.write(juliet, f"acknowledged {each}")
    last = [await juliet.phone.event_frame("message") for _ in range(3)][-1]["seq"]
    await juliet.phone.ask("ack", seq=last)
    await juliet.phone.ask("ack", seq=1)
    await juliet.phone.ask("ack", seq=last)
    await juliet.phone.close()
    phone = await juliet.back(juliet.phone)
    assert phone.transcript.ready["cursor"] == last


@walks("request ack", "rule seq without holes")
async def test_acknowledging_the_future_loses_nothing(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.barrier()
    head = juliet.phone.transcript.position
    for seq in (head + 1, head + 1000, 2**53, 2**63 - 1):
        reply = await juliet.phone.reply(await juliet.phone.post("ack", seq=seq))
        assert reply["type"] != "error" or reply["code"] in {"bad_frame", "conflict", "not_found"}
    await romeo.write(juliet, "in the future")
    frame = await juliet.phone.event_frame("message")
    assert frame["seq"] == head + 1
    await juliet.phone.close()
    await romeo.write(juliet, "further on")
    phone = await juliet.back(juliet.phone)
    assert (await phone.event("message", text="further on"))["from"] == romeo.uid


@walks("request ack", "limit window")
async def test_acknowledging_what_one_has_from_before_is_enough(tight: World) -> None:
    """A client whose last acknowledgments were lost has the events already: it ignores them, and says so once."""
    juliet, romeo = await tight.people("juliet", "romeo")
    await caught_up(juliet)
    for each in range(10):
        await romeo.write(juliet, f"known from before {each}")
    phone = await juliet.back(juliet.phone, acks=False)
    head = phone.transcript.ready["head"]
    await phone.ask("ack", seq=head)
    await romeo.write(juliet, "and now something new")
    assert (await phone.event_frame("message", text="and now something new"))["seq"] == head + 1
    await phone.close()
    phone = await juliet.back(juliet.phone)
    assert phone.transcript.ready["cursor"] == head


@walks("request authenticate")
async def test_a_client_may_keep_its_own_cursor(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    head = await caught_up(juliet)
    for each in range(5):
        await romeo.write(juliet, f"kept by myself {each}")
    phone = await juliet.back(juliet.phone)
    for _ in range(5):
        await phone.event("message")
    await phone.ask("ack", seq=phone.transcript.position)
    await phone.close()
    phone = await juliet.back(juliet.phone, cursor=head + 2)
    assert phone.transcript.ready["cursor"] == head + 2
    assert await next_texts(phone, 3) == [f"kept by myself {each}" for each in (2, 3, 4)]
    await phone.close()
    phone = await juliet.back(juliet.phone, cursor=0)
    assert phone.transcript.ready["cursor"] == 0
    first = await phone.event_frame("message")
    assert first["seq"] == head + 1
    assert first["event"]["text"] == "kept by myself 0"


@walks("request authenticate", "error bad_frame")
async def test_a_cursor_past_the_head(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    head = await caught_up(juliet)
    device = await world.connect()
    token = juliet.phone.session["access_token"]
    await device.refused("authenticate", "bad_frame", access_token=token, cursor=-1)
    reply = await device.reply(await device.post("authenticate", access_token=token, cursor=head + 50))
    if reply["type"] == "error":
        assert reply["code"] in {"bad_frame", "conflict", "not_found"}
        await device.ask("authenticate", access_token=token, cursor=head)
    await romeo.write(juliet, "beyond the end")
    assert (await device.event_frame("message"))["seq"] == head + 1


@walks("rule a new device starts after what was acknowledged")
async def test_a_new_device_starts_after_what_any_device_acknowledged(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    for each in range(4):
        await romeo.write(juliet, f"old talk {each}")
    frames = [await juliet.phone.event_frame("message") for _ in range(4)]
    juliet.phone.acks = False
    await juliet.phone.ask("ack", seq=frames[-1]["seq"])
    await romeo.write(juliet, "not acknowledged yet")
    unread = await juliet.phone.event_frame("message")
    laptop = await juliet.device("laptop")
    assert laptop.transcript.ready["cursor"] == frames[-1]["seq"]
    assert (await laptop.event_frame("message"))["seq"] == unread["seq"]
    await laptop.no_event("message")
    listed = (await laptop.ask("history", peer=romeo.uid))["items"]
    assert [item["text"] for item in listed] == [*(f"old talk {each}" for each in range(4)), "not acknowledged yet"]


@walks("rule a new device starts after what was acknowledged")
async def test_the_first_device_starts_at_the_beginning(world: World) -> None:
    romeo = await world.person("romeo")
    stranger = await world.connect()
    login = world.new_login("juliet")
    registered = await stranger.ask("register", login=login, password="it is the east")
    for each in range(3):
        message = {"to": registered["uid"], "text": f"before you came {each}", "client_message_id": str(each)}
        sent = await romeo.phone.ask("send", **message)
        assert sent["status"] == "stored"
    await stranger.ask("login", login=login, password="it is the east")
    assert (await stranger.push("ready"))["cursor"] == 0
    assert await next_texts(stranger, 3) == [f"before you came {each}" for each in range(3)]


@walks("limit window")
async def test_the_window_bounds_what_is_not_acknowledged(tight: World) -> None:
    juliet, romeo = await tight.people("juliet", "romeo")
    window = juliet.phone.limits["window"]
    assert window == 4
    await caught_up(juliet)
    for each in range(10):
        await romeo.write(juliet, f"through the window {each}")
    phone = await juliet.back(juliet.phone, acks=False)
    frames = [await phone.event_frame("message") for _ in range(window)]
    await phone.no_event("message")
    await phone.ack(frames[1]["seq"])  # room for two
    frames += [await phone.event_frame("message") for _ in range(2)]
    await phone.no_event("message")
    await phone.ack(frames[-1]["seq"])  # room for four
    frames += [await phone.event_frame("message") for _ in range(4)]
    await phone.ack(frames[-1]["seq"])
    assert texts(frames) == [f"through the window {each}" for each in range(10)]
    await romeo.write(juliet, "and live again")
    assert (await phone.event("message"))["text"] == "and live again"


@walks("limit window", "rule sent never waits for the window")
async def test_sent_does_not_wait_for_the_window(tight: World) -> None:
    juliet, romeo = await tight.people("juliet", "romeo")
    await caught_up(juliet)
    for each in range(6):
        await romeo.write(juliet, f"the window is full {each}")
    juliet.phone = await juliet.back(juliet.phone, acks=False)
    for _ in range(4):
        await juliet.phone.event("message")
    head = juliet.phone.transcript.position
    answers = [await juliet.write(romeo, f"but I can talk {each}") for each in range(5)]
    assert [answer["seq"] for answer in answers] == list(range(head + 3, head + 8))
    assert juliet.phone.transcript.position == head  # the fifth and sixth message come before these
    juliet.phone.acks = True
    await juliet.phone.ack(head)
    mine = [await juliet.phone.event_frame("message", from_=juliet.uid) for _ in range(5)]
    assert [frame["seq"] for frame in mine] == [answer["seq"] for answer in answers]


@walks("rule sent stands for the event")
async def test_sent_stands_for_the_event(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.barrier()
    head = juliet.phone.transcript.position
    for each in range(5):
        sent = await juliet.write(romeo, f"in its own place {each}")
        assert sent["seq"] == head + 1 + each
        assert juliet.phone.transcript.position == sent["seq"]
    await romeo.write(juliet, "and the answer follows")
    assert (await juliet.phone.event_frame("message", from_=romeo.uid))["seq"] == head + 6
    await juliet.phone.ask("ack", seq=head + 6)
    await juliet.phone.close()
    phone = await juliet.back(juliet.phone)
    assert phone.transcript.ready["cursor"] == head + 6


@walks("rule sent stands for the event", "rule cursor survives connection and daemon")
async def test_what_was_sent_and_not_acknowledged_comes_as_an_event(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    await juliet.phone.barrier()
    juliet.phone.acks = False
    await juliet.phone.ask("ack", seq=juliet.phone.transcript.position)
    sent = await juliet.write(romeo, "sent and forgotten")
    await juliet.phone.drop()
    phone = await juliet.back(juliet.phone)
    frame = await phone.event_frame("message")
    assert (frame["seq"], frame["event"]["message_id"]) == (sent["seq"], sent["message_id"])


@walks("rule other devices of the sender get the message")
async def test_the_senders_other_devices_get_the_message(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await juliet.device("laptop")
    sent = await juliet.write(romeo, "seen everywhere")
    frame = await laptop.event_frame("message")
    assert frame["seq"] == sent["seq"]
    assert frame["event"]["text"] == "seen everywhere"
    assert (frame["event"]["from"], frame["event"]["to"]) == (juliet.uid, romeo.uid)
    theirs = await romeo.phone.event("message")
    assert theirs == frame["event"]


@walks("rule seq without holes", "event message")
async def test_two_devices_and_two_senders_leave_no_hole(world: World) -> None:
    juliet, romeo, tybalt = await world.people("juliet", "romeo", "tybalt")
    laptop = await juliet.device("laptop")
    wanted: set[str] = set()
    posted = []
    for each in range(40):
        for person, to in ((romeo, juliet), (tybalt, juliet), (juliet, romeo)):
            text = f"from {person.login} {each}"
            wanted.add(text)
            request_id = await person.phone.post("send", to=to.uid, text=text, client_message_id=str(each))
            posted.append((person.phone, request_id))
    for device, request_id in posted:
        assert (await device.reply(request_id))["type"] == "sent"
    seen = {}
    for _ in range(120):
        frame = await laptop.event_frame("message")
        seen[frame["seq"]] = frame["event"]["text"]
    assert set(seen.values()) == wanted
    assert sorted(seen) == list(range(min(seen), min(seen) + 120))
    for person in (romeo, tybalt):
        mine = [text for _, text in sorted(seen.items()) if text.startswith(f"from {person.login} ")]
        assert mine == [f"from {person.login} {each}" for each in range(40)]
    await juliet.phone.until(lambda: juliet.phone.transcript.position == max(seen))


@walks("rule seq without holes")
async def test_each_device_has_its_own_cursor(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await juliet.device("laptop", acks=False)
    await laptop.barrier()
    start = laptop.transcript.position
    await laptop.ask("ack", seq=start)
    for each in range(3):
        await romeo.write(juliet, f"one of us reads {each}")
    for _ in range(3):
        await juliet.phone.event("message")
    await juliet.phone.ask("ack", seq=juliet.phone.transcript.position)
    await laptop.drop()
    again = await juliet.back(laptop)
    assert again.transcript.ready["cursor"] == start
    assert await next_texts(again, 3) == [f"one of us reads {each}" for each in range(3)]


@walks("limit max_mailbox", "error mailbox_full")
async def test_a_mailbox_that_nobody_empties_is_full(tight: World) -> None:
    juliet, romeo = await tight.people("juliet", "romeo")
    room = juliet.phone.limits["max_mailbox"]
    assert room == 12
    await caught_up(juliet)
    for each in range(room):
        sent = await romeo.write(juliet, f"into the box {each}", client_message_id=f"box {each}")
        assert sent["status"] == "stored"
    over = {"to": juliet.uid, "text": "one too many", "client_message_id": "over"}
    await romeo.phone.refused("send", "mailbox_full", **over)
    again = await romeo.write(juliet, f"into the box {room - 1}", client_message_id=f"box {room - 1}")
    assert again["message_id"] == sent["message_id"]  # a retry makes nothing new, so it is answered
    shown = (await romeo.phone.ask("history", peer=juliet.uid))["items"]
    assert [item["text"] for item in shown] == [f"into the box {each}" for each in range(room)]

    phone = await juliet.back(juliet.phone)
    for _ in range(room):
        await phone.event("message")
    await phone.ask("ack", seq=phone.transcript.position)
    await romeo.phone.ask("send", **over)
    assert (await phone.event("message"))["text"] == "one too many"


@walks("limit max_mailbox")
async def test_one_device_that_reads_keeps_the_mailbox_open(tight: World) -> None:
    juliet, romeo = await tight.people("juliet", "romeo")
    laptop = await juliet.device("laptop")
    await laptop.close()  # never comes back, and the phone reads
    for each in range(juliet.phone.limits["max_mailbox"] * 2):
        await romeo.write(juliet, f"read by the phone {each}")
        await juliet.phone.event("message")
        await juliet.phone.ask("ack", seq=juliet.phone.transcript.position)
