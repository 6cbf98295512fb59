"""A small store with something in every table, and what must be found in it after any upgrade."""

import hashlib

from msgd.store import commands
from msgd.store.interface import DeviceRow

from ..contract.stage import Stage


async def fill(stage: Stage) -> None:
    ann = await stage.person("ann", uid="00000000-0000-4000-8000-00000000000a", email="ann@example.org")
    bob = await stage.person("bob", uid="00000000-0000-4000-8000-00000000000b")
    gone = await stage.person("gone", uid="00000000-0000-4000-8000-00000000000c")
    phone: DeviceRow = await stage.do(
        commands.CreateDevice,
        account=bob.account,
        device_id="phone",
        name="phone",
        refresh_hash=hashlib.sha256(b"phone").digest(),
        refresh_expires_at=2**41,
    )
    await stage.do(commands.CreateInvite, token_hash=b"invite", uses=3, expires_at=None, note="n", created_by="root")
    await stage.contact(ann, bob, "request", note="hi")
    await stage.contact(bob, ann, "accept")
    await stage.contact(ann, gone, "block")
    first = await stage.send(ann, bob, "the first message", client_message_id="first")
    second = await stage.send(bob, ann, "a walrus", client_message_id="second", reply_to=first.message_id)
    erased = await stage.send(bob, ann, "erased", client_message_id="erased")
    await stage.do(commands.EditMessage, account=bob.account, message_id=second.message_id, text="an edited walrus")
    await stage.do(commands.DeleteMessage, account=bob.account, message_id=erased.message_id)
    await stage.store.search_messages(ann.account, "walrus", peer=None, before=None, limit=1)
    call = {"caller_outcome": "cancelled", "callee_outcome": "missed", "started_at": 1, "duration_ms": 2}
    await stage.do(commands.RecordCall, call_id="call", caller=ann.account, callee=bob.account, **call)
    await stage.do(commands.MarkRead, account=bob.account, peer=ann.account, message_id=first.message_id)
    await stage.ack(phone, 4)
    await stage.do(commands.AppendAudit, actor="root", origin="socket", action="user add", target="ann")
    await stage.do(commands.DeleteAccount, account=gone.account)
    await stage.send(ann, ann, "a note that no index holds yet", client_message_id="last")


async def check(stage: Stage) -> None:
    store = stage.store
    ann, bob = await store.account_by_login("ann"), await store.account_by_login("bob")
    assert ann is not None
    assert bob is not None
    assert ann.email == "ann@example.org"
    assert await store.account_by_login("gone") is None
    assert [row.state for row in await store.contacts(ann.account)] == ["accepted"]
    page = await store.history(ann.account, bob.account, before=None, after=None, limit=10)
    assert [getattr(item, "text", "call") for item in page.items] == [
        "the first message",
        "an edited walrus",
        "",
        "call",
    ]
    for account, count in ((ann, 11), (bob, 8)):
        events = await store.mailbox_after({account.account: 0}, 100)
        assert [event.seq for event in events] == list(range(1, count + 1))
    found = await store.search_messages(ann.account, "walrus", peer=None, before=None, limit=5)
    assert [item.message_id for item in found.items] == [page.items[1].message_id]
    found = await store.search_messages(ann.account, "note", peer=None, before=None, limit=5)
    assert len(found.items) == 1
    phone = await store.device("phone")
    assert phone is not None
    assert phone.cursor == 4
    assert await store.receipts(ann.account, bob.account) == (page.items[0].message_id, page.items[0].message_id)
    again = await stage.send(ann, bob, "the first message", client_message_id="first")
    assert again.duplicate
    old = {"old_hash": hashlib.sha256(b"phone").digest(), "new_hash": b"new", "new_expires_at": 2**41}
    assert (await stage.do(commands.RotateRefresh, **old)).device_id == "phone"
    assert [row.used for row in await store.invites()] == [0]
    assert len(await store.audit(before=None, limit=5)) == 1
    assert (await stage.send(bob, ann, "after the upgrade")).seq == 9
