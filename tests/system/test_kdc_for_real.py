"""A real domain controller's clock from the jump host without credentials, and what a join leaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cutover_tui.core.checks.kerberos.kdc_interval import kdc_clock
from cutover_tui.engine.messages import Message, Seen
from cutover_tui.engine.watches.reached import Reached
from cutover_tui.engine.watches.watch_kdc import KdcWatch
from probes.facts_kerberos import KdcFacts
from probes.kerberos import kdc
from probes.net import SystemClock, SystemNetwork
from probes.observation import Observation
from tests.system.nodes.domain import REALM, Domain
from tests.system.nodes.lab import SystemLab

MS = 10**6


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        yield Domain.provision(lab)


class Enough(Exception):  # noqa: N818 - what it is
    """Two answers are in."""


@pytest.mark.parametrize("wrong_by_s", [0, 400, -47.25])
async def test_a_real_kdcs_clock_is_inside_the_interval(domain, wrong_by_s):
    domain.controller.set_offset(wrong_by_s)
    clock = SystemClock()
    anchor, seen = clock.now(), list[Observation]()

    def emit(message: Message) -> None:
        assert isinstance(message, Seen)
        seen.append(message.observation)
        if len(seen) == 2:  # that its microseconds are a clock shows in two
            raise Enough

    with domain.lab.jump.in_network():
        asker = kdc.Asker(SystemNetwork(), clock, REALM)
        watch = KdcWatch("dc1", domain.controller.address, 88, asker, clock, anchor, emit, Reached())
        with pytest.raises(Enough):
            await watch.run()
    known = kdc_clock(seen, anchor, clock.mono_ns())
    assert known is not None
    truth = domain.controller.node.clock.offset_ns()
    assert known.low_ns - MS <= truth <= known.high_ns + MS  # the machine's clock is slewed meanwhile
    assert known.microseconds is True  # Heimdal
    assert known.high_ns - known.low_ns < 50 * MS
    facts = seen[-1].facts
    assert isinstance(facts, KdcFacts)
    assert (facts.code, facts.answered_realm) == (6, REALM)


async def test_another_realm_is_answered_too_and_says_so(domain):
    with domain.lab.jump.in_network():
        asker = kdc.Asker(SystemNetwork(), SystemClock(), "ELSEWHERE.EXAMPLE")
        facts = kdc.parse((await asker.ask(domain.controller.address),))
    assert isinstance(facts, KdcFacts)
    assert (facts.code, facts.realm) == (6, "ELSEWHERE.EXAMPLE")  # so no proof that the realm is right
