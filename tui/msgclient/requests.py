"""What a client asks of the server in one request each: the account, its devices, other people, search."""

import msgwire
from msgwire.types import OwnStatus

from .cache.replies import contact_row
from .engine import Engine
from .errors import ClientError
from .refill import ask
from .views import ContactView, SearchHits


class Requests:
    """The half of `Client` that needs a connection.

    Every method raises `RequestFailed` where the server refuses, `NotConnected`, `NotSignedIn`, `RequestTimedOut` and
    `TooManyRequests`. People are named by uid or by login.
    """

    _engine: Engine | None = None

    @property
    def _running(self) -> Engine:
        if self._engine is None:
            raise ClientError("A client is used inside `async with`.")
        return self._engine

    async def request(self, frame: msgwire.ClientFrame, timeout_s: float | None = None) -> msgwire.Reply:
        """Send any request of the contract and wait for its reply.

        Frames that would go past the SDK's own books are refused with `TypeError`: messages go through `send`,
        sign-in through `log_in`, and it acknowledges by itself.
        """
        if isinstance(frame, _OWN_FRAMES):
            raise TypeError(f"{msgwire.tag(type(frame))} frames are sent by the client itself")
        return await self._running.request(frame, timeout_s)

    def hint(self, frame: msgwire.ClientFrame) -> None:
        """Send a frame without waiting for a reply; it may be lost, and is while offline. Raises `TooManyRequests`."""
        if isinstance(frame, _OWN_FRAMES):
            raise TypeError(f"{msgwire.tag(type(frame))} frames are sent by the client itself")
        self._running.hint(frame)

    # The account.

    async def change_password(self, old_password: str, new_password: str) -> None:
        """Change the password; every other device is signed out."""
        await self.request(msgwire.ChangePassword(old_password=old_password, new_password=new_password))

    async def devices(self) -> list[msgwire.Device]:
        """The account's devices, oldest first."""
        return (await ask(self._running, msgwire.ListDevices(), msgwire.Devices)).devices

    async def revoke_device(self, device_id: str) -> None:
        """Sign another device out."""
        await self.request(msgwire.RevokeDevice(device_id=device_id))

    async def set_presence(self, status: OwnStatus, text: str | None = None) -> None:
        """Set the account's status, and a few words beside it."""
        await self.request(msgwire.SetPresence(status=status, text=text))

    # People.

    async def search(self, query: str, limit: int = 20) -> list[msgwire.FoundUser]:
        """Find accounts by login, login prefix or uid; `limit` is 1 to 200."""
        return (await ask(self._running, msgwire.Search(query=query, limit=limit), msgwire.Users)).users

    async def get_user(self, *, uid: str | None = None, login: str | None = None) -> msgwire.User:
        """Look one account up."""
        return await ask(self._running, msgwire.GetUser(uid=uid, login=login), msgwire.User)

    async def request_contact(self, to: str, note: str | None = None) -> ContactView:
        """Ask somebody to be a contact."""
        return await self._contact(msgwire.ContactRequest(to=to, note=note))

    async def accept_contact(self, peer: str) -> ContactView:
        """Accept a pending request."""
        return await self._contact(msgwire.ContactAccept(peer=peer))

    async def decline_contact(self, peer: str) -> ContactView:
        """Decline a pending request."""
        return await self._contact(msgwire.ContactDecline(peer=peer))

    async def remove_contact(self, peer: str) -> ContactView:
        """End a contact, or take a request back."""
        return await self._contact(msgwire.ContactRemove(peer=peer))

    async def block(self, peer: str) -> None:
        """Block somebody, silently."""
        await self.request(msgwire.Block(peer=peer))
        await self._running.refresh_contacts()

    async def unblock(self, peer: str) -> None:
        """Take a block back."""
        await self.request(msgwire.Unblock(peer=peer))
        await self._running.refresh_contacts()

    # Search.

    async def search_messages(
        self, query: str, *, peer: str | None = None, before: str | None = None, limit: int = 50
    ) -> SearchHits:
        """Find messages by words on the server, in one conversation or in all; `before` is a message id."""
        frame = msgwire.SearchMessages(query=query, peer=peer, before=before, limit=limit)
        page = await ask(self._running, frame, msgwire.HistoryPage)
        return SearchHits(page.items, page.more)

    async def _contact(self, frame: msgwire.ClientFrame) -> ContactView:
        """Ask for a change; the reply is stored where it comes in."""
        reply = await ask(self._running, frame, msgwire.Contact)
        return self._running.hints.presences.view(contact_row(reply))


_OWN_FRAMES = (
    msgwire.Send,
    msgwire.Ack,
    msgwire.LogIn,
    msgwire.LogOut,
    msgwire.Register,
    msgwire.Authenticate,
    msgwire.Refresh,
)
