"""`agent.swap`: the old platform's agent is gone, the new one runs. Necessary, never enough."""

from __future__ import annotations

from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_identity import AgentsFacts

OF_PLATFORM = {
    "vmware": "open-vm-tools",
    "kvm": "qemu-guest-agent",
    "ahv": "nutanix-guest-tools",
    "xen": "",
    "hyperv": "",
    "aws": "",
    "gcp": "",
    "azure": "",
    "physical": "",
}
"""The agent package of each platform on Linux; "" = none is asked for."""

AUTO = "auto"


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    newest = evidence.latest("agents")
    facts = evidence.facts("agents", AgentsFacts)
    if facts is None or newest is None:
        return no_facts(says, "agents", newest)
    old, new = _names(evidence, asked)
    used = (newest,)
    if not old and not new:
        return says.na(
            "nothing-asked",
            f"Neither for {evidence.source} nor for {evidence.target} is an agent asked for.",
            used=used,
        )
    if facts.package_tool is None:
        return says.unknown(
            "packages-not-visible",
            "No package manager answered, so nothing says that the old component is gone.",
            remedy="Look on the guest, and name the package tool in an issue to us.",
            used=used,
        )
    if old:
        agent = facts.get(old)
        if agent is None:
            return says.unknown(
                "agent-not-known",
                f"This version does not know how to look for {old}.",
                remedy="Name a known agent in the check's `old` parameter.",
                used=used,
            )
        if agent.package is not None:
            return says.fails(
                "old-agent-installed",
                f"{old} {agent.package} is still installed.",
                remedy="Remove it once its functions are taken over.",
                used=used,
            )
        if agent.running:
            return says.fails(
                "old-agent-running",
                f"{old} is not a package here, but its process runs.",
                remedy="Find where it was installed from and remove it.",
                used=used,
            )
        if agent.running is None:
            return says.unknown(
                "processes-not-visible",
                "The guest's processes are not visible to this account.",
                remedy="Give the account the right to list processes.",
                used=used,
            )
    if new:
        agent = facts.get(new)
        if agent is None:
            return says.unknown(
                "agent-not-known",
                f"This version does not know how to look for {new}.",
                remedy="Name a known agent in the check's `new` parameter.",
                used=used,
            )
        if agent.running is None:
            return says.unknown(
                "processes-not-visible",
                "The guest's processes are not visible to this account.",
                remedy="Give the account the right to list processes.",
                used=used,
            )
        if not agent.running:
            had = f"{new} {agent.package} is installed but" if agent.package else f"{new}"
            return says.fails(
                "new-agent-not-running",
                f"{had} does not run.",
                remedy=f"Install and start {new}.",
                used=used,
            )
    gone = f"{old} gone" if old else "no old agent asked for"
    runs = f"{new} runs" if new else "no new agent asked for"
    return says.passes(f"{gone}, {runs}", used=used)


def criterion(asked: Asked) -> Criterion:
    old, new = asked.text("old"), asked.text("new")
    first = "the old platform's agent is gone" if old == AUTO else f"{old or 'nothing'} is gone"
    second = "the new platform's agent runs" if new == AUTO else f"{new or 'nothing'} runs"
    return Criterion(f"{first}, {second}")


def _names(evidence: Evidence, asked: Asked) -> tuple[str, str]:
    old, new = asked.text("old"), asked.text("new")
    return (
        OF_PLATFORM.get(evidence.source, "") if old == AUTO else old,
        OF_PLATFORM.get(evidence.target, "") if new == AUTO else new,
    )
