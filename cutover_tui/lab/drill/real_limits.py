"""What of a world the real door cannot have: there the jump host is this machine, and its paths are loopback.

A world that asks for it is not played: what came out would say nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutover_tui.lab.world.network import ANYBODY, JUMP
from cutover_tui.lab.world_file.loading import LoadedWorld
from cutover_tui.lab.world_file.model import Change, ClockSpec, LinkSpec, NetworkSpec, RuleSpec, WorldFile

_HIS = (JUMP, ANYBODY)
_CLOCK = "the jump host's clock is this machine's there"
_PATH = "the jump host's paths are loopback there"


def not_real(world: LoadedWorld) -> str | None:
    """Why the real door cannot play this world, with file and line; None where it can."""
    for path, why in _found(world.spec):
        return f"{world.name}:{world.lines.get(path, 1)}: `{path}` cannot be had through the real door: {why}"
    return None


def _found(spec: WorldFile) -> Iterator[tuple[str, str]]:
    if spec.jump != ClockSpec():
        yield "jump", _CLOCK
    usual, network = NetworkSpec(), spec.network
    for key in ("latency", "asymmetry", "jitter", "loss"):
        if getattr(network, key) != getattr(usual, key):
            yield f"network.{key}", _PATH
    for n, link in enumerate(network.links):
        if _joins(link):
            yield f"network.links[{n}]", _PATH
    for n, rule in enumerate(network.blocked):
        if _stops(rule):
            yield f"network.blocked[{n}]", _PATH
    for n, event in enumerate(spec.events):
        for m, change in enumerate(event.do):
            why = _of(change)
            if why is not None:
                yield f"events[{n}].do[{m}]", why


def _of(change: Change) -> str | None:
    if change.clock is not None and change.clock.who in _HIS:
        return _CLOCK
    rules = (rule for rule in (change.block, change.unblock) if rule is not None)
    joins = change.link is not None and _joins(change.link)
    return _PATH if joins or any(map(_stops, rules)) else None


def _joins(link: LinkSpec) -> bool:
    return link.source in _HIS or link.target in _HIS


def _stops(rule: RuleSpec) -> bool:
    return rule.source in _HIS
