"""Fine and coarse witnesses: who decides, who confirms, and what holds for any mixture of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cutover_tui.core.checks.clocks.references import Consensus, Standing, carried, standing_at
from cutover_tui.core.checks.clocks.witness import COARSEST_NS, HOLDS, Kind, Witness

from . import evidence_builders as b

AGREE_NS = b.S
NOW_NS = 1000 * b.S
INDEPENDENT = frozenset({"ntp1", "ntp2", "ntp3", "https://a", "https://b", "https://c"})


def clock(server: str, offset_ms: float, bound_ms: float | None = None, kind: Kind | None = None) -> Witness:
    """A witness of now; kind and bound follow from the name where not given."""
    if kind is None:
        kind = "http" if server.startswith("https") else "people" if "+" in server else "ntp"
    usual = {"http": 100.0, "people": 2000.0}
    bound = bound_ms if bound_ms is not None else usual.get(kind, 1.0)
    return Witness(server, NOW_NS, round(offset_ms * b.MS), round(bound * b.MS), 0, None, kind)


def standing(*witnesses: Witness, at_ns: int = NOW_NS) -> Standing:
    return standing_at(at_ns, witnesses, AGREE_NS, INDEPENDENT)


def names(group: Sequence[Witness]) -> tuple[str, ...]:
    return tuple(sorted(w.server for w in group))


@pytest.mark.parametrize(
    ("witnesses", "speaks", "confirm"),
    [
        # two fine ones decide, whatever others read
        ([("ntp1", 0), ("ntp2", 5), ("ana + raj", 90_000)], ("ntp1", "ntp2"), ()),
        (
            [("ntp1", 0), ("ntp2", 5), ("https://a", 90_000), ("https://b", 90_000), ("https://c", 90_000)],
            ("ntp1", "ntp2"),
            (),
        ),
        ([("ntp1", 0), ("ntp2", 5), ("https://a", 1050)], ("ntp1", "ntp2"), ("https://a",)),
        # a fine one alone needs somebody who is able to tell
        ([("ntp1", 0), ("https://a", 1090)], ("ntp1",), ("https://a",)),
        ([("ntp1", 0), ("https://a", 1110)], (), ()),
        ([("ntp1", 0), ("ana + raj", -2990)], ("ntp1",), ("ana + raj",)),
        ([("ntp1", 0), ("ana + raj", -3010)], (), ()),
        # coarse ones alone: the tightest speaks
        ([("https://a", 0), ("ana + raj", 2500)], ("https://a",), ("ana + raj",)),
        ([("https://a", 0), ("https://b", 1190)], ("https://a",), ("https://b",)),
        ([("https://a", 0), ("https://b", 1210)], (), ()),
        ([("ana + raj", 0)], (), ()),
        # whatever is read by whoever is one witness
        ([("ana + raj", 0), ("bob + eve", 0)], (), ()),
        # a coarse one breaks a tie of fine ones, and the domain does only where it cannot
        ([("ntp1", 0), ("ntp2", 5000), ("https://a", 10)], ("ntp1",), ("https://a",)),
        ([("ntp1", 0), ("ntp2", 1001), ("https://a", 500)], (), ()),
        ([("ntp1", 0), ("ntp2", 1001), ("https://a", 500), ("dc1", 0)], ("ntp1",), ("https://a",)),
        ([("ntp1", 0), ("ntp2", 5000), ("https://a", 9000), ("dc1", 0), ("dc2", 1)], ("ntp1",), ()),
        # two against one that the domain confirms: independents go before the domain, coarse or fine
        ([("ntp1", 0), ("https://a", 9000), ("dc1", 0)], ("ntp1",), ()),
        ([("ntp1", 0), ("https://a", 9000), ("https://b", 9010), ("dc1", 0)], ("https://a",), ("https://b",)),
        ([("dc1", 0), ("dc2", 1), ("ana + raj", 100)], ("ana + raj",), ()),
        ([("dc1", 187_000), ("dc2", 187_001), ("ana + raj", 100)], (), ()),
        (
            [("dc1", 187_000), ("dc2", 187_001), ("ana + raj", 100), ("https://a", 0)],
            ("https://a",),
            ("ana + raj",),
        ),
    ],
)
def test_true_time_of_a_mixture(
    witnesses: list[tuple[str, float]], speaks: tuple[str, ...], confirm: tuple[str, ...]
) -> None:
    truth = standing(*(clock(server, offset) for server, offset in witnesses)).truth
    assert (names(truth.agreeing), names(truth.confirming)) == (speaks, confirm) if truth else speaks == ()


def test_a_guest_of_one_controller_and_two_people_is_judged_by_the_controller() -> None:
    at = standing(clock("dc1", 300, kind="guest"), clock("ana + raj", 0))
    assert at.judge == "domain"
    assert at.guests is not None
    assert (at.guests.offset_ns, at.guests.bound_ns) == (300 * b.MS, b.MS)


def test_people_speak_ten_minutes_and_what_rests_on_them_no_longer() -> None:
    read = clock("ana + raj", 0)
    later_ns = NOW_NS + HOLDS["people"] - 30 * b.S
    at = standing(read, replace(clock("dc1", 300, kind="guest"), mono_ns=later_ns), at_ns=later_ns)
    assert at.until_ns == read.until_ns
    assert carried(at, read.until_ns) is not None
    assert carried(at, read.until_ns + 1) is None
    two = [replace(clock(n, 0), mono_ns=later_ns) for n in ("ntp1", "ntp2")]
    assert standing(read, *two, at_ns=later_ns).until_ns is None, "they say it without them"
    gone = standing(read, *two[:1], at_ns=read.until_ns + 1)
    assert gone.truth is None


def test_a_servers_own_answer_to_us_goes_before_what_a_guest_saw_and_is_one_witness() -> None:
    at = standing(clock("ntp1", 0), replace(clock("ntp1", 9000), kind="guest", mono_ns=NOW_NS))
    assert at.truth is None
    assert names(at.independents) == ("ntp1",)
    assert at.independents[0].offset_ns == 0


def test_what_leaves_open_too_much_is_no_witness() -> None:
    assert standing(clock("ntp1", 0, 3000)).independents
    assert not standing(clock("ntp1", 0, 3000.001)).independents


# What holds for any mixture

OFFSETS = st.one_of(st.integers(-600, 600), st.integers(-4000, 4000))
COARSE = st.dictionaries(st.sampled_from(["https://a", "https://b", "https://c", "ana + raj"]), OFFSETS)
FINE = st.dictionaries(st.sampled_from(["ntp1", "ntp2", "ntp3", "dc1", "dc2", "dc3"]), OFFSETS)
BOUNDS = st.sampled_from([1, 90, 499, 501, 2000, 2999])


@st.composite
def mixtures(draw: st.DrawFn) -> list[Witness]:
    """Any clocks, some of the NTP servers seen so badly that they are coarse."""
    fine = [clock(n, o, draw(BOUNDS)) for n, o in draw(FINE).items()]
    return [*fine, *(clock(n, o) for n, o in draw(COARSE).items())]


def answer(at: Standing) -> tuple[object, ...]:
    return at.truth, at.domain, at.judge, at.guests, at.until_ns


@settings(max_examples=300)
@given(mixtures(), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(found: list[Witness], random: Random) -> None:
    mixed = list(found)
    random.shuffle(mixed)
    assert answer(standing(*found)) == answer(standing(*mixed))


@settings(max_examples=600)
@given(mixtures(), st.sampled_from(["ntp9", "dc9", "https://z"]), OFFSETS, BOUNDS)
def test_an_agreeing_witness_more_never_makes_a_known_answer_unknown(
    found: list[Witness], name: str, offset: int, bound: int
) -> None:
    new = clock(name, offset, bound)
    before = standing(*found)
    after = standing_at(NOW_NS, [*found, new], AGREE_NS, INDEPENDENT | {"ntp9", "https://z"})

    def agrees(*groups: Consensus | None) -> bool:
        every = [w for g in groups if g is not None for w in (*g.agreeing, *g.confirming)]
        domain = [before.domain.offset_ns] if before.domain is not None else []
        offsets = [new.offset_ns, *domain, *(w.offset_ns for w in every)]
        return max(offsets) - min(offsets) <= AGREE_NS

    assume(agrees(before.truth, before.guests))
    if before.truth is not None:
        assert after.truth is not None
    if before.guests is not None:
        assert after.guests is not None


@settings(max_examples=300)
@given(FINE, COARSE)
def test_coarse_witnesses_change_nothing_that_two_fine_independents_decide(
    fine: dict[str, int], coarse: dict[str, int]
) -> None:
    known = [clock(n, o) for n, o in fine.items()]
    before = standing(*known)
    assume(before.truth is not None and len(before.truth.agreeing) > 1)
    after = standing(*known, *(clock(n, o) for n, o in coarse.items()))
    assert before.truth is not None
    assert after.truth is not None
    assert replace(after.truth, confirming=(), dissenting=()) == replace(before.truth, dissenting=())
    assert (after.judge, after.domain) == (before.judge, before.domain)


@settings(max_examples=600)
@given(FINE, OFFSETS)
def test_a_lone_coarse_witness_neither_moves_nor_widens_what_a_lone_fine_one_says(
    fine: dict[str, int], offset: int
) -> None:
    found = [clock(n, o) for n, o in fine.items() if n not in ("ntp2", "ntp3")]
    before = standing(*found)
    assume(before.truth is not None)
    after = standing_at(NOW_NS, [*found, clock("https://z", offset)], AGREE_NS, INDEPENDENT | {"https://z"})
    assert before.truth is not None
    assert after.truth is not None
    assert (after.truth.offset_ns, after.truth.bound_ns) == (before.truth.offset_ns, before.truth.bound_ns)


@settings(max_examples=400)
@given(
    st.lists(st.integers(-100, 100), min_size=3, max_size=3),
    st.sampled_from(["https://a", "ntp1", "ana + raj"]),
    st.integers(-10_000_000, 10_000_000),
    st.sampled_from([1, 100, 2000]),
)
def test_a_lone_liar_among_coarse_ones_moves_them_no_farther_than_they_can_tell(
    offsets: list[int], liar: str, lie: int, bound: int
) -> None:
    honest = [clock(n, o) for n, o in zip(("https://a", "https://b", "https://c"), offsets, strict=True)]
    false = clock(liar, lie, bound if liar == "https://a" else None)
    found = standing(*(w for w in honest if w.server != liar), false).truth
    assert found is not None
    most = max(w.bound_ns for w in honest)
    assert abs(found.offset_ns) <= AGREE_NS + found.bound_ns + 2 * most + 100 * b.MS


@settings(max_examples=300)
@given(mixtures())
def test_no_answer_is_wider_than_a_witness_may_be(found: list[Witness]) -> None:
    at = standing(*found)
    for group in (at.truth, at.domain):
        if group is not None:
            fine = not group.coarse
            assert group.bound_ns <= (AGREE_NS if fine else COARSEST_NS)
            assert fine or len(group.agreeing) == 1
