"""Draws a guest: its system, its time services and VMware Tools, where it goes and how its clock arrives there."""

from __future__ import annotations

from collections.abc import Mapping

from cutover_tui.core.runbook import Duration, PlatformName
from cutover_tui.lab.generator.drawing.dice import Dice
from cutover_tui.lab.generator.oracle.truth import MS, SECOND
from cutover_tui.lab.world_file.amounts import Length, Rate, Span
from cutover_tui.lab.world_file.model import (
    ChronySpec,
    ClockSpec,
    GuestSpec,
    MakeStep,
    MoveSpec,
    NtpdSpec,
    Os,
    PrivilegesSpec,
    RtcSpec,
    ShellName,
    TimeSpec,
    TimesyncdSpec,
    ToolsSpec,
)

HOUR = 3600 * SECOND
SHELLS: Mapping[Os, tuple[ShellName | None, ...]] = {
    "debian12": (None, "bash", "dash"),
    "rhel9": (None, "bash"),
    "alpine": (None, "ash"),
}
SOURCES: Mapping[PlatformName, int] = {"vmware": 16, "kvm": 1, "hyperv": 1, "physical": 1, "xen": 1}
ELSEWHERE: Mapping[PlatformName, PlatformName] = {"kvm": "hyperv"}
_SERVICES = {"c": 60, "t": 14, "": 8, "n": 4, "cn": 5, "ct": 3, "tn": 1, "c-n": 5}
"""Which time services: chrony, timesyncd, ntpd; `-n` = an ntpd that is there and does not run."""


def draw_guest(dice: Dice, name: str, target: PlatformName, references: tuple[str, ...]) -> GuestSpec:
    """One guest of a wave that goes to `target`."""
    system: Os = dice.weighed({"debian12": 6, "rhel9": 2, "alpine": 2})
    goes = ELSEWHERE.get(target, "kvm") if dice.in_100(2) else target
    return GuestSpec(
        name=name,
        os=system,
        shell=dice.of(SHELLS[system]),
        platform=dice.weighed(SOURCES),
        up=Duration(dice.between(10, 30) * 60 * SECOND),
        clock=_clock(dice, 2_000 * MS),
        rtc=RtcSpec(guest="localtime", zone=Span(dice.between(-11, 11) * HOUR))
        if dice.in_100(15)
        else RtcSpec(),
        time=_time(dice, system, references),
        tools=_tools(dice),
        privileges=PrivilegesSpec(sudo=dice.of(("none", "password"))) if dice.in_100(2) else PrivilegesSpec(),
        move=None if dice.in_100(1) else _move(dice, goes),
    )


def _clock(dice: Dice, most_ns: int) -> ClockSpec:
    return ClockSpec(
        offset=Span(dice.either_sign(0, most_ns)),
        rate=Rate(dice.either_sign(0, 300_000)),
        noise=Length(dice.between(0, 20 * MS) if dice.in_100(30) else 0),
    )


def _move(dice: Dice, platform: PlatformName) -> MoveSpec:
    """RTCs arrive right to the second, seconds off, or by whole hours of a zone that was misread."""
    off = dice.weighed({80 * MS: 60, 3 * SECOND: 15, 50 * SECOND: 10, 40 * HOUR: 5})
    rtc = None
    if dice.in_100(15):
        zone = dice.of((-8, -5, 1, 2, 5, 9)) * HOUR
        rtc = RtcSpec(guest="utc", platform=dice.of((None, "localtime")), zone=Span(zone))
    return MoveSpec(
        platform=platform, clock=_clock(dice, off), rtc=rtc, removes_tools=dice.in_100(30), agents=None
    )


def _tools(dice: Dice) -> ToolsSpec:
    return ToolsSpec(
        installed=dice.in_100(85),
        running=dice.in_100(90),
        enabled=dice.in_100(90),
        periodic=dice.in_100(30),
        disable_all=dice.in_100(50),
        disable_periodic=dice.in_100(20),
        conf_readable=dice.in_100(93),
        vendor_installer=dice.in_100(10),
    )


def _time(dice: Dice, system: Os, references: tuple[str, ...]) -> TimeSpec:
    which = dice.weighed(_SERVICES)
    if system != "debian12":
        which = which.replace("t", "c" if "c" not in which else "")
    chrony = _chrony(dice, references) if "c" in which else None
    timesyncd = _timesyncd(dice, references) if "t" in which else None
    asleep = which.endswith("-n")
    ntpd = NtpdSpec(running=not asleep, enabled=not asleep and dice.in_100(90), acts=dice.in_100(90))
    return TimeSpec(chrony=chrony, timesyncd=timesyncd, ntpd=ntpd if "n" in which else None)


def _chrony(dice: Dice, references: tuple[str, ...]) -> ChronySpec:
    sources: tuple[str, ...] | None = None
    if dice.in_100(40):
        sources = dice.some(references, dice.between(1, len(references)))
        if dice.in_100(15):
            sources = (*sources, "ntp.old-site.example")
    elif dice.in_100(4):
        sources = ("ntp.old-site.example",)
    low = dice.between(2, 6)
    return ChronySpec(
        sources=sources,
        iburst=dice.in_100(85) or low > 4,
        minpoll=low,
        maxpoll=low if dice.in_100(40) else dice.between(low, 10),
        makestep=dice.weighed(
            {
                MakeStep(): 70,
                MakeStep(threshold=Duration(SECOND), limit=-1): 15,
                MakeStep(threshold=Duration(dice.of((1, 2)) * SECOND), limit=0): 10,
            }
        ),
        local=dice.between(5, 12) if dice.in_100(8) else None,
        rtcsync=dice.in_100(80),
        drift=Rate(dice.either_sign(0, 100_000)) if dice.in_100(50) else None,
        running=dice.in_100(95),
        enabled=dice.in_100(95),
    )


def _timesyncd(dice: Dice, references: tuple[str, ...]) -> TimesyncdSpec:
    server = dice.of(references) if dice.in_100(50) else "ntp.old-site.example" if dice.in_100(10) else None
    return TimesyncdSpec(server=server, running=dice.in_100(95), enabled=dice.in_100(95))
