"""The oracle's part about references: which are right, who hears them, and what a daemon makes of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cutover_tui.lab.generator.oracle.truth import MS, SECOND, Borderline, Kind
from cutover_tui.lab.world_file.model import ReferenceSpec, RuleSpec, WorldFile

NTP, SSH = 123, 22
RIGHT_NS, NEAR_NS, WRONG_NS = 400_000, 25 * MS, 10 * SECOND
JUMP = "jump"
Worth = Literal["right", "near", "wrong"]


def worth(reference: ReferenceSpec) -> Worth:
    """How right a reference is."""
    off = abs(reference.clock.offset)
    if off <= RIGHT_NS:
        return "right"
    if off <= NEAR_NS:
        return "near"
    if off < WRONG_NS:
        raise Borderline(f"{reference.name} is neither right nor wrong")
    return "wrong"


def heard(spec: WorldFile, who: str, names: Sequence[str], cut: Sequence[RuleSpec] = ()) -> list[Worth]:
    """The worth of those references that answer `who`; `cut` comes on top of the world's own firewalls."""
    known = {r.name: r for r in spec.references}
    rules = (*spec.network.blocked, *cut)
    return [
        worth(found)
        for name in names
        if (found := known.get(name)) is not None
        and not found.down
        and found.leap != "unsynchronised"
        and not any(drops(rule, who, name, NTP, "udp") for rule in rules)
    ]


def drops(rule: RuleSpec, source: str, target: str, port: int, protocol: str) -> bool:
    """Whether a firewall's rule is about this packet."""
    return (
        rule.source in ("*", source)
        and rule.target in ("*", target)
        and rule.port in (None, port)
        and rule.protocol in (None, protocol)
    )


def witnessed(answers: Sequence[Worth]) -> bool:
    """Whether two right references witness the time, and at most one speaks against them."""
    right, wrong = sum(a != "wrong" for a in answers), sum(a == "wrong" for a in answers)
    if wrong > 1:
        raise Borderline("two references are wrong")
    return right >= 2


def followed(answers: Sequence[Worth]) -> Kind | None:
    """What is wrong with a chronyd that hears these: it needs a majority that agrees."""
    right, near, wrong = (sum(a == w for a in answers) for w in ("right", "near", "wrong"))
    if not answers:
        return "no-source"
    if len(answers) == 1:
        return "source-wrong" if wrong else None
    if right > near + wrong:
        return None
    if near or wrong > 1:
        raise Borderline("whether these sources have a majority hangs on their error bounds")
    return "sources-disagree"
