"""The oracle's part about a guest after its move: who starts, who writes its clock, how wrong it boots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cutover_tui.lab.generator.oracle.sources import followed, heard
from cutover_tui.lab.generator.oracle.truth import SECOND, Borderline, Fault, Kind
from cutover_tui.lab.generator.runbook import KEPT
from cutover_tui.lab.world_file.model import ChronySpec, GuestSpec, RuleSpec, WorldFile

HELD_NS = 3 * SECOND
"""A clock this far off stays within 5 s while a daemon slews it."""

SLEWN_NS = 60 * SECOND
"""A clock this far off is minutes from being slewed: 83333 ppm at most."""

PROVIDER = frozenset({"time.provider"})
MASTER = frozenset({"time.single-master"})
OFFSET = frozenset({"time.offset"})


def platform(guest: GuestSpec) -> str:
    """Where the guest is to arrive."""
    return guest.move.platform if guest.move is not None else guest.platform


def moves(guest: GuestSpec) -> bool:
    """Whether the engineer's power-off brings it to the target: it takes root."""
    return guest.move is not None and guest.privileges.sudo == "nopasswd"


def daemons(guest: GuestSpec) -> tuple[str, ...]:
    """The time services that run after a boot: those that are enabled, whatever ran before."""
    time = guest.time
    named = (("chrony", time.chrony), ("timesyncd", time.timesyncd), ("ntpd", time.ntpd))
    return tuple(name for name, one in named if one is not None and one.enabled)


def tools_run(guest: GuestSpec) -> bool:
    """Whether VMware Tools run on the target; elsewhere than on VMware they are residue."""
    tools = guest.tools
    # A migration purges a package; what VMware's own installer brought stays.
    removed = guest.move is not None and guest.move.removes_tools and not tools.vendor_installer
    return platform(guest) == "vmware" and tools.installed and tools.enabled and not removed


def boot_error_ns(guest: GuestSpec) -> int:
    """How wrong its clock is at the first boot on the target."""
    move = guest.move
    if move is None:
        return 0
    clock = move.clock.offset if move.clock is not None else 0
    if move.rtc is None:
        rtc, offset = guest.rtc, clock
    else:
        rtc, offset = move.rtc, move.rtc.offset + clock
    local = rtc.platform if rtc.platform is not None else rtc.guest
    return int(offset) + int(rtc.zone) * ((local == "localtime") - (rtc.guest == "localtime"))


def source_names(spec: WorldFile, chrony: ChronySpec) -> Sequence[str]:
    """Whom a chronyd asks."""
    if chrony.sources is not None:
        return chrony.sources
    return [r.name for r in spec.references if not r.controller]


def steps(chrony: ChronySpec) -> bool:
    """Whether chronyd steps a clock that it finds wrong at its start."""
    return chrony.makestep.limit != 0


def kept_faults(spec: WorldFile, guest: GuestSpec, cut: Sequence[RuleSpec]) -> Iterator[Fault]:
    """What is wrong with its time on the target before anybody mends it; `cut`: firewalls by then."""
    running = daemons(guest)
    tools = tools_run(guest)
    hidden = tools and not guest.tools.conf_readable
    if hidden:
        yield Fault("tools-not-visible", KEPT, guest.name, MASTER)
    writers = len(running) + (tools and not guest.tools.disable_all)
    if "ntpd" in running and len(running) > 1 and guest.time.ntpd is not None and not guest.time.ntpd.acts:
        raise Borderline("a daemon that runs and does nothing")
    if not running:
        yield Fault("no-provider", KEPT, guest.name, PROVIDER)
        return
    if writers > 1 and not hidden:
        yield Fault("several-masters", KEPT, guest.name, MASTER)
    if writers > 1:
        return
    kind = _provider_fault(spec, guest, running[0], cut)
    if kind == "source-wrong" or kind == "clock-off":
        yield Fault(kind, KEPT, guest.name, OFFSET)
    elif kind is not None:
        yield Fault(kind, KEPT, guest.name, PROVIDER)


def _provider_fault(spec: WorldFile, guest: GuestSpec, running: str, cut: Sequence[RuleSpec]) -> Kind | None:
    time = guest.time
    if running == "timesyncd" and time.timesyncd is not None:
        server = time.timesyncd.server or spec.references[0].name
        answers = heard(spec, guest.name, (server,), cut)
        return "no-source" if not answers else "source-wrong" if answers[0] == "wrong" else None
    if running == "ntpd" and time.ntpd is not None:
        if guest.os == "alpine":  # its ntpd is OpenNTPD, which nobody asks
            return "unaccepted-provider"
        if not time.ntpd.acts:
            raise Borderline("a daemon that runs and does nothing")
        return followed(heard(spec, guest.name, [r.name for r in spec.references], cut))
    if running != "chrony" or time.chrony is None:
        raise AssertionError("a time service that no world file has")
    chrony = time.chrony
    if not chrony.iburst and chrony.minpoll > 4:
        raise Borderline("its first update takes minutes")
    kind = followed(heard(spec, guest.name, source_names(spec, chrony), cut))
    if steps(chrony) or kind in ("no-source", "sources-disagree"):
        return kind
    if kind == "source-wrong":
        raise Borderline("it slews towards a wrong source")
    off = abs(boot_error_ns(guest))
    if HELD_NS < off < SLEWN_NS:
        raise Borderline("how long it slews")
    return "clock-off" if off >= SLEWN_NS else None
