"""Handlers of text: sending, acknowledging, history, search, edits, read markers, typing."""

from collections.abc import Awaitable, Sequence
from typing import TypeVar, cast

import msgspec
import trio

from msgd.clock import epoch_ms
from msgd.link import Link, Refused
from msgd.people import Person
from msgd.service import Service
from msgd.store.commands import DeleteMessage, EditMessage, MarkRead, SendMessage
from msgd.store.interface import Committed, Outcome, Page, ReadRow, Rejected, SentRow
from msgwire import (
    Ack,
    Conversations,
    ConversationsPage,
    Delete,
    Edit,
    ErrorCode,
    History,
    HistoryPage,
    Ok,
    Read,
    ReadMarker,
    SearchMessages,
    Send,
    Sent,
    Typing,
    TypingPush,
    encode,
)

DEFAULT_PAGE = 50

T = TypeVar("T", bound=msgspec.Struct)


def _check_text(service: Service, text: str) -> None:
    most = service.settings.limits.max_text_bytes
    # UTF-8 takes at most four bytes for each character: most texts need no encoding to be judged.
    if len(text) * 4 > most and len(text.encode()) > most:
        raise Refused(ErrorCode.TOO_LARGE, f"A text has at most {most} bytes of UTF-8.")


def send(service: Service, link: Link, frame: Send) -> Awaitable[None] | None:
    """Store a message; its `sent` leaves after the durable commit, and never before."""
    _check_text(service, frame.text)
    peer = service.directory.get(frame.to)
    if peer is None:
        return _send_to_new(service, link, frame)
    _submit(service, link, frame, peer)
    return None


async def _send_to_new(service: Service, link: Link, frame: Send) -> None:
    _submit(service, link, frame, await service.resolve(link, frame.to))


def _submit(service: Service, link: Link, frame: Send, peer: Person) -> None:
    command = SendMessage(
        at=epoch_ms(),
        sender=link.account,
        receiver=peer.account,
        text=frame.text,
        client_message_id=frame.client_message_id,
        reply_to=frame.reply_to,
        receiver_live=service.online.is_live(peer.account),
    )
    link.pending()
    service.store.submit(command, _Sending(service, link, frame, command).done)


class _Sending:
    """A message on its way to the disk. It refers to nothing that refers to it, so that it goes once it is done."""

    __slots__ = ("_command", "_frame", "_link", "_service", "_started", "_tried")

    def __init__(self, service: Service, link: Link, frame: Send, command: SendMessage) -> None:
        self._service = service
        self._link = link
        self._frame = frame
        self._command = command
        self._started = trio.current_time()
        self._tried = False

    def done(self, outcome: Outcome) -> None:
        """Answer the sender."""
        service, link, frame = self._service, self._link, self._frame
        if isinstance(outcome, Committed):
            link.settled()
            service.relieve()
            self._sent(outcome.result)
            return
        if isinstance(outcome, Rejected) and outcome.code is ErrorCode.MAILBOX_FULL and not self._tried:
            # Acknowledgments are written behind: the mailbox is full only if it is with those counted.
            self._tried = True
            if service.delivery.flush():
                service.store.submit(self._command, self.done)
                return
        link.settled()
        service.relieve()
        service.explain(link, frame, outcome)

    def _sent(self, row: SentRow) -> None:
        link, frame = self._link, self._frame
        if not row.duplicate:
            self._service.metrics.stored(trio.current_time() - self._started)
        if frame.request_id is None:
            return
        # The reply stands for the event where that is next; else the event comes in its turn.
        if not row.duplicate and link.stream is not None:
            link.stream.sent(row.seq)
        link.connection.send(
            encode(
                Sent(
                    re=frame.request_id,
                    message_id=row.message_id,
                    client_message_id=frame.client_message_id,
                    at=row.at,
                    seq=row.seq,
                    status="delivered_live" if row.live else "stored",
                )
            )
        )


def ack(service: Service, link: Link, frame: Ack) -> None:
    """Take an acknowledgment; it needs no reply, but gets one if it asks."""
    if link.here is not None:
        service.delivery.acknowledge(link, link.here, frame.seq)
    if frame.request_id is not None:
        link.reply(frame, Ok())


def _page(service: Service, limit: int | None) -> int:
    return min(limit or DEFAULT_PAGE, service.settings.limits.history_page)


