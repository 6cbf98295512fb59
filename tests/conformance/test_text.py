"""Text: its bounds in bytes, and that every character of it arrives as it was written."""

import pytest

from .contract import case, walks
from .people import World

pytestmark = pytest.mark.anyio

TEXTS = {
    "one letter": "x",
    "spaces around": "  two spaces, a tab\t and a line \n\n",
    "line ends": "unix\nmac\rdos\r\n",
    "NUL": "before\0after",
    "only NUL": "\0",
    "every control character": "".join(map(chr, range(32))) + "\x7f" + "".join(map(chr, range(0x80, 0xA0))),
    "terminal escapes": "\x1b[2J\x1b]0;title\x07\x1b[31mred\x9b1m",
    "right to left": "\u202eevil\u202c \u2066isolated\u2069 \u200fשלום العربية",
    "emoji": "💌👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪",
    "combining, composed and not": "e\u0301 \u00e9 A\u030a \u212b \u1e9b\u0323",
    "compatibility forms": "ﬀ ① ｆｕｌｌ ² Ⅷ",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe\u00ad",
    "byte order mark first": "\ufeffhello there",
    "not characters": "\ufffe\uffff\U0010ffff\ufffd",
    "private use": "\ue000\U000f0000",
    "line separators": "a\u2028b\u2029c\u0085d",
    "JSON within": '{"type":"event","seq":1} [] "quoted" \\u0041 \\',
    "SQL within": "'; DROP TABLE messages; --",
    "HTML within": "<script>alert(1)</script>&amp;",
    "format strings": "%s %n {0} ${HOME} $(id)",
    "zalgo": "z" + "\u0335\u0321\u034f" * 40,
}


@walks("rule text is kept to the byte")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_text_is_kept_to_the_byte(world: World, text: str) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    laptop = await juliet.device("laptop")
    sent = await juliet.write(romeo, text)
    for device in (romeo.phone, laptop):
        assert (await device.event("message"))["text"] == text
    for person in (juliet, romeo):
        peer = romeo if person is juliet else juliet
        assert [item["text"] for item in (await person.phone.ask("history", peer=peer.uid))["items"]] == [text]
    assert (await romeo.conversation(juliet))["last"]["text"] == text
    again = await juliet.write(romeo, text, client_message_id=sent["client_message_id"])
    assert again["message_id"] == sent["message_id"]
    edited = text + " (edited)"
    await juliet.phone.ask("edit", message_id=sent["message_id"], text=edited)
    assert (await romeo.phone.event("message_edited"))["text"] == edited


@walks("rule text is kept to the byte")
async def test_escaped_and_plain_are_the_same_text(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    juliet.phone.transcript.asked("raw")
    await juliet.phone.send_raw(
        f'{{"type":"send","request_id":"raw","to":"{romeo.uid}","client_message_id":"raw",'
        '"text":"\\u00e9\\ud83d\\udc8c\\/\\u0000\\"\\\\ é💌"}'
    )
    assert (await juliet.phone.reply("raw"))["type"] == "sent"
    assert (await romeo.phone.event("message"))["text"] == 'é💌/\0"\\ é💌'


@walks("limit max_text_bytes", "error too_large")
@pytest.mark.parametrize("letter", ["x", "é", "€", "💌", "\x01"], ids=case)
async def test_text_is_measured_in_bytes(world: World, letter: str) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    limit = juliet.phone.limits["max_text_bytes"]
    count, rest = divmod(limit, len(letter.encode()))
    longest = letter * count + "." * rest
    assert len(longest.encode()) == limit
    sent = await juliet.write(romeo, longest)
    assert (await romeo.phone.event("message"))["text"] == longest
    listed = await romeo.phone.ask("history", peer=juliet.uid)
    assert listed["items"][0]["text"] == longest
    message = {"to": romeo.uid, "client_message_id": world.new_id()}
    await juliet.phone.refused("send", "too_large", text=longest + ".", **message)
    await juliet.phone.refused("edit", "too_large", text=longest + ".", message_id=sent["message_id"])
    await juliet.phone.ask("edit", text=longest[1:], message_id=sent["message_id"])


@walks("limit max_text_bytes")
async def test_the_longest_text_fits_however_it_is_escaped(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    limit = juliet.phone.limits["max_text_bytes"]
    juliet.phone.transcript.asked("x" * 64)
    raw = '{"type":"send","request_id":"%s","to":"%s","client_message_id":"%s","text":"%s"}'
    raw %= ("x" * 64, romeo.uid, world.new_id(), "\\u0001" * limit)
    assert len(raw) <= juliet.phone.limits["max_message_bytes"]
    await juliet.phone.send_raw(raw)
    assert (await juliet.phone.reply("x" * 64))["type"] == "sent"
    assert (await romeo.phone.event("message"))["text"] == "\x01" * limit


@walks("error bad_frame")
async def test_no_text_is_no_message(world: World) -> None:
    juliet, romeo = await world.people("juliet", "romeo")
    sent = await juliet.write(romeo, "some text at first")
    await juliet.phone.refused("send", "bad_frame", to=romeo.uid, text="", client_message_id=world.new_id())
    await juliet.phone.refused("edit", "bad_frame", message_id=sent["message_id"], text="")
    await romeo.phone.event("message")
    await romeo.phone.no_event("message")


@walks("limit max_text_bytes", "error too_large")
async def test_the_limit_is_the_one_that_hello_names(tight: World) -> None:
    juliet, romeo = await tight.people("juliet", "romeo")
    assert juliet.phone.limits["max_text_bytes"] == 512
    await juliet.write(romeo, "x" * 512)
    await juliet.phone.refused("send", "too_large", to=romeo.uid, text="x" * 513, client_message_id="513")


@walks("limit max_message_bytes", "close 1009")
async def test_the_message_limit_is_the_one_that_hello_names(tight: World) -> None:
    juliet = await tight.person("juliet")
    assert juliet.phone.limits["max_message_bytes"] == 8192
    await juliet.phone.ask("ping", pad="x" * 8000)
    await juliet.phone.send_raw(" " * 8193)
    await juliet.phone.closed(1009)
