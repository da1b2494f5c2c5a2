"""What happens to a guest's time: Tools, the move, chrony, reboots."""

from dataclasses import replace

import pytest

from cutover_tui.lab.world.network import Rule

SECOND = 1_000_000_000


def moved(bench):
    bench.root("systemctl poweroff")
    bench.wait(5)
    return bench


def test_tools_step_at_start_though_status_says_disabled(bench):
    bench.guest.clock = bench.guest.clock.stepped(bench.now, -6 * SECOND)
    assert bench.run("vmware-toolbox-cmd timesync status").rc == 69
    bench.root("systemctl restart open-vm-tools")
    assert bench.offset() == 0


def test_tools_do_not_set_a_clock_back(bench):
    bench.guest.clock = bench.guest.clock.stepped(bench.now, 6 * SECOND)
    bench.root("systemctl restart open-vm-tools")
    assert bench.offset() == 6 * SECOND


def test_disable_all_switches_the_startup_step_off(bench):
    bench.guest.clock = bench.guest.clock.stepped(bench.now, -6 * SECOND)
    bench.root("printf '[timeSync]\\ndisable-all=true\\n' > /etc/vmware-tools/tools.conf")
    bench.root("systemctl restart open-vm-tools")
    assert bench.offset() == -6 * SECOND


def test_periodic_steps_forward_within_a_minute(bench):
    bench.root("vmware-toolbox-cmd timesync enable")
    bench.guest.clock = bench.guest.clock.stepped(bench.now, -6 * SECOND)
    bench.wait(61)
    assert bench.offset() == 0


def test_the_move_changes_platform_boot_id_and_clock(bench):
    before = bench.guest.boot_id
    moved(bench)
    assert bench.guest.boot_id != before
    assert bench.run("cat /sys/class/dmi/id/sys_vendor").out == "Nutanix\n"
    assert bench.offset() == pytest.approx(3.2 * SECOND + 1.5 * 31_400_000, abs=1000)
    # Tools are still installed, and skipped by their condition: residue, not a master.
    assert "ConditionResult=no" in bench.run("systemctl show -p ConditionResult vmtoolsd").out
    assert bench.run("vmware-toolbox-cmd timesync status").rc == 1


def test_nothing_keeps_the_time_after_the_move(bench):
    moved(bench)
    bench.wait(3600)
    assert bench.offset() > 100 * SECOND


def test_chrony_steps_and_holds_within_thirty_seconds(bench):
    moved(bench)
    assert bench.root("apt-get -y install chrony").rc == 0
    bench.wait(30)
    assert abs(bench.offset()) < 100_000
    daemon = bench.guest.chronyd
    assert daemon.updates >= 3
    assert daemon.steps == 1
    assert daemon.sources[0].reach == 0o377
    assert -bench.guest.clock.correction_ppb == pytest.approx(31_400_000, abs=50_000)
    bench.wait(3600)
    assert abs(bench.offset()) < 100_000


def test_after_the_first_updates_chrony_slews(bench):
    bench.root("apt-get -y install chrony")
    bench.wait(60)
    bench.guest.clock = bench.guest.clock.stepped(bench.now, 30 * SECOND)
    bench.wait(60)
    assert bench.guest.chronyd.steps == 0
    assert 24 * SECOND < bench.offset() < 30 * SECOND
    bench.root("chronyc makestep")
    assert abs(bench.offset()) < SECOND // 10


def test_the_frequency_survives_a_reboot(bench):
    moved(bench)
    bench.root("apt-get -y install chrony")
    bench.wait(60)
    bench.root("reboot")
    bench.wait(20)
    assert abs(bench.offset()) < 5_000_000
    assert bench.guest.chronyd.updates >= 3


def test_a_blocked_network_leaves_chrony_active_and_useless(bench):
    for reference in bench.world.references:
        bench.world.network.block(Rule("app01", reference, 123, "udp"))
    moved(bench)
    bench.root("apt-get -y install chrony")
    bench.wait(120)
    assert bench.run("systemctl is-active chrony").out == "active\n"
    assert bench.run("chronyc waitsync 1").rc == 1
    assert bench.offset() > 3 * SECOND


