"""What happens in the fixture worlds: builds, events, stuns, reverts, RTCs, the network."""

from __future__ import annotations

import msgspec
import pytest

from cutover_tui.core.runbook import Duration
from cutover_tui.lab.world import hypervisor
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world.events import CannotHappen, Timeline, apply
from cutover_tui.lab.world.network import JUMP, Link, Network, Route, Rule
from cutover_tui.lab.world_file.amounts import Length, Rate, Span
from cutover_tui.lab.world_file.model import (
    Change,
    ClockChange,
    Event,
    HostChange,
    IdentityChange,
    IdentitySpec,
    PrivilegesChange,
    PrivilegesSpec,
    ReferenceChange,
    RuleSpec,
    ServiceChange,
    SnapshotChange,
    StunChange,
)
from tests.lab.worlds import NOON, SECOND, Played


def move(played: Played, name: str) -> None:
    hypervisor.migrate(played.world, played.world.guests[name], played.now)
    played.wait(5)


def test_the_world_begins_as_the_file_says() -> None:
    played = Played("healthy-debian")
    guest = played.world.guests["app01"]
    assert abs(played.offset("app01")) < 0.001
    assert guest.chronyd is not None
    assert guest.chronyd.updates > 10
    assert guest.drift_ppb == -12_000
    assert (guest.address, played.world.references["ntp2"].address) == ("10.20.1.1", "10.20.0.2")
    far = Played("timesyncd-far-away")
    assert far.offset("web01") == 3.0
    assert far.world.network.link(JUMP, "web01") == (Link(120_000_000, 30_000_000, 5_000_000, 1), False)


def test_the_same_seed_is_the_same_world() -> None:
    one, other = Played("local-time-rtc"), Played("local-time-rtc")
    for played in (one, other):
        move(played, "db01")
        played.wait(3 * 3600)
    assert one.world.guests["db01"].boot_id == other.world.guests["db01"].boot_id
    assert one.offset("db01") == other.offset("db01")


def test_seventy_two_hours_pass_in_no_time() -> None:
    played = Played("healthy-debian")
    move(played, "app01")
    played.wait(72 * 3600)
    assert abs(played.offset("app01")) < 0.005


def test_an_event_waits_for_the_mark_and_then_for_its_moment() -> None:
    played = Played("nobody-keeps-it")
    move(played, "app01")
    assert played.timeline.next_at() is None
    played.timeline.happened("mark", played.now, host="app01")
    assert played.timeline.next_at() == played.now + 600 * SECOND
    assert played.wait(599) == []
    before = played.offset("app01")
    assert played.wait(1) == ["stun"]
    assert played.world.guests["app01"].frozen_until(played.now) == played.now + 6 * SECOND
    played.wait(6)
    assert played.world.guests["app01"].frozen_until(played.now) is None
    assert played.offset("app01") - before == pytest.approx(-6, abs=0.001)


def test_an_action_on_one_guest_moves_only_its_events() -> None:
    played = Played("alpine-pair")
    played.timeline.happened("action", played.now, id="power-off", host="edge01")
    assert played.timeline.next_at() is None
    played.timeline.happened("action", played.now, id="power-off", host="edge02", when="started")
    assert played.timeline.next_at() is None
    played.timeline.happened("action", played.now, id="power-off", host="edge02")
    daemon = played.world.guests["edge02"].chronyd
    assert daemon is not None
    assert daemon.updates == 0
    assert played.wait(300) == ["unblock", "service", "reference", "file"]
    played.wait(30)
    daemon = played.world.guests["edge02"].chronyd
    assert daemon is not None
    assert daemon.updates > 0
    assert played.world.guests["edge02"].files["/etc/motd"].text == "moved\n"


def test_tools_on_vmware_set_the_clock_after_a_stun_and_nobody_does_elsewhere() -> None:
    played = Played("nobody-keeps-it")
    apply(played.world, Change(stun=StunChange(lasts=Duration(60 * SECOND))), played.now)
    played.wait(61)
    assert abs(played.offset("app01")) < 0.001
    move(played, "app01")
    apply(played.world, Change(stun=StunChange(lasts=Duration(60 * SECOND))), played.now)
    played.wait(61)
    assert played.offset("app01") == pytest.approx(-59.96, abs=0.01)


