import uuid

import pytest

from msgd.store import commands
from msgd.store.interface import AccountRow
from msgwire import ContactEvent, DeviceEvent

from .stage import Place, Stage, token

pytestmark = pytest.mark.trio


async def test_logins_are_taken_without_case_and_for_ever(stage: Stage) -> None:
    ann = await stage.person("Ann", email="ann@example.org")
    assert (ann.login, ann.email, ann.disabled, ann.deleted, ann.presence) == (
        "ann", "ann@example.org", False, False, "online"
    )  # fmt: skip
    again = {"uid": str(uuid.uuid4()), "password_hash": "h"}
    await stage.refused("login_taken", commands.CreateAccount, login="ANN", **again)
    await stage.do(commands.DeleteAccount, account=ann.account)
    await stage.refused("login_taken", commands.CreateAccount, login="ann", **again)


async def test_accounts_are_found_by_login_uid_and_prefix(stage: Stage) -> None:
    rows = {login: await stage.person(login) for login in ("ann", "anna", "annika", "bob")}
    store = stage.store
    found = await store.account_by_login("ANN")
    assert found is not None
    assert (found.uid, found.password_hash) == (rows["ann"].uid, "$h")
    assert (await store.account_by_uid(rows["bob"].uid)).login == "bob"
    assert await store.account_by_login("nobody") is None
    assert [row.login for row in await store.search_accounts("Ann", 10)] == ["ann", "anna", "annika"]
    assert [row.login for row in await store.search_accounts("anna", 10)] == ["anna"]
    assert [row.login for row in await store.search_accounts(rows["bob"].uid, 10)] == ["bob"]
    assert [row.login for row in await store.search_accounts("a", 2)] == ["ann", "anna"]
    assert [row.login for row in await store.search_accounts("%", 10)] == []
    await stage.do(commands.SetDisabled, account=rows["anna"].account, disabled=True, reason="spam")
    assert [row.login for row in await store.search_accounts("ann", 10)] == ["ann", "annika"]
    assert (await store.account_by_login("anna")).disabled_reason == "spam"
    await stage.do(commands.DeleteAccount, account=rows["ann"].account)
    assert [row.login for row in await store.list_accounts("", 10)] == ["anna", "annika", "bob"]
    assert [row.login for row in await store.list_accounts("anna", 1)] == ["annika"]


async def test_invites_are_used_up_expire_and_are_revoked(stage: Stage) -> None:
    now = stage.clock.now
    one = await stage.do(commands.CreateInvite, token_hash=b"1", uses=1, expires_at=None, note="n", created_by="root")
    old = await stage.do(commands.CreateInvite, token_hash=b"2", uses=9, expires_at=now + 5)
    gone = await stage.do(commands.CreateInvite, token_hash=b"3", uses=9, expires_at=None)
    await stage.do(commands.RevokeInvite, invite_id=gone.invite_id)
    await stage.refused("not_found", commands.RevokeInvite, invite_id=99)
    await stage.person("ann", invite_hash=b"1")
    stage.clock.tick(10)
    fields = {"uid": str(uuid.uuid4()), "login": "bob", "password_hash": "h"}
    for invite in (b"1", b"2", b"3", b"?"):
        await stage.refused("invite_invalid", commands.CreateAccount, invite_hash=invite, **fields)
    rows = {row.invite_id: row for row in await stage.store.invites()}
    assert list(rows) == [gone.invite_id, old.invite_id, one.invite_id]
    assert (rows[one.invite_id].used, rows[one.invite_id].note, rows[one.invite_id].created_by) == (1, "n", "root")
    assert rows[gone.invite_id].revoked


async def test_a_refused_login_uses_no_invite_up(stage: Stage, ann: AccountRow) -> None:
    await stage.do(commands.CreateInvite, token_hash=b"1", uses=1, expires_at=None)
    fields = {"uid": str(uuid.uuid4()), "login": "ann", "password_hash": "h", "invite_hash": b"1"}
    await stage.refused("login_taken", commands.CreateAccount, **fields)
    [invite] = await stage.store.invites()
    assert invite.used == 0


