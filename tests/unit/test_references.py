"""Who is believed: the decision table of `references`, row by row, and what holds for any clocks."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover_tui.core.checks.clocks.references import LONE_NS, Consensus, Standing, standing_at
from cutover_tui.core.checks.clocks.witness import HOLD_NS, Witness, asked_as, independent, witness
from cutover_tui.core.runbook import Domain

from . import evidence_builders as b

AGREE_NS = b.S
NTP = frozenset({"ntp1", "ntp2", "ntp3", "ntp4"})


def clocks(offsets_ms: Mapping[str, float], seconds: float = 10) -> list[Witness]:
    found = [witness(b.ntp(name, seconds, offset), b.ANCHOR) for name, offset in offsets_ms.items()]
    return [w for w in found if w is not None]


def standing(offsets_ms: Mapping[str, float]) -> Standing:
    return standing_at(10 * b.S, clocks(offsets_ms), AGREE_NS, NTP)


def believed(at: Standing) -> tuple[str, ...]:
    return tuple(sorted(w.server for w in at.truth.agreeing)) if at.truth is not None else ()


@pytest.mark.parametrize(
    ("offsets", "right"),
    [
        ({}, ()),
        ({"ntp1": 0}, ()),
        ({"ntp1": 0, "ntp2": 900}, ("ntp1", "ntp2")),
        ({"ntp1": 0, "ntp2": 1100}, ()),
        ({"ntp1": 0, "ntp2": 10, "ntp3": 9000}, ("ntp1", "ntp2")),
        ({"ntp1": 0, "ntp2": 900, "ntp3": 1100}, ("ntp2", "ntp3")),  # among equals the tighter two
        ({"ntp1": 0, "ntp2": 10, "ntp3": 9000, "ntp4": 9010}, ()),
        # four controllers that are wrong as one have no say against two independents
        ({"ntp1": 0, "ntp2": 10, "dc1": 2000, "dc2": 2000, "dc3": 2010, "dc4": 2020}, ("ntp1", "ntp2")),
        # not even with an independent on their side
        ({"ntp1": 0, "ntp2": 10, "ntp3": 2000, "dc1": 2000, "dc2": 2010}, ("ntp1", "ntp2")),
        # the domain has one vote where independents cannot decide
        ({"ntp1": 0, "dc1": 500}, ("ntp1",)),
        ({"ntp1": 0, "dc1": 1500}, ()),
        ({"ntp1": 0, "dc1": 1500, "dc2": 1500}, ()),
        ({"ntp1": 0, "ntp2": 5000, "dc1": 100}, ("ntp1",)),
        ({"ntp1": 0, "ntp2": 5000, "dc1": 9000}, ()),
        ({"ntp1": 0, "ntp2": 10, "ntp3": 9000, "ntp4": 9010, "dc1": 0}, ("ntp1", "ntp2")),
        ({"dc1": 0, "dc2": 0, "dc3": 0}, ()),  # without an independent nothing is known
    ],
)
def test_true_time_is_what_independents_say(offsets: dict[str, float], right: tuple[str, ...]) -> None:
    assert believed(standing(offsets)) == right


@pytest.mark.parametrize(
    ("offsets", "judge", "by"),
    [
        ({"ntp1": 0, "ntp2": 0, "dc1": 187_400, "dc2": 187_401}, "domain", ("dc1", "dc2")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 10}, "domain", ("dc1",)),
        ({"ntp1": 0, "ntp2": 0, "dc1": 59_000}, "domain", ("dc1",)),
        ({"ntp1": 0, "ntp2": 0, "dc1": 61_000}, "references", ("ntp1", "ntp2")),
        ({"ntp1": 0, "ntp2": 0}, "references", ("ntp1", "ntp2")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 0, "dc2": 5000}, "references", ("ntp1", "ntp2")),
        ({"ntp1": 0, "ntp2": 0, "dc1": 0, "dc2": 10, "dc3": 5000}, "domain", ("dc1", "dc2")),
        ({"ntp1": 0, "dc1": 10, "dc2": 10}, "domain", ("dc1", "dc2")),
        ({"ntp1": 0, "dc1": 10}, "domain", ("dc1",)),
        ({"ntp1": 9000, "dc1": 10, "dc2": 10}, "domain", ("dc1", "dc2")),
        ({"dc1": 10, "dc2": 10}, "domain", ("dc1", "dc2")),
        ({"ntp1": 0, "ntp2": 9000, "dc1": 4000}, None, ()),
        ({"ntp1": 0, "dc1": 4000}, None, ()),
        ({"dc1": 10}, None, ()),
        ({"dc1": 10, "dc2": 4000}, None, ()),
        ({"ntp1": 0}, None, ()),
        ({}, None, ()),
    ],
)
def test_by_whose_time_guests_are_judged(
    offsets: dict[str, float], judge: str | None, by: tuple[str, ...]
) -> None:
    at = standing(offsets)
    assert at.judge == judge
    assert (tuple(w.server for w in at.guests.agreeing) if at.guests is not None else ()) == by


def test_the_domain_votes_and_does_not_move_true_time() -> None:
    at = standing({"ntp1": 0, "dc1": 800})
    assert at.truth is not None
    assert at.truth.offset_ns == 0
    assert at.domain_off is not None
    assert at.domain_off[0] == 800 * b.MS


def test_the_bound_covers_every_clock_of_the_group_and_the_time_since() -> None:
    early, late = clocks({"ntp1": 0}, 4), clocks({"ntp2": 400}, 10)
    at = standing_at(10 * b.S, (*early, *late), AGREE_NS, NTP).truth
    assert at is not None
    assert at.offset_ns == 200 * b.MS
    assert at.bound_ns == 200 * b.MS + b.MS + 600_000  # half the spread, half of 2 ms, 100 ppm of 6 s


def test_an_answer_is_forgotten_after_its_time() -> None:
    old = clocks({"ntp1": 0, "ntp2": 0}, 10)
    assert standing_at(10 * b.S + HOLD_NS, old, AGREE_NS, NTP).truth is not None
    assert standing_at(10 * b.S + HOLD_NS + 1, old, AGREE_NS, NTP).truth is None


def test_a_server_that_has_no_time_is_no_witness() -> None:
    assert witness(b.ntp("ntp1", 10, leap="unsynchronised"), b.ANCHOR) is None


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("ntp1", "ntp1"),
        ("ntp1:123", "ntp1"),
        ("127.0.0.1:11123", "127.0.0.1:11123"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[::1]:124", "::1:124"),
    ],
)
def test_a_reference_is_known_by_the_name_its_answers_carry(written: str, named: str) -> None:
    assert asked_as(written) == named
    assert independent(Domain(references=(written,))) == {named}


# What holds for any clocks

OFFSETS = st.one_of(st.integers(-600, 600), st.integers(-4000, 4000))
CLOCKS = st.dictionaries(st.sampled_from([*sorted(NTP), "dc1", "dc2", "dc3", "dc4"]), OFFSETS, max_size=8)


def answer(at: Standing) -> tuple[object, ...]:
    return at.truth, at.domain, at.judge, at.guests


@settings(max_examples=300)
@given(CLOCKS, st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_order_of_answers_does_not_matter(offsets: dict[str, int], random: Random, older: int) -> None:
    found = [*clocks(offsets), *clocks(dict(list(offsets.items())[:older]), 5)]
    mixed = list(found)
    random.shuffle(mixed)
    first, second = (standing_at(10 * b.S, w, AGREE_NS, NTP) for w in (found, mixed))
    assert answer(first) == answer(second)


@settings(max_examples=500)
@given(CLOCKS, st.sampled_from(["ntp9", "dc9"]), OFFSETS)
def test_an_agreeing_witness_more_never_makes_a_known_answer_unknown(
    offsets: dict[str, int], name: str, more: int
) -> None:
    independents = NTP | {"ntp9"}
    before = standing_at(10 * b.S, clocks(offsets), AGREE_NS, independents)
    after = standing_at(10 * b.S, clocks({**offsets, name: more}), AGREE_NS, independents)
    new_ns = more * b.MS

    def agrees(*groups: Consensus | None) -> bool:
        members = [w.offset_ns for g in groups if g is not None for w in g.agreeing]
        return max((*members, new_ns)) - min((*members, new_ns)) <= AGREE_NS

    if before.truth is not None and agrees(before.truth, before.guests):
        assert after.truth is not None
    if before.guests is not None and agrees(before.truth, before.guests):
        assert after.guests is not None


@settings(max_examples=500)
@given(
    st.lists(st.integers(0, 1000), min_size=3, max_size=4),
    st.lists(st.integers(0, 1000), min_size=3, max_size=4),
    st.integers(-10_000_000, 10_000_000),
    st.booleans(),
)
def test_a_lone_liar_moves_no_answer_by_more_than_the_tolerance(
    references: list[int], controllers: list[int], lie: int, liar_is_controller: bool
) -> None:
    honest = {f"ntp{n + 1}": o for n, o in enumerate(references)}
    honest |= {f"dc{n + 1}": o for n, o in enumerate(controllers)}
    before = standing(honest)
    after = standing({**honest, ("dc1" if liar_is_controller else "ntp1"): lie})
    for one, other in ((before.truth, after.truth), (before.guests, after.guests)):
        assert one is not None
        assert other is not None
        assert abs(one.offset_ns - other.offset_ns) <= AGREE_NS


@settings(max_examples=300)
@given(CLOCKS, st.integers(-10_000_000, 10_000_000))
def test_no_number_of_controllers_moves_what_two_independents_say(offsets: dict[str, int], lie: int) -> None:
    alone = clocks({name: o for name, o in offsets.items() if name in NTP})
    liars = clocks({f"dc{n}": lie for n in range(1, 9)})
    before, after = (standing_at(10 * b.S, w, AGREE_NS, NTP) for w in (alone, [*alone, *liars]))
    if before.truth is not None:
        assert after.truth == before.truth


@settings(max_examples=300)
@given(CLOCKS)
def test_a_clock_alone_is_never_believed(offsets: dict[str, int]) -> None:
    at = standing(offsets)
    if at.guests is not None and len(at.guests.agreeing) == 1:
        assert at.truth is not None
        assert at.domain_off is not None
        assert abs(at.domain_off[0]) + at.domain_off[1] <= LONE_NS
    if at.truth is not None and len(at.truth.agreeing) == 1:
        assert at.domain_off is not None
        assert abs(at.domain_off[0]) <= AGREE_NS
