"""Our readers over the lab's tools, through the real door: the same words, by two authors."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.engine.assembly import LINUX_READERS, OF_A_DOMAIN
from cutover_tui.engine.messages import Emit
from cutover_tui.engine.secrets import Secrets
from cutover_tui.lab.demo.background import incident
from probes.breaker import Breaker
from probes.facts_identity import AgentsFacts, BootFacts, PlatformFacts
from probes.facts_time import ChronyFacts, ServicesFacts, VmToolsFacts
from probes.net import SystemClock
from probes.observation import Facts, Failure, FailureKind
from probes.ssh import SshGuest, SshTarget
from probes.ssh.known_hosts import KnownHosts


async def read_all(directory: Path, guest: str) -> dict[str, Facts | Failure]:
    emit: Emit = lambda _message: None  # noqa: E731
    with incident(directory, moved=False) as lab:
        connection = SshGuest(
            guest,
            SshTarget(
                "127.0.0.1",
                lab.door.ssh_port(guest),
                "ops",
                methods=("key",),
                keys=(lab.user_key_path,),
                config=(),
            ),
            clock=SystemClock(),
            known_hosts=KnownHosts((lab.known_hosts_path,)),
            prompts=Secrets(emit),
            breaker=Breaker(),
        )
        try:
            await connection.connect()
            outcomes: dict[str, Facts | Failure] = {}
            for reader in LINUX_READERS:
                if reader.name in OF_A_DOMAIN:
                    continue  # the lab's guests are in none
                outcomes[reader.name] = reader.parse(await connection.run(reader.commands))
            return outcomes
        finally:
            await connection.close()


@pytest.mark.parametrize("guest", ["app01", "app02"])
async def test_every_reader_understands_the_lab_or_says_that_the_tool_is_absent(
    tmp_path: Path, guest: str
) -> None:
    outcomes = await read_all(tmp_path, guest)
    failures = {
        name: f"{o.kind}: {o.detail}"
        for name, o in outcomes.items()
        if isinstance(o, Failure) and o.kind is not FailureKind.TOOL_ABSENT
    }
    assert failures == {}


async def test_what_is_read_is_what_the_world_was_set_to(tmp_path: Path) -> None:
    outcomes = await read_all(tmp_path, "app02")
    platform, boot = outcomes["platform"], outcomes["boot"]
    assert isinstance(platform, PlatformFacts)
    assert (platform.platform, platform.hostname) == ("vmware", "app02")
    assert isinstance(boot, BootFacts)
    chrony = outcomes["chrony"]
    assert isinstance(chrony, ChronyFacts)
    assert chrony.running
    tools = outcomes["vmtools"]
    assert isinstance(tools, VmToolsFacts)
    assert (tools.periodic, tools.one_time, tools.running) == (False, True, True)
    services = outcomes["services"]
    assert isinstance(services, ServicesFacts)
    assert services.processes is not None
    assert {"chronyd", "vmtoolsd"} <= set(services.processes)
    agents = outcomes["agents"]
    assert isinstance(agents, AgentsFacts)
    old = agents.get("open-vm-tools")
    assert old is not None
    assert old.package is not None


async def test_the_one_without_a_provider_has_none(tmp_path: Path) -> None:
    outcomes = await read_all(tmp_path, "app01")
    chrony = outcomes["chrony"]
    assert isinstance(chrony, Failure)
    assert chrony.kind is FailureKind.TOOL_ABSENT
