"""One connection to the model server: frames in, frames out, by the rules of the contract."""

from collections.abc import Iterator
from typing import Any

import msgspec

import msgwire
from msgwire import ErrorCode

from .model_server import EPOCH_MS, Device, Mailbox, ModelServer


class ServerConnection:
    """One connection: `handle` a frame, then take `out`."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        server.connections.append(self)
        self.account: Mailbox | None = None
        self.device: Device | None = None
        self.last = 0
        self.out: list[msgwire.ServerFrame] = []
        self.close_code: int | None = None
        self.socket: Any = None  # whatever carries it, where that is a real one
        limits = msgwire.HelloLimits(
            max_message_bytes=131072,
            max_text_bytes=16384,
            window=server.window,
            max_mailbox=10000,
            idle_timeout_s=90,
            auth_timeout_s=15,
        )
        self.say(msgwire.Hello(protocol="msgd.v1", server="model/1", registration="open", features=[], limits=limits))

    def say(self, frame: msgwire.ServerFrame) -> None:
        self.out.append(frame)

    def take(self) -> list[msgwire.ServerFrame]:
        out, self.out = self.out, []
        return out

    def end(self) -> None:
        if self in self.server.connections:
            self.server.connections.remove(self)

    def handle(self, frame: msgwire.ClientFrame) -> None:
        self.server.asked.append(frame)
        refusals = self.server.refusals.get(msgwire.tag(type(frame)))
        if refusals:
            error = refusals.pop(0)
            self.say(msgspec.structs.replace(error, re=frame.request_id))
            return
        for reply in self._answers(frame):
            if isinstance(reply, msgwire.Reply) and not (isinstance(reply, msgwire.Ready) and reply.re is None):
                reply.re = frame.request_id
            if (
                frame.request_id is not None
                or isinstance(reply, msgwire.Error)
                or not isinstance(reply, msgwire.Reply)
                or isinstance(reply, msgwire.Ready)
            ):
                self.say(reply)
        self.push_events()

    def push_events(self) -> None:
        if self.account is None or self.device is None:
            return
        while self.last < len(self.account.events) and self.last - self.device.cursor < self.server.window:
            self.last += 1
            event = self.account.events[self.last - 1]
            self.say(msgwire.Event(seq=self.last, at=self.server.now_ms, event=event))

    def _open(self, account: Mailbox, device: Device, cursor: int | None) -> msgwire.Ready:
        self.account, self.device = account, device
        if cursor is not None and cursor <= len(account.events):
            device.cursor = cursor
        self.last = device.cursor
        return msgwire.Ready(
            uid=account.uid,
            login=account.login,
            device_id=device.device_id,
            cursor=device.cursor,
            head=len(account.events),
        )

    def _answers(self, frame: msgwire.ClientFrame) -> Iterator[msgwire.ServerFrame]:
        server = self.server
        match frame:
            case msgwire.Register():
                if server.find(frame.login):
                    yield _error(ErrorCode.LOGIN_TAKEN)
                    return
                account = server.register(frame.login, frame.password)
                yield msgwire.Registered(uid=account.uid, login=account.login)
                return
            case msgwire.LogIn():
                found = server.find(frame.login)
                if found is None or found.password != frame.password:
                    yield _error(ErrorCode.INVALID_CREDENTIALS)
                    return
                device = server.add_device(found)
                yield server.tokens(found, device)
                yield self._open(found, device, None)
                return
            case msgwire.Authenticate():
                known = server.device_by("access_token", frame.access_token)
                if known is None:
                    yield _error(ErrorCode.TOKEN_EXPIRED)
                    return
                yield self._open(*known, frame.cursor)
                return
            case msgwire.Refresh():
                known = server.device_by("refresh_token", frame.refresh_token)
                if known is None:
                    yield _error(ErrorCode.TOKEN_REVOKED)
                    return
                yield server.tokens(*known)
                if self.account is None:
                    yield self._open(*known, None)
                return
            case msgwire.Ping():
                yield msgwire.Pong(at=server.now_ms)
                return
        if self.account is None:
            yield _error(ErrorCode.UNAUTHENTICATED)
            return
        yield from self._text(frame, self.account)

    def _text(self, frame: msgwire.ClientFrame, me: Mailbox) -> Iterator[msgwire.ServerFrame]:
        server = self.server
        assert self.device is not None
        match frame:
            case msgwire.Ack():
                self.device.cursor = max(self.device.cursor, min(frame.seq, self.last))
            case msgwire.Send():
                yield self._send(frame, me)
            case msgwire.History():
                items = server.conversation(me.uid, frame.peer)
                if frame.before is not None:
                    items = [item for item in items if item.message_id < frame.before]
                limit = frame.limit or 50
                yield msgwire.HistoryPage(items=list(items[-limit:]), more=len(items) > limit)
            case msgwire.Conversations():
                yield msgwire.ConversationsPage(conversations=self._conversations(me))
            case msgwire.Read():
                peer = server.accounts[frame.peer]
                me.my_read_up_to[frame.peer] = frame.message_id
                peer.read_up_to[me.uid] = frame.message_id
                server.push(peer, msgwire.Receipt(peer=me.uid, read_up_to=frame.message_id))
                yield msgwire.Ok()
            case msgwire.Edit():
                item = next(item for item in server.items if item.message_id == frame.message_id)
                item.text, item.edited_at = frame.text, server.now_ms
                edited = msgwire.MessageEdited(
                    message_id=item.message_id, sender=item.sender, to=item.to, text=item.text, edited_at=server.now_ms
                )
                yield msgwire.Ok()
                for uid in {item.sender, item.to}:
                    server.happen(server.accounts[uid], edited)
            case msgwire.Delete():
                item = next(item for item in server.items if item.message_id == frame.message_id)
                item.text, item.deleted = "", True
                gone = msgwire.MessageDeleted(
                    message_id=item.message_id, sender=item.sender, to=item.to, deleted_at=server.now_ms
                )
                yield msgwire.Ok()
                for uid in {item.sender, item.to}:
                    server.happen(server.accounts[uid], gone)
            case msgwire.ListContacts():
                yield msgwire.Contacts(
                    contacts=[
                        msgwire.ContactEntry(
                            uid=uid, login=server.accounts[uid].login, state=state, status="online", since=EPOCH_MS
                        )
                        for uid, state in me.contacts.items()
                    ]
                )
            case msgwire.ContactRequest():
                yield self._contact(me, frame.to, "requested", "pending")
            case msgwire.ContactAccept():
                yield self._contact(me, frame.peer, "accepted", "accepted")
            case msgwire.GetUser():
                found = server.find(frame.uid or frame.login or "")
                if found is None:
                    yield _error(ErrorCode.NOT_FOUND)
                    return
                yield msgwire.User(
                    uid=found.uid, login=found.login, status="online", contact="none", created_at=EPOCH_MS
                )
            case msgwire.Search():
                found_users = [a for a in server.accounts.values() if a.login.startswith(frame.query)]
                yield msgwire.Users(
                    users=[msgwire.FoundUser(uid=a.uid, login=a.login, status="online") for a in found_users]
                )
            case msgwire.SearchMessages():
                items = [item for item in server.items if frame.query in item.text]
                yield msgwire.HistoryPage(items=list(items), more=False)
            case msgwire.ListDevices():
                yield msgwire.Devices(
                    devices=[
                        msgwire.Device(
                            device_id=device.device_id,
                            name="",
                            created_at=EPOCH_MS,
                            last_seen_at=EPOCH_MS,
                            current=device is self.device,
                        )
                        for device in me.devices.values()
                    ]
                )
            case msgwire.ContactDecline() | msgwire.ContactRemove():
                yield self._contact(me, frame.peer, "none", "none")
            case msgwire.Block():
                me.contacts[frame.peer] = "blocked"
                yield msgwire.Ok()
            case msgwire.Unblock():
                del me.contacts[frame.peer]
                yield msgwire.Ok()
            case msgwire.LogOut():
                self.device.is_revoked = True
                yield msgwire.Ok()
                self.close_code = 1000
            case _:
                yield msgwire.Ok()

    def _send(self, frame: msgwire.Send, me: Mailbox) -> msgwire.ServerFrame:
        known = me.sent.get(frame.client_message_id)
        if known is not None:
            first, sent = known
            same = (first.to, first.text) == (frame.to, frame.text)
            return msgspec.structs.replace(sent) if same else _error(ErrorCode.CONFLICT)
        to = self.server.find(frame.to)
        if to is None:
            return _error(ErrorCode.NOT_FOUND)
        item, seq = self.server.post(me, to, frame.text, frame.client_message_id, frame.reply_to, self)
        sent = msgwire.Sent(
            message_id=item.message_id,
            client_message_id=frame.client_message_id,
            at=item.sent_at,
            seq=seq,
            status="stored",
        )
        me.sent[frame.client_message_id] = (frame, msgspec.structs.replace(sent))
        if seq == self.last + 1:
            self.last = seq
        return sent

    def _contact(self, me: Mailbox, ref: str, mine: str, theirs: str) -> msgwire.ServerFrame:
        peer = self.server.find(ref)
        assert peer is not None
        me.contacts[peer.uid], peer.contacts[me.uid] = mine, theirs
        for owner, other, state in ((me, peer, mine), (peer, me, theirs)):
            event = {"kind": "contact", "peer": other.uid, "login": other.login, "state": state, "since": EPOCH_MS}
            self.server.happen(owner, msgspec.convert(event, msgwire.ContactEvent))
        entry = {"uid": peer.uid, "login": peer.login, "state": mine, "status": "online", "since": EPOCH_MS}
        return msgspec.convert({"type": "contact", **entry}, msgwire.Contact)

    def _conversations(self, me: Mailbox) -> list[msgwire.Conversation]:
        peers: dict[str, msgwire.MessageItem] = {}
        for item in self.server.items:
            if me.uid in (item.sender, item.to):
                peers[item.to if item.sender == me.uid else item.sender] = item
        newest_first = sorted(peers.items(), key=lambda pair: pair[1].message_id, reverse=True)
        return [
            msgwire.Conversation(
                peer=peer,
                login=self.server.accounts[peer].login,
                last=last,
                unread=sum(
                    item.sender == peer and item.message_id > me.my_read_up_to.get(peer, "")
                    for item in self.server.conversation(me.uid, peer)
                ),
                delivered_up_to=me.delivered_up_to.get(peer),
                read_up_to=me.read_up_to.get(peer),
                my_read_up_to=me.my_read_up_to.get(peer),
            )
            for peer, last in newest_first
        ]


def _error(code: ErrorCode) -> msgwire.Error:
    return msgwire.Error(code=code, message=msgwire.SENTENCES[code])