async def test_a_new_device_starts_where_the_furthest_one_stands(
    stage: Stage, ann: AccountRow, bob: AccountRow
) -> None:
    phone = await stage.device(ann, "phone")
    assert phone.cursor == 0
    assert await stage.mailbox(ann) == []
    await stage.send(bob, ann, "1")
    await stage.send(bob, ann, "2")
    await stage.ack(phone, 1)
    tablet = await stage.device(ann, "tablet")
    assert tablet.cursor == 1
    event = (await stage.mailbox(ann))[-1]
    assert event.body == DeviceEvent(device_id=tablet.device_id, name="tablet", action="added")
    assert [row.name for row in await stage.store.devices(ann.account)] == ["phone", "tablet"]
    await stage.ack(tablet, 3)
    await stage.do(commands.RevokeDevice, account=ann.account, device_id=tablet.device_id)
    assert (await stage.device(ann, "third")).cursor == 3
    assert (await stage.store.device(phone.device_id)).cursor == 1


async def test_a_revoked_device_is_known_as_such(stage: Stage, ann: AccountRow, bob: AccountRow) -> None:
    phone = await stage.device(ann)
    device = {"account": ann.account, "device_id": phone.device_id}
    await stage.refused("not_found", commands.RevokeDevice, account=bob.account, device_id=phone.device_id)
    await stage.do(commands.RevokeDevice, **device)
    await stage.refused("not_found", commands.RevokeDevice, **device)
    await stage.refused("not_found", commands.MoveCursor, seq=1, **device)
    assert (await stage.mailbox(ann))[-1].body == DeviceEvent(device_id=phone.device_id, name="phone", action="revoked")
    assert (await stage.store.device(phone.device_id)).revoked
    assert await stage.store.devices(ann.account) == []
    old = {"old_hash": token(phone.device_id), "new_hash": b"n", "new_expires_at": 2**40}
    await stage.refused("token_revoked", commands.RotateRefresh, **old)


async def test_past_the_most_devices_the_one_unseen_for_longest_goes(place: Place) -> None:
    async with place.open(max_devices=2) as stage:
        ann = await stage.person("ann")
        one, two = await stage.device(ann, "one"), await stage.device(ann, "two")
        await stage.do(commands.TouchDevice, device_id=one.device_id)
        three = await stage.device(ann, "three")
        assert three.evicted == two.device_id
        assert [row.name for row in await stage.store.devices(ann.account)] == ["one", "three"]
        actions = [(event.body.name, event.body.action) for event in await stage.mailbox(ann)]
        assert actions == [("two", "added"), ("two", "revoked"), ("three", "added")]


async def test_refresh_tokens_are_traded_once(stage: Stage, ann: AccountRow) -> None:
    phone = await stage.device(ann)
    later = stage.clock.now + 1000
    row = await stage.do(
        commands.RotateRefresh, old_hash=token(phone.device_id), new_hash=b"second", new_expires_at=later
    )
    assert (row.device_id, row.revoked) == (phone.device_id, False)
    reused = await stage.refused(
        "token_revoked", commands.RotateRefresh, old_hash=token(phone.device_id), new_hash=b"x", new_expires_at=later
    )
    assert reused.revoked_device == (ann.account, phone.device_id)
    assert [event.body.action for event in reused.events] == ["revoked"]
    assert [event.body for event in stage.heard] == [event.body for event in reused.events]
    assert (await stage.store.device(phone.device_id)).revoked
    await stage.refused(
        "token_revoked", commands.RotateRefresh, old_hash=b"second", new_hash=b"y", new_expires_at=later
    )


async def test_a_refresh_token_expires_and_a_disabled_account_gets_none(stage: Stage, ann: AccountRow) -> None:
    phone = await stage.device(ann)
    trade = {"old_hash": token(phone.device_id), "new_hash": b"n", "new_expires_at": 2**40}
    await stage.refused("token_expired", commands.RotateRefresh, at=stage.clock.now + 10_000_000, **trade)
    await stage.do(commands.SetDisabled, account=ann.account, disabled=True, reason="r")
    await stage.refused("account_disabled", commands.RotateRefresh, **trade)
    device = {"device_id": "d", "name": "n", "refresh_hash": b"h", "refresh_expires_at": 2**40}
    await stage.refused("account_disabled", commands.CreateDevice, account=ann.account, **device)
    await stage.do(commands.SetDisabled, account=ann.account, disabled=False)
    assert (await stage.store.account_by_login("ann")).disabled_reason == ""
    assert (await stage.do(commands.RotateRefresh, **trade)).device_id == phone.device_id