def test_a_stun_makes_nothing_older() -> None:
    played = Played("healthy-debian")
    move(played, "app01")
    played.wait(600)
    guest = played.world.guests["app01"]
    boot_id, up = guest.boot_id, played.now - guest.booted
    daemon = guest.chronyd
    assert daemon is not None
    updates = daemon.updates
    apply(played.world, Change(stun=StunChange(lasts=Duration(3600 * SECOND))), played.now)
    played.wait(3600)
    assert (guest.boot_id, played.now - guest.booted) == (boot_id, up)
    assert daemon.updates == updates


def test_a_revert_takes_clock_files_and_daemons_back_under_the_same_boot_id() -> None:
    played = Played("local-time-rtc")
    move(played, "db01")
    guest = played.world.guests["db01"]
    assert played.wait(120) == ["snapshot"]
    at, boot_id = guest.clock.read(played.now), guest.boot_id
    guest.files.pop("/etc/chrony.conf")
    links = guest.connections
    assert played.wait(2 * 3600 - 125) == ["revert", "clock"]
    assert "/etc/chrony.conf" in guest.files
    assert guest.boot_id == boot_id
    assert guest.connections == links + 1
    assert guest.clock.read(played.now) < at + 10 * SECOND
    assert played.world.jump.offset(played.now) == 360 * SECOND


def test_the_old_vm_answers_behind_the_same_address() -> None:
    played = Played("local-time-rtc")
    guest = played.world.guests["db01"]
    before = (guest.machine_id, guest.boot_id, guest.platform.name)
    move(played, "db01")
    assert guest.platform.name == "kvm"
    assert guest.machine_id != before[0]
    assert played.wait(3 * 3600 - 5)[-1] == "old_vm"
    assert (guest.machine_id, guest.platform.name) == (before[0], "vmware")
    assert guest.boot_id != before[1]


def test_an_hour_is_wrong_at_the_cold_boot_and_not_at_the_warm_one() -> None:
    played = Played("local-time-rtc")
    guest = played.world.guests["db01"]
    for daemon in ("chrony", "ntpd"):
        act = Change(service=ServiceChange(name=daemon, act="disable"))
        apply(played.world, act, played.now, "db01")
    move(played, "db01")
    assert played.offset("db01") == pytest.approx(-3600, abs=0.01)
    assert played.run("db01", ["timedatectl", "show", "-p", "LocalRTC"])[1] == "LocalRTC=yes\n"
    assert played.run("db01", ["cat", "/etc/adjtime"])[1].endswith("LOCAL\n")
    apply(played.world, Change(service=ServiceChange(name="chrony", act="start")), played.now, "db01")
    played.wait(60)
    assert played.offset("db01") == pytest.approx(2, abs=0.01)  # dc1 is 2 s ahead
    apply(played.world, Change(service=ServiceChange(name="chrony", act="stop")), played.now, "db01")
    hypervisor.reboot(played.world, guest, played.now)
    played.wait(5)
    assert played.offset("db01") == pytest.approx(2, abs=0.01)
    hypervisor.power_off(played.world, guest, played.now)
    played.wait(5)
    assert played.offset("db01") == pytest.approx(-3600, abs=0.01)


def test_timesyncd_steps_what_is_far_and_holds_what_is_near() -> None:
    played = Played("timesyncd-far-away")
    guest = played.world.guests["web01"]
    assert guest.timesyncd is not None
    played.wait(3 * 3600)
    assert guest.timesyncd.packets > 3
    assert abs(played.offset("web01")) < 0.1
    packets = guest.timesyncd.packets
    apply(played.world, Change(reference=ReferenceChange(name="ntp2", down=True)), played.now)
    played.wait(7200)
    assert guest.timesyncd.packets == packets


