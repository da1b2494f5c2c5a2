"""A real chronyd repairs a guest, and only that guest; Tools hide the fault until they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.system.nodes.lab import SystemLab

MS = 1_000_000
NS = 1_000_000_000


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Poll the truth: the clock file has nobody who could tell us."""
    end = time.monotonic() + seconds
    while not (met := holds()) and time.monotonic() < end:
        time.sleep(0.02)
    return met


def test_chronyd_repairs_301_seconds_and_200_ppm(lab: SystemLab):
    lab.reference("ntp1")
    lab.reference("ntp2")
    guest = lab.guest("app01", offset_s=301, drift_ppm=200)
    machine = time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    guest.chrony.configure(lab.references)
    guest.chrony.start()
    guest.chrony.wait_synchronised(within_s=10)
    assert abs(guest.clock.offset_ns()) < MS
    assert _within(10, lambda: abs(guest.clock.frequency_ppb + 200_000) < 5_000)
    assert abs(guest.clock.offset_ns()) < MS
    assert guest.clock.drift_ppb == 200_000, "the crystal is as bad as before"
    assert _within(5, lambda: guest.clock.synchronised)
    assert abs(time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - machine) < 50 * MS


def test_chronyd_outvotes_a_reference_that_is_wrong(lab: SystemLab):
    lab.reference("ntp1")
    lab.reference("ntp2")
    wrong = lab.reference("ntp3", wrong_by_s=400)
    guest = lab.guest("app01", offset_s=-30)
    # With the default `minsources 1` it follows whoever answers first, 400 s off included, for a second.
    guest.chrony.configure(lab.references, extra=["minsources 2"])
    guest.chrony.start()
    guest.chrony.wait_synchronised(within_s=10)
    assert abs(guest.clock.offset_ns()) < MS

    # chronyc(1): mode, state, name, stratum, poll, reach, last rx, adjusted offset, measured offset, error
    def of_wrong() -> list[str]:
        rows = [line.split(",") for line in guest.chrony.chronyc("-c", "sources").out.splitlines()]
        return next(row for row in rows if row[2] == wrong.address)

    # The two right ones may agree before the third has answered often enough to be judged ("?").
    assert _within(15, lambda: of_wrong()[1] == "x"), of_wrong()
    assert abs(float(of_wrong()[7]) + 400) < 1, "positive would be the guest ahead of that reference"


def test_a_provider_that_is_not_enabled_is_gone_after_a_reboot(lab: SystemLab):
    lab.reference("ntp1")
    guest = lab.guest("app01", drift_ppm=100)
    guest.chrony.configure(lab.references)
    guest.chrony.start()
    guest.chrony.wait_synchronised(within_s=10)

    guest.reboot()
    assert guest.chrony.chronyc("tracking", check=False).rc != 0
    assert guest.clock.frequency_ppb == 0

    guest.chrony.enable()
    guest.reboot()
    guest.chrony.wait_synchronised(within_s=10)
    assert guest.node.run("systemctl", "is-enabled", "chrony").out.strip() == "enabled"


def test_tools_hold_the_clock_until_the_platform_changes(lab: SystemLab):
    guest = lab.guest("app01", offset_s=-5, drift_ppm=-20_000, tools=True, tools_period_s=1)
    assert _within(5, lambda: abs(guest.clock.offset_ns()) < 25 * MS), "the periodic sync steps it forward"

    guest.reboot(vendor="QEMU")
    guest.clock.set_offset(-5 * NS)
    assert guest.node.run("pidof", "vmtoolsd").rc == 0, "Tools run on: residue, not a master"
    assert not _within(2.5, lambda: guest.clock.offset_ns() > -5 * NS), "and nobody corrects the clock"
    assert guest.clock.offset_ns() < -5 * NS - 40 * MS


def test_purging_tools_is_a_real_purge(lab: SystemLab):
    guest = lab.guest("app01", tools=True)
    status = ("vmware-toolbox-cmd", "timesync", "status")
    assert guest.node.run(*status).out == "Enabled\n"
    guest.node.run("vmware-toolbox-cmd", "timesync", "disable")
    off = guest.node.run(*status, check=False)
    assert (off.out, off.rc) == ("Disabled\n", 69)

    guest.tools.purge()
    # dpkg may go on knowing the name: exit status 0, no version.
    status_of = ("dpkg-query", "-W", "-f", "${db:Status-Status}", "open-vm-tools")
    assert guest.node.run(*status_of, check=False).out in ("", "not-installed")
    assert guest.node.run("pidof", "vmtoolsd", check=False).rc == 1
    assert not guest.tools.enabled
    assert guest.node.run("which", "vmware-toolbox-cmd", check=False).rc == 1
