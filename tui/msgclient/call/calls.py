"""Calls for one client: what a face or a bot uses beside its `Client`, on asyncio and on trio."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from ..client import Client
from ..state import Online
from . import messages
from .live_call import LiveCall
from .machine import State
from .messages import CardSound, SoundSpec
from .pins import Pins
from .supervisor import ENGINE, Supervisor
from .switchboard import Switchboard
from .view import CallsView, CallView
from .watching import Watched, Watcher

_DEVICES_WAIT_S = 10.0


class CallImpossible(Exception):
    """What was asked cannot be done now; the text is a sentence for the person."""


class Calls:
    """Places and takes calls, one at a time.

    ::

        async with Client(profile) as client, Calls(client) as calls:
            await calls.place("romeo")
            async for view in calls.watch():
                ...

    The engine, a process of its own, starts with the block. Everything that can be shown is in `view`; `watch` gives a
    new one after each change. What makes no sense at the moment raises `CallImpossible`.

    Args:
        client: the connection, inside its own block. Verified keys and the device's certificate are kept in the folder
            of its profile; entering raises `PinsUnreadable`.
        sound: what is spoken into and heard from a call; the default sound cards where None.
        relay_only: never show an own address to the other side; then a call needs a relay.
        answers: take every call at once, as bots do.
        rings: whether tones are played while it rings.
        engine: the command that starts the engine.
    """

    def __init__(
        self,
        client: Client,
        *,
        sound: SoundSpec | None = None,
        relay_only: bool = False,
        answers: bool = False,
        rings: bool = True,
        engine: Sequence[str] = ENGINE,
    ) -> None:
        self._client = client
        folder = client.profile.folder
        self._pins = Pins(folder / "call_keys.json")
        self._board = Switchboard(client, self._pins, self._changed)
        self._board.relay_only, self._board.answers, self._board.rings = relay_only, answers, rings
        configure = messages.Configure(
            identity_file=str(folder / "call_identity.pem"), sound=CardSound() if sound is None else sound
        )
        self._engine = Supervisor(configure, self._reported, self._engine_stopped, command=engine)
        self._engine_sentence: str | None = None
        self._mic_level: int | None = None
        self._waiting: list[_Waiting] = []
        self._views: Watched[CallsView] = Watched(CallsView())
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._board.start(self._tasks, self._engine)
        self._tasks.start_soon(self._engine.run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Hang up, and stop the engine. What the block raises comes out as it is, not in a group."""
        assert self._tasks is not None, "it was entered"
        tasks, self._tasks = self._tasks, None
        tasks.cancel_scope.cancel()
        try:
            if kind is not None and issubclass(kind, anyio.get_cancelled_exc_class()):
                return await tasks.__aexit__(kind, error, trace)
            await tasks.__aexit__(None, None, None)
            return None
        finally:
            self._board.close()

    # What is known now.

    @property
    def view(self) -> CallsView:
        """Everything about calls, now."""
        return self._views.value

    @property
    def relay_only(self) -> bool:
        """Whether only relays are used; a change holds from the next connection on."""
        return self._board.relay_only

    @relay_only.setter
    def relay_only(self, on: bool) -> None:
        self._board.relay_only = on

    def watch(self) -> Watcher[CallsView]:
        """The views from now on, the current one first; who is slow finds only the newest."""
        return self._views.watch()

    async def wait_for(self, wanted: Callable[[CallsView], bool]) -> CallsView:
        """Wait for a view, and return it; the current one counts."""
        async for view in self.watch():
            if wanted(view):
                return view
        raise AssertionError("a watcher has no end")

    # The call.

    async def place(self, to: str) -> CallView:
        """Call somebody, by login or uid. Returns once the server lets it ring, or refuses: `state` says which."""
        call = self._board.call
        if call is not None and call.state is State.INCOMING and to in {call.view.peer, call.view.login}:
            call.answer()
            return call.view
        fingerprint = self._need_engine()
        if self._board.is_busy:
            raise CallImpossible("There is a call already.")
        if not isinstance(self._client.state, Online):
            raise CallImpossible("There is no connection to the server.")
        return (await self._board.place(to, fingerprint)).view

    def answer(self) -> None:
        """Take the call that rings."""
        self._need_engine()
        self._need(State.INCOMING).answer()

    def decline(self, *, busy: bool = False) -> None:
        """Do not take the call that rings; with `busy`, the caller is told that instead."""
        self._need(State.INCOMING).decline("busy" if busy else "declined")

    def hang_up(self) -> None:
        """End the call, in whatever state it is."""
        self._need().hang_up()

    def hold(self) -> None:
        """Hold the call: neither side hears the other."""
        self._need(State.ACTIVE, State.HELD, State.RECONNECTING).hold(held=True)

    def resume(self) -> None:
        """Take back an own hold."""
        self._need(State.HELD, State.RECONNECTING).hold(held=False)

    def mute(self, on: bool = True) -> None:
        """Send silence, or sound again. Push-to-talk is to unmute while the key is down."""
        self._need().mute(on)

    def deafen(self, on: bool = True) -> None:
        """Hear nothing, or the other side again."""
        self._need().deafen(on)

    def set_volume(self, percent: int) -> None:
        """How loud the other side is played, 0 to 200; 100 is as it comes."""
        self._engine.send(messages.Volume(percent=percent))

    def silence_ringing(self) -> None:
        """Let it ring without a sound."""
        self._engine.send(messages.Ring(tone=None))

    def confirm_code(self) -> None:
        """Both have read the same code aloud: that device of theirs is known from now on."""
        self._need().confirm_code()

    def forget_verification(self, peer: str) -> None:
        """Take back what was ever confirmed about an account, by uid."""
        self._pins.forget(peer)

    # Sound devices.

    def use_devices(self, capture: str | None = None, playback: str | None = None) -> None:
        """Other sound devices, by name, from now on and in the middle of a call; None is the default one."""
        self._engine.send(messages.UseDevices(capture=capture, playback=playback))

    async def devices(self) -> messages.Devices:
        """The sound devices there are, or in `sentence` why there are none."""
        self._need_engine()
        waiting = _Waiting()
        self._waiting.append(waiting)
        self._engine.send(messages.ListDevices())
        with anyio.move_on_after(_DEVICES_WAIT_S):
            await waiting.event.wait()
        if waiting.devices is None:
            raise CallImpossible("The sound system does not answer.")
        return waiting.devices

    def check_microphone(self, seconds: float = 10.0) -> None:
        """Let the person hear the own microphone a second later; `view.mic_level` is its meter meanwhile."""
        self._need_engine()
        if self._board.is_busy:
            raise CallImpossible("The microphone cannot be checked during a call.")
        self._mic_level = 0
        self._engine.send(messages.MicCheck(seconds=seconds))
        self._changed()

    # What the engine says.

    def _reported(self, report: messages.Report) -> None:
        match report:
            case messages.Ready():
                self._board.fingerprint = bytes.fromhex(report.fingerprint)
                self._engine_sentence = None
                self._changed()
            case messages.Devices():
                waiting, self._waiting = self._waiting, []
                for one in waiting:
                    one.devices = report
                    one.event.set()
            case messages.Levels() if self._mic_level is not None:
                self._mic_level = report.near
                self._changed()
            case messages.MicChecked():
                self._mic_level = None
                self._changed()
            case _:
                self._board.reported(report)

    def _engine_stopped(self, sentence: str) -> None:
        self._engine_sentence = sentence
        self._mic_level = None
        self._board.fingerprint = None
        self._board.engine_stopped(sentence)
        self._changed()

    def _changed(self) -> None:
        call = self._board.call
        self._views.put(
            CallsView(
                call=None if call is None else call.view,
                is_ready=self._engine.is_ready,
                engine_sentence=self._engine_sentence,
                mic_level=self._mic_level,
            )
        )

    def _need_engine(self) -> bytes:
        if self._board.fingerprint is None:
            raise CallImpossible(self._engine_sentence or "The call engine is still starting.")
        return self._board.fingerprint

    def _need(self, *states: State) -> LiveCall:
        call = self._board.call
        if call is None or call.view.is_over or (states and call.state not in states):
            raise CallImpossible("There is no call to do that with.")
        return call


class _Waiting:
    """Somebody who has asked for the devices."""

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.devices: messages.Devices | None = None
