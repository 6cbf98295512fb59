"""A client without a server: it answers as the SDK does, from lists in memory, and does what a test tells it."""

import itertools
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import anyio

import msgwire
from msgclient import (
    Account,
    ConnectionChanged,
    ContactChanged,
    ContactView,
    ConversationChanged,
    ConversationView,
    LocalMessage,
    MessageChanged,
    MessageRemoved,
    MessageState,
    NotConnected,
    Online,
    Profile,
    RequestFailed,
    SearchHits,
    SignedOut,
)

ME = Account("uid-me", "juliet", "device-1")


class Stream:
    """One listener's updates."""

    def __init__(self) -> None:
        self._updates: deque[object] = deque()
        self._arrived = anyio.Event()
        self._is_closed = False

    def put(self, update: object) -> None:
        self._updates.append(update)
        self._arrived.set()

    def close(self) -> None:
        self._is_closed = True
        self._arrived.set()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while not self._updates:
            if self._is_closed:
                raise StopAsyncIteration
            self._arrived = anyio.Event()
            await self._arrived.wait()
        return self._updates.popleft()


class FakeClient:
    """What `msgclient.Client` offers to a face."""

    def __init__(self, now_ms: int = 0, me: Account | None = ME) -> None:
        self.now_ms = now_ms
        self.me = me
        self.state: Any = Online() if me is not None else SignedOut()
        self.hello = msgwire.Hello(
            protocol="msgd.v1",
            server="msgd/0.1.0",
            registration="open",
            features=[],
            limits=msgwire.HelloLimits(
                max_message_bytes=131072,
                max_text_bytes=16384,
                window=64,
                max_mailbox=10000,
                idle_timeout_s=60,
                auth_timeout_s=15,
            ),
        )
        self.profile: Any = None
        self.on_certificate: Any = None
        self.refusal: Exception | None = None
        """Raised by the next request, once."""
        self.calls: list[tuple[object, ...]] = []
        self.logs: dict[str, list[LocalMessage]] = {}
        self.server_logs: dict[str, list[LocalMessage]] = {}
        self.views: dict[str, ConversationView] = {}
        self.people: dict[str, ContactView] = {}
        self.strangers: list[msgwire.User] = []
        self.typing_peers: set[str] = set()
        self._ids = itertools.count(1)
        self._streams: list[Stream] = []

    def __call__(self, profile: Profile, *, on_certificate: Any, device_name: str) -> "FakeClient":
        """Stands in for the class, too: `MessengerApp(make_client=fake)`."""
        self.profile, self.on_certificate = profile, on_certificate
        return self

    async def __aenter__(self) -> "FakeClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.close()

    # The script's side.

    def tell(self, *updates: object) -> None:
        for stream in self._streams:
            for update in updates:
                stream.put(update)

    def become(self, state: object) -> None:
        self.state = state
        self.tell(ConnectionChanged(state))

    def befriend(self, login: str, status: str = "offline", state: str = "accepted", **more: Any) -> str:
        uid = f"uid-{login}"
        self.people[uid] = ContactView(uid, login, state, status, self.now_ms, **more)
        self.tell(ContactChanged(self.people[uid]))
        return uid

    def say(self, peer: str, text: str, at: int, *, mine: bool = False, read: bool = True, **more: Any) -> LocalMessage:
        """A message that stands in the cache, and is told."""
        number = next(self._ids)
        login = peer.removeprefix("uid-")
        message = LocalMessage(
            local_id=number,
            peer=peer,
            message_id=more.pop("message_id", f"m{number:08}"),
            client_message_id=f"c{number}",
            sender=ME.uid if mine else peer,
            sender_login=ME.login if mine else login,
            outgoing=mine,
            text=text,
            sent_at=at,
            state=more.pop("state", MessageState.SENT if mine else MessageState.RECEIVED),
            **more,
        )
        self.logs.setdefault(peer, []).append(message)
        view = self.views.get(peer) or ConversationView(peer, login, None, reaches_start=True)
        unread = view.unread + (not read and not mine)
        my_read = message.message_id if read and not mine else view.my_read_up_to
        self.views[peer] = replace(view, last=message, unread=unread, my_read_up_to=my_read)
        self.tell(MessageChanged(peer, message), ConversationChanged(peer))
        return message

    def change(self, message: LocalMessage, **changes: Any) -> LocalMessage:
        changed = replace(message, **changes)
        log = self.logs[message.peer]
        log[[old.local_id for old in log].index(message.local_id)] = changed
        if self.views[message.peer].last == message:
            self.views[message.peer] = replace(self.views[message.peer], last=changed)
        self.tell(MessageChanged(message.peer, changed), ConversationChanged(message.peer))
        return changed

    def called(self, name: str) -> list[tuple[object, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    def _request(self, *call: object) -> None:
        self.calls.append(call)
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal

    # The SDK's side.

    def updates(self) -> Stream:
        stream = Stream()
        self._streams.append(stream)
        return stream

    @property
    def queued(self) -> int:
        return sum(message.state is MessageState.QUEUED for log in self.logs.values() for message in log)

    def conversations(self, limit: int = 1000) -> list[ConversationView]:
        return list(self.views.values())

    def conversation(self, peer: str) -> ConversationView | None:
        return self.views.get(peer)

    def messages(
        self,
        peer: str,
        before: LocalMessage | None = None,
        after: LocalMessage | None = None,
        limit: int = 50,
    ) -> list[LocalMessage]:
        log = self.logs.get(peer, [])
        ids = [message.local_id for message in log]
        if after is not None:
            start = ids.index(after.local_id) + 1
            return log[start : start + limit]
        end = len(log) if before is None else ids.index(before.local_id)
        return log[max(0, end - limit) : end]

    def message(self, local_id: int) -> LocalMessage | None:
        return next((m for log in self.logs.values() for m in log if m.local_id == local_id), None)

    def message_by_id(self, message_id: str) -> LocalMessage | None:
        return next((m for log in self.logs.values() for m in log if m.message_id == message_id), None)

    def contacts(self) -> list[ContactView]:
        return list(self.people.values())

    def contact(self, uid: str) -> ContactView | None:
        return self.people.get(uid)

    def is_typing(self, peer: str) -> bool:
        return peer in self.typing_peers

    def typing(self, peer: str, active: bool) -> None:
        self.calls.append(("typing", peer, active))

    def reconnect_now(self) -> None:
        self.calls.append(("reconnect_now",))

    def accept_certificate(self, fingerprint: str) -> None:
        self.calls.append(("accept_certificate", fingerprint))

    async def greet(self) -> msgwire.Hello:
        self._request("greet")
        return self.hello

    async def register(self, login: str, password: str, *, invite: str | None = None) -> msgwire.Registered:
        self._request("register", login, password, invite)
        return msgwire.Registered(uid=ME.uid, login=login)

    async def log_in(self, login: str, password: str) -> Account:
        self._request("log_in", login, password)
        self.me = replace(ME, login=login)
        self.become(Online())
        return self.me

    async def log_out(self) -> None:
        self._request("log_out")
        self.me = None
        self.become(SignedOut())

    async def change_password(self, old: str, new: str) -> None:
        self._request("change_password", old, new)

    async def devices(self) -> list[msgwire.Device]:
        self._request("devices")
        hour = 3_600_000
        return [
            msgwire.Device(
                device_id="device-1", name="msgtui on laptop", created_at=self.now_ms - 90 * hour,
                last_seen_at=self.now_ms, current=True,
            ),
            msgwire.Device(
                device_id="device-2", name="phone", created_at=self.now_ms - 900 * hour,
                last_seen_at=self.now_ms - 5 * hour, current=False,
            ),
        ]  # fmt: skip

    async def revoke_device(self, device_id: str) -> None:
        self._request("revoke_device", device_id)

    async def send(self, to_uid: str, text: str, *, reply_to: str | None = None) -> LocalMessage:
        self._request("send", to_uid, text, reply_to)
        return self.say(
            to_uid, text, self.now_ms, mine=True, state=MessageState.QUEUED, message_id=None, reply_to=reply_to
        )

    async def retry(self, message: LocalMessage) -> None:
        self._request("retry", message.local_id)
        self.change(message, state=MessageState.QUEUED, failure=None, failure_text=None)

    async def discard(self, message: LocalMessage) -> None:
        self._request("discard", message.local_id)
        log = self.logs[message.peer]
        log.remove(message)
        self.views[message.peer] = replace(self.views[message.peer], last=log[-1] if log else None)
        self.tell(MessageRemoved(message.peer, message.local_id), ConversationChanged(message.peer))

    async def edit(self, message_id: str, text: str) -> None:
        self._request("edit", message_id, text)
        message = self.message_by_id(message_id)
        assert message is not None
        self.change(message, text=text, edited_at=self.now_ms)

    async def delete(self, message_id: str) -> None:
        self._request("delete", message_id)
        message = self.message_by_id(message_id)
        assert message is not None
        self.change(message, text="", deleted=True)

    async def mark_read(self, peer: str, message_id: str) -> None:
        self._request("mark_read", peer, message_id)
        self.views[peer] = replace(self.views[peer], unread=0, my_read_up_to=message_id)
        self.tell(ConversationChanged(peer))

    async def set_draft(self, peer: str, text: str) -> None:
        self._request("set_draft", peer, text)
        view = self.views.get(peer) or ConversationView(peer, peer.removeprefix("uid-"), None)
        self.views[peer] = replace(view, draft=text)
        self.tell(ConversationChanged(peer))

    async def fetch_history(self, peer: str, limit: int = 50) -> bool:
        self._request("fetch_history", peer, limit)
        older = self.server_logs.get(peer, [])
        page, self.server_logs[peer] = older[-limit:], older[:-limit]
        self.logs[peer] = [*page, *self.logs.get(peer, [])]
        is_all = not self.server_logs[peer]
        view = self.views.get(peer) or ConversationView(peer, peer.removeprefix("uid-"), None)
        self.views[peer] = replace(view, reaches_start=is_all)
        return not is_all

    async def search_messages(
        self, query: str, *, peer: str | None = None, before: str | None = None, limit: int = 50
    ) -> SearchHits:
        self._request("search_messages", query, peer)
        items: list[Any] = [
            msgwire.MessageItem(
                message_id=m.message_id, client_message_id=m.client_message_id, sender=m.sender,
                from_login=m.sender_login, to=m.peer if m.outgoing else ME.uid, text=m.text, sent_at=m.sent_at,
            )
            for uid, log in self.logs.items() if peer in (None, uid)
            for m in log if query.lower() in m.text.lower() and m.message_id
        ]  # fmt: skip
        return SearchHits(items[-limit:], len(items) > limit)

    async def search(self, query: str, limit: int = 20) -> list[msgwire.FoundUser]:
        self._request("search", query)
        people = [(c.uid, c.login, c.status) for c in self.people.values()]
        people += [(user.uid, user.login, user.status) for user in self.strangers]
        return [
            msgwire.FoundUser(uid=uid, login=login, status=status)
            for uid, login, status in people
            if login.startswith(query)
        ]

    async def get_user(self, *, uid: str | None = None, login: str | None = None) -> msgwire.User:
        self._request("get_user", uid, login)
        for user in self.strangers:
            if user.uid == uid or user.login == login:
                return user
        for contact in self.people.values():
            if contact.uid == uid or contact.login == login:
                return msgwire.User(
                    uid=contact.uid, login=contact.login, status=contact.status, contact=contact.state,
                    created_at=1_700_000_000_000, last_seen_at=contact.last_seen_at,
                )  # fmt: skip
        raise RequestFailed("not_found", "There is nothing by that name or id.")

    async def request_contact(self, to: str, note: str | None = None) -> ContactView:
        self._request("request_contact", to, note)
        known = next((user for user in self.strangers if to in (user.uid, user.login)), None)
        if known is None:
            raise RequestFailed("not_found", "There is nothing by that name or id.")
        self.befriend(known.login, state="requested", note=note)
        return self.people[known.uid]

    async def accept_contact(self, peer: str) -> ContactView:
        return self._set_contact("accept_contact", peer, "accepted")

    async def decline_contact(self, peer: str) -> ContactView:
        return self._set_contact("decline_contact", peer, "none")

    async def remove_contact(self, peer: str) -> ContactView:
        return self._set_contact("remove_contact", peer, "none")

    async def block(self, peer: str) -> None:
        self._set_contact("block", peer, "blocked")

    async def unblock(self, peer: str) -> None:
        self._set_contact("unblock", peer, "none")

    async def set_presence(self, status: str, text: str | None = None) -> None:
        self._request("set_presence", status, text)

    def _set_contact(self, name: str, peer: str, state: str) -> ContactView:
        self._request(name, peer)
        if not isinstance(self.state, Online):
            raise NotConnected("There is no connection.")
        changed = replace(self.people[peer], state=state, status="online" if state == "accepted" else "offline")
        if state == "none":
            del self.people[peer]
        else:
            self.people[peer] = changed
        self.tell(ContactChanged(changed))
        return changed
