"""The lab's tools over a state that is set; tests/system holds them against the real ones."""

import json
import re
from dataclasses import replace

import pytest

from tests.lab.bench import Ran

SECOND = 1_000_000_000


def test_unknown_tools_are_not_found(bench):
    for tool in ("rpm", "apk", "python3", "adjtimex", "chronyc", "/opt/x"):
        ran = bench.run(f"{tool} -x")
        assert (ran.rc, ran.out, ran.err) == (127, "", f"sh: 1: {tool}: not found\n")


def test_quotes_follow_the_locale(bench):
    assert bench.run("LC_ALL=C date foo").err == "date: invalid date 'foo'\n"
    assert bench.run("LC_ALL=C.UTF-8 date foo").err == "date: invalid date ‘foo’\n"


@pytest.fixture
def synced(bench):
    bench.guest.clock = bench.guest.clock.with_rate(bench.now, 25_000).stepped(bench.now, 5_000_000)
    bench.root("apt-get -y install chrony")
    bench.wait(41.5)
    return bench


def test_tracking_of_people_and_of_csv_say_the_same(synced):
    people = dict(
        re.split(r" *: ", line, maxsplit=1) for line in synced.run("chronyc tracking").out.splitlines()
    )
    csv = synced.run("chronyc -n -c tracking").out.rstrip("\n").split(",")
    assert len(csv) == 14
    assert people["Reference ID"] == f"{csv[0]} (ntp1.lab.example)" == "0A140001 (ntp1.lab.example)"
    assert csv[1:3] == ["10.20.0.1", "2"]
    assert people["Stratum"] == "2"
    assert int(csv[3].split(".")[0]) == pytest.approx(synced.now // SECOND, abs=5)
    assert people["Frequency"] == f"{csv[7]} ppm fast"
    assert float(csv[7]) == pytest.approx(25, abs=5)
    assert people["Update interval"] == f"{csv[12]} seconds" == "4.0 seconds"
    assert people["Leap status"] == csv[13] == "Normal"


def test_the_sign_of_the_system_time(synced):
    synced.guest.clock = synced.guest.clock.slewed(synced.now, SECOND, 1000)
    assert "System time     : 1.000000000 seconds slow of NTP time" in synced.run("chronyc tracking").out
    assert synced.run("chronyc -c tracking").out.split(",")[4] == "1.000000000"


def test_sources_columns(synced):
    rows = [line.split(",") for line in synced.run("chronyc -n -c sources").out.splitlines()]
    assert [row[:7] for row in rows] == [
        ["^", "*", "10.20.0.1", "1", "2", "377", "2"],
        ["^", "+", "10.20.0.2", "1", "2", "377", "2"],
        ["^", "+", "10.20.0.3", "1", "2", "377", "2"],
    ]
    line = synced.run("chronyc sources").out.splitlines()[2]
    assert re.fullmatch(
        r"\^\* ntp1\.lab\.example              1   2   377     2  .{5}[nu]s\[.{5}[nu]s\] \+/-  700us", line
    )


def test_while_a_slew_runs_sources_and_updates_are_on_ntp_time(bench):
    # As real chronyd does: tests/system/differential, state "stepped".
    bench.guest.clock = bench.guest.clock.stepped(bench.now, -40 * SECOND)
    bench.root("apt-get -y install chrony")
    bench.guest.chronyd.config = replace(bench.guest.chronyd.config, makestep_ns=None)
    bench.wait(42)
    assert bench.offset() < -30 * SECOND
    tracking = bench.run("chronyc -c tracking").out.split(",")
    assert float(tracking[4]) == pytest.approx(-bench.offset() / SECOND, abs=0.01)
    assert 0 <= bench.now / SECOND - float(tracking[3]) < 5
    for line in bench.run("chronyc -c sources").out.splitlines():
        assert abs(float(line.split(",")[8])) < 0.01


def test_before_the_first_update(bench):
    bench.root("apt-get -y install chrony")
    assert bench.run("chronyc -c tracking").out == (
        "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,"
        "1.000000000,1.000000000,0.0,Not synchronised\n"
    )
    assert bench.run("chronyc -c sources").out.splitlines()[0] == (
        "^,?,10.20.0.1,0,2,0,4294967295,0.000000000,0.000000000,0.000000000"
    )
    assert bench.run("chronyc -c activity").out == "0,0,3,0,0\n"


def test_waitsync_takes_time_and_tells(bench):
    ran = bench.root("apt-get -y install chrony\nchronyc waitsync 9 0.1 0 1")
    assert ran.rc == 0
    tries = [line for line in ran.out.splitlines() if line.startswith("try: ")]
    assert tries[0] == "try: 1, refid: 00000000, correction: 0.000000000, skew: 0.000"
    assert tries[-1].startswith("try: 4, refid: 0A140001, correction: ")


def test_commands_that_change_chronyd_are_roots(synced):
    ran = synced.run("chronyc makestep")
    assert (ran.rc, ran.out) == (1, "501 Not authorised\n")
    assert synced.run("sudo -n chronyc makestep").out == "200 OK\n"


def test_show_prints_in_the_order_of_the_bus(bench):
    out = bench.run("systemctl show -p ActiveState,Id -p LoadState ssh nosuch.service").out
    assert out == (
        "Id=ssh.service\nLoadState=loaded\nActiveState=active\n\n"
        "Id=nosuch.service\nLoadState=not-found\nActiveState=inactive\n"
    )


def test_services_start_stop_enable_disable(bench):
    assert bench.run("systemctl stop ssh").rc == 1
    assert bench.root("systemctl stop ssh; systemctl is-active ssh").out == "inactive\n"
    assert bench.root("systemctl is-active ssh").rc == 3
    ran = bench.root("systemctl disable ssh\nsystemctl is-enabled ssh")
    assert (ran.rc, ran.out) == (1, "disabled\n")
    assert bench.root("systemctl start nosuch").rc == 5


def test_packages_come_and_go(bench):
    form = r"dpkg-query -W -f '${Package} ${Version} ${Status}\n' open-vm-tools chrony"
    ran = bench.run(form)
    assert (ran.rc, ran.out) == (1, "open-vm-tools 2:12.2.0-1+deb12u4 install ok installed\n")
    assert ran.err == "dpkg-query: no packages found matching chrony\n"
    denied = bench.run("apt-get -y purge open-vm-tools")
    assert (denied.rc, denied.out) == (100, "")
    assert bench.root("apt-get -y purge open-vm-tools").rc == 0
    assert bench.run(form).out == "open-vm-tools  unknown ok not-installed\n"
    assert bench.run("vmware-toolbox-cmd timesync status").rc == 127
    assert "vmtoolsd" not in bench.run("ps -A -o pid=,comm=").out
    assert bench.root("apt-get -y install nosuch").err == "E: Unable to locate package nosuch\n"


def test_vmware_toolbox_cmd(bench):
    for line, rc, err in (
        ("", 64, "Missing command"),
        ("foo", 64, "Unknown command 'foo'"),
        ("timesync", 64, "Missing subcommand"),
        ("timesync foo", 64, "Unknown subcommand 'foo'"),
    ):
        ran = bench.run(f"vmware-toolbox-cmd {line}")
        assert (ran.rc, ran.err.splitlines()[0]) == (rc, f"vmware-toolbox-cmd: {err}")
    ran = bench.run("vmware-toolbox-cmd timesync enable; vmware-toolbox-cmd timesync status")
    assert (ran.rc, ran.out) == (0, "Enabled\nEnabled\n")


def test_date_sets_the_guests_clock_only_for_root(bench):
    ran = bench.run("date -s @1000")
    assert (ran.rc, ran.err) == (1, "date: cannot set date: Operation not permitted\n")
    assert bench.offset() == 0
    assert bench.root("date -u -s @1000 +%s").out == "1000\n"
    assert bench.run("date +%s.%N").out == "1000.000000000\n"


def test_nobody_answers_for_timesyncd(bench):
    ask = (
        "call org.freedesktop.timesync1 /org/freedesktop/timesync1 org.freedesktop.DBus.Properties GetAll s x"
    )
    ran = bench.run(f"busctl --json=short --auto-start=no {ask}")
    assert (ran.rc, ran.err) == (1, 'Call failed: Name "org.freedesktop.timesync1" does not exist\n')
    assert bench.run("timedatectl show-timesync").err == "Failed to parse bus message: No route to host\n"


def test_condition_of_a_unit_never_started_and_of_one_skipped(bench):
    show = "systemctl show --all -p ConditionTimestampMonotonic,ConditionResult"
    assert bench.run(f"{show} nosuch").out == "ConditionResult=no\nConditionTimestampMonotonic=0\n"
    bench.root("systemctl disable vgauth; systemctl poweroff")
    bench.wait(5)
    assert bench.run(f"{show} vgauth").out == "ConditionResult=no\nConditionTimestampMonotonic=0\n"
    assert bench.run(f"{show} vmtoolsd").out == "ConditionResult=no\nConditionTimestampMonotonic=2000000\n"
    assert bench.run(f"{show} ssh").out.startswith("ConditionResult=yes\n")


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (51.0423, " 51.0423"),
        (999.9, "999.9000"),
        (-100.5, "-100.500"),
        (12_345.678, "12345.68"),
        (5_817_053.2, " 5817053"),
        (-123_456.7, " -123457"),
    ],
)
def test_ntpq_shows_what_fits_in_eight_columns(bench, ms, shown):
    bench.root("apt-get -y install ntpsec")
    bench.wait(60)
    bench.guest.ntpd.sources[0].measured_ns = -round(ms * 1e6)
    assert f" {shown} " in bench.run("ntpq -n -c peers").out.splitlines()[2]


