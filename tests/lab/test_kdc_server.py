"""The lab's KDC against the bytes a real one sent, and through the eyes of our own probe."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cutover_tui.lab.doors.real import RealDoor, TrueTime
from cutover_tui.lab.doors.virtual import VirtualDoor
from cutover_tui.lab.doors.virtual_loop import VirtualLoop, run
from cutover_tui.lab.kerberos.domain import Domain
from cutover_tui.lab.kerberos.kdc import Kdc
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world.network import Rule
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.loading import WorldError, load_world_text
from probes.clocks import ntp
from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc, krb_messages
from probes.kerberos.krb_messages import KrbError
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, Raw

SECOND = 1_000_000_000
RECORDED = int(datetime(2026, 11, 26, 3, 47, 42, tzinfo=UTC).timestamp()) * SECOND
"""Samba 4.17 as controller of CORP.EXAMPLE, asked over UDP by probes.kerberos.kdc's own request."""

UNKNOWN = (
    "7e819130818ea003020105a10302011ea411180f32303236313132363033343734325aa505020309c7baa603020106a70e1b0c43"
    "4f52502e4558414d504c45a820301ea003020101a11730151b136375746f7665722d636c6f636b2d70726f6265a90e1b0c434f52"
    "502e4558414d504c45aa21301fa003020102a11830161b066b72627467741b0c434f52502e4558414d504c45"
)
KNOWN = (
    "7e8201423082013ea003020105a10302011ea411180f32303236313132363033343734325aa505020309d2e1a603020119a70e1b"
    "0c434f52502e4558414d504c45a8133011a003020101a10a30081b06415050303124a90e1b0c434f52502e4558414d504c45aa21"
    "301fa003020102a11830161b066b72627467741b0c434f52502e4558414d504c45ab2b1b294e65656420746f207573652050412d"
    "454e432d54494d455354414d502f50412d504b2d41532d524551ac818d04818a3081873009a103020110a20204003009a1030201"
    "0fa2020400300aa10402020093a20204003009a103020102a2020400300aa10402020088a2020400300aa1040202028fa2020400"
    "3040a103020113a239043730353033a003020112a1241b22434f52502e4558414d504c45686f737461707030312e636f72702e65"
    "78616d706c65a206040400001000"
)
OTHER_REALM = (
    "7e818e30818ba003020105a10302011ea411180f32303236313132363033343734325aa505020309d692a603020106a7131b1145"
    "4c534557484552452e4558414d504c45a80e300ca003020101a10530031b0178a9131b11454c534557484552452e4558414d504c"
    "45aa263024a003020102a11d301b1b066b72627467741b11454c534557484552452e4558414d504c45"
)


@pytest.fixture
def domain() -> Domain:
    made = Domain("CORP.EXAMPLE", "corp.example", "Default-First-Site-Name")
    made.join("app01", 1, "enabled")
    return made


def asked(realm: str, client: str) -> bytes:
    return krb_messages.with_nonce(krb_messages.as_req(realm, client), 0x41424344)


@pytest.mark.parametrize(
    ("realm", "client", "micros", "real"),
    [
        ("CORP.EXAMPLE", "cutover-clock-probe", 0x09C7BA, UNKNOWN),
        ("CORP.EXAMPLE", "APP01$", 0x09D2E1, KNOWN),
        ("ELSEWHERE.EXAMPLE", "x", 0x09D692, OTHER_REALM),
    ],
)
def test_as_the_real_one_to_the_byte(domain, realm, client, micros, real):
    said = Kdc().answer(asked(realm, client), domain, RECORDED + micros * 1000)
    assert said is not None
    assert said.hex() == real


def test_what_is_no_request_is_not_answered(domain):
    whole = asked("CORP.EXAMPLE", "x")
    assert Kdc().answer(b"hello", domain, RECORDED) is None
    assert Kdc().answer(b"", domain, RECORDED) is None
    assert [n for n in range(len(whole)) if Kdc().answer(whole[:n], domain, RECORDED) is not None] == []


