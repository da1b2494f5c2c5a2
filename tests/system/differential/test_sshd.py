"""OpenSSH with real shells and the lab's real door: our transport gets the same outcomes and loops of both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from cutover_tui.lab.doors.loopback import LOOPBACK
from cutover_tui.lab.doors.real import RealDoor, TrueTime
from cutover_tui.lab.machine.guest import User
from cutover_tui.lab.machine.platforms import QEMU
from cutover_tui.lab.world.new_guest import add_guest
from cutover_tui.lab.world.world import World
from probes.breaker import Breaker
from probes.clocks import clock
from probes.net import SystemClock
from probes.observation import Raw
from probes.reader import Command
from probes.seam import LinkError
from probes.ssh import SshGuest, SshTarget
from probes.ssh.known_hosts import KnownHosts
from tests.system.nodes.lab import SystemLab
from tests.system.nodes.sshd import USER, Shell
from tests.unit.loopback_ssh import Answers

NS = 1_000_000_000
OFFSET_NS = -301 * NS
SHELLS: dict[Shell, str] = {"bash": "bash", "dash": "sh", "busybox": "ash"}
"""Login shells of the system tier → what the lab calls the same."""

COMMANDS = (
    Command(("echo", "a  b", "it's", "$HOME", "`id`", "")),
    Command(("printf", "no end")),
    Command(("printf", r"one\n\ntwo\n")),
    Command(("printf", r"\n\n")),
    Command(("true",)),
    Command(("false",)),
    Command(("sh", "-c", "exit 7")),
    Command(("sh", "-c", "echo out; echo err >&2; exit 3")),
    Command(("nosuch-tool",)),
    Command(("nosuch-tool", "--and", "arguments")),
    Command(("/nosuch/tool",)),
    Command(("cat", "/nosuch")),
    Command(("cat",)),
    Command(("id", "-un")),
    Command(("id", "-u"), elevate=True),
    Command(("sh", "-c", "exit 9"), elevate=True),
    Command(("sleep", "30"), timeout_s=0.4),
    Command(("cat", "/etc/passwd-of-nobody"), elevate=True),
    Command(("echo", "0123456789"), limit=5),
    Command(("test", "1", "=", "2")),
    Command(("echo", "after all")),
)


@asynccontextmanager
async def _logged_in(name: str, target: SshTarget, known_hosts: Path) -> AsyncIterator[SshGuest]:
    ours = SshGuest(
        name,
        target,
        clock=SystemClock(),
        known_hosts=KnownHosts([known_hosts]),
        prompts=Answers(),
        breaker=Breaker(),
    )
    await ours.connect()
    try:
        yield ours
    finally:
        await ours.close()


@asynccontextmanager
async def both(lab: SystemLab, shell: Shell, directory: Path) -> AsyncIterator[tuple[SshGuest, SshGuest]]:
    """A login on a real guest and one on a guest of the lab, both clocks off by the same."""
    real = lab.guest("app01", offset_s=OFFSET_NS / NS, shell=shell, vendor="QEMU")
    true = TrueTime()
    world = World()
    user = User(USER, 1000, ((1000, USER), (27, "sudo")), sudo=True, shell=SHELLS[shell])
    add_guest(
        world,
        "app01",
        true(),
        platform=QEMU,
        offset_ns=OFFSET_NS,
        packages=("systemd", "openssh-server"),
        users=(user,),
    )
    door = RealDoor(world, true)
    key, known_hosts = door.write_access(directory)
    of_real = SshTarget(
        real.address, user=USER, methods=("key",), keys=(lab.user_key,), config=(), escalation="sudo"
    )
    of_lab = SshTarget(
        LOOPBACK, door.ssh_port("app01"), USER, methods=("key",), keys=(key,), config=(), escalation="sudo"
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(door)
        yield (
            await stack.enter_async_context(_logged_in("real", of_real, lab.known_hosts)),
            await stack.enter_async_context(_logged_in("lab", of_lab, known_hosts)),
        )


def outcome(raw: Raw) -> tuple[object, ...]:
    """All of a Raw but the words of a failure, which name the guest."""
    kind = raw.failure.kind if raw.failure is not None else None
    return raw.argv, raw.rc, raw.out, raw.err, raw.truncated, kind


async def _answer(guest: SshGuest, argv: list[str], line: str, token: str) -> str:
    """The line with the token, or the kind of failure."""
    loop = await guest.loop(argv)
    try:
        return (await loop.ask(line, token=token, timeout_s=5)).text
    except LinkError as error:
        return error.failure.kind.value
    finally:
        await loop.close()


async def _clock_by_every_rung(guest: SshGuest) -> None:
    for rung in (rung for rung in clock.LADDER if rung.name in ("bash", "date-ns", "date-s")):
        for token in ("T1x", "T2x"):
            text = await _answer(guest, list(rung.argv), rung.line.format(token=token), token)
            assert rung.reading(text.removeprefix(token)) is not None, (guest.name, rung.name, text)
    anchor = SystemClock().now()
    sampler = await clock.open_sampler(guest, SystemClock())
    sample = await sampler.sample(anchor)
    await sampler.close()
    slack = sample.rtt_ns // 2 + sample.grain_ns + 50_000_000  # the lab's true time is this machine's UTC
    assert abs(sample.offset_ns - OFFSET_NS) <= slack, guest.name


LOOPS = (
    (["bash", "--noprofile", "--norc"], "false\necho T $?"),
    (["sh"], "false\necho T $?"),
    (["sh"], "sh -c 'exit 5'\necho T $?"),
    (["bash"], "nosuch\necho T $?"),
    (["sh"], "exit 4\necho T"),
    (["nosuch-shell"], "echo T"),
)
"""A program that is kept, and lines for it."""


@pytest.mark.parametrize("shell", SHELLS)
async def test_the_same_outcomes_loops_and_clock(
    jump_network: SystemLab, tmp_path: Path, shell: Shell
) -> None:
    async with both(jump_network, shell, tmp_path) as (real, lab):
        of_real = [outcome(raw) for raw in await real.run(COMMANDS)]
        of_lab = [outcome(raw) for raw in await lab.run(COMMANDS)]
        for one, other in zip(of_lab, of_real, strict=True):
            assert one == other
        for argv, line in LOOPS:
            assert await _answer(lab, argv, line, "T") == await _answer(real, argv, line, "T"), (argv, line)
        for guest in (real, lab):
            await _clock_by_every_rung(guest)
