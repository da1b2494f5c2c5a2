"""The oracle's part about what happens while the engineer hands over, at least half a minute before he decides."""

from __future__ import annotations

from collections.abc import Iterator

from cutover_tui.lab.generator.oracle.sources import JUMP, NTP, SSH, heard, witnessed
from cutover_tui.lab.generator.oracle.target import MASTER, OFFSET, PROVIDER, boot_error_ns, daemons, platform
from cutover_tui.lab.generator.oracle.truth import MS, SECOND, Borderline, Fault
from cutover_tui.lab.generator.runbook import COLD_BOOT, HANDOVER, REBOOT
from cutover_tui.lab.world_file.model import Change, ChronySpec, Event, GuestSpec, RuleSpec, WorldFile

SEEN_NS = 30 * SECOND
"""A break this long before the last decision has been read: readers come every 15 s, references every 16 s."""

FORGOTTEN_NS = 120 * SECOND
"""Readings from before a link was cut count no longer."""

SHRUGGED_NS, UPSET_NS = 800 * MS, 30 * SECOND
"""By less than the first a daemon goes on as before; by more, chronyd measures anew for three polls and
slews, by more than the second for minutes."""

UNSEEN_NS = 80 * MS
"""A step smaller than what a daemon may slew in the second between two readings shows in none of them."""

MENDED_NS = 180 * SECOND
"""A chronyd that may always step has done so by then, and a minute's soak is over."""

REACHES = frozenset({"time.provider", "time.single-master", "time.offset"})


def late_faults(spec: WorldFile) -> Iterator[Fault]:
    """What breaks after the guests were found well.

    Raises:
        Borderline: an event whose outcome hangs on seconds, or one that this does not know.
    """
    guests = {guest.name: guest for guest in spec.guests}
    for event in spec.events:
        if event.on == "step" and event.id == HANDOVER and event.when == "started" and event.host in guests:
            for change in event.do:
                yield from _change(spec, guests[event.host], event, change)
        elif event.on == "action" and event.id == REBOOT and event.host in guests:
            yield from _after_reboot(spec, guests[event.host], event)


def cut_early(spec: WorldFile) -> tuple[RuleSpec, ...]:
    """What firewalls drop from the move on."""
    found: list[RuleSpec] = []
    for event in spec.events:
        if event.on == "action" and event.id == "power-off" and event.after == 0:
            found += [change.block for change in event.do if change.block is not None]
    return tuple(found)


def _left(spec: WorldFile, guest: GuestSpec, event: Event) -> int:
    """How long before the last decision on this guest it happens."""
    return sum(int(p.lasts) for p in spec.play.pauses if p.step == HANDOVER and p.host == guest.name) - int(
        event.after
    )


def _change(spec: WorldFile, guest: GuestSpec, event: Event, change: Change) -> Iterator[Fault]:
    left = _left(spec, guest, event)
    if left < SEEN_NS:
        raise Borderline("a break just before the last decision")
    running = daemons(guest)
    chrony = guest.time.chrony if running == ("chrony",) else None
    if change.service is not None:
        yield from _service(guest, running, change.service.name, change.service.act)
    elif change.stun is not None:
        yield from _upset(guest, chrony, int(change.stun.lasts), left)
    elif change.clock is not None and change.clock.who == JUMP and change.clock.by is not None:
        if abs(change.clock.by) < 3 * SECOND:
            raise Borderline("our own clock is set by little")
        yield Fault("own-clock-wrong", HANDOVER, guest.name, frozenset({"time.jump-host"}))
    elif change.clock is not None and change.clock.by is not None:
        if abs(change.clock.by) > UNSEEN_NS:
            upset = list(_upset(guest, chrony, int(change.clock.by), left))
            if not upset:
                raise Borderline("a step that is brought back shows that somebody else sets the clock")
            yield from upset
    elif change.revert is not None:
        yield from _upset(guest, chrony, 35 * SECOND, left)  # the snapshot is at least that old
    elif change.block is not None:
        yield from _blocked(spec, guest, chrony, change.block, left)
    elif change.reference is not None:
        yield from _references(spec, guest, event, left)
    elif change.reboot is not None:
        _rebooted(guest, chrony, left)
    elif change.old_vm is not None:
        if guest.platform == platform(guest):
            raise Borderline("source and target look alike")
        yield Fault("old-vm", HANDOVER, guest.name, frozenset({"platform"}))
    else:
        raise Borderline("an event that nothing is known of")


