"""The lab's directory through both doors, by our own adapter and readers: what one shows, the other shows."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cutover_tui.lab.doors.ldap_server import Authority
from cutover_tui.lab.doors.loopback import LOOPBACK, LoopbackNetwork
from cutover_tui.lab.doors.real import LDAP, LDAPS, RealDoor, TrueTime
from cutover_tui.lab.doors.virtual import VirtualDoor
from cutover_tui.lab.doors.virtual_directory import VirtualDirectory
from cutover_tui.lab.doors.virtual_loop import VirtualLoop, run
from cutover_tui.lab.ldap.view import PASSWORD
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world.events import apply
from cutover_tui.lab.world.world import World
from cutover_tui.lab.world_file.loading import load_world_text
from cutover_tui.lab.world_file.model import AccountChange, Change
from probes.ad import account, cldap, rootdse
from probes.ad.directory import Directory, Limits
from probes.directory_seam import (
    Anonymous,
    Bind,
    Controller,
    DirectoryError,
    DirectorySession,
    Simple,
    Ticket,
)
from probes.facts_directory import AccountFacts, CldapFacts, RootDseFacts
from probes.net import SystemNetwork
from probes.observation import Failure, FailureKind, Raw
from probes.seam import Network

SECOND = 10**9
NOW = 1_795_348_800 * SECOND
NAME = "dc1.corp.example"
OURS = Simple("ops@corp.example", PASSWORD)
WORLD = """
world: 1
title: a domain with something to find
domain:
  realm: CORP.EXAMPLE
  site: Zurich
  computers:
    - {name: oldapp, spns: [host/app01.corp.example, HTTP/app01.corp.example], state: disabled}
references:
  - {name: ntp1}
  - {name: dc1, controller: true, clock: {offset: 7s}}
guests:
  - name: app01
    joined: {account: {kvno: 5, password_age: 3d, enctypes: 24, dns_name: web.corp.example}}
  - {name: app02}
