"""A bad network in user space, because not every kernel has netem: packets between two namespaces come late or never.

Run as a program it holds one TUN device in each namespace and carries packets between them. Lines of JSON on standard
input set the conditions (`Conditions`); each is answered by a line of how many packets came and were lost so far.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from msgbench.calls.netns import Namespace
from msgbench.faults import Unusable

DEVICE = "air"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_MTU = 2048


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What the link does to packets in each direction; what is left out is perfect.

    Attributes:
        loss: share of packets that vanish, 0.0 to 1.0.
        burst: how many are lost in a row on average (a Gilbert model), 1 for independent losses.
        delay_ms: what each packet takes.
        jitter_ms: what a packet takes longer at most, evenly spread. Packets stay in order.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0


class Counts(msgspec.Struct, frozen=True):
    """Packets in both directions together."""

    came: int
    lost: int


@dataclass
class Direction:
    """What decides about the packets of one direction. Pure but for its own random numbers."""

    random: random.Random
    is_bad: bool = False
    last_at: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0, 0])

    def leaves_at(self, now_s: float, conditions: Conditions) -> float | None:
        """When a packet that came now goes on; None where it is lost."""
        self.counts[0] += 1
        if self._is_lost(conditions):
            self.counts[1] += 1
            return None
        late_ms = conditions.delay_ms + self.random.uniform(0, conditions.jitter_ms)
        self.last_at = max(self.last_at, now_s + late_ms / 1000)
        return self.last_at

    def _is_lost(self, conditions: Conditions) -> bool:
        if conditions.burst <= 1 or not conditions.loss:
            return self.random.random() < conditions.loss
        leave = 1 / conditions.burst
        enter = conditions.loss * leave / (1 - conditions.loss)
        self.is_bad = self.random.random() >= leave if self.is_bad else self.random.random() < enter
        return self.is_bad


class Link:
    """A link between two namespaces, as the laboratory uses it; a context manager. It starts perfect."""

    def __init__(self, one: Namespace, one_address: str, other: Namespace, other_address: str, seed: int) -> None:
        ends = [one.name, one_address, other.name, other_address]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", __name__, *ends, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def __enter__(self) -> Self:
        self.set(Conditions())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def set(self, conditions: Conditions) -> Counts:
        """Change the conditions from the next packet on; what came before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(conditions).decode() + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Unusable("the link between the namespaces has ended")
        return msgspec.json.decode(line, type=Counts)


def _open_device(namespace: str, address: str) -> int:
    """Move this thread into a namespace and make the device there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", namespace).open("rb") as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", DEVICE.encode(), _IFF_TUN_NO_PI))
    for words in (f"addr add {address}/24 dev {DEVICE}", f"link set dev {DEVICE} up"):
        subprocess.run(["ip", *words.split()], check=True)
    return device


def _carry(devices: tuple[int, int], seed: int) -> None:
    conditions = Conditions()
    directions = [Direction(random.Random(seed * 2 + side)) for side in range(2)]
    waiting: list[tuple[float, int, int, bytes]] = []
    number = 0
    commands = sys.stdin.buffer
    while True:
        wait_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([*devices, commands], [], [], wait_s)
        if commands in readable:
            line = commands.readline()
            if not line:
                return
            conditions = msgspec.json.decode(line, type=Conditions)
            came, lost = (sum(direction.counts[n] for direction in directions) for n in (0, 1))
            sys.stdout.write(msgspec.json.encode(Counts(came, lost)).decode() + "\n")
            sys.stdout.flush()
        for side, device in enumerate(devices):
            for packet in _packets(device) if device in readable else ():
                at_s = directions[side].leaves_at(time.monotonic(), conditions)
                if at_s is not None:
                    number += 1
                    heapq.heappush(waiting, (at_s, number, devices[1 - side], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, device, packet = heapq.heappop(waiting)
            try:
                os.write(device, packet)
            except OSError:
                pass  # the device is full or down: a lost packet, as on any link


def _packets(device: int) -> list[bytes]:
    packets: list[bytes] = []
    while len(packets) < 64:
        try:
            packet = os.read(device, _MTU)
        except BlockingIOError:
            break
        if packet[0] >> 4 == 4:  # the kernel's own IPv6 chatter is not part of the link
            packets.append(packet)
    return packets


def main() -> None:
    """Carry packets until standard input ends: NAMESPACE ADDRESS NAMESPACE ADDRESS SEED."""
    one, one_address, other, other_address, seed = sys.argv[1:]
    _carry((_open_device(one, one_address), _open_device(other, other_address)), int(seed))


if __name__ == "__main__":
    main()
