"""Our transport, clock loop, NTP and readers against real daemons, judged by the state that was set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from probes.breaker import Breaker
from probes.clocks import clock, ntp
from probes.facts_identity import AgentsFacts, BootFacts, PlatformFacts
from probes.facts_time import ChronyFacts, NtpFacts, ServicesFacts, VmToolsFacts
from probes.linux import AGENTS, BOOT, CHRONY, PLATFORM, SERVICES, VMTOOLS
from probes.net import SystemClock, SystemNetwork
from probes.observation import Facts, Failure
from probes.reader import Command, Reader
from probes.ssh import Escalation, SshGuest, SshTarget
from probes.ssh.known_hosts import KnownHosts
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.sshd import PASSWORD, USER
from tests.unit.loopback_ssh import Answers

NS = 1_000_000_000


@asynccontextmanager
async def connected(
    lab: SystemLab,
    guest: Guest,
    escalation: Escalation = "sudo",
    answers: Answers | None = None,
    jump: SshTarget | None = None,
) -> AsyncIterator[SshGuest]:
    target = SshTarget(
        guest.address,
        user=USER,
        methods=("key",),
        keys=(lab.user_key,),
        jump=jump,
        config=(),
        escalation=escalation,
    )
    ours = SshGuest(
        guest.name,
        target,
        clock=SystemClock(),
        known_hosts=KnownHosts([lab.known_hosts]),
        prompts=answers or Answers(),
        breaker=Breaker(),
    )
    await ours.connect()
    try:
        yield ours
    finally:
        await ours.close()


async def read(ours: SshGuest, reader: Reader) -> Facts | Failure:
    return reader.parse(await ours.run(reader.commands))


@pytest.mark.parametrize("shell", ["bash", "dash", "busybox"])
async def test_every_sample_of_a_drifting_clock_is_true_within_its_bound(jump_network: SystemLab, shell: str):
    guest = jump_network.guest("app01", offset_s=-301, drift_ppm=500, shell=shell)
    async with connected(jump_network, guest) as ours:
        sampler = await clock.open_sampler(ours, SystemClock())
        anchor = SystemClock().now()
        for _ in range(50):
            before = guest.clock.offset_ns()
            sample = await sampler.sample(anchor)
            slack = sample.rtt_ns // 2 + sample.grain_ns + 50_000  # UTC against BOOTTIME on this machine
            assert before - slack <= sample.offset_ns <= guest.clock.offset_ns() + slack
        await sampler.close()


async def test_a_reference_that_is_wrong_reads_wrong_by_that(jump_network: SystemLab):
    right, wrong = jump_network.reference("ntp1"), jump_network.reference("ntp2", wrong_by_s=-42)
    for node, off in ((right, 0), (wrong, -42 * NS)):
        facts = ntp.parse((await ntp.query(SystemNetwork(), SystemClock(), node.address),))
        assert isinstance(facts, NtpFacts)
        assert abs(facts.server_ns - facts.own_utc_ns - off) <= facts.rtt_ns // 2 + 50_000
        assert facts.stratum == 8


async def test_the_source_vm_as_it_is_and_as_it_is_after_the_move(jump_network: SystemLab):
    jump_network.reference("ntp1")
    jump_network.reference("ntp2")
    guest = jump_network.guest("app01", tools=True)
    async with connected(jump_network, guest) as ours:
        platform, tools = await read(ours, PLATFORM), await read(ours, VMTOOLS)
        chrony, boot = await read(ours, CHRONY), await read(ours, BOOT)
    assert isinstance(platform, PlatformFacts)
    assert isinstance(tools, VmToolsFacts)
    assert isinstance(boot, BootFacts)
    assert (platform.platform, platform.dmi_vendor, platform.hostname) == ("vmware", "VMware, Inc.", "app01")
    assert (tools.package is not None, tools.running, tools.periodic) == (True, True, True)
    assert not (isinstance(chrony, ChronyFacts) and chrony.running)
    assert boot.boot_id == guest.node.boot_id
    assert boot.uptime_ns < 60 * NS

    guest.chrony.configure(jump_network.references)
    guest.chrony.enable()
    guest.tools.purge()
    guest.reboot(vendor="QEMU")
    guest.chrony.wait_synchronised(within_s=10)
    async with connected(jump_network, guest) as ours:
        platform, tools, again = await read(ours, PLATFORM), await read(ours, VMTOOLS), await read(ours, BOOT)
        chrony, services, agents = (
            await read(ours, CHRONY),
            await read(ours, SERVICES),
            await read(ours, AGENTS),
        )
    assert isinstance(platform, PlatformFacts)
    assert isinstance(chrony, ChronyFacts)
    assert isinstance(services, ServicesFacts)
    assert isinstance(tools, VmToolsFacts)
    assert isinstance(agents, AgentsFacts)
    assert isinstance(again, BootFacts)
    assert (platform.platform, tools.package, tools.running) == ("kvm", None, False)
    assert again.boot_id == guest.node.boot_id != boot.boot_id
    assert (chrony.running, chrony.leap, chrony.makestep) == (True, "normal", "1 -1")
    assert {source.name for source in chrony.sources} == set(jump_network.references)
    unit = next(u for u in services.units if u.name == "chrony.service")
    assert unit.enabled == "enabled"
    assert "chronyd" in (services.processes or ())
    agent = agents.get("open-vm-tools")
    assert agent is not None
    assert (agent.package, agent.running) == (None, False)


@pytest.mark.parametrize(
    ("in_guest", "ours_by"),
    [("sudo-nopasswd", "sudo"), ("sudo-password", "sudo"), ("doas-nopasswd", "doas")],
)
async def test_root_by_sudo_and_doas(jump_network: SystemLab, in_guest: str, ours_by: Escalation):
    guest = jump_network.guest("app01", escalation=in_guest)
    answers = Answers({"escalation": PASSWORD, "sudo": PASSWORD, "password": PASSWORD})
    async with connected(jump_network, guest, ours_by, answers) as ours:
        root, user = await ours.run((Command(("id", "-u"), elevate=True), Command(("id", "-un"))))
        assert (root.out, user.out) == ("0\n", f"{USER}\n")
        host_key = ours.identity.host_key or ""
    assert host_key.split()[-1].startswith("SHA256:")


async def test_what_runs_aside_holds_nothing_else_up(jump_network: SystemLab):
    guest = jump_network.guest("app01")
    async with connected(jump_network, guest) as ours:
        slow = asyncio.create_task(ours.run((Command(("sleep", "3"), elevate=True, aside=True),)))
        quick = await ours.run((Command(("id", "-u"), elevate=True), Command(("id", "-un"))))
        assert [raw.out for raw in quick] == ["0\n", f"{USER}\n"]
        assert not slow.done()
        (raw,) = await slow
        assert (raw.rc, raw.failure) == (0, None)
