"""A relay of a few lines with one fault on request: what the generator must accept, and what it must refuse."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Frame = dict[str, Any]


@dataclass
class Mailbox:
    """One account's events, and the socket that reads them."""

    head: int = 0
    acknowledged: int = 0
    socket: ServerConnection | None = None
    waiting: list[Frame] = field(default_factory=list)


@dataclass
class Relay:
    """Serves `authenticate`, `send`, `ack` and `ping`; the token is the uid.

    Attributes:
        fault: What to do wrong at the `at`-th message; empty for nothing.
        stall_s: How long the whole server stands still at the `at`-th message.
        older: Events that wait in each mailbox when it is opened.
        in_pieces: Send each message in fragments, with a ping before it.
    """

    fault: str = ""
    at: int = 20
    stall_s: float = 0.0
    older: int = 0
    in_pieces: bool = False
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    sends: int = 0
    closed: list[int] = field(default_factory=list)

    async def serve(self, socket: ServerConnection) -> None:
        uid = ""
        await socket.send(json.dumps({"type": "hello", "protocol": "msgd.v1", "limits": {"window": 256}}))
        try:
            async for message in socket:
                frames = json.loads(message)
                for frame in frames if isinstance(frames, list) else [frames]:
                    uid = await self.take(socket, uid, frame)
                await self.flush()
        except ConnectionClosed:
            pass
        self.closed.append(self.mailboxes[uid].acknowledged if uid else -1)

    async def flush(self) -> None:
        for mailbox in self.mailboxes.values():
            waiting, mailbox.waiting = mailbox.waiting, []
            if mailbox.socket is not None and waiting:
                # White space and an array of one are as good as none.
                await self.write(mailbox.socket, json.dumps(waiting, indent=1 if len(waiting) == 1 else None))

    async def write(self, socket: ServerConnection, text: str) -> None:
        if self.in_pieces:
            await socket.ping()
            await socket.send([text[:7], text[7:50], text[50:]])
        else:
            await socket.send(text)

    async def take(self, socket: ServerConnection, uid: str, frame: Frame) -> str:
        kind = frame["type"]
        if kind == "authenticate":
            uid = frame["access_token"]
            mailbox = self.mailboxes[uid] = Mailbox(socket=socket)
            self.push(mailbox, {"type": "ready", "re": frame["request_id"], "cursor": 0, "head": self.older})
            for _ in range(self.older):
                self.event(mailbox, {"kind": "contact", "note": 'a \\ and a " in {braces]'})
        elif kind == "ack":
            self.mailboxes[uid].acknowledged = frame["seq"]
        elif kind == "ping":
            self.push(self.mailboxes[uid], {"type": "pong", "re": frame["request_id"], "at": 1})
        elif kind == "send":
            await self.relay(self.mailboxes[uid], self.mailboxes[frame["to"]], frame)
        return uid

    async def relay(self, sender: Mailbox, receiver: Mailbox, frame: Frame) -> None:
        self.sends += 1
        fault = self.fault if self.sends == self.at else ""
        if self.sends == self.at and self.stall_s:
            threading.Event().wait(self.stall_s)
        message = {"client_message_id": frame["client_message_id"], "text": frame["text"]}
        if fault == "altered":
            message["text"] = frame["text"][:-1] + "y"
        if fault == "refused":
            self.push(sender, {"type": "error", "re": frame["request_id"], "code": "rate_limited", "message": "slow"})
            return
        if fault == "hole":
            receiver.head += 1
        if fault != "unsent":
            sender.head += 1
            sent = {"type": "sent", "re": frame["request_id"], "seq": sender.head, **message}
            self.push(sender, sent)
            if fault == "sent twice":
                self.push(sender, sent)
        if fault != "lost":
            self.event(receiver, {"kind": "message", **message})
        if fault == "repeated":
            self.event(receiver, {"kind": "message", **message})
        if fault == "seq twice":
            receiver.head -= 1
            self.event(receiver, {"kind": "message", **message})
        if fault == "closed" and receiver.socket is not None:
            await receiver.socket.close(1013)

    @staticmethod
    def push(mailbox: Mailbox, frame: Frame) -> None:
        mailbox.waiting.append(frame)

    def event(self, mailbox: Mailbox, event: Frame) -> None:
        mailbox.head += 1
        self.push(mailbox, {"type": "event", "seq": mailbox.head, "at": 1, "event": event})


@contextmanager
def served(relay: Relay, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve in a thread on a free port of loopback until the block ends."""
    loop = asyncio.new_event_loop()
    stop, ports = asyncio.Event(), []
    listening = threading.Event()

    async def main() -> None:
        protocols = [Subprotocol("msgd.v1")]
        async with serve(relay.serve, "127.0.0.1", 0, subprotocols=protocols, compression=None, ssl=tls) as server:
            ports.append(server.sockets[0].getsockname()[1])
            listening.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    listening.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
