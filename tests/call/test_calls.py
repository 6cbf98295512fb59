"""Whole calls: a real daemon, real clients, real engines, two hosts with a cable between them."""

import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .sound import power_at, rms, tone
from .stage import ROOT, Daemon, Person, inside, ip, needs_namespaces, two_hosts

pytestmark = [needs_namespaces, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str]]:
    with two_hosts() as names:
        yield names


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, hosts: tuple[str, str]) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("daemon"), hosts[1], "10.77.0.2:8443")
    yield daemon
    daemon.close()


Make = Callable[..., Person]


@pytest.fixture
def people(tmp_path: Path, daemon: Daemon, hosts: tuple[str, str]) -> Iterator[Make]:
    made: list[Person] = []

    def make(login: str, *options: str, host: int = 0, device: str = "") -> Person:
        person = Person(tmp_path / (login + device), login, daemon.url, *options, namespace=hosts[host])
        made.append(person)
        person.until_ready()
        return person

    yield make
    for person in made:
        person.close()


def sound_file(path: Path, hertz: float, seconds: float = 60.0) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        second = tone(1.0, hertz)
        file.writeframes(second * int(seconds))
    return path


def heard(path: Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        return file.readframes(file.getnframes())


def test_two_people_hear_each_other(people: Make, tmp_path: Path) -> None:
    mine, theirs = sound_file(tmp_path / "a.wav", 440), sound_file(tmp_path / "b.wav", 880)
    juliet = people("juliet1", "--play", str(mine), "--record", str(tmp_path / "heard-a.wav"))
    romeo = people("romeo1", "--play", str(theirs), "--record", str(tmp_path / "heard-b.wav"), host=1)
    started = time.monotonic()
    juliet.do("place", "romeo1")
    assert romeo.until_state("incoming")["login"] == "juliet1"
    romeo.do("answer")
    at_juliet, at_romeo = juliet.until_state("active"), romeo.until_state("active")
    assert time.monotonic() - started < 3
    assert at_juliet["code"] == at_romeo["code"]
    assert len(at_juliet["code"]) == 6
    assert at_juliet["setup_ms"] < 1000
    assert juliet.until(lambda call: call["path"])["path"] == "direct"
    time.sleep(3)
    juliet.do("hang_up")
    for person in (juliet, romeo):
        ended = person.until_state("ended", timeout_s=2)
        assert ended["reason"] == "hangup"
        assert ended["talked_s"] > 2
        assert ended["verdict"]
    for person in (juliet, romeo):
        person.close()
    for name, hertz in (("heard-a.wav", 880), ("heard-b.wav", 440)):
        sound = heard(tmp_path / name)[-2 * 96000 : -96000]
        assert rms(sound) > 2000
        assert power_at(sound, hertz) > 0.8


def test_hold_and_resume_are_seen_on_both_sides(people: Make) -> None:
    juliet, romeo = people("juliet2"), people("romeo2", "--answers", host=1)
    juliet.do("place", "romeo2")
    for person in (juliet, romeo):
        person.until_state("active")
    juliet.do("hold")
    assert romeo.until_state("held")["is_held_there"]
    romeo.do("hold")
    assert juliet.until(lambda call: call["is_held_here"])["state"] == "held"
    juliet.do("resume")
    assert juliet.until(lambda call: not call["is_held_here"] and call["is_held_there"])["state"] == "held"
    romeo.do("resume")
    for person in (juliet, romeo):
        person.until_state("active")
    juliet.do("hang_up")
    romeo.until_state("ended")


@pytest.mark.parametrize(
    ("act", "caller_reason", "callee_reason"),
    [("decline", "declined", "declined"), ("cancel", "cancelled", "cancelled")],
)
def test_a_call_that_is_not_taken_ends_on_both_sides_within_a_second(
    people: Make, act: str, caller_reason: str, callee_reason: str
) -> None:
    juliet, romeo = people(f"juliet-{act}"), people(f"romeo-{act}", host=1)
    juliet.do("place", f"romeo-{act}")
    romeo.until_state("incoming")
    if act == "decline":
        romeo.do("decline")
    else:
        juliet.do("hang_up")
    assert juliet.until_state("ended", timeout_s=1)["reason"] == caller_reason
    assert romeo.until_state("ended", timeout_s=1)["reason"] == callee_reason


def test_who_is_busy_or_away_is_told_of_at_once(people: Make) -> None:
    juliet, romeo, paris = people("juliet4"), people("romeo4", "--answers", host=1), people("paris4")
    juliet.do("place", "romeo4")
    juliet.until_state("active")
    paris.do("place", "romeo4")
    assert paris.until_state("ended", timeout_s=1)["reason"] == "busy"
    paris.do("place", "nobody-at-all")
    assert paris.until_state("ended", timeout_s=1)["reason"] == "refused"
    assert romeo.until_state("active")["login"] == "juliet4"


def test_crossing_calls_become_one(people: Make) -> None:
    juliet, romeo = people("juliet5"), people("romeo5", host=1)
    for person, other in ((juliet, "romeo5"), (romeo, "juliet5")):
        assert person.process.stdin is not None
        person.process.stdin.write(f"place {other}\n")
    at_juliet, at_romeo = juliet.until_state("active"), romeo.until_state("active")
    assert at_juliet["call_id"] == at_romeo["call_id"]
    assert at_juliet["code"] == at_romeo["code"]


def test_one_of_three_devices_takes_the_call(people: Make) -> None:
    juliet = people("juliet6")
    devices = [people("romeo6", host=1, device=f"-{n}") for n in range(3)]
    juliet.do("place", "romeo6")
    for device in devices:
        device.until_state("incoming")
    for device in devices:
        assert device.process.stdin is not None
        device.process.stdin.write("answer\n")
    ends = [device.until(lambda call: call["state"] in {"active", "ended"}) for device in devices]
    assert sorted(call["state"] for call in ends) == ["active", "ended", "ended"]
    assert {call["reason"] for call in ends if call["state"] == "ended"} == {"taken"}
    juliet.until_state("active")


def test_a_verified_device_is_known_again_and_another_one_is_announced(people: Make, tmp_path: Path) -> None:
    juliet, romeo = people("juliet7"), people("romeo7", "--answers", host=1)
    juliet.do("place", "romeo7")
    assert juliet.until_state("active")["security"] == "unverified"
    juliet.do("confirm_code")
    juliet.until(lambda call: call["security"] == "verified")
    juliet.do("hang_up")
    juliet.do("place", "romeo7")
    assert juliet.until_state("active")["security"] == "verified"
    juliet.do("hang_up")
    romeo.close()
    people("romeo7", "--answers", host=1, device="-new")
    juliet.do("place", "romeo7")
    assert juliet.until_state("active")["security"] == "changed"


def test_an_address_change_in_the_middle_is_a_gap_and_no_hang_up(people: Make, hosts: tuple[str, str]) -> None:
    juliet, romeo = people("juliet8"), people("romeo8", "--answers", host=1)
    juliet.do("place", "romeo8")
    before = juliet.until_state("active")
    time.sleep(1)
    changed = time.monotonic()
    ip("-n", hosts[0], "addr", "del", "10.77.0.1/24", "dev", "eth0")
    ip("-n", hosts[0], "addr", "add", "10.77.0.9/24", "dev", "eth0")
    try:
        for person in (juliet, romeo):
            again = person.until(lambda call: call["reconnects"] == 1 and call["state"] == "active", timeout_s=20)
            assert again["call_id"] == before["call_id"]
            assert again["code"] == before["code"]
        assert time.monotonic() - changed < 4
        juliet.do("hang_up")
        assert romeo.until_state("ended")["reason"] == "hangup"
    finally:
        ip("-n", hosts[0], "addr", "del", "10.77.0.9/24", "dev", "eth0")
        ip("-n", hosts[0], "addr", "add", "10.77.0.1/24", "dev", "eth0")


def test_the_daemon_may_die_and_the_two_talk_on(people: Make, daemon: Daemon) -> None:
    juliet, romeo = people("juliet9"), people("romeo9", "--answers", host=1)
    juliet.do("place", "romeo9")
    juliet.until_state("active")
    daemon.kill()
    time.sleep(4)
    for person in (juliet, romeo):
        person.catch_up()
        call = person.views[-1]["call"]
        assert call["state"] == "active"
        assert call["near_loss"] == 0.0
        assert call["near_level"] >= 0
    daemon.start()
    time.sleep(6)
    for person in (juliet, romeo):
        person.catch_up()
        assert person.views[-1]["call"]["state"] == "active"
    juliet.do("hang_up")
    assert romeo.until_state("ended", timeout_s=2)["reason"] == "hangup"
    juliet.do("place", "romeo9")
    juliet.until_state("active")


def test_a_client_that_dies_hangs_up(people: Make) -> None:
    juliet, romeo = people("juliet10"), people("romeo10", "--answers", host=1)
    juliet.do("place", "romeo10")
    romeo.until_state("active")
    juliet.process.kill()
    assert romeo.until_state("ended", timeout_s=5)["reason"] == "hangup"


def test_an_engine_that_dies_ends_its_call_and_comes_back(people: Make) -> None:
    juliet, romeo = people("juliet11"), people("romeo11", "--answers", host=1)
    juliet.do("place", "romeo11")
    juliet.until_state("active")
    os.kill(juliet.do("engine_pid")["pid"], signal.SIGKILL)
    assert juliet.until_state("ended", timeout_s=3)["reason"] == "engine_stopped"
    romeo.until_state("ended", timeout_s=3)
    while not juliet.views[-1]["ready"]:
        juliet._next(20)
    juliet.do("place", "romeo11")
    juliet.until_state("active")


def test_a_client_that_is_stopped_for_a_while_costs_no_sound(people: Make) -> None:
    juliet, romeo = people("juliet12"), people("romeo12", "--answers", host=1)
    juliet.do("place", "romeo12")
    romeo.until_state("active")
    time.sleep(1)
    juliet.process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    romeo.catch_up()
    seen = romeo.views[-1]["call"]
    juliet.process.send_signal(signal.SIGCONT)
    assert seen["state"] == "active"
    assert seen["near_loss"] == 0.0
    juliet.do("hang_up")
    romeo.until_state("ended")


def test_echo_greets_and_says_back_what_it_hears(
    people: Make, tmp_path: Path, daemon: Daemon, hosts: tuple[str, str]
) -> None:
    people("echo13", "--echo", "--answers", host=1)
    file, record = sound_file(tmp_path / "a.wav", 440), tmp_path / "heard.wav"
    script = (
        "import anyio, json, msgspec\n"
        "from pathlib import Path\n"
        "from msgclient import Client, Profile\n"
        "from msgclient.call.headless import call\n"
        "async def yes(question): return True\n"
        "async def main():\n"
        f"    profile = Profile.create('me', {daemon.url!r}, Path({str(tmp_path / 'headless')!r}))\n"
        "    async with Client(profile, on_certificate=yes) as client:\n"
        "        await client.register('juliet13', 'a password of the tests')\n"
        "        await client.log_in('juliet13', 'a password of the tests')\n"
        f"        outcome = await call(client, 'echo13', duration_s=9, play=Path({str(file)!r}), "
        f"record=Path({str(record)!r}))\n"
        "        print(msgspec.json.encode(outcome).decode())\n"
        "anyio.run(main)\n"
    )
    done = subprocess.run(
        inside(hosts[0], sys.executable, "-c", script),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["connected"]
    assert outcome["reason"] == "hangup"
    assert 8.5 < outcome["talked_s"] < 10
    assert outcome["path"] == "direct"
    sound = heard(record)
    greeting, echo = sound[96000 : 3 * 96000], sound[-2 * 96000 : -48000]
    assert rms(greeting) > 500
    assert power_at(greeting, 440) < 0.3
    assert power_at(echo, 440) > 0.7