def _service(guest: GuestSpec, running: tuple[str, ...], name: str, act: str) -> Iterator[Fault]:
    if len(running) != 1:
        raise Borderline("a service among several")
    if (name,) == running and act == "stop":
        yield Fault("no-provider", HANDOVER, guest.name, PROVIDER | MASTER)
    elif (name,) == running and act in ("disable", "mask"):
        yield Fault("not-at-boot", HANDOVER, guest.name, PROVIDER)
    elif name == "ntpd" and act == "start" and guest.time.ntpd is not None and guest.time.ntpd.acts:
        yield Fault("several-masters", HANDOVER, guest.name, MASTER)
    else:
        raise Borderline("a service that is none of these")


def _upset(guest: GuestSpec, chrony: ChronySpec | None, by: int, left: int) -> Iterator[Fault]:
    """The clock is off by so much at once; who steps, and when, decides what comes of it."""
    if abs(by) <= SHRUGGED_NS:
        return
    if abs(by) < UPSET_NS or chrony is None or chrony.minpoll != chrony.maxpoll or chrony.maxpoll > 3:
        raise Borderline("how soon its provider finds out")
    if chrony.makestep.limit < 0:
        if left < MENDED_NS + abs(by):
            raise Borderline("whether it is mended by then")
    elif left > 150 * SECOND + abs(by):
        raise Borderline("how far it has slewed by then")
    else:
        # Set back, the newest update lies in the guest's future.
        yield Fault("clock-off", HANDOVER, guest.name, OFFSET | PROVIDER)


def _blocked(
    spec: WorldFile, guest: GuestSpec, chrony: ChronySpec | None, rule: RuleSpec, left: int
) -> Iterator[Fault]:
    if rule.source == JUMP and rule.target == guest.name and rule.port == SSH:
        if left < FORGOTTEN_NS:
            raise Borderline("evidence from before still counts")
        yield Fault("unreachable", HANDOVER, guest.name, REACHES)
    elif rule.source == guest.name and rule.target == "*" and rule.port == NTP and chrony is not None:
        if chrony.minpoll != chrony.maxpoll or left < 2 * SEEN_NS + 3 * (SECOND << chrony.maxpoll):
            raise Borderline("its last update still counts")
        yield Fault("source-lost", HANDOVER, guest.name, PROVIDER)
    else:
        raise Borderline("a path of which some is left")


def _references(spec: WorldFile, guest: GuestSpec, event: Event, left: int) -> Iterator[Fault]:
    """References go down: their last answers speak for them for a minute and a half."""
    gone = {c.reference.name for c in event.do if c.reference is not None and c.reference.down}
    if len(gone) != len(event.do) or left < 150 * SECOND:
        raise Borderline("references that answered a moment ago")
    names = [r.name for r in spec.references if r.name not in gone]
    if not witnessed(heard(spec, JUMP, names)):
        yield Fault("few-witnesses", HANDOVER, guest.name, frozenset({"time.jump-host", "time.offset"}))
    else:
        raise Borderline("its provider may have to look for another source")


def _rebooted(guest: GuestSpec, chrony: ChronySpec | None, left: int) -> None:
    if (
        chrony is None
        or left < 2 * SEEN_NS
        or (chrony.makestep.limit == 0 and abs(boot_error_ns(guest)) > SHRUGGED_NS)
    ):
        raise Borderline("how it comes up")


def _after_reboot(spec: WorldFile, guest: GuestSpec, event: Event) -> Iterator[Fault]:
    running = daemons(guest)
    for change in event.do:
        rule = change.block
        if rule is None or (rule.source, rule.target, rule.port) != (guest.name, "*", NTP):
            raise Borderline("an event that nothing is known of")
        if running != ("chrony",):
            raise Borderline("whether it has found the time by then")
        yield Fault("source-lost", COLD_BOOT, guest.name, PROVIDER | {"step kept"})
