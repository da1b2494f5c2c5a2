"""Services that hold tickets, files that do not outlive a boot, and what sssd says of its domain."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cutover_tui.lab.kerberos.encoding import read_cache
from cutover_tui.lab.world import clockwork
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world.events import Timeline, apply
from cutover_tui.lab.world_file.loading import load_world_text
from cutover_tui.lab.world_file.model import Change, HostChange, RuleSpec, ServiceChange
from tests.lab.worlds import FIXTURES, NOON, Played

WORLD = """
world: 1
title: its virtual clock starts ten minutes ahead on the target, and chrony repairs it
domain: {realm: CORP.EXAMPLE}
references: [{name: ntp1}, {name: ntp2}, {name: dc1, controller: true}, {name: dc2, controller: true}]
guests:
  - name: app01
    time: {chrony: {}}
    joined:
      holders: [{name: sync, cache: /var/lib/sync/krb5cc_sync, owner: ops, services: [ldap/dc1.corp.example]}]
      caches: [{path: /tmp/krb5cc_1000, owner: ops, age: 2h, ahead: 305s}]
    move: {platform: ahv, clock: {offset: 600s}}
expect: {outcome: allowed}
"""
SYNC, SSSD, USER = "/var/lib/sync/krb5cc_sync", "/var/lib/sss/db/ccache_CORP.EXAMPLE", "/tmp/krb5cc_1000"


def played() -> Played:
    made = Played.__new__(Played)
    made.spec = load_world_text(WORLD, "world.yaml", FIXTURES).spec
    made.now = NOON
    made.world = build(made.spec, NOON)
    made.timeline = Timeline(made.spec, made.world, NOON)
    return made


def offset(world: Played, path: str) -> int | None:
    return read_cache(world.world.guests["app01"].files[path].text).offset_s


def root(world: Played, *argv: str) -> str:
    rc, out, err = world.run("app01", [*argv], user="root")
    assert (rc, err) == (0, ""), (argv, rc, err)
    return out


def test_a_cache_that_lay_about_is_as_old_and_as_wrong_as_the_file_says() -> None:
    world = played()
    assert offset(world, USER) == -305
    listed = world.run("app01", ["env", "LC_ALL=C", "klist"])[1]
    assert "11/22/26 10:00:00  11/22/26 20:00:00  krbtgt/CORP.EXAMPLE@CORP.EXAMPLE" in listed
    assert world.run("app01", ["klist", "-c", SYNC])[0] == 0  # its owner's
    assert world.run("app01", ["klist", "-c", SSSD]) == (
        1,
        "",
        f"klist: Credentials cache permissions incorrect (filename: {SSSD})\n",
    )


def test_services_start_before_the_clock_is_right_and_keep_what_they_got() -> None:
    world = played()
    assert (offset(world, SYNC), offset(world, SSSD)) == (0, 0)
    apply(world.world, Change(migrate=HostChange(host="app01")), world.now)
    world.wait(60)
    assert abs(world.offset("app01")) < 1  # chrony stepped it meanwhile
    assert (offset(world, SYNC), offset(world, SSSD)) == (-600, -600)
    assert USER not in world.world.guests["app01"].files  # /tmp is cleared at boot
    world.wait(900)
    assert (offset(world, SYNC), offset(world, SSSD)) == (-600, 0)  # sssd takes new ones every 15 minutes
    root(world, "systemctl", "restart", "sync")
    assert offset(world, SYNC) == 0
    root(world, "systemctl", "stop", "sync")
    world.wait(9 * 3600)
    assert offset(world, SYNC) == 0


def test_sssd_is_online_as_long_as_a_controller_gives_it_tickets() -> None:
    world = played()
    status = ("sssctl", "domain-status", "corp.example")
    assert root(world, *status).startswith(
        "Online status: Online\n\nActive servers:\nAD Global Catalog: dc1.corp.example\n"
    )
    apply(world.world, Change(block=RuleSpec(source="app01", target="dc1", port=88)), world.now)
    world.wait(1000)
    assert root(world, *status, "-o") == "Online status: Online\n\n"  # the second one answers
    apply(world.world, Change(block=RuleSpec(source="app01", port=88)), world.now)
    world.wait(1000)
    assert root(world, *status, "-o") == "Online status: Offline\n\n"
    apply(world.world, Change(service=ServiceChange(host="app01", name="sssd", act="stop")), world.now)
    rc, out, _ = world.run("app01", [*status], user="root")
    assert (rc, out) == (1, "SSSD needs to be running. Start SSSD now? (yes/no) [yes] ")


def test_without_the_correction_skew_makes_sssd_offline() -> None:
    text = WORLD.replace("joined:\n", "joined:\n      kdc_timesync: false\n").replace(
        "chrony: {}", "chrony: {running: false, enabled: false}"
    )
    spec = load_world_text(text, "world.yaml", FIXTURES).spec
    world = played()
    world.world, world.spec = build(spec, NOON), spec
    assert offset(world, SSSD) is None
    apply(world.world, Change(migrate=HostChange(host="app01")), world.now)
    world.now += 60 * 10**9
    clockwork.advance(world.world, world.now)
    assert root(world, "sssctl", "domain-status", "-o", "corp.example") == "Online status: Offline\n\n"


def test_who_is_not_joined_has_nothing_of_it() -> None:
    spec = load_world_text(WORLD, "world.yaml", Path()).spec
    alone = msgspec.structs.replace(spec.guests[0], role="standalone")
    for changed in (
        msgspec.structs.replace(spec, guests=(alone,)),
        msgspec.structs.replace(spec, domain=None),
    ):
        world = played()
        world.world = build(changed, NOON)
        assert world.run("app01", ["klist", "-k"], user="root")[0] == 127
        assert "/etc/krb5.keytab" not in world.world.guests["app01"].files
