"""A PHC refclock: the host's clock is a source, one nobody keeps may not be, and one that is gone is the cause."""

from __future__ import annotations

import pytest
from msgspec import structs

from cutover_tui.core.evidence import Baseline
from probes.facts_clock import PtpClock, PtpFacts
from probes.facts_time_config import TimeConfigFacts, TimeSource
from tests.unit import evidence_builders as b
from tests.unit.test_checks_time import finding

NOW = 300.0
PROCESSES = ("chronyd",)


def world(
    device: str, *clocks: PtpClock, runs: bool = True, processes: tuple[str, ...] = PROCESSES
) -> b.World:
    made = b.World()
    chrony = b.chrony(NOW - 2)
    source = structs.replace(chrony.sources[0], mode="refclock", name="PHC0", stratum=0)
    made.see(b.observed("services", NOW - 2, b.services(*processes)))
    seen = structs.replace(chrony, sources=(source,)) if runs else b.CHRONY_DOWN
    made.see(b.observed("chrony", NOW - 2, seen))
    made.see(*(b.observed(name, NOW - 2, b.ABSENT) for name in ("timesyncd", "ntpq")))
    configured = TimeSource("chrony", "refclock", f"PHC {device}", "static", "/etc/chrony/chrony.conf")
    made.see(b.observed("time-config", NOW - 1, TimeConfigFacts((configured,), (), ("PHC0",), 0)))
    made.see(b.observed("ptp", NOW - 1, PtpFacts(clocks)))
    return made


@pytest.mark.parametrize(
    ("device", "clock", "whose"),
    [
        ("/dev/ptp0", PtpClock(0, "KVM virtual PTP"), "(KVM's host)"),
        ("/dev/ptp_kvm", PtpClock(3, "KVM virtual PTP"), "(KVM's host)"),
        ("/dev/ptp_hyperv", PtpClock(0, "hyperv"), "(Hyper-V's host)"),
        ("/dev/ptp1:nocrossts", PtpClock(1, "hyperv"), "(Hyper-V's host)"),
    ],
)
def test_the_hosts_clock_is_a_source(device: str, clock: PtpClock, whose: str) -> None:
    found = finding(world(device, clock), "time.provider", NOW)
    assert (str(found.verdict), found.reason_code) == ("pass", "ok")
    assert f"chronyd ← PHC0 {whose}" in found.reason


def test_a_network_card_whose_clock_nobody_keeps_is_not_known_to_be_one() -> None:
    card = PtpClock(0, "e1000e")
    found = finding(world("/dev/ptp0", card), "time.provider", NOW)
    assert (str(found.verdict), found.reason_code) == ("unknown", "refclock-unknown")
    kept = world("/dev/ptp0", card, processes=("chronyd", "ptp4l"))
    assert finding(kept, "time.provider", NOW).reason_code == "ok"


def test_a_device_that_is_gone_is_why_chronyd_does_not_run() -> None:
    made = world("/dev/ptp0", runs=False, processes=("init",))
    found = finding(made, "time.provider", NOW)
    assert found.reason_code == "no-provider"
    assert "asks for /dev/ptp0, which is not there" in found.reason
    before = PtpFacts((PtpClock(0, "ptp_vmw"),))
    made.baseline = Baseline(1, b.at(0), "b1", {}, {"ptp": before})
    assert "asks for /dev/ptp0 (ptp_vmw before the mark)" in finding(made, "time.provider", NOW).reason


def test_a_device_that_is_there_is_no_cause() -> None:
    made = world("/dev/ptp0", PtpClock(0, "KVM virtual PTP"), runs=False, processes=("init",))
    found = finding(made, "time.provider", NOW)
    assert found.reason.endswith("ntpd runs.")
