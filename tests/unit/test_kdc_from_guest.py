"""Which KDCs a guest is asked about, when and how; and controllers that DNS names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pytest

from cutover_tui.core.runbook import Domain, Host
from cutover_tui.engine.assembly import Outside, watches_over
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.watches.discovered import AGAIN_NS, INTERVAL_NS, Discovered
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.watch_domain import DomainWatch
from cutover_tui.engine.watches.watch_kdc import KdcWatch
from cutover_tui.engine.watches.watch_kdc_from_guest import INTERVAL_NS as MINUTE
from cutover_tui.engine.watches.watch_kdc_from_guest import GuestKdcs
from cutover_tui.lab.doors.virtual_loop import SECOND, VirtualLoop, run
from probes.ad import discovery, rootdse_guest
from probes.ad.records import Asked
from probes.arrival import Answered
from probes.facts_directory import Answer, DiscoveryFacts, GuestRootDseFacts
from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc
from probes.observation import Failure, FailureKind, Identity, Observation, Raw
from probes.reader import Command
from probes.seam import LinkError
from tests.unit.test_kdc import MIT_UNKNOWN, framed
from tests.unit.test_watch_from_guest import Clock, book

TRIP_NS = 40_000_000
FORBIDDEN = Failure(FailureKind.DENIED, "the guest's sshd forwards no connections")
LDIF = "dn:\ncurrentTime: 20261122212119.0Z\nisSynchronized: TRUE\ndnsHostName: dc1.corp.example\n\n"


@dataclass
class Carrier:
    """A guest that carries exchanges with a KDC, counts them, and knows how many there were at once."""

    loop: VirtualLoop
    forbids: bool = False
    ldif: str = LDIF
    servers: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    at_once: int = 0
    most: int = 0

    async def tcp(
        self,
        host: str,
        port: int,
        make: Callable[[], bytes],
        complete: Callable[[bytes], bool],
        *,
        timeout_s: float,
    ) -> Answered:
        assert port == 88
        self.servers.append(host)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        sent = self.loop.now_ns
        make()
        await asyncio.sleep(TRIP_NS / SECOND)
        self.at_once -= 1
        if self.forbids:
            raise LinkError(FORBIDDEN)
        assert complete(framed(MIT_UNKNOWN))
        return Answered(framed(MIT_UNKNOWN), host, sent, self.loop.now_ns, kernel_stamp=False)

    async def run(self, commands: Sequence[Command]) -> tuple[Raw, ...]:
        self.commands += commands
        return tuple(Raw(c.argv, 0, self.ldif) for c in commands)


class Nobody:
    """A network that reaches no controller, over UDP and TCP alike."""

    async def udp(self, *_asked: object, **_more: object) -> Answered:
        raise LinkError(Failure(FailureKind.TIMEOUT, "no answer within 2 s"))

    tcp = udp


@dataclass
class Answering(Nobody):
    """A network with one KDC that answers at once, `off_s` ahead; its microseconds are a clock."""

    loop: VirtualLoop
    off_s: int
    silent: frozenset[str]

    async def udp(self, host: str, _port: int, make: Callable[[], bytes], *, timeout_s: float) -> Answered:
        if host in self.silent:
            raise LinkError(Failure(FailureKind.TIMEOUT, "no answer"))
        now = self.loop.now_ns
        make()
        shows = datetime.fromtimestamp(now // SECOND + self.off_s, UTC).strftime("%Y%m%d%H%M%SZ").encode()
        said = MIT_UNKNOWN.replace(b"20261126031042Z", shows)
        micro = (now % SECOND // 1000).to_bytes(3)
        return Answered(said.replace(b"\x03\x04\x03\xb9", b"\x03" + micro), host, now, now, kernel_stamp=True)


def asker(clock: Clock) -> kdc.Asker:
    return kdc.Asker(Nobody(), clock, "KRB.TEST")


def watch(
    loop: VirtualLoop,
    guest: Carrier,
    reached: Reached,
    seen: list[Observation],
    names: Sequence[str] = ("dc1", "dc2"),
) -> GuestKdcs:
    clock = Clock(loop)

    def emit(message: Message) -> None:
        assert isinstance(message, Seen)
        seen.append(message.observation)

    return GuestKdcs("app01", guest, lambda: names, reached.silent, asker(clock), clock, clock.now(), emit)


async def for_(seconds: float, running: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(running)
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def silent(*servers: str) -> Reached:
    reached = Reached(1)
    for server in servers:
        reached.missed(server)
    return reached


def test_only_kdcs_that_are_silent_to_the_jump_host_one_after_the_other() -> None:
    async def scene(loop: VirtualLoop) -> None:
        guest, seen = Carrier(loop), list[Observation]()
        await for_(10 * MINUTE / SECOND, watch(loop, guest, silent("dc2"), seen).run(Identity))
        assert set(guest.servers) == {"dc2"}
        assert 10 <= len(guest.servers) <= 14, "some at first, then one a minute"
        assert {(o.reader, o.host, o.vantage, type(o.facts)) for o in seen} == {
            ("kdc", "app01", "guest", KdcFacts)
        }
        guest.servers.clear()
        await for_(30, watch(loop, guest, silent("dc1", "dc2"), seen).run(Identity))
        assert set(guest.servers) == {"dc1", "dc2"}
        assert guest.most == 1
        assert not guest.commands
        await for_(30, watch(loop, Carrier(loop), silent(), seen := []).run(Identity))
        assert not seen

    run(scene)


def test_where_forwards_are_forbidden_ldapsearch_is_asked_without_root() -> None:
    async def scene(loop: VirtualLoop) -> None:
        guest, seen = Carrier(loop, forbids=True), list[Observation]()
        await for_(3 * MINUTE / SECOND, watch(loop, guest, silent("dc1"), seen).run(Identity))
        by = {o.reader: o for o in seen}
        assert by["kdc"].failure == FORBIDDEN
        assert by["rootdse-guest"].facts == GuestRootDseFacts(
            "dc1", 1_795_382_479 * SECOND, "dc1.corp.example", True
        )
        assert {c.argv for c in guest.commands} == {rootdse_guest.command("dc1").argv}
        assert not any(c.elevate for c in guest.commands)
        assert len(guest.servers) == 3, "refused once a minute, not more"

    run(scene)


def test_what_the_tape_holds_gives_the_same_facts_again() -> None:
    async def scene(loop: VirtualLoop) -> None:
        seen: list[Observation] = []
        for forbids in (False, True):
            await for_(5, watch(loop, Carrier(loop, forbids), silent("dc1"), seen).run(Identity))
        for o in seen:
            again = parsers()[o.reader, o.version](o.raw)
            assert again == (o.facts if o.facts is not None else o.failure)

    run(scene)


def test_two_misses_of_the_jump_host_are_silence_and_come_within_seconds() -> None:
    async def scene(loop: VirtualLoop) -> None:
        clock, reached = Clock(loop), Reached(2)
        asking = KdcWatch("dc1", "dc1", 88, asker(clock), clock, clock.now(), lambda _m: None, reached)
        await for_(1, asking.run())
        assert reached.silent("dc1")

    run(scene)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (Raw((), 127, "", "sh: ldapsearch: not found"), FailureKind.TOOL_ABSENT),
        (
            Raw((), 255, "", "ldap_sasl_bind(SIMPLE): Can't contact LDAP server (-1)\n"),
            FailureKind.UNREACHABLE,
        ),
        (Raw((), 32, "", "No such object (32)\n"), FailureKind.NOT_UNDERSTOOD),
        (Raw((), 0, ""), FailureKind.NOT_UNDERSTOOD),
        (Raw((), 0, LDIF.replace("20261122212119.0Z", "yesterday")), FailureKind.NOT_UNDERSTOOD),
        (Raw((), 0, LDIF[:20], truncated=True), FailureKind.TRUNCATED),
    ],
)
def test_ldapsearch_without_a_time_is_a_failure(raw: Raw, kind: FailureKind) -> None:
    asked = Raw(rootdse_guest.command("dc1").argv, raw.rc, raw.out, raw.err, raw.truncated)
    found = rootdse_guest.parse((asked,))
    assert isinstance(found, Failure)
    assert found.kind is kind


@dataclass
class Dns:
    """Names and what they point to; keeps who was asked for."""

    values: dict[str, tuple[str, ...]]
    asked: list[str] = field(default_factory=list)

    async def ask(self, questions: Sequence[Asked]) -> Sequence[Answer]:
        found: list[Answer] = []
        for server, name, kind in questions:
            assert (server, kind) == ("", "SRV")
            self.asked.append(name)
            values = self.values.get(name, ())
            found.append(Answer("", name, "SRV", "found" if values else "absent", False, values))
        return found


SITE = "_kerberos._tcp.Linz._sites.dc._msdcs.corp.example"
WHOLE = "_kerberos._tcp.dc._msdcs.corp.example"
PLAIN = "_kerberos._tcp.corp.example"
PDC = "_ldap._tcp.pdc._msdcs.corp.example"


@pytest.mark.parametrize(
    ("site", "named", "asked"),
    [
        ("Linz", SITE, [SITE, PDC]),
        ("Linz", WHOLE, [SITE, PDC, WHOLE]),
        ("Linz", PLAIN, [SITE, PDC, WHOLE, PLAIN]),
        ("", WHOLE, [WHOLE, PDC]),
        ("", "", [WHOLE, PDC, PLAIN]),
    ],
)
async def test_the_site_first_then_the_domain_then_any_realm(site: str, named: str, asked: list[str]) -> None:
    dns = Dns({named: ("0 100 88 dc1.corp.example",)} if named else {})
    facts = discovery.parse((await discovery.discover(dns.ask, "corp.example", site),))
    assert isinstance(facts, DiscoveryFacts)
    assert dns.asked == asked
    assert facts.controllers == (("dc1.corp.example",) if named else ())


def test_each_controller_is_watched_while_dns_names_it() -> None:
    async def scene(loop: VirtualLoop) -> None:
        dns, seen, watched = Dns({}), list[Message](), list[str]()

        @dataclass
        class Forever:
            name: str

            async def run(self) -> None:
                watched.append(self.name)
                try:
                    await asyncio.Event().wait()
                finally:
                    watched.remove(self.name)

            def stopped(self, failure: Failure) -> None:
                watched.append(f"{self.name} {failure.detail}")

        made = Discovered("corp.example", "Linz", dns.ask, Clock(loop), seen.append, lambda n: [Forever(n)])
        running = asyncio.ensure_future(made.run())
        await asyncio.sleep(1)
        assert (made.names, watched) == ((), [])
        dns.values[SITE] = ("0 100 88 dc1.corp.example", "0 100 88 dc2.corp.example")
        await asyncio.sleep(AGAIN_NS / SECOND)
        assert made.names == ("dc1.corp.example", "dc2.corp.example")
        assert watched == list(made.names)
        dns.values[SITE] = ("0 100 88 dc2.corp.example",)
        await asyncio.sleep(INTERVAL_NS / SECOND)
        assert watched == ["dc2.corp.example"]
        dns.values.clear()  # a resolver that is down makes nobody go away
        await asyncio.sleep(INTERVAL_NS / SECOND)
        assert watched == ["dc2.corp.example"]
        assert len(seen) == 4
        made.stopped(Failure(FailureKind.LOST, "broke"))
        assert watched.pop() == "dc2.corp.example broke"
        assert isinstance(seen[-1], Seen)
        assert seen[-1].observation.failure == Failure(FailureKind.LOST, "broke")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert watched == []

    run(scene)


def test_the_directory_is_asked_again_as_soon_as_dns_names_others() -> None:
    """Its own turn comes every five minutes, and the first one is over before DNS has answered."""

    async def scene(loop: VirtualLoop) -> None:
        dns, looks = Dns({}), list[tuple[str, tuple[str, ...]]]()

        @dataclass
        class Directory:
            known: Callable[[], tuple[str, ...]]

            def look(self, host: str) -> None:
                looks.append((host, self.known()))

        hosts = (Host(name="app01", address="app01"), Host(name="app02", address="app02"))
        named = msgspec.structs.replace(book(*hosts), domain=Domain(realm="CORP.EXAMPLE"))
        outside = Outside(
            lambda _host: Carrier(loop), Nobody(), lambda _host: None, names=dns.ask, directory=Directory
        )
        clock = Clock(loop)
        made = watches_over(named, clock, clock.now(), lambda _m: None, outside)
        discovered, _ = made._others
        running = asyncio.ensure_future(discovered.run())
        await asyncio.sleep(1)
        assert looks == []
        dns.values[WHOLE] = ("0 100 88 dc1.corp.example",)
        await asyncio.sleep(AGAIN_NS / SECOND)
        both = [("app01", ("dc1.corp.example",)), ("app02", ("dc1.corp.example",))]
        assert looks == both
        await asyncio.sleep(INTERVAL_NS / SECOND)
        assert looks == both, "the same are named"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(scene)


@pytest.mark.parametrize(
    ("off_s", "silent_too", "said"),
    [(0, False, True), (290, False, True), (400, False, False), (0, True, True)],
)
def test_whether_clocks_are_within_the_tolerance_is_told_after_each_answer(
    off_s: int, silent_too: bool, said: bool
) -> None:
    async def scene(loop: VirtualLoop) -> None:
        clock, told = Clock(loop), list[bool | None]()
        names = ("dc1", "dc2") if silent_too else ("dc1",)
        hosts = (Host(name="app01", address="app01"),)
        domain = Domain(realm="KRB.TEST", controllers=names)
        watched = msgspec.structs.replace(book(*hosts), domain=domain)
        network = Answering(loop, off_s, frozenset(names[1:]))
        made = DomainWatch(watched, network, clock, clock.now(), lambda _m: None, clocks=told.append)
        _, kdcs = made.from_here()
        for asking in kdcs:
            await for_(3, asking.run())
        assert told[0] is said
        assert told[-1] is said

    run(scene)
