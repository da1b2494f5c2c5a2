"""Real systemd, timesyncd and timedated in the states the corpus sets, and the lab's in the same: facts and verdicts.

The real side is what the corpus' cases recorded today (tests/system/test_corpus_again.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.clocks import SimClock
from cutover_tui.lab.machine.guest import File, Unit
from cutover_tui.lab.machine.packages import UnitFile
from cutover_tui.lab.machine.platforms import QEMU
from cutover_tui.lab.world.new_guest import add_guest
from cutover_tui.lab.world.world import Reference, World
from probes.facts_time import KernelSyncFacts, ServicesFacts, TimesyncdFacts
from probes.linux import SERVICES, TIMEDATECTL, TIMESYNCD
from tests.corpus.record import root_missing
from tests.system.differential.chronyd_states import NOON
from tests.system.differential.sides import SECOND, Lab, Outcome, Seen, look
from tests.unit import corpus
from tests.unit import evidence_builders as evidence

pytestmark = pytest.mark.timeout(300)  # the first test waits until all cases are recorded

Recorded = tuple[Path, dict[str, str]]
SERVER, NOBODY = "127.0.0.1", "127.0.0.9"


def _real(recorded: Recorded, case: str) -> Outcome:
    if missing := root_missing(case):
        pytest.skip(f"{missing} names no unpacked package (tests/corpus/README.md)")
    into, failed = recorded
    assert case not in failed, failed[case]
    return corpus.read(into, case).parse()


def _lab(*packages: str, reference: Reference | None = None) -> Lab:
    world = World()
    if reference is not None:
        world.add_reference(reference)
    guest = add_guest(world, "app01", NOON, platform=QEMU, packages=("systemd", *packages))
    return Lab(world, guest, NOON)


# systemd-timesyncd


def _server(offset_s: float = 0, *, stratum: int = 2, leap: int = 0, silent: bool = False) -> Reference:
    clock = SimClock.wrong_by(NOON, round(offset_s * SECOND))
    address = NOBODY if silent else SERVER
    return Reference(
        address,
        address,
        clock,
        stratum=stratum,
        leap=leap,
        silent=silent,
        root_delay_ns=4_000_000,
        root_dispersion_ns=2_000_000,
    )


def _with_timesyncd(reference: Reference, *, running: bool = True) -> Lab:
    side = _lab(reference=reference)
    side.guest.files["/etc/systemd/timesyncd.conf"] = File(f"[Time]\nNTP={reference.address}\n")
    services.install(side.world, side.guest, side.guest.system.mirror["systemd-timesyncd"], NOON)
    if not running:
        services.stop(side.guest, side.guest.units["systemd-timesyncd.service"], NOON)
    side.until(NOON + 4 * SECOND)
    return side


TIMESYNCD_STATES: dict[str, Callable[[], Lab]] = {
    "timesyncd/252/answered": lambda: _with_timesyncd(_server(0.25)),
    "timesyncd/252/unanswered": lambda: _with_timesyncd(_server(silent=True)),
    "timesyncd/252/leap-insert": lambda: _with_timesyncd(_server(-1.5, stratum=5, leap=1)),
    "timesyncd/252/not-running": lambda: _with_timesyncd(_server(), running=False),
}


def _provider(outcome: Outcome) -> list[tuple[str, str]]:
    """What time.provider says at first, and when it has stayed like that for a minute."""
    said = []
    for moments in ((4,), (4, 19, 34, 49, 64)):
        seen = Seen()
        for at_s in moments:
            seen.outcomes["timesyncd", at_s] = outcome
            seen.outcomes["chrony", at_s] = evidence.ABSENT
            seen.outcomes["services", at_s] = ServicesFacts("systemd", (), ("systemd",))
        said.append(seen.verdicts(moments[-1])["time.provider"])
    return said


@pytest.mark.parametrize("case", TIMESYNCD_STATES)
def test_timesyncd(recorded_again: Recorded, case: str) -> None:
    real, lab = _real(recorded_again, case), look(TIMESYNCD_STATES[case](), TIMESYNCD)
    assert isinstance(real, TimesyncdFacts)
    assert isinstance(lab, TimesyncdFacts), lab

    def picture(facts: TimesyncdFacts) -> dict[str, object]:
        age = None
        if facts.last_answer_utc_ns is not None and facts.guest_utc_ns is not None:
            age = abs(facts.guest_utc_ns - facts.last_answer_utc_ns) < 10 * SECOND
        return {
            "running": facts.running,
            "server": (facts.server_name, facts.server_address),
            "answers": facts.packet_count,
            "stratum": facts.stratum,
            "leap": facts.leap,
            "ignored": facts.ignored,
            "just now": age,
        }

    assert picture(lab) == picture(real)
    for of_lab, of_real, slack in (
        (lab.offset_ns, real.offset_ns, 10_000_000),
        (lab.root_distance_ns, real.root_distance_ns, 500_000),
    ):
        assert (of_lab is None) == (of_real is None)
        assert of_lab is None or abs(of_lab - (of_real or 0)) < slack
    assert _provider(lab) == _provider(real)


# systemd


def _units(facts: Outcome, *names: str) -> dict[str, tuple[object, ...]]:
    assert isinstance(facts, ServicesFacts), facts
    found = {u.name: (u.load, u.active, u.enabled, u.condition) for u in facts.units}
    return {name: found[name] for name in names}


def test_units(recorded_again: Recorded) -> None:
    real = _real(recorded_again, "services/systemd-252/booted")
    side = _lab("chrony", "open-vm-tools")

    def add(name: str, **state: object) -> None:
        unit = Unit(UnitFile(name, name, name), None, "enabled")
        for key, value in state.items():
            setattr(unit, key, value)
        side.guest.units[name] = unit

    add("ntp.service", enabled="masked")
    add("ntpd.service", active="failed", condition=True, checked=NOON)
    add("qemu-guest-agent.service", enabled="static")
    names = (
        "chrony.service",
        "ntp.service",
        "ntpd.service",
        "open-vm-tools.service",
        "qemu-guest-agent.service",
    )
    assert _units(look(side, SERVICES), *names) == _units(real, *names)


def test_timedatectl(recorded_again: Recorded) -> None:
    real = _real(recorded_again, "timedatectl/252/not-synchronised")
    side = _lab("chrony")
    services.stop(side.guest, side.guest.units["chrony.service"], NOON)
    assert isinstance(real, KernelSyncFacts)
    assert look(side, TIMEDATECTL) == real
