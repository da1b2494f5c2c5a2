"""What must come of a drawn world, told from its state alone: no check, reader or session is asked.

The criteria are the design's: our own clock is right and two references witness it; after the
move the guest answers from the target; one provider of a class we accept runs, starts at boot
and hears sources that are right; nobody else who can act on that platform writes the clock;
the clock is within 5 s of true time, also after a reboot.

Between what is certainly right and what is certainly wrong there is a margin, where the
outcome hangs on a second more or less; a world in it is `Borderline` and drawn again.

| amount | right | wrong |
| --- | --- | --- |
| a reference against true time | up to 400 us; up to 25 ms beside two such | from 10 s |
| our own clock | up to 500 ms | from 2 s |
| offset that a boot leaves to be slewed | up to 3 s | from 60 s |
| offset after a boot that `time.reboot` looks at | up to 3 s | |
| stun late on | up to 800 ms | from 30 s |
| step of the clock late on | up to 80 ms | from 30 s, where nobody steps it back |
| a break before the last decision | | 30 s; lost sources 60 s and three polls; lost links 120 s, references 150 s |
| packets lost each way | up to 10 % | |
| way to a guest | up to 300 ms | from 4 s: no login within 15 s |

Two references that are wrong together are never drawn: nobody in such a world can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutover_tui.lab.generator.oracle.late import cut_early, late_faults
from cutover_tui.lab.generator.oracle.sources import JUMP, Worth, heard, witnessed
from cutover_tui.lab.generator.oracle.target import (
    HELD_NS,
    boot_error_ns,
    daemons,
    kept_faults,
    moves,
    platform,
    tools_run,
)
from cutover_tui.lab.generator.oracle.truth import MS, SECOND, Borderline, Fault, Truth
from cutover_tui.lab.generator.runbook import CUTOVER, INSTALL, JUMP_CLOCK, KEPT, REBOOT
from cutover_tui.lab.world_file.model import GuestSpec, RuleSpec, WorldFile

OWN_RIGHT_NS, OWN_WRONG_NS = 500 * MS, 2 * SECOND
FAST_NS, SLOW_NS, JITTER_NS, LOST_PERCENT = 300 * MS, 4 * SECOND, 50 * MS, 10
ON_TARGET = frozenset({"platform"})
MARK = frozenset({"mark"})
NO_BASELINE = frozenset({"start"})


def truth_of(spec: WorldFile) -> Truth:
    """The truth of a world that plays the generator's runbook.

    Raises:
        Borderline: it cannot be told with certainty; the message says why.
    """
    _network(spec)
    faults = [*_jump(spec)]
    cut = cut_early(spec)
    for guest in spec.guests:
        faults += _guest(spec, guest, cut)
    if not any(fault.step == KEPT for fault in faults):
        faults += late_faults(spec)
    return Truth(tuple(faults))


def _network(spec: WorldFile) -> None:
    paths = [(spec.network.loss, spec.network.jitter), *((p.loss, p.jitter) for p in spec.network.links)]
    if any(loss > LOST_PERCENT or jitter > JITTER_NS for loss, jitter in paths):
        raise Borderline("a path on which much gets lost or late")
    if spec.network.latency + abs(spec.network.asymmetry) > FAST_NS:
        raise Borderline("a slow network")


def _jump(spec: WorldFile) -> Iterator[Fault]:
    names = [r.name for r in spec.references]
    says = frozenset({"time.jump-host"})
    if not witnessed(heard(spec, JUMP, names)):
        if any(witnessed(_heard_together(spec, guest.name, names)) for guest in spec.guests):
            raise Borderline("a guest asks references that the jump host cannot reach")
        yield Fault("few-witnesses", JUMP_CLOCK, None, says)
    own = abs(spec.jump.offset)
    if OWN_RIGHT_NS < own < OWN_WRONG_NS:
        raise Borderline("our own clock is neither right nor wrong")
    if own >= OWN_WRONG_NS:
        yield Fault("own-clock-wrong", JUMP_CLOCK, None, says)


def _heard_together(spec: WorldFile, guest: str, names: list[str]) -> list[Worth]:
    """The references that answer the jump host or, asked by it, this guest."""
    return [w for name in names for w in (heard(spec, JUMP, [name]) or heard(spec, guest, [name]))]


def _guest(spec: WorldFile, guest: GuestSpec, cut: tuple[RuleSpec, ...]) -> Iterator[Fault]:
    target = next((platform(g) for g in spec.guests if g.move is not None), spec.guests[0].platform)
    if guest.platform == target != spec.guests[0].platform:  # the runbook's source is the first guest's
        yield Fault("already-moved", JUMP_CLOCK, None, MARK)
        return
    if guest.move is None or not moves(guest):
        if guest.platform == target:
            raise Borderline("source and target look alike")
        yield Fault("not-moved", KEPT, guest.name, ON_TARGET)
        return
    if platform(guest) != target:
        yield Fault("wrong-platform", KEPT, guest.name, ON_TARGET)
        return
    slow = [link for link in spec.network.links if guest.name in (link.source, link.target)]
    if any(FAST_NS < link.latency + abs(link.asymmetry) < SLOW_NS for link in slow):
        raise Borderline("a slow path")
    if any(link.latency >= SLOW_NS for link in slow):
        yield Fault("path-too-slow", CUTOVER, guest.name, NO_BASELINE)
    faults = list(kept_faults(spec, guest, cut))
    if _mended(spec, guest, faults, cut):
        return
    yield from faults
    if any(action.action == REBOOT for action in spec.play.actions) or "id: cold-boot" in spec.runbook:
        _boots(guest)


def _mended(spec: WorldFile, guest: GuestSpec, faults: list[Fault], cut: tuple[RuleSpec, ...]) -> bool:
    """Whether the engineer, told to, installs chrony where nobody keeps the time, and that is all it takes."""
    if not spec.play.fix or not faults:
        return False
    assert INSTALL in spec.runbook  # noqa: S101 - what `fix` runs
    if any(fault.kind != "no-provider" for fault in faults) or guest.time.chrony is not None:
        raise Borderline("what an installation of chrony changes")
    if guest.os != "debian12" or tools_run(guest) or daemons(guest):
        raise Borderline("what an installation of chrony changes")
    answers = heard(spec, guest.name, [r.name for r in spec.references], cut)
    if sum(a == "right" for a in answers) < 2:
        raise Borderline("what an installation of chrony finds")
    return True


def _boots(guest: GuestSpec) -> None:
    """A boot that is looked at from its first second on."""
    if abs(boot_error_ns(guest)) > HELD_NS:
        raise Borderline("whether anybody looks before its provider steps the clock")
