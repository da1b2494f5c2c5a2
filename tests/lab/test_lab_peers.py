"""Who comes to the lab's guests with a fresh ticket, and what name servers say of them, through our own eyes."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from cutover_tui.lab.doors.loopback import LoopbackNetwork
from cutover_tui.lab.doors.virtual import VirtualDoor
from cutover_tui.lab.doors.virtual_directory import VirtualNames
from cutover_tui.lab.doors.virtual_loop import VirtualLoop, run
from cutover_tui.lab.doors.virtual_peer import VirtualPeer
from cutover_tui.lab.kerberos.library import KEYTAB
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world.events import apply
from cutover_tui.lab.world.network import Rule
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.amounts import Span
from cutover_tui.lab.world_file.identity import ComputerSpec
from cutover_tui.lab.world_file.loading import load_world_text
from cutover_tui.lab.world_file.model import (
    AccountChange,
    Change,
    ClockChange,
    HostChange,
    RecordsChange,
    ReferenceChange,
)
from probes.ad import records
from probes.directory_seam import Question
from probes.exchange.kept import as_raw, parse
from probes.exchange.service import Service, of_smb, of_sshd
from probes.facts_directory import AddressesFacts, Answer, DnsFacts
from probes.facts_kerberos import ApInFacts
from probes.linux.domain import addresses
from probes.observation import Failure, FailureKind, Raw
from probes.seam import Datagram, LinkError, Network
from tests.lab.test_kerberos_tools import Member

SECOND = 10**9
NOW = 1_795_348_800 * SECOND
SERVICE = of_sshd("app01.corp.example", "CORP.EXAMPLE", "10.20.1.1", 22, "ops")
WORLD = """
world: 1
title: a member and its controllers
domain: {realm: CORP.EXAMPLE}
references: [{name: ntp1}, {name: dc1, controller: true}, {name: dc2, controller: true}]
guests: [{name: app01}]
expect: {outcome: allowed}
"""


def world_at(now: int) -> World:
    return build(load_world_text(WORLD, "world.yaml", Path()).spec, now)


def attempt(*changes: Change, world: World | None = None, service: Service = SERVICE) -> ApInFacts | Failure:
    made = world or world_at(NOW)
    for change in changes:
        apply(made, change, NOW)

    async def main(loop: VirtualLoop) -> ApInFacts | Failure:
        door = VirtualDoor(made, loop, NOW)
        peer = VirtualPeer(made, door.true, door.clock, lambda name: made.guests.get(name.partition(".")[0]))
        found = parse((as_raw(service, await peer.attempt(service)),))
        assert isinstance(found, ApInFacts | Failure)
        return found

    return run(main)


def seen(found: ApInFacts | Failure) -> tuple[str, int | None]:
    return (found.kind.value, None) if isinstance(found, Failure) else (found.stage, found.code)


@pytest.mark.parametrize(
    ("ahead_s", "code"),
    [
        (0, None), (299, None), (-299, None), (302, 37), (-302, 33), (36_000, 37), (36_302, 32),
    ],
)  # fmt: skip
def test_the_guests_own_clock_decides(ahead_s: int, code: int | None) -> None:
    """RFC 4120: 37 ahead, 33 behind, and 32 where it is beyond the end of the ticket by more than the tolerance."""
    found = attempt(Change(clock=ClockChange(who="app01", offset=Span(ahead_s * SECOND))))
    assert isinstance(found, ApInFacts)
    assert (found.stage, found.code) == ("done" if code is None else "service", code)
    assert found.start_ns is not None
    assert abs(found.start_ns - NOW) < SECOND
    if code is not None:
        assert found.shown_ns is not None
        assert found.shown_us is not None
        assert found.own_utc_ns is not None
        shown = found.shown_ns + found.shown_us * 1000
        assert abs(shown - found.own_utc_ns - ahead_s * SECOND) < SECOND // 1000


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change(account=AccountChange(host="app01", kvno=3)), ("service", 44)),
        (Change(account=AccountChange(host="app01", kvno=3, keytab=True)), ("done", None)),
        (Change(account=AccountChange(host="app01", spns=())), ("ticket", 7)),
        (Change(account=AccountChange(host="app01", state="disabled")), ("ticket", 7)),
        (Change(computer=ComputerSpec(name="other", spns=("host/app01.corp.example",))), ("ticket", 7)),
        (Change(power_off=HostChange(host="app01")), ("unreachable", None)),
        (Change(reference=ReferenceChange(name="dc1", kdc_down=True)), ("done", None)),
        (Change(reference=ReferenceChange(name="*", kdc_down=True)), ("timeout", None)),
    ],
)
def test_what_else_decides(change: Change, expected: tuple[str, int | None]) -> None:
    assert seen(attempt(change)) == expected


@pytest.mark.parametrize("ahead_s", [0, 299, -299, 302, -302, 36_302])
def test_a_file_server_refuses_with_one_number_and_shows_its_clock(ahead_s: int) -> None:
    """As smbd 4.17 on a member whose directory has no `cifs` of its own: tests/system/test_ap_in_over_smb.py."""
    changes = (Change(clock=ClockChange(who="app01", offset=Span(ahead_s * SECOND))),)
    found = attempt(*changes, service=of_smb("app01.corp.example", "CORP.EXAMPLE", "10.20.1.1"))
    assert isinstance(found, ApInFacts)
    assert (found.over, found.code) == ("smb", None)
    if abs(ahead_s) < 300:
        assert (found.stage, found.shown_ns) == ("done", None)
        return
    assert (found.stage, found.text) == ("service", "STATUS_LOGON_FAILURE")
    assert found.shown_ns is not None
    assert found.shown_us is not None
    assert found.own_utc_ns is not None
    shown = found.shown_ns + found.shown_us * 1000
    assert abs(shown - found.own_utc_ns - ahead_s * SECOND) < SECOND // 1000


def test_without_a_key_of_that_name() -> None:
    world = world_at(NOW)
    del world.guests["app01"].files[KEYTAB]
    assert seen(attempt(world=world)) == ("service", 35)


def test_our_own_clock_off_is_said_before_the_guest_is_asked() -> None:
    world = world_at(NOW)
    world.jump = world.jump.stepped(NOW, 400 * SECOND)
    assert seen(attempt(world=world)) == ("ticket", 37)


# Name servers


def ask(world: World, *questions: Question) -> tuple[Answer, ...]:
    async def main(loop: VirtualLoop) -> tuple[Answer, ...]:
        door = VirtualDoor(world, loop, NOW)
        return await VirtualNames(world, door.true).ask(questions)

    return run(main)


def test_what_our_reader_asks_is_answered() -> None:
    wanted = records.Wanted(
        "app01.corp.example", "10.20.1.1", "corp.example", "Default-First-Site-Name", ("10.20.0.2",)
    )
    world = world_at(NOW)
    questions = [Question(*q) for q in records.questions(wanted)]
    answers = list(ask(world, *questions))
    answers += ask(world, *(Question(*q) for q in records.pointers(wanted, answers)))
    found = records.parse((records.kept(wanted, answers),))
    assert isinstance(found, DnsFacts)
    told = {
        (a.server, a.kind, a.name.partition(".")[0]): (a.outcome, a.authoritative, a.values)
        for a in found.answers
    }
    assert told["10.20.0.2", "A", "app01"] == ("found", True, ("10.20.1.1",))
    assert told["", "A", "app01"] == ("found", False, ("10.20.1.1",))
    assert told["10.20.0.2", "AAAA", "app01"] == ("absent", True, ())
    assert told["10.20.0.2", "PTR", "1"] == ("found", True, ("app01.corp.example",))
    both = ("0 100 88 dc1.corp.example", "0 100 88 dc2.corp.example")
    assert told["10.20.0.2", "SRV", "_kerberos"] == ("found", True, both)
    assert told["10.20.0.2", "SRV", "_ldap"] == ("found", True, ("0 100 389 dc1.corp.example",))


def test_records_that_change_and_servers_that_do_not_answer() -> None:
    world = world_at(NOW)
    of_guest = Question("10.20.0.2", "app01.corp.example", "A")
    back = Question("10.20.0.2", "1.1.20.10.in-addr.arpa", "PTR")
    apply(world, Change(records=RecordsChange(host="app01", addresses=("10.9.9.9",), pointers=())), NOW)
    assert [(a.outcome, a.values) for a in ask(world, of_guest, back)] == [
        ("found", ("10.9.9.9",)),
        ("absent", ()),
    ]
    world.network.block(Rule("jump", "dc1", 53))
    nobody = Question("10.20.0.1", "app01.corp.example", "A")
    ours = Question("", "app01.corp.example", "A")
    assert [a.outcome for a in ask(world, of_guest, nobody, ours)] == ["timeout", "unreachable", "found"]


def test_a_peer_that_cannot_reach_the_guest_is_told_so() -> None:
    world = world_at(NOW)
    world.network.block(Rule("jump", "app01", 22))
    found = attempt(world=world)
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.UNREACHABLE


# On the guest


def test_the_addresses_of_a_guest_are_read_as_they_are() -> None:
    member = Member()
    raws = []
    for command in addresses.READER.commands:
        rc, out, err = member.run("app01", [*command.argv])
        raws.append(Raw(argv=command.argv, rc=rc, out=out, err=err))
    found = addresses.READER.parse(tuple(raws))
    assert isinstance(found, AddressesFacts)
    assert found.fqdn == "app01.corp.example"
    assert [a.address for a in found.addresses if a.scope == "global"] == [
        member.world.guests["app01"].address
    ]
    assert member.run("app01", ["ip", "-Q", "addr"]) == (255, "", 'Option "-Q" is unknown, try "ip -help".\n')
    assert member.run("app01", ["ip", "foo"]) == (1, "", 'Object "foo" is unknown, try "ip help".\n')


async def test_a_controller_has_nothing_where_it_serves_nothing_and_no_name_is_looked_up() -> None:
    class Nowhere:
        async def udp(self, host: str, port: int, make: object, *, timeout_s: float) -> Datagram:
            raise AssertionError(f"{host} was asked")

        tcp = tls = udp

    network = LoopbackNetwork(cast("Network", Nowhere()), {("dc1.corp.example", 88, "udp"): 4711})
    for ask in (network.tcp, network.tls):
        with pytest.raises(LinkError) as raised:
            await ask("dc1.corp.example", 88, bytes, bool, timeout_s=1)
        assert raised.value.failure.kind is FailureKind.UNREACHABLE
    with pytest.raises(AssertionError, match=r"127\.0\.0\.1 was asked"):
        await network.udp("dc1.corp.example", 88, bytes, timeout_s=1)