def test_the_journal_is_roots_and_holds_the_steps_of_this_boot(bench):
    grep = "journalctl -b -r -n 40 --show-cursor -o json -t chronyd -g"
    assert (
        bench.run(f"{grep} stepped").err == "No journal files were opened due to insufficient permissions.\n"
    )
    assert bench.root(f"{grep} stepped") == Ran(1, "", "")
    bench.guest.clock = bench.guest.clock.stepped(bench.now, -3 * SECOND)
    bench.root("apt-get -y install chrony")
    bench.wait(30)
    found = bench.root(f"{grep} stepped")
    entry, cursor = found.out.splitlines()
    assert (found.rc, found.err) == (0, "")
    assert re.fullmatch(r"System clock was stepped by 3\.0\d{5} seconds", json.loads(entry)["MESSAGE"])
    assert cursor == f"-- cursor: {json.loads(entry)['__CURSOR']}"
    assert bench.root(f"{grep} slewed") == Ran(1, f"{cursor}\n", "")
    assert json.loads(entry)["_SYSTEMD_UNIT"] == "chrony.service"
    assert bench.root(f"{grep} stepped _UID=0") == Ran(1, "", "")
    assert bench.root(f"{grep} stepped _UID=0 + _SYSTEMD_UNIT=chrony.service").out == found.out
    bench.root("reboot")
    bench.wait(4)
    assert bench.root(f"{grep} stepped") == Ran(1, "", "")