expect: {outcome: allowed}
"""


def world_at(now: int) -> World:
    return build(load_world_text(WORLD, "world.yaml", Path()).spec, now)


Work = Callable[[DirectorySession], Raw]


def find(name: str) -> Work:
    return lambda session: account.ask(session, NAME, name, "corp.example")


def everything(session: DirectorySession) -> Raw:
    found = session.search("DC=corp,DC=example", "(objectClass=*)", ("*",), limit=100)
    return Raw(("all",), 0, "\n".join(f"{e.dn} {sorted(e.attributes.items())}" for e in found))


@asynccontextmanager
async def opened(tmp_path: Path, world: World, clock: TrueTime) -> AsyncIterator[tuple[RealDoor, Path]]:
    door = RealDoor(world, clock)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(door.ca_pem)
    async with door:
        yield door, ca


def controller(door: RealDoor, ca: Path, *, starttls: bool = False) -> Controller:
    port = door.served()[NAME, LDAP if starttls else LDAPS, "tcp"]
    return Controller(NAME, LOOPBACK, str(ca), "starttls" if starttls else "ldaps", port)


def really(tmp_path: Path, works: list[Work], bind: Bind, *, starttls: bool = False) -> list[Raw | Failure]:
    async def main() -> list[Raw | Failure]:
        clock = TrueTime()
        async with opened(tmp_path, world_at(clock()), clock) as (door, ca):
            with Directory(Limits(connect_s=5, receive_s=5)) as directory:
                found: list[Raw | Failure] = []
                for work in works:
                    try:
                        found.append(await directory.ask(controller(door, ca, starttls=starttls), bind, work))
                    except DirectoryError as error:
                        found.append(error.failure)
                return found

    return asyncio.run(main())


def virtually(works: list[Work], bind: Bind, world: World | None = None) -> list[Raw | Failure]:
    async def main(loop: VirtualLoop) -> list[Raw | Failure]:
        door = VirtualDoor(world or world_at(NOW), loop, NOW)
        directory = VirtualDirectory(door.world, door.true)
        found: list[Raw | Failure] = []
        for work in works:
            try:
                found.append(await directory.ask(Controller(NAME, NAME), bind, work))
            except DirectoryError as error:
                found.append(error.failure)
        return found

    return run(main)


def facts(raw: Raw | Failure) -> AccountFacts:
    assert isinstance(raw, Raw)
    found = account.parse((raw,))
    assert isinstance(found, AccountFacts)
    return found


@pytest.mark.parametrize("starttls", [False, True], ids=["ldaps", "starttls"])
def test_both_doors_show_the_same(tmp_path: Path, starttls: bool) -> None:
    works = [find("app01"), find("app02"), find("nobody"), find("dc1"), everything]
    real, virtual = really(tmp_path, works, OURS, starttls=starttls), virtually(works, OURS)
    shown = [facts(raw) for raw in real[:-1]]
    assert [f.found for f in shown] == [1, 1, 0, 1]
    for one, other in zip(shown, virtual[:-1], strict=True):
        theirs = facts(other)
        assert (one.pwd_last_set_ns is None) == (theirs.pwd_last_set_ns is None)
        assert items(one) == items(theirs)
    names = [
        [line.split(" ")[0] for line in raw.out.splitlines()]
        for raw in (real[-1], virtual[-1])
        if isinstance(raw, Raw)
    ]
    assert names[0] == names[1]
    assert len(names[0]) == 5


def items(facts: AccountFacts) -> list[tuple[str, object]]:
    return [(k, getattr(facts, k)) for k in facts.__struct_fields__ if k != "pwd_last_set_ns"]


def test_what_the_world_says_is_what_the_reader_finds() -> None:
    (raw,) = virtually([find("app01")], Ticket())
    found = facts(raw)
    assert (found.sam, found.enabled, found.kvno, found.enctypes) == ("APP01$", True, 5, 24)
    assert found.dns_host_name == "web.corp.example"
    assert found.pwd_last_set_ns == NOW - 3 * 86_400 * SECOND
    assert [(d.spn, d.dn) for d in found.duplicates] == [
        ("host/app01.corp.example", "CN=OLDAPP,CN=Computers,DC=corp,DC=example")
    ]
    world = world_at(NOW)
    for change in (
        AccountChange(host="app01", kvno=6, state="disabled"),
        AccountChange(host="app02", spns=()),
    ):
        apply(world, Change(account=change), NOW + 60 * SECOND)
    changed = [facts(raw) for raw in virtually([find("app01"), find("app02")], Ticket(), world)]
    assert (changed[0].enabled, changed[0].kvno) == (False, 6)
    assert changed[0].pwd_last_set_ns == NOW + 60 * SECOND
    assert changed[1].spns == ()


@pytest.mark.parametrize("real", [True, False], ids=["real", "virtual"])
def test_who_has_not_logged_in_sees_the_root_only(tmp_path: Path, real: bool) -> None:
    def root(session: DirectorySession) -> Raw:
        return rootdse.ask(session, NAME, lambda: 1, lambda _at: 2)

    works = [root, find("app01")]
    shown, refused = really(tmp_path, works, Anonymous()) if real else virtually(works, Anonymous())
    assert isinstance(shown, Raw)
    found = rootdse.parse((shown,))
    assert isinstance(found, RootDseFacts)
    assert (found.dns_host_name, found.synchronized) == (NAME, True)
    assert found.server_name == "CN=DC1,CN=Servers,CN=Zurich,CN=Sites,CN=Configuration,DC=corp,DC=example"
    ahead = (found.current_time_ns or 0) - (TrueTime()() if real else NOW)
    assert 0 < ahead - 5 * SECOND < 3 * SECOND
    assert isinstance(refused, Failure)
    assert refused.kind is FailureKind.DENIED


@pytest.mark.parametrize("real", [True, False], ids=["real", "virtual"])
def test_a_wrong_password_is_refused(tmp_path: Path, real: bool) -> None:
    wrong = Simple("ops@corp.example", "wrong")
    (found,) = really(tmp_path, [find("app01")], wrong) if real else virtually([find("app01")], wrong)
    assert isinstance(found, Failure)
    assert (found.kind, "wrong user or password" in found.detail) == (FailureKind.DENIED, True)


def test_another_ca_is_not_believed(tmp_path: Path) -> None:
    async def main() -> DirectoryError:
        clock = TrueTime()
        async with opened(tmp_path, world_at(clock()), clock) as (door, _):
            other = tmp_path / "other.pem"
            other.write_bytes(Authority().pem)
            with Directory() as directory, pytest.raises(DirectoryError) as raised:
                await directory.ask(controller(door, other), OURS, find("app01"))
            return raised.value

    error = asyncio.run(main())
    assert error.failure.kind is FailureKind.UNTRUSTED
    assert "CA that is not trusted" in error.failure.detail


@pytest.mark.parametrize("real", [True, False], ids=["real", "virtual"])
def test_a_ping(real: bool) -> None:
    async def over(network: Network) -> list[CldapFacts | Failure]:
        found = []
        for domain in ("corp.example", "elsewhere.example"):
            parsed = cldap.parse((await cldap.ping(network, NAME, domain),))
            assert isinstance(parsed, CldapFacts | Failure)
            found.append(parsed)
        return found

    async def really_() -> list[CldapFacts | Failure]:
        clock = TrueTime()
        door = RealDoor(world_at(clock()), clock)
        async with door:
            return await over(LoopbackNetwork(SystemNetwork(), door.served()))

    async def virtually_(loop: VirtualLoop) -> list[CldapFacts | Failure]:
        return await over(VirtualDoor(world_at(NOW), loop, NOW).network)

    pinged, elsewhere = asyncio.run(really_()) if real else run(virtually_)
    assert isinstance(pinged, CldapFacts)
    assert (pinged.domain, pinged.dns_host_name, pinged.server_site) == ("corp.example", NAME, "Zurich")
    assert (pinged.pdc, pinged.kdc, pinged.good_timeserv) == (True, True, True)
    assert isinstance(elsewhere, Failure)


def test_bytes_that_are_no_ldap_end_the_connection_and_nothing_else(tmp_path: Path) -> None:
    async def main() -> list[bytes]:
        clock = TrueTime()
        async with opened(tmp_path, world_at(clock()), clock) as (door, ca):
            context, port = ssl.create_default_context(cafile=str(ca)), door.served()[NAME, LDAPS, "tcp"]
            answers = []
            for sent in (
                b"GET / HTTP/1.0\r\n\r\n",
                b"\x30\x84\x7f\xff\xff\xff",
                b"\x30\x03\x02\x01\x01",
                b"\x30\x80",
            ):
                reader, writer = await asyncio.open_connection(
                    LOOPBACK, port, ssl=context, server_hostname=NAME
                )
                writer.write(sent)
                async with asyncio.timeout(5):
                    answers.append(await reader.read())
                writer.close()
            with Directory() as directory:  # and the next one is served
                await directory.ask(controller(door, ca), OURS, find("app01"))
            return answers

    assert asyncio.run(main()) == [b""] * 4


def test_a_password_in_the_clear_is_not_even_looked_at(tmp_path: Path) -> None:
    """resultCode 8, strongerAuthRequired."""

    async def main() -> bytes:
        clock = TrueTime()
        async with opened(tmp_path, world_at(clock()), clock) as (door, _):
            reader, writer = await asyncio.open_connection(LOOPBACK, door.served()[NAME, LDAP, "tcp"])
            bind = b"\x02\x01\x03\x04\x03ops" + b"\x80" + bytes([len(PASSWORD)]) + PASSWORD.encode()
            inner = b"\x02\x01\x01\x60" + bytes([len(bind)]) + bind
            writer.write(b"\x30" + bytes([len(inner)]) + inner)
            async with asyncio.timeout(5):
                said = await reader.read(4096)
            writer.close()
            return said

    assert b"\x0a\x01\x08" in asyncio.run(main())


def test_a_controller_that_is_down_or_cut_off_is_waited_for_and_no_longer() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[FailureKind, int]]:
        world = world_at(NOW)
        door, found = VirtualDoor(world, loop, NOW), []
        directory = VirtualDirectory(world, door.true)
        world.references["dc1"].silent = True
        for name in (NAME, "ntp1", "dc9.corp.example"):
            before = loop.now_ns
            with pytest.raises(DirectoryError) as raised:
                await directory.ask(Controller(name, name), Anonymous(), everything)
            found.append((raised.value.failure.kind, (loop.now_ns - before) // SECOND))
        return found

    assert run(main) == [
        (FailureKind.TIMEOUT, 4),
        (FailureKind.UNREACHABLE, 0),
        (FailureKind.UNREACHABLE, 0),
    ]


def test_our_clock_is_refused_like_anybodys() -> None:
    world = world_at(NOW)
    world.jump = world.jump.stepped(NOW, 400 * SECOND)
    (found,) = virtually([find("app01")], Ticket(), world)
    assert isinstance(found, Failure)
    assert "clocks differ" in found.detail