async def history(service: Service, link: Link, frame: History) -> None:
    """A page of a conversation."""
    if frame.before is not None and frame.after is not None:
        raise Refused(ErrorCode.BAD_FRAME, "Ask for what is before or what is after, not both.")
    peer = await service.resolve(link, frame.peer)
    await link.wait_settled()
    page = await service.store.history(
        link.account, peer.account, before=frame.before, after=frame.after, limit=_page(service, frame.limit)
    )
    link.reply(frame, _newest(service, page) if frame.after is None else _oldest(service, page))


def _fitting(service: Service, parts: Sequence[T]) -> list[T]:
    """The first parts, as many as one message may carry: at least one."""
    left = service.page_bytes
    kept: list[T] = []
    for part in parts:
        left -= len(encode(part))
        if kept and left < 0:
            break
        kept.append(part)
    return kept


def _newest(service: Service, page: Page) -> HistoryPage:
    """The newest items of a page, as many as fit; the next page, before them, has the rest."""
    kept = _fitting(service, page.items[::-1])[::-1]
    return HistoryPage(items=kept, more=page.more or len(kept) < len(page.items))


def _oldest(service: Service, page: Page) -> HistoryPage:
    """The oldest items of a page, as many as fit; the next page, after them, has the rest."""
    kept = _fitting(service, page.items)
    return HistoryPage(items=kept, more=page.more or len(kept) < len(page.items))


async def search_messages(service: Service, link: Link, frame: SearchMessages) -> None:
    """Find messages by words."""
    assert link.person is not None
    wait_ms = service.search_throttle.spend(link.person.uid, trio.current_time())
    if wait_ms:
        service.metrics.throttled("search")
        raise Refused(ErrorCode.RATE_LIMITED, "Too many searches: wait.", retry_after_ms=wait_ms)
    peer = None if frame.peer is None else (await service.resolve(link, frame.peer)).account
    await link.wait_settled()
    page = await service.store.search_messages(
        link.account, frame.query, peer=peer, before=frame.before, limit=_page(service, frame.limit)
    )
    link.reply(frame, _newest(service, page))


async def conversations(service: Service, link: Link, frame: Conversations) -> None:
    """Conversations at a glance."""
    await link.wait_settled()
    await service.delivery.wait_written()
    rows, more = await service.store.conversations(link.account, before=frame.before, limit=_page(service, frame.limit))
    kept = _fitting(service, rows)
    link.reply(frame, ConversationsPage(conversations=kept, more=more or len(kept) < len(rows)))


async def edit(service: Service, link: Link, frame: Edit) -> None:
    """Change one's own message."""
    _check_text(service, frame.text)
    await service.store.append(
        EditMessage(at=epoch_ms(), account=link.account, message_id=frame.message_id, text=frame.text)
    )
    link.reply(frame, Ok())


async def delete(service: Service, link: Link, frame: Delete) -> None:
    """Delete one's own message for both sides."""
    await service.store.append(DeleteMessage(at=epoch_ms(), account=link.account, message_id=frame.message_id))
    link.reply(frame, Ok())


async def read(service: Service, link: Link, frame: Read) -> None:
    """Move the read marker; the writer hears of it, and so do this account's other devices."""
    assert link.person is not None
    peer = await service.resolve(link, frame.peer)
    committed = await service.store.append(
        MarkRead(at=epoch_ms(), account=link.account, peer=peer.account, message_id=frame.message_id)
    )
    row = cast("ReadRow", committed.result)
    link.reply(frame, Ok())
    if row.moved and link.here is not None:
        if not service.online.blocks(link.person.uid, peer.uid):
            service.delivery.receipt(peer.uid, link.person.uid, read_up_to=row.message_id)
        link.here.push(encode(ReadMarker(peer=peer.uid, message_id=row.message_id)), but=link)


async def typing(service: Service, link: Link, frame: Typing) -> None:
    """Pass on that the person types; never to or from somebody who is blocked."""
    assert link.person is not None
    peer = await service.resolve(link, frame.to)
    link.reply(frame, Ok())
    uid = link.person.uid
    if not service.online.blocks(peer.uid, uid) and not service.online.blocks(uid, peer.uid):
        service.push(peer.account, encode(TypingPush(sender=uid, active=frame.active)), but=link)
