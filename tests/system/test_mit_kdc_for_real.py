"""MIT's krb5kdc asked from the jump host: its microseconds are a counter in each of its processes, and no clock."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutover_tui.core.checks.kerberos.kdc_interval import KdcClock, kdc_clock
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.watch_kdc import KdcWatch
from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc
from probes.kerberos.krb_errors import refusal_in
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, Observation
from tests.system.nodes.lab import Guest, SystemLab
from tests.system.nodes.mit_kdc import PASSWORD, REALM, MitKdc

MS = 10**6
S = 10**9
SESSIONS = 12
CUTOVER = str(Path(sys.executable).with_name("cutover"))
RUNBOOK = """\
schema: 1
change: {{id: CHG0030214, title: app01, window: {{start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z"}}}}
source: {{platform: kvm}}
target: {{platform: kvm}}
domain: {{realm: {realm}, controllers: [kdc2], references: [ntp1, ntp2]}}
credentials: {{lab: {{method: key, key: /root/.ssh/id_ed25519}}}}
hosts:
  - {{name: app01, address: {address}, user: engineer, escalation: sudo, credential: lab}}
phases:
  - id: identity
    title: Identity
    steps: [{{id: clock, title: The KDC is right, gate: [{{check: kdc.clock}}]}}]
"""


@pytest.fixture(scope="module")
def mit() -> Iterator[MitKdc]:
    with SystemLab() as lab:
        yield MitKdc.create(lab)


class Enough(Exception):  # noqa: N818 - what it is
    """So many answers are in."""


async def watched(mit: MitKdc, answers: int, *, phase_ns: int = 0, narrow_ns: int = 0) -> list[KdcClock]:
    """What a session that watches this KDC knows after each of so many answers, or fewer if that is narrow."""
    clock, seen, known = SystemClock(), list[Observation](), list[KdcClock]()
    anchor = clock.now()

    def emit(message: Message) -> None:
        assert isinstance(message, Seen)
        seen.append(message.observation)
        found = kdc_clock(seen, anchor, clock.mono_ns())
        assert found is not None
        known.append(found)
        if len(seen) == answers or found.high_ns - found.low_ns < narrow_ns:
            raise Enough

    asker = kdc.Asker(SystemNetwork(), clock, REALM)
    watch = KdcWatch("kdc1", mit.address, 88, asker, clock, anchor, emit, Reached(), phase_ns=phase_ns)
    with pytest.raises(Enough):
        await watch.run()
    return known


def holds(known: KdcClock, truth_ns: int) -> bool:
    """A millisecond is the machine's, whose clock is slewed meanwhile."""
    return known.low_ns - MS <= truth_ns <= known.high_ns + MS


@pytest.mark.parametrize("wrong_by_s", [0, 400, -400])
async def test_its_clock_is_inside_the_interval_and_its_microseconds_are_a_counter(mit, wrong_by_s):
    mit.set_offset(wrong_by_s)
    with mit.lab.jump.in_network():
        # The first two, 20 ms apart, early in one second of the KDC, whose offset is whole seconds.
        known = await watched(mit, 3, phase_ns=S - time.time_ns() % S + S // 10)
    assert [k for k in known if not holds(k, mit.offset_ns())] == []
    assert [k.microseconds for k in known] == [None, False, False]
    assert not known[-1].jumped


async def test_questions_aimed_at_its_seconds_flip_narrow_the_interval(mit):
    mit.set_offset(0.3)
    with mit.lab.jump.in_network():
        known = await watched(mit, 10, narrow_ns=60 * MS)
    assert [k for k in known if not holds(k, mit.offset_ns())] == []
    assert known[-1].high_ns - known[-1].low_ns < 60 * MS
    assert not known[-1].jumped


async def test_workers_that_count_by_themselves_are_no_clock_either(mit):
    mit.set_offset(0)
    mit.restart(workers=4)
    with mit.lab.jump.in_network():
        sessions = [watched(mit, 4, phase_ns=n * S // SESSIONS) for n in range(SESSIONS)]
        known = [k for session in await asyncio.gather(*sessions) for k in session]
    mit.restart()
    assert [k for k in known if not holds(k, mit.offset_ns())] == []
    assert {k.microseconds for k in known} <= {None, False}
    assert not any(k.jumped for k in known)


async def asked(mit: MitKdc, realm: str = REALM) -> KdcFacts | Failure:
    with mit.lab.jump.in_network():
        said = kdc.parse((await kdc.Asker(SystemNetwork(), SystemClock(), realm).ask(mit.address),))
    assert isinstance(said, KdcFacts | Failure)
    return said


async def test_an_answer_too_big_for_a_datagram_comes_over_tcp(mit):
    mit.set_offset(0)
    mit.restart(largest_datagram=60)
    facts = await asked(mit)
    mit.restart()
    assert isinstance(facts, KdcFacts)
    assert (facts.transport, facts.code, facts.text) == ("tcp", 6, "CLIENT_NOT_FOUND")
    by_udp = await asked(mit)
    assert isinstance(by_udp, KdcFacts)
    assert by_udp.transport == "udp"


async def test_one_that_serves_one_realm_answers_for_any(mit):
    facts = await asked(mit, "ELSEWHERE.EXAMPLE")
    assert isinstance(facts, KdcFacts)
    assert (facts.code, facts.answered_realm) == (
        6,
        "ELSEWHERE.EXAMPLE",
    )  # so no proof that the realm is right


def test_a_realm_that_one_of_several_does_not_know_is_one_finding_that_names_the_kdc(mit):
    lab = mit.lab
    lab.reference("ntp1")
    lab.reference("ntp2")
    MitKdc.create(lab, "kdc2", realms=(REALM, "OTHER.EXAMPLE"))
    guest = lab.guest("app01", vendor="QEMU")

    def found(realm: str) -> tuple[str, str, str]:
        lab.jump.write("/root/runbook.yaml", RUNBOOK.format(realm=realm, address=guest.address))
        ours = {"PYTHONPATH": str(Path(__file__).parents[2])}
        ran = lab.jump.run(
            CUTOVER, "check", "--json", "/root/runbook.yaml", check=False, timeout_s=60, env=ours
        )
        (decision,) = json.loads(ran.out)
        (finding,) = decision["findings"]
        return finding["verdict"], finding["reason_code"], f"{finding['reason']} {finding['remedy']}"

    assert found("OTHER.EXAMPLE")[:2] == ("pass", "ok")
    verdict, code, reason = found("ELSEWHERE.EXAMPLE")
    assert (verdict, code) == ("unknown", "kdc-silent")
    assert reason.startswith("No KDC of kdc2 answers (kdc2: ")
    assert "88/tcp: closed before its answer was whole (0 bytes)" in reason
    assert "see whether domain.realm is right" in reason


KINIT_BY_PASSWORD = ("kinit", "app01")


def said_by(guest: Guest, *argv: str, stdin: str = f"{PASSWORD}\n") -> tuple[int, int | None]:
    """The tool's exit status, and the protocol's number for what it said."""
    ran = guest.node.run(*argv, check=False, stdin=stdin)
    words = refusal_in(ran.err.splitlines())
    return ran.rc, words.number if words is not None else None


def test_numbers_and_what_the_library_hides_are_as_with_another_kdc(mit):
    """RFC 4120 section 7.5.9; with kdc_timesync (its default) a wrong clock shows in old tickets only."""
    mit.set_offset(0)
    guest = mit.lab.guest("app02", vendor="QEMU")
    mit.principal("app01", "+requires_preauth")
    mit.principal("locked", "+requires_preauth", "-allow_tix")
    mit.principal("expired", "-expire", "2020-01-01 00:00:00")
    mit.principal("no-preauth")
    mit.principal("host/app02")
    for timesync in (1, 0):
        guest.node.write("/etc/krb5.conf", mit.krb5_conf(timesync=timesync))
        for off in (600, -600):
            guest.clock.set_offset(0)
            assert said_by(guest, *KINIT_BY_PASSWORD) == (0, None)
            guest.clock.set_offset(off * S)
            assert said_by(guest, "kvno", "host/app02") == (1, 37)  # a ticket from before
            assert said_by(guest, *KINIT_BY_PASSWORD) == ((0, None) if timesync else (1, 37))
            # Given a ticket all the same: then it is the library that refuses, and means as much.
            assert said_by(guest, "kinit", "no-preauth") == ((0, None) if timesync else (1, 37))
            if timesync:
                assert said_by(guest, "kvno", "host/app02") == (0, None)
    guest.clock.set_offset(0)
    assert said_by(guest, *KINIT_BY_PASSWORD) == (0, None)
    assert said_by(guest, "kvno", "host/nobody") == (1, 7)
    assert said_by(guest, *KINIT_BY_PASSWORD, stdin="another\n") == (
        1,
        None,
    )  # its own words: Password incorrect
    assert said_by(guest, "kinit", "nobody") == (1, 6)
    assert said_by(guest, "kinit", "locked") == (1, 18)
    assert said_by(guest, "kinit", "expired") == (1, 1)
