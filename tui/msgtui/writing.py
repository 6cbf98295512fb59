"""What happens between a key in the composer and the outbox: drafts, typing, edits, answers, sending in order."""

import asyncio
from collections.abc import Callable, Coroutine

from msgclient import Client, ClientError, LocalMessage

from .commands import Command, Slip, Text, completions, parse
from .desk import Refused
from .widgets.command_hint import CommandHint
from .widgets.composer import Composer
from .widgets.mode_bar import ModeBar

DRAFT_PAUSE_S = 0.7
"""A pause in typing after which the draft is written down."""

_TYPING_EVERY_MS = 4_000

Start = Callable[[Coroutine[object, object, None]], object]


class Writing:
    """One composer, for whichever conversation is open.

    Args:
        start: runs a coroutine beside the screen and tells its errors.
    """

    def __init__(
        self,
        client: Client,
        composer: Composer,
        mode: ModeBar,
        hint: CommandHint,
        now_ms: Callable[[], int],
        start: Start,
    ) -> None:
        self._client = client
        self._composer = composer
        self._mode = mode
        self._hint = hint
        self._now_ms = now_ms
        self._start = start
        self._peer: str | None = None
        self._editing: LocalMessage | None = None
        self._answering: LocalMessage | None = None
        self._kept = ""
        self._insisted = ""
        self._told_typing_at = 0
        self._draft_due: asyncio.TimerHandle | None = None
        self._in_order = asyncio.Lock()

    def open(self, peer: str | None) -> None:
        """Write to somebody else: the draft goes, theirs comes."""
        if peer == self._peer:
            return
        self.keep_draft()
        view = None if peer is None else self._client.conversation(peer)
        self._peer = peer
        self._leave_mode()
        self._kept = view.draft if view is not None else ""
        self._composer.put(self._kept)

    def changed(self) -> None:
        """The text has changed."""
        typed = self._composer.text
        self._hint.show(completions(typed), typed)
        if self._peer is None:
            return
        self._tell_typing(bool(typed) and not typed.startswith("/"))
        if self._draft_due is not None:
            self._draft_due.cancel()
        loop = asyncio.get_running_loop()
        self._draft_due = loop.call_later(DRAFT_PAUSE_S, self.keep_draft)

    def keep_draft(self) -> None:
        """Start to write the draft down as it is now, if it is another than the one that is."""
        draft = self._new_draft()
        if draft is not None:
            self._start(self._client.set_draft(*draft))

    async def close(self) -> None:
        """Write the draft down before the program ends."""
        draft = self._new_draft()
        if draft is not None:
            await self._client.set_draft(*draft)

    def _new_draft(self) -> tuple[str, str] | None:
        if self._draft_due is not None:
            self._draft_due.cancel()
            self._draft_due = None
        text = self._composer.text
        # What is being edited is no draft, and a command is none either.
        if self._peer is None or self._editing is not None or text == self._kept or text.startswith("/"):
            return None
        self._kept = text
        return self._peer, text

    def start_edit(self, message: LocalMessage) -> None:
        """Put an own message into the composer; the draft comes back afterwards."""
        self.keep_draft()
        self._editing, self._answering = message, None
        self._mode.show_edit()
        self._composer.put(message.text)
        self._composer.focus()

    def start_reply(self, message: LocalMessage) -> None:
        """What is sent next answers a message."""
        self._answering = message
        self._mode.show_reply(message)
        self._composer.focus()

    def cancel(self) -> bool:
        """Leave an edit or an answer; returns whether there was one."""
        was_editing, was_answering = self._editing is not None, self._answering is not None
        self._leave_mode()
        if was_editing:
            self._composer.put(self._kept)
        return was_editing or was_answering

    def submit(self, typed: str) -> Command | Text | None:
        """Enter was pressed. Gives back the text that is being sent, or a command to run; None for an edit.

        Raises `Refused` for a slip.
        """
        if self._peer is None:
            return None
        if self._editing is not None:
            self._start(self._save_edit(self._editing, typed))
            return None
        said = Text(typed) if typed == self._insisted else parse(typed)
        self._insisted = ""
        match said:
            case Slip():
                self._insisted = typed if said.may_insist else ""
                raise Refused(said.sentence)
            case Command():
                self._composer.put("")
            case Text():
                answering = self._answering.message_id if self._answering is not None else None
                self._composer.put("")
                self._leave_mode()
                self._start(self._send(self._peer, said.text.strip("\n"), answering))
        return said

    async def _send(self, peer: str, text: str, reply_to: str | None) -> None:
        async with self._in_order:
            try:
                await self._client.send(peer, text, reply_to=reply_to)
            except (ClientError, ValueError):
                # Nothing that was written may vanish.
                if peer == self._peer and not self._composer.text:
                    self._composer.put(text)
                raise
        self._tell_typing(False)
        if peer == self._peer and not self._composer.text:
            self.keep_draft()

    async def _save_edit(self, message: LocalMessage, text: str) -> None:
        assert message.message_id is not None  # only such messages can be edited
        if text != message.text:
            await self._client.edit(message.message_id, text)
        if self._editing is message:
            self.cancel()

    def _leave_mode(self) -> None:
        self._editing = self._answering = None
        self._mode.hide()

    def _tell_typing(self, active: bool) -> None:
        now_ms = self._now_ms()
        if self._peer is None or (active and now_ms - self._told_typing_at < _TYPING_EVERY_MS):
            return
        if not active and not self._told_typing_at:
            return
        self._told_typing_at = now_ms if active else 0
        try:
            self._client.typing(self._peer, active)
        except ClientError:
            pass  # a hint of the moment
