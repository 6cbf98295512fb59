"""A person with a client, as a process of its own: does what stdin says, tells on stdout what the screen would show.

`python -m tests.call.person --server URL --folder DIR --login NAME [--play FILE] [--record FILE] [--echo] [--relay]`
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

from msgclient import Client, Profile
from msgclient.call.calls import CallImpossible, Calls
from msgclient.call.messages import CardSound, EchoSound, FileSound, SoundSpec
from msgclient.call.view import CallsView

PASSWORD = "a password of the tests"


async def accept_any(question: object) -> bool:
    return True


def tell(kind: str, **more: Any) -> None:
    print(json.dumps({"kind": kind, **more}), flush=True)


def picture(view: CallsView) -> dict[str, Any]:
    call = view.call
    shown = None
    if call is not None:
        shown = asdict(call)
        shown["code"] = [sign.name for sign in call.code]
    return {"ready": view.is_ready, "engine": view.engine_sentence, "call": shown}


async def show(calls: Calls) -> None:
    async for view in calls.watch():
        tell("view", **picture(view))


async def obey(client: Client, calls: Calls, words: list[str]) -> None:
    match words:
        case ["place", to]:
            await calls.place(to)
        case ["befriend", to]:
            await client.request_contact(to)
        case ["welcome", peer]:
            await client.accept_contact(peer)
        case ["devices"]:
            found = await calls.devices()
            tell("devices", backend=found.backend, inputs=found.inputs, outputs=found.outputs, sentence=found.sentence)
        case ["use", capture, playback]:
            calls.use_devices(capture or None, playback or None)
        case [("answer" | "decline" | "hang_up" | "hold" | "resume" | "confirm_code") as act]:
            getattr(calls, act)()
        case ["mute", on]:
            calls.mute(on == "on")
        case ["engine_pid"]:
            tell("pid", pid=calls._engine.pid)
        case ["history", peer]:
            await client.fetch_history(peer)
            items = [message.call for message in client.messages(peer) if message.call is not None]
            tell("history", calls=[(item.outcome, item.direction, item.duration_ms) for item in items])
        case _:
            raise AssertionError(words)


async def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--server", "--folder", "--login", "--play", "--record"):
        parser.add_argument(name)
    for name in ("--echo", "--relay", "--cards", "--answers"):
        parser.add_argument(name, action="store_true")
    options = parser.parse_args()
    sound: SoundSpec = FileSound(play=options.play, record=options.record)
    if options.echo:
        sound = EchoSound()
    elif options.cards:
        sound = CardSound()
    profile = Profile.create("me", options.server, Path(options.folder))
    async with Client(profile, on_certificate=accept_any) as client:
        if client.me is None:
            try:
                await client.register(options.login, PASSWORD)
            except Exception:
                pass  # this is another device of the same account
            await client.log_in(options.login, PASSWORD)
        calling = Calls(client, sound=sound, relay_only=options.relay, answers=options.answers)
        async with calling as calls, anyio.create_task_group() as tasks:
            tasks.start_soon(show, calls)
            while line := await anyio.to_thread.run_sync(sys.stdin.readline):
                try:
                    await obey(client, calls, line.split())
                    tell("done", did=line.strip())
                except CallImpossible as impossible:
                    tell("impossible", sentence=str(impossible))
            tasks.cancel_scope.cancel()
    tell("bye")


if __name__ == "__main__":
    anyio.run(main)
