"""What one connection has received, and the promises that every connection keeps, checked without any I/O.

Frames go in as they came off the wire; what stands in the inbox comes out by type. A broken promise raises
`Broken`: a field of the wrong kind, a second reply, a hole in `seq`, an event twice, more events than the window.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from .contract import ERROR, EVENTS, PUSHES, REPLIES, Frame, faults


class Broken(AssertionError):
    """The server broke the contract."""


class Transcript:
    """The frames of one connection in the order in which they came."""

    def __init__(self) -> None:
        self.hello: Frame = {}
        self.replies: dict[str, Frame] = {}
        self.answered: list[str] = []  # request ids in the order of their replies
        self.pushes: deque[Frame] = deque()
        self.events: deque[Frame] = deque()
        self.ready: Frame = {}
        self.position = 0  # the highest seq that came, as an event or as `sent`
        self.frames = 0
        self.messages = 0
        self._acked = 0
        self._open: set[str] = set()
        self._seen_as_sent: set[int] = set()
        self._outstanding: deque[int] = deque()

    def asked(self, request_id: str) -> None:
        """A request went out, and exactly one reply may come for it."""
        self._open.add(request_id)

    def acked(self, seq: int) -> None:
        """The client acknowledged everything up to `seq`; past what there is, that says nothing."""
        there_is = max(self.position, self.ready.get("head", 0))
        self._acked = max(self._acked, min(seq, there_is))
        while self._outstanding and self._outstanding[0] <= self._acked:
            self._outstanding.popleft()

    @property
    def is_behind(self) -> bool:
        """Whether something came that is not yet acknowledged."""
        return self.position > self._acked

    def take(self, raw: str) -> None:
        """Take one text message off the wire: a frame, or an array of frames."""
        self.messages += 1
        value = json.loads(raw)
        for frame in value if isinstance(value, list) else [value]:
            self.frames += 1
            self._take_frame(frame)

    def _take_frame(self, frame: Any) -> None:
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            raise Broken(f"not a frame: a {type(frame).__name__} without a type")
        kind = frame["type"]
        if self.frames == 1:
            if kind != "hello":
                raise Broken(f"the first frame is {kind}, not hello")
            self._check(frame, PUSHES["hello"])
            self.hello = frame
            return
        if kind == "hello":
            raise Broken("a second hello")
        if kind == "error":
            self._take_error(frame)
        elif "re" in frame:
            self._check(frame, REPLIES.get(kind, {}))
            self._answer(frame)
        else:
            self._take_push(frame)

    def _take_error(self, frame: Frame) -> None:
        self._check(frame, ERROR)
        if frame["code"] == "internal":
            raise Broken(f"an internal error: {frame}")
        if frame.get("re") is None:
            self.pushes.append(frame)
        else:
            self._answer(frame)

    def _answer(self, frame: Frame) -> None:
        request_id = frame["re"]
        if not isinstance(request_id, str) or request_id not in self._open:
            raise Broken(f"a {frame['type']} for {request_id!r}, which is answered already or was never asked")
        self._open.discard(request_id)
        self.answered.append(request_id)
        if frame["type"] == "ready":
            self._take_ready(frame)
        elif frame["type"] == "sent":
            self._take_sent(frame["seq"])
        self.replies[request_id] = frame

    def _take_push(self, frame: Frame) -> None:
        kind = frame["type"]
        self._check(frame, PUSHES.get(kind, {}))
        if kind == "event":
            self._take_event(frame)
            return
        if kind == "ready":
            self._take_ready(frame)
        self.pushes.append(frame)

    def _take_ready(self, frame: Frame) -> None:
        if frame["cursor"] > frame["head"]:
            raise Broken(f"the stream starts at {frame['cursor']}, past its head {frame['head']}")
        self.ready = frame
        self.position = self._acked = frame["cursor"]
        self._outstanding.clear()

    def _take_sent(self, seq: int) -> None:
        """`sent` stands for the event where its seq directly follows the last one that came."""
        if seq == self.position + 1:
            self.position = seq
            self._seen_as_sent.add(seq)

    def _take_event(self, frame: Frame) -> None:
        seq = frame["seq"]
        if not self.ready:
            raise Broken("an event before ready")
        if seq > self.position + 1:
            raise Broken(f"a hole: event {seq} follows {self.position}")
        if seq <= self.position:
            if seq not in self._seen_as_sent:
                raise Broken(f"event {seq} came again after {self.position}")
            self._seen_as_sent.discard(seq)
            return
        self.position = seq
        if seq > self._acked:
            self._outstanding.append(seq)
        window = self.hello["limits"]["window"]
        if len(self._outstanding) > window:
            raise Broken(f"{len(self._outstanding)} events are not acknowledged, the window is {window}")
        self._check(frame["event"], EVENTS.get(frame["event"]["kind"], {}), f"event {frame['event']['kind']}")
        self.events.append(frame)

    @staticmethod
    def _check(frame: Frame, fields: Any, label: str = "") -> None:
        found = faults(frame, fields)
        if found:
            raise Broken(f"{label or frame['type']}: {'; '.join(found)}")

    def take_push(self, wanted: Callable[[Frame], bool]) -> Frame | None:
        """The first push in the inbox that is wanted; it leaves the inbox."""
        return _first(self.pushes, wanted)

    def take_event(self, wanted: Callable[[Frame], bool]) -> Frame | None:
        """The first event in the inbox whose body is wanted; it leaves the inbox."""
        return _first(self.events, lambda frame: wanted(frame["event"]))


def _first(inbox: deque[Frame], wanted: Callable[[Frame], bool]) -> Frame | None:
    for place, frame in enumerate(inbox):
        if wanted(frame):
            del inbox[place]
            return frame
    return None
