"""Real chronyd and the lab's in the same states: the same facts of them, and the same verdicts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from probes.facts_time import ChronyFacts, ChronySource
from probes.linux import CHRONY, NTPQ, PLATFORM, SERVICES, TIMESYNCD, VMTOOLS
from probes.observation import Failure
from tests.system.differential.chronyd_states import (
    NOON,
    SOAKED_S,
    STATES,
    State,
    real_references,
    set_lab,
    set_real,
)
from tests.system.differential.sides import SECOND, Lab, Real, Seen
from tests.system.nodes.lab import SystemLab

pytestmark = pytest.mark.timeout(240)  # the first test waits for the soaks of all

SLACK_NS = SECOND // 2
SLEW_SLACK_NS = SECOND
"""A slew of 83 ms a second begins some polls after a jump: when chronyd notices, and has three new samples."""

EACH = [(state.name, moment) for state in STATES for moment in state.moments]


@dataclass(frozen=True)
class Pair:
    """Both sides of one state, looked at in the same moments."""

    real: Seen
    lab: Seen


def _look(seen: Seen, side: Real | Lab, moment: float) -> None:
    for reader in (CHRONY, SERVICES, *(() if "platform" in seen else (PLATFORM, TIMESYNCD, NTPQ, VMTOOLS))):
        seen.take(side, reader, moment)


def _watch_real(lab: SystemLab, state: State, side: Real) -> Seen:
    """Start chronyd and look in the state's moments; most of the time is waiting."""
    seen, began = Seen(), time.monotonic()

    def rest_until(at_s: float) -> None:
        time.sleep(max(0.0, began + at_s - time.monotonic()))

    def sample() -> None:
        for second in range(SOAKED_S + 1):
            rest_until(second)
            seen.sample(side, second)

    with ThreadPoolExecutor(1) as sampler:
        if state.running:
            side.guest.chrony.start()
        began = time.monotonic()
        sampling = sampler.submit(sample)
        happened = state.event is None
        for moment in state.moments:
            if state.event is not None and not happened and state.event.at_s < moment:
                rest_until(state.event.at_s)
                state.event.real(lab, side)
                happened = True
            rest_until(moment)
            _look(seen, side, moment)
        sampling.result()
    return seen


def _watch_lab(state: State, addresses: dict[str, str]) -> Seen:
    side, seen, happened = set_lab(state, addresses), Seen(), state.event is None
    for half in range(2 * SOAKED_S + 1):
        at_s = half / 2
        side.until(NOON + half * SECOND // 2)
        if state.event is not None and not happened and at_s >= state.event.at_s:
            state.event.lab(side)
            happened = True
        if half % 2 == 0:
            seen.sample(side, at_s)
        if at_s in state.moments:
            _look(seen, side, at_s)
    return seen


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    with SystemLab() as lab, ThreadPoolExecutor(len(STATES)) as pool:
        addresses = real_references(lab)
        sides = [set_real(lab, state, addresses) for state in STATES]
        real = list(pool.map(lambda state, side: _watch_real(lab, state, side), STATES, sides))
    return {
        state.name: Pair(seen, _watch_lab(state, addresses)) for state, seen in zip(STATES, real, strict=True)
    }


def _of_source(source: ChronySource) -> tuple[object, ...]:
    # Which of good sources is selected and combined, and how many polls fell into the time, is chance.
    state = "good" if source.state in ("selected", "combined", "not-combined") else source.state
    return source.name, source.mode, state, source.stratum, source.reach > 0, source.last_rx_s is None


def picture(facts: ChronyFacts) -> dict[str, object]:
    """What of the facts the state decides."""
    kind = {"00000000": "none", "7F7F0101": "local"}.get(facts.refid, "a source")
    return {
        "running": facts.running,
        "version": facts.version,
        "follows": kind,
        "names its source": facts.source in {s.name for s in facts.sources},
        "stratum": facts.stratum,
        "leap": facts.leap,
        "was updated": facts.ref_time_ns is not None,
        "makestep": facts.makestep,
        "conf_visible": facts.conf_visible,
        "local_reference": facts.local_reference,
        "sources": sorted(map(_of_source, facts.sources)),
        "selected": sum(s.state == "selected" for s in facts.sources),
    }


def _facts(seen: Seen, moment: float) -> ChronyFacts:
    facts = seen.latest("chrony", moment)
    assert isinstance(facts, ChronyFacts), facts
    return facts


@pytest.mark.parametrize(("state", "moment"), EACH)
def test_the_same_facts(pairs: dict[str, Pair], state: str, moment: int) -> None:
    pair = pairs[state]
    real, lab = _facts(pair.real, moment), _facts(pair.lab, moment)
    assert picture(lab) == picture(real)
    offsets = {s.name: s.offset_ns for s in real.sources}
    for source in lab.sources:
        assert abs(source.offset_ns - offsets[source.name]) < SLACK_NS, source.name
    assert abs(lab.system_offset_ns - real.system_offset_ns) < SLEW_SLACK_NS


@pytest.mark.parametrize(("state", "moment"), EACH)
def test_the_same_verdicts(pairs: dict[str, Pair], state: str, moment: int) -> None:
    pair = pairs[state]
    assert pair.lab.verdicts(moment) == pair.real.verdicts(moment)


def test_every_other_reader_understands_both(pairs: dict[str, Pair]) -> None:
    for pair in pairs.values():
        for reader in (SERVICES, PLATFORM):
            assert not isinstance(pair.real.latest(reader.name, SOAKED_S), Failure)
            assert not isinstance(pair.lab.latest(reader.name, SOAKED_S), Failure)


def test_the_states_are_told_apart(pairs: dict[str, Pair]) -> None:
    """A comparison of two that say the same of everything would prove nothing."""
    said = {name: pair.real.verdicts(SOAKED_S)["time.provider"] for name, pair in pairs.items()}
    assert said == {
        "synchronised": ("pass", "ok"),
        "just-started": ("pass", "ok"),
        "not-enabled": ("fail", "not-at-boot"),
        "no-sources": ("fail", "no-sources"),
        "unreachable": ("fail", "no-reachable-source"),
        "lost-source": ("fail", "no-reachable-source"),
        "local-reference": ("fail", "local-reference"),
        "stepped": ("pass", "ok"),
        "one-falseticker": ("pass", "ok"),
        "not-running": ("fail", "no-provider"),
    }
