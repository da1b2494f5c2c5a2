"""The guest agents of VMware, QEMU/KVM and Nutanix: packages and processes.

Nutanix Guest Tools come with an installer of their own, not as a package: `package` stays
None for them also where they are installed, and only the process tells.
"""

from __future__ import annotations

from probes.facts_identity import Agent, AgentsFacts
from probes.linux import packages, processes
from probes.linux.text import Unparsed, broken
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Reader

PROGRAMS = {
    "open-vm-tools": ("vmtoolsd",),
    "vmware-tools": ("vmtoolsd",),
    "qemu-guest-agent": ("qemu-ga",),
    "nutanix-guest-tools": ("ngt_guest_agent",),
}
"""Agent, as packages are named, and the programs it runs."""


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the package tools and the process list; a failure when neither can be seen."""
    try:
        known = packages.installed(raws[:3], tuple(PROGRAMS))
        running = processes.names(raws[3:])
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, str(error))
    if known is None and running is None:
        lost = next((failure for raw in raws if (failure := broken(raw)) is not None), None)
        return lost or Failure(FailureKind.TOOL_ABSENT, "neither packages nor processes can be listed")
    tool, versions = known if known is not None else (None, {})
    return AgentsFacts(
        package_tool=tool,
        agents=tuple(
            Agent(name=name, package=versions.get(name), running=processes.runs(running, *programs))
            for name, programs in PROGRAMS.items()
        ),
    )


READER = Reader(
    name="agents",
    version=1,
    family=Family.IDENTITY,
    commands=(*packages.commands(tuple(PROGRAMS)), *processes.COMMANDS),
    parse=parse,
    interval_s=60.0,
)
