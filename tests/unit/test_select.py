"""`select`: what counts for a check and what does not, to the nanosecond."""

from __future__ import annotations

import msgspec
import pytest

from cutover_tui.core.evidence import Attempt, Evidence, HostLog, Proofs, Wanted, select
from cutover_tui.core.people import PeopleRead
from cutover_tui.core.runbook import MINUTE
from probes.observation import Family, Instant, Observation

from . import evidence_builders as b

NOW = b.at(100)
FAMILIES = {"chrony": Family.TIME, "rtc": Family.TIME, "agents": Family.IDENTITY}


def chosen(
    *observations: Observation,
    voids: dict[Family, Instant] | None = None,
    through_voids: bool = False,
    voided_by: tuple[Family, ...] = (),
    read: tuple[PeopleRead, ...] = (),
) -> Evidence:
    """What a check of `chrony` and `agents` with the witness `rtc` gets of these."""
    log = HostLog()
    for line, o in enumerate(observations, 1):
        log.add_observation(line, o)
    book = b.runbook()
    return select(
        Wanted(
            readers=("chrony", "agents"),
            jump_readers=(),
            max_age_ns=MINUTE,
            sample_age_ns=None,
            voided_by=voided_by,
            witnesses=("rtc",),
            through_voids=through_voids,
        ),
        host=book.hosts[0],
        log=log,
        jump_log=HostLog(),
        upto_line=None,
        jump_upto_line=None,
        families=FAMILIES,
        voids=voids or {},
        now=NOW,
        anchor=b.ANCHOR,
        domain=book.domain,
        source="vmware",
        target="ahv",
        mark=None,
        baseline=None,
        read=read,
    )


def seen(reader: str, began_s: float, ended_s: float) -> Observation:
    return msgspec.structs.replace(b.observed(reader, ended_s, b.ABSENT), began=b.at(began_s))


@pytest.mark.parametrize(
    ("began_s", "counts"),
    [
        (79, False),  # was being read when it was disturbed: half of it is from before
        (80, False),
        (80.000000001, True),
        (81, True),
    ],
)
def test_what_counts_began_after_the_disturbance(began_s: float, counts: bool) -> None:
    found = chosen(seen("chrony", began_s, 82), voids={Family.TIME: b.at(80)})
    assert bool(found.observations["chrony"]) == counts


@pytest.mark.parametrize(("ended_s", "counts"), [(100, True), (100.000000001, False)])
def test_nothing_of_the_future_counts(ended_s: float, counts: bool) -> None:
    found = chosen(seen("chrony", 99, ended_s))
    assert bool(found.observations["chrony"]) == counts


def test_a_disturbance_voids_its_family_and_those_a_check_names_besides() -> None:
    both = (seen("chrony", 70, 71), seen("agents", 70, 71))
    found = chosen(*both, voids={Family.TIME: b.at(80)})
    assert {r: bool(o) for r, o in found.observations.items()} == {"chrony": False, "agents": True}
    found = chosen(*both, voids={Family.TIME: b.at(80)}, voided_by=(Family.TIME,))
    assert {r: bool(o) for r, o in found.observations.items()} == {"chrony": False, "agents": False}


@pytest.mark.parametrize(
    ("began_s", "through_voids", "counts"),
    [(70, False, False), (70, True, True), (81, False, True), (81, True, True)],
)
def test_a_witness_from_before_a_disturbance_counts_where_the_past_is_asked_for_only(
    began_s: float, through_voids: bool, counts: bool
) -> None:
    found = chosen(
        seen("rtc", began_s, began_s + 1), voids={Family.TIME: b.at(80)}, through_voids=through_voids
    )
    assert bool(found.witnessed["rtc"]) == counts


@pytest.mark.parametrize(
    ("boot_id", "seconds", "counts"),
    [(b.ANCHOR.boot_id, 100, True), (b.ANCHOR.boot_id, 100.1, False), ("the boot before", 50, False)],
)
def test_what_people_read_counts_in_the_boot_it_was_confirmed_in(
    boot_id: str, seconds: float, counts: bool
) -> None:
    read = PeopleRead(msgspec.structs.replace(b.at(seconds), boot_id=boot_id), b.UTC0, "ana", "raj")
    assert chosen(read=(read,)).read == ((read,) if counts else ())


def test_a_series_of_attempts_ends_where_the_jump_host_was_rebooted() -> None:
    def attempt(seq: int, boot_id: str, number: int) -> Attempt:
        return Attempt(seq, Instant(boot_id, seq * b.S, b.UTC0), "exchange", number, 3, True, f"o{seq}")

    before, between, after = attempt(1, "one", 1), attempt(2, "two", 1), attempt(3, "one", 2)
    assert Proofs(attempts=(before, after)).series("exchange", "one") == (before, after)
    assert Proofs(attempts=(before, between, after)).series("exchange", "one") == ()
    assert Proofs(attempts=(before, between)).series("exchange", "two") == (between,)