def test_a_source_that_falls_silent_leaves_tracking_normal(bench):
    bench.root("apt-get -y install chrony")
    bench.wait(60)
    for reference in bench.world.references.values():
        reference.silent = True
    bench.wait(3600)
    assert bench.guest.chronyd.selected is None
    assert bench.run("chronyc -c tracking").out.endswith(",Normal\n")
    assert "System clock synchronized: yes" in bench.run("timedatectl").out
    bench.wait(9 * 3600)
    assert "System clock synchronized: no" in bench.run("timedatectl").out


def test_an_unsynchronised_server_is_not_followed(bench):
    for reference in bench.world.references.values():
        reference.synchronised = False
    bench.root("apt-get -y install chrony")
    bench.wait(60)
    assert bench.guest.chronyd.updates == 0


def test_a_false_reference_is_marked(bench):
    liar = bench.world.references["ntp3.lab.example"]
    bench.world.references[liar.name] = replace(liar, clock=liar.clock.stepped(bench.now, 10 * SECOND))
    bench.root("apt-get -y install chrony")
    bench.wait(60)
    states = [line.split(",")[1] for line in bench.run("chronyc -c sources").out.splitlines()]
    assert states == ["*", "+", "x"]


def chrony_with(bench, *servers, options="iburst minpoll 6 maxpoll 6"):
    bench.root("apt-get -y install chrony\nsystemctl stop chrony")
    lines = "\\n".join(f"server {server} {options}" for server in servers)
    bench.root(f"printf '{lines}\\nmakestep 1 3\\n' > /etc/chrony/chrony.conf\nsystemctl start chrony")


def lie(bench, name, seconds):
    reference = bench.world.references[name]
    reference.clock = reference.clock.stepped(bench.now, seconds * SECOND)


def test_the_first_source_is_outvoted_though_it_answers_first_and_best(bench):
    lie(bench, "ntp1.lab.example", -35)
    for n in (2, 3):
        bench.world.references[f"ntp{n}.lab.example"].stratum = n
    chrony_with(bench, "10.20.0.1", "10.20.0.2", "10.20.0.3")
    for _ in range(30):
        bench.wait(1)
        assert abs(bench.offset()) < SECOND
    states = [line.split(",")[1] for line in bench.run("chronyc -c sources").out.splitlines()]
    assert states == ["x", "*", "+"]


def test_two_sources_that_disagree_have_no_majority(bench):
    lie(bench, "ntp1.lab.example", -35)
    chrony_with(bench, "10.20.0.1", "10.20.0.2")
    bench.wait(300)
    assert (bench.guest.chronyd.selected, bench.guest.chronyd.updates) == (None, 0)
    assert abs(bench.offset()) < SECOND


def test_a_lost_packet_does_not_end_the_burst(bench):
    chrony_with(bench, "10.20.0.1")
    reference = bench.world.references["ntp1.lab.example"]
    reference.silent = True
    bench.wait(1)  # the first request
    reference.silent = False
    bench.wait(8)
    assert bench.guest.chronyd.updates == 2


def test_a_burst_that_nobody_answers_ends(bench):
    chrony_with(bench, "10.20.0.1")
    bench.world.references["ntp1.lab.example"].silent = True
    bench.wait(15)
    bench.world.references["ntp1.lab.example"].silent = False
    bench.wait(40)
    assert bench.guest.chronyd.updates == 0


def test_the_slope_kept_is_the_slope_of_the_samples(bench):
    bench.guest.clock = bench.guest.clock.with_rate(bench.now, 80_000)
    chrony_with(bench, "10.20.0.1", "10.20.0.2", "10.20.0.3", options="iburst minpoll 3 maxpoll 3")
    for _ in range(60):
        bench.wait(7)
        for source in bench.guest.chronyd.sources:
            kept = source.slope_ppb()
            source.samples = list(source.samples)
            source._slope = None
            assert abs(kept - source.slope_ppb()) <= 20


def test_a_broken_configuration_keeps_chrony_from_starting(bench):
    bench.root("apt-get -y install chrony\necho 'makestep what' >> /etc/chrony/chrony.conf")
    ran = bench.root("systemctl restart chrony")
    assert ran.rc == 1
    assert "Job for chrony.service failed" in ran.err
    assert bench.run("systemctl is-failed chrony").out == "failed\n"