def test_changes_of_clocks_identity_privileges_power() -> None:
    played = Played("healthy-debian")
    world, guest = played.world, played.world.guests["app01"]
    apply(world, Change(clock=ClockChange(who="ntp1", offset=Span(5 * SECOND), rate=Rate(7))), NOON)
    assert world.references["ntp1"].clock.offset(NOON + 10**9) == 5 * SECOND + 7
    apply(world, Change(clock=ClockChange(by=Span(-SECOND))), NOON, "app01")
    assert played.offset("app01") == pytest.approx(-1, abs=0.001)
    machine = guest.machine_id
    changed = IdentitySpec(new_machine_id=True, new_host_key=True, vendor="QEMU")
    apply(world, Change(identity=IdentityChange(identity=changed)), NOON, "app01")
    assert guest.machine_id != machine
    assert played.run("app01", ["cat", "/sys/class/dmi/id/sys_vendor"])[1] == "QEMU\n"
    may = PrivilegesSpec(sudo="none", unreadable=("/etc/machine-id",))
    apply(world, Change(privileges=PrivilegesChange(privileges=may)), NOON, "app01")
    assert played.run("app01", ["sudo", "-n", "id", "-u"])[0] == 1
    assert "Permission denied" in played.run("app01", ["cat", "/etc/machine-id"])[2]
    apply(world, Change(power_off=HostChange()), NOON, "app01")
    played.wait(3600)
    assert not guest.up(played.now)
    apply(world, Change(power_on=HostChange()), played.now, "app01")
    played.wait(5)
    assert guest.up(played.now)
    assert guest.platform.name == "ahv"


def test_what_cannot_happen_is_said() -> None:
    played = Played("healthy-debian")
    for change in (
        Change(revert=SnapshotChange(name="never")),
        Change(old_vm=HostChange()),
        Change(service=ServiceChange(name="timesyncd", act="stop")),
    ):
        with pytest.raises(CannotHappen):
            apply(played.world, change, NOON, "app01")


def test_a_clock_that_jumps_by_itself() -> None:
    spec = Played("healthy-debian").spec
    text_spec = type(spec)(
        world=1,
        title="x",
        references=spec.references,
        guests=spec.guests,
        expect=spec.expect,
        jump=type(spec.jump)(steps=(_step(600, 360),)),
    )
    world = build(text_spec, NOON)
    timeline = Timeline(text_spec, world, NOON)
    timeline.advance(NOON + 599 * SECOND)
    assert world.jump.offset(NOON) == 0
    timeline.advance(NOON + 601 * SECOND)
    assert world.jump.offset(NOON + 601 * SECOND) == 360 * SECOND


def _step(after: int, by: int):
    from cutover_tui.lab.world_file.model import ClockStep

    return ClockStep(after=Duration(after * SECOND), by=Span(by * SECOND))


def test_paths_rules_and_losses() -> None:
    net = Network(
        default=Link(1_000_000),
        routes=[
            Route("jump", "*", Link(5_000_000, asymmetry_ns=2_000_000)),
            Route("a", "b", Link(loss_percent=100)),
        ],
    )
    assert net.round_trip("x", "y", 123, 1) == (1_000_000, 1_000_000)
    assert net.round_trip("jump", "y", 123, 1) == (7_000_000, 5_000_000)
    assert net.round_trip("y", "jump", 123, 1) == (5_000_000, 7_000_000)
    assert net.round_trip("a", "b", 123, 1) is None
    net.block(Rule("x", "y", 123, "udp"))
    assert net.round_trip("x", "y", 123, 1) is None
    assert net.allows("x", "y", 22, "tcp")
    net.unblock(Rule("x"))
    assert net.allows("x", "y", 123, "udp")
    lossy = Network(default=Link(loss_percent=30, jitter_ns=1000))
    got = [lossy.delay("x", "y", n) for n in range(1000)]
    assert 200 < got.count(None) < 400
    assert len(set(got)) > 300


def test_unblock_of_one_port_leaves_the_wide_rule() -> None:
    played = Played("healthy-debian")
    apply(played.world, Change(block=RuleSpec(source="app01")), NOON)
    apply(played.world, Change(unblock=RuleSpec(source="app01", port=123)), NOON)
    assert not played.world.network.allows("app01", "ntp1", 123, "udp")


def test_a_repeated_event_happens_so_often_and_no_more() -> None:
    stuns = Event(
        on="time",
        after=Length(60 * SECOND),
        every=Duration(600 * SECOND),
        times=3,
        do=(Change(clock=ClockChange(who="ntp1", by=Span(SECOND))),),
    )
    spec = msgspec.structs.replace(Played("healthy-debian").spec, events=(stuns,))
    timeline = Timeline(spec, build(spec, NOON), NOON)
    made = [one.at - NOON for one in timeline.advance(NOON + 7200 * SECOND)]
    assert made == [60 * SECOND, 660 * SECOND, 1260 * SECOND]
    assert timeline.next_at() is None