def test_microseconds_of_an_old_mit_kdc_count(domain):
    """As measured on MIT 1.20.1: .373929, .373930, .373931 while the real clock moves 130 ms each."""
    kdc, moments = Kdc("counter"), (373_929, 503_929, 633_929, 1_100_000)
    found = []
    for micros in moments:
        said = kdc.answer(asked("CORP.EXAMPLE", "x"), domain, RECORDED + micros * 1000)
        answer = krb_messages.answer(said or b"")
        assert isinstance(answer, KrbError)
        found.append((answer.stime_ns - RECORDED) // 1000 + answer.susec)
    assert found == [373_929, 373_930, 373_931, 1_100_000]


def test_a_locked_account_is_said_so_and_a_dead_kdc_says_nothing(domain):
    domain.change("APP01$", state="disabled")
    said = krb_messages.answer(Kdc().answer(asked("CORP.EXAMPLE", "APP01$"), domain, RECORDED) or b"")
    assert isinstance(said, KrbError)
    assert (said.code, said.realm) == (18, "CORP.EXAMPLE")
    assert Kdc(down=True).answer(asked("CORP.EXAMPLE", "x"), domain, RECORDED) is None


# Through both doors


WORLD = """
world: 1
title: a domain with two KDCs
domain: {realm: CORP.EXAMPLE}
references:
  - {name: ntp1}
  - {name: dc1, controller: true, clock: {offset: 7s}}
  - {name: dc2, controller: true, clock: {offset: -400s}, kdc: {udp: false, microseconds: counter}}
  - {name: dc3, controller: true, kdc: {down: true}}
  - {name: dc4, controller: true, kdc: null}
guests: [{name: app01}]
expect: {outcome: allowed}
"""


def world_at(now: int) -> World:
    return build(load_world_text(WORLD, "world.yaml", Path()).spec, now)


def seen(raw: Raw) -> tuple[str, int, float] | str:
    facts = kdc.parse((raw,))
    if isinstance(facts, Failure):
        return facts.kind.value
    assert isinstance(facts, KdcFacts)
    assert facts.stime_ns is not None
    assert facts.susec is not None
    offset = facts.stime_ns + facts.susec * 1000 - facts.own_utc_ns
    return facts.transport, facts.code or 0, offset / SECOND


def test_through_the_virtual_door() -> None:
    async def asks(loop: VirtualLoop) -> list[tuple[str, int, float] | str]:
        door = VirtualDoor(world_at(RECORDED), loop, RECORDED)
        asker = kdc.Asker(door.network, door.clock, "CORP.EXAMPLE")
        names = ("dc1.corp.example", "dc2", "dc3", "dc4", "ntp1", "dc9")
        return [seen(await asker.ask(name)) for name in names]

    found = run(asks)
    assert found[:2] == [("udp", 6, pytest.approx(7, abs=0.01)), ("tcp", 6, pytest.approx(-400, abs=0.01))]
    assert found[2:] == ["timeout", "unreachable", "unreachable", "unreachable"]


def test_a_firewall_between_drops_it() -> None:
    async def asks(loop: VirtualLoop) -> tuple[str, int, float] | str:
        world = world_at(RECORDED)
        world.network.block(Rule("jump", "dc1", 88, "udp"))
        door = VirtualDoor(world, loop, RECORDED)
        asker = kdc.Asker(door.network, door.clock, "CORP.EXAMPLE")
        by_stream = seen(await asker.ask("dc1"))
        world.network.block(Rule("jump", "dc1", 88))
        assert seen(await asker.ask("dc1")) == "timeout"
        return by_stream

    assert run(asks) == ("tcp", 6, pytest.approx(7, abs=0.01))


async def test_through_the_real_door() -> None:
    clock = TrueTime()
    door = RealDoor(world_at(clock()), clock)
    async with door:
        network, own = SystemNetwork(), SystemClock()
        asker = kdc.Asker(network, own, "CORP.EXAMPLE")

        async def ask(name: str) -> tuple[str, int, float] | str:
            return seen(await asker.ask("127.0.0.1", port=door.ntp_port(name), timeout_s=0.5))

        assert await ask("dc1") == ("udp", 6, pytest.approx(7, abs=1))
        assert await ask("dc2") == ("tcp", 6, pytest.approx(-400, abs=1))
        assert await ask("dc3") == "timeout"
        assert await ask("dc4") == "unreachable"
        assert (await ntp.query(network, own, "127.0.0.1", port=door.ntp_port("dc1"))).failure is None


def test_a_kdc_is_a_controllers() -> None:
    with pytest.raises(WorldError) as caught:
        load_world_text(
            WORLD.replace("{name: ntp1}", "{name: ntp1, kdc: {down: true}}"), "world.yaml", Path()
        )
    assert "`kdc` of what is no controller of a domain" in str(caught.value)