async def test_a_new_password_ends_every_other_device(stage: Stage, ann: AccountRow) -> None:
    keep, go = await stage.device(ann, "keep"), await stage.device(ann, "go")
    revoked = await stage.do(commands.SetPassword, account=ann.account, password_hash="$2", keep_device=keep.device_id)
    assert list(revoked) == [go.device_id]
    assert [row.name for row in await stage.store.devices(ann.account)] == ["keep"]
    assert (await stage.store.account_by_login("ann")).password_hash == "$2"
    rehash = {"account": ann.account, "password_hash": "$3"}
    await stage.do(commands.RehashPassword, old_hash="$1", **rehash)
    assert (await stage.store.account_by_login("ann")).password_hash == "$2"
    await stage.do(commands.RehashPassword, old_hash="$2", **rehash)
    assert (await stage.store.account_by_login("ann")).password_hash == "$3"


async def test_presence_and_last_seen_are_kept(place: Place) -> None:
    async with place.open() as stage:
        ann = await stage.person("ann")
        phone = await stage.device(ann)
        await stage.do(commands.SetPresence, account=ann.account, status="invisible", text="away")
        await stage.do(commands.TouchDevice, device_id=phone.device_id, at=stage.clock.now + 50)
        await stage.do(commands.TouchDevice, device_id="unknown")
    async with place.open() as stage:
        row = await stage.store.account_by_uid(ann.uid)
        assert (row.presence, row.presence_text, row.last_seen_at) == ("invisible", "away", stage.clock.now + 49)
        assert (await stage.store.device(phone.device_id)).last_seen_at == stage.clock.now + 49


async def test_a_deleted_account_is_gone_but_what_it_said_stays(place: Place) -> None:
    async with place.open() as stage:
        ann, bob = await stage.person("ann", email="a@b"), await stage.person("bob")
        phone = await stage.device(ann)
        await stage.contact(ann, bob, "request")
        await stage.contact(bob, ann, "accept")
        await stage.send(ann, bob, "farewell")
        await stage.send(ann, ann, "my diary")
        await stage.do(commands.DeleteAccount, account=ann.account)
        last = (await stage.mailbox(bob))[-1].body
        assert (type(last), last.peer, last.state) == (ContactEvent, ann.uid, "none")
    async with place.open() as stage:
        store = stage.store
        assert await store.account_by_login("ann") is None
        assert await store.account_by_uid(ann.uid) is None
        assert await store.device(phone.device_id) is None
        assert await store.mailbox_after({ann.account: 0}, 10) == []
        assert await stage.texts(bob, ann) == ["farewell"]
        assert await store.contacts(bob.account) == []
        await stage.refused("not_found", commands.DeleteAccount, account=ann.account)
        fields = {"sender": bob.account, "receiver": ann.account, "text": "x", "client_message_id": "k"}
        await stage.refused("not_found", commands.SendMessage, **fields)


async def test_the_audit_log_is_read_backwards(stage: Stage) -> None:
    for number in range(3):
        await stage.do(commands.AppendAudit, actor="root", origin="socket", action=f"a{number}", target="t", detail="d")
    newest, middle = await stage.store.audit(before=None, limit=2)
    assert (newest.action, middle.action, middle.actor, middle.detail) == ("a2", "a1", "root", "d")
    [oldest] = await stage.store.audit(before=middle.line, limit=2)
    assert oldest.action == "a0"


async def test_stats_count_what_there_is(place: Place) -> None:
    async with place.open() as stage:
        ann, bob = await stage.person("ann"), await stage.person("bob")
        await stage.device(ann)
        await stage.send(ann, bob, "x")
        await stage.send(ann, ann, "y")
        await stage.contact(ann, bob, "request")
        stats = await stage.store.stats()
        assert (stats.accounts, stats.devices, stats.messages, stats.mailbox_events) == (2, 1, 2, 5)
        assert stats.store_bytes > 0
        await stage.do(commands.DeleteAccount, account=ann.account)
        stats = await stage.store.stats()
        assert (stats.accounts, stats.devices, stats.messages, stats.mailbox_events) == (1, 0, 2, 3)
        assert await stage.store.writable()
