"""The queue in front of the hashing threads: bounded, honest about its length, and never on the event loop."""

import threading
from collections.abc import Callable

import pytest
import trio

from msgd.auth.argon2id import Argon2id, Verdict
from msgd.auth.passwords import Overloaded, Passwords
from msgd.config import Auth


class GatedArgon2id(Argon2id):
    """Verifies when the test says so, and remembers the threads that it ran in."""

    def __init__(self, settings: Auth) -> None:
        super().__init__(settings)
        self.gate = threading.Semaphore(0)
        self.threads: list[int] = []

    def verify(self, stored: str | None, password: str) -> Verdict:
        self.threads.append(threading.get_ident())
        self.gate.acquire()
        return Verdict(matches=stored == password)


@pytest.mark.trio
async def test_hash_and_verify_in_a_worker() -> None:
    passwords = Passwords(Auth(argon2_time=1, argon2_memory_kib=8))
    stored = await passwords.hash("correct horse")
    assert (await passwords.verify(stored, "correct horse")).matches
    assert not (await passwords.verify(None, "correct horse")).matches
    assert passwords.waiting == passwords.running == 0


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await trio.lowlevel.checkpoint()


@pytest.mark.trio
async def test_queue_is_bounded_and_says_when_to_come_back() -> None:
    argon2id = GatedArgon2id(Auth(argon2_memory_kib=8))
    passwords = Passwords(Auth(workers=2, queue_max=3, argon2_memory_kib=8), argon2id)
    verdicts: list[Verdict] = []

    async def check() -> None:
        verdicts.append(await passwords.verify("x", "x"))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(check)
        await until(lambda: passwords.waiting == 3 and len(argon2id.threads) == 2)
        with pytest.raises(Overloaded) as caught:
            await passwords.verify("x", "x")
        assert caught.value.retry_after_ms > 0
        assert (passwords.running, passwords.refused_total) == (2, 1)
        for _ in range(5):
            argon2id.gate.release()
    assert verdicts == [Verdict(matches=True)] * 5
    assert threading.get_ident() not in argon2id.threads


@pytest.mark.trio
async def test_waiting_time_follows_what_hashes_take() -> None:
    ticks = iter([0.0, 10.0])
    argon2id = GatedArgon2id(Auth(argon2_memory_kib=8))
    passwords = Passwords(Auth(workers=1, queue_max=1, argon2_memory_kib=8), argon2id, clock=lambda: next(ticks, 10.0))
    argon2id.gate.release()
    await passwords.verify("x", "x")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(passwords.verify, "x", "x")
        nursery.start_soon(passwords.verify, "x", "x")
        await until(lambda: passwords.waiting == 1 and len(argon2id.threads) == 2)
        with pytest.raises(Overloaded) as caught:
            await passwords.verify("x", "x")
        argon2id.gate.release()
        argon2id.gate.release()
    # A first guess of 50 ms, moved a fifth of the way towards the 10 s that were seen; two are ahead.
    assert caught.value.retry_after_ms == pytest.approx(2 * (50 + 0.2 * 9950), abs=1)


@pytest.mark.trio
async def test_one_who_gives_up_leaves_the_queue() -> None:
    argon2id = GatedArgon2id(Auth(argon2_memory_kib=8))
    passwords = Passwords(Auth(workers=1, queue_max=1, argon2_memory_kib=8), argon2id)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(passwords.verify, "x", "x")
        await until(lambda: len(argon2id.threads) == 1)
        scope = trio.CancelScope()

        async def gives_up() -> None:
            with scope:
                await passwords.verify("x", "x")

        nursery.start_soon(gives_up)
        await until(lambda: passwords.waiting == 1)
        scope.cancel()
        await until(lambda: passwords.waiting == 0)
        argon2id.gate.release()
    assert len(argon2id.threads) == 1
