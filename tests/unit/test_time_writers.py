"""Who sets the clock by the names of what runs, and by the jobs that could be read."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec import structs

from probes.facts_time import ServicesFacts, Unit
from probes.facts_time_config import TimeConfigFacts, TimeSource
from probes.facts_writers import ClockJob, CronFacts
from probes.observation import Failure, FailureKind
from tests.unit import evidence_builders as b
from tests.unit.test_checks_time import finding

NOW = 300.0


def world(*processes: str, units: tuple[str, ...] = (), refclock: str | None = None) -> b.World:
    made = b.World()
    services = b.services(*processes)
    more = tuple(Unit(name, "loaded", "active", "enabled") for name in units)
    made.see(b.observed("services", NOW - 2, structs.replace(services, units=(*services.units, *more))))
    made.see(b.observed("platform", NOW - 2, b.platform()))
    made.see(*(b.observed(name, NOW - 2, b.ABSENT) for name in ("chrony", "timesyncd", "ntpq")))
    if refclock is not None:
        source = TimeSource("chrony", "refclock", refclock, "static", "/etc/chrony/chrony.conf")
        made.see(b.observed("time-config", NOW - 2, TimeConfigFacts((source,), (), None, None)))
    return made


def said(made: b.World, check: str = "time.single-master") -> tuple[str, str]:
    found = finding(made, check, NOW)
    return found.reason_code, found.reason


@pytest.mark.parametrize(
    ("processes", "units", "refclock", "expected"),
    [
        (("chronyd",), (), None, "ok"),
        (
            ("chronyd", "chronyc", "systemd-timedat", "ptp0", "chrony_exporter", "ntp_exporter"),
            (),
            None,
            "ok",
        ),
        (("chronyd", "ntp-daemon"), (), None, "unknown-daemon"),
        (("chronyd", "ntp-daemon", "ntpd"), (), None, "several-writers"),
        (("chronyd", "ntp-check-sync"), (), None, "unknown-daemon"),
        (("chronyd", "timesync-export"), (), None, "unknown-daemon"),
        (("ntp-monitord",), (), None, "unknown-daemon"),
        (("chronyd", "phc2sys", "ptp4l"), (), None, "several-writers"),
        (("chronyd", "phc2sys", "ptp4l"), (), "SHM 0", "ok"),
        (("chronyd", "phc2sys", "ptp4l"), (), "PHC /dev/ptp0", "several-writers"),
        (("chronyd", "ptp4l"), (), "PHC /dev/ptp0", "ok"),
        (("chronyd", "ptp4l"), (), None, "several-writers"),
        (("chronyd", "phc2sys", "ptp4l", "timemaster"), (), None, "ok"),
        (("phc2sys", "ptp4l"), (), None, "ok"),
        (("ntpd",), ("openntpd.service",), None, "ok"),
        (("ntpd", "openntpd"), ("openntpd.service", "ntpsec.service"), None, "several-writers"),
        (("VBoxService", "chronyd"), (), None, "several-writers"),
        (("timesync-agent",), (), None, "unknown-daemon"),
        (("bash", "htpasswd", "sleep"), (), None, "no-writer"),
    ],
)
def test_writers_are_counted_by_name(
    processes: tuple[str, ...], units: tuple[str, ...], refclock: str | None, expected: str
) -> None:
    assert said(world(*processes, units=units, refclock=refclock))[0] == expected


@pytest.mark.parametrize(
    "name",
    [
        "ntpstat",
        "ntpwait",
        "ntp-wait",
        "ntptime",
        "ntptrace",
        "ntpsnmpd",
        "ntplogtemp",
        "ntpmon",
        "check_ntp_time",
    ],
)
def test_who_asks_or_waits_for_the_time_is_no_second_master(name: str) -> None:
    assert said(world("chronyd", name))[0] == "ok"
    assert said(world(name))[0] == "no-writer"


def test_a_name_is_no_evidence_that_it_sets_the_clock_and_none_that_it_does_not() -> None:
    found = finding(world("chronyd", "ntp-check-sync"), "time.single-master", NOW)
    assert str(found.verdict) == "unknown"
    assert found.reason.startswith("ntp-check-sync looks like a time service beside chronyd")


@pytest.mark.parametrize(
    ("processes", "units", "name"),
    [
        (("ntp-daemon",), (), "ntp-daemon"),
        (("ntpd",), ("openntpd.service",), "openntpd"),
        (("phc2sys", "ptp4l"), (), "phc2sys"),
        (("VBoxService",), (), "VBoxService"),
    ],
)
def test_a_provider_nobody_can_read_is_unknown_and_named(
    processes: tuple[str, ...], units: tuple[str, ...], name: str
) -> None:
    found = finding(world(*processes, units=units), "time.provider", NOW)
    assert (str(found.verdict), found.reason_code) == ("unknown", "unrecognised-provider")
    assert found.reason.startswith(f"Unrecognised provider {name}:")


def test_a_job_that_sets_the_clock_is_a_writer_and_named_with_its_file() -> None:
    made = world("chronyd")
    made.see(b.observed("cron", NOW - 1, CronFacts((ClockJob("ntpdate", "/etc/crontab"),), ())))
    found = finding(made, "time.single-master", NOW)
    assert (str(found.verdict), found.reason_code) == ("fail", "several-writers")
    assert "chronyd, ntpdate (/etc/crontab)" in found.reason
    assert found.remedy == "Take the job out: ntpdate (/etc/crontab)."
    assert "cron@guest" in found.provenance


def test_what_may_not_be_read_is_no_job() -> None:
    made = world("chronyd")
    made.see(b.observed("cron", NOW - 1, CronFacts((), ("/var/spool/cron/crontabs",))))
    assert said(made)[0] == "ok"
    made.see(b.observed("cron", NOW - 0.5, b.DENIED))
    assert said(made)[0] == "ok"


@pytest.mark.parametrize("kind", ["truncated", "not-understood", "timeout"])
def test_jobs_that_were_printed_and_not_read_are_not_none(kind: str) -> None:
    made = world("chronyd")
    made.see(b.observed("cron", NOW - 1, Failure(FailureKind(kind), "cron: cut")))
    found = finding(made, "time.single-master", NOW)
    assert (str(found.verdict), found.reason_code) == ("unknown", kind)


@pytest.mark.parametrize("init", ["systemd", "other"])
@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ((), ("unknown", "not-visible")),
        (("chrony.service",), ("unknown", "not-visible")),  # and perhaps what is no unit
        (("chrony.service", "ntpsec.service"), ("fail", "several-writers")),
    ],
)
def test_units_alone_never_show_that_there_is_no_other_writer(
    init: Literal["systemd", "other"], units: tuple[str, ...], expected: tuple[str, str]
) -> None:
    """/proc mounted with hidepid=2: an account sees its own processes only."""
    made = b.World()
    made.references(0, NOW)
    facts = ServicesFacts(init, tuple(Unit(name, "loaded", "active", "enabled") for name in units), None)
    made.see(b.observed("services", NOW - 2, facts), b.observed("platform", NOW - 2, b.platform()))
    found = finding(made, "time.single-master", NOW)
    assert (str(found.verdict), found.reason_code) == expected


def test_a_chronyd_without_control_of_the_clock_is_no_writer() -> None:
    idle = structs.replace(b.chrony(NOW - 1), controls=False)
    alone, beside = world("chronyd"), world("chronyd", "systemd-timesyncd")
    for made in (alone, beside):
        made.see(b.observed("chrony", NOW - 1, idle))
    code, reason = said(alone)
    assert code == "no-writer"
    assert "chronyd runs and may not set it (-x)" in reason
    assert said(beside) == ("ok", "systemd-timesyncd alone (VMware Tools cannot act on ahv)")
