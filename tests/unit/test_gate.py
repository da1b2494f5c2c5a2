"""The gate opens on passes and on nothing else."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.checks.registry import CHECKS, READER_FAMILY
from cutover_tui.core.evidence import Baseline
from cutover_tui.core.finding import Before, Verdict
from cutover_tui.core.gate import decide, judge, wrong_platform
from cutover_tui.core.owed import owed
from cutover_tui.core.runbook import GateCheck, PlatformName, PlatformSpec
from cutover_tui.engine.readers import ALL
from probes.observation import JUMP, Failure, FailureKind, Family

from . import evidence_builders as b

NOW = 200.0


def healthy() -> b.World:
    world = b.World()
    world.healthy(0, NOW)
    return world


def test_a_healthy_guest_opens_the_gate() -> None:
    decision = decide(healthy().ask("time", NOW + 0.2))
    assert decision.outcome == "open", decision.missing
    assert {f.check for f in decision.findings} == {
        "time.jump-host",
        "time.provider",
        "time.single-master",
        "time.offset",
    }


def test_equal_questions_have_equal_answers_after_encoding() -> None:
    question = healthy().ask("time", NOW + 0.2)
    first, second = decide(question), decide(question)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert msgspec.json.decode(msgspec.json.encode(first), type=type(first)) == first


@pytest.mark.parametrize("reader", ["chrony", "services", "platform", "ntp"])
@given(kind=st.sampled_from(FailureKind))
def test_a_reader_that_fails_last_closes_the_gate(reader: str, kind: FailureKind) -> None:
    """Whatever the failure: what was seen before it is no evidence of now."""
    world = healthy()
    host = JUMP if reader == "ntp" else "app01"
    if reader == "ntp":
        world.jump.cut_after(0)
    failed = b.observed(reader, NOW + 0.1, Failure(kind, "x"), host=host)
    world.see(failed)
    decision = decide(world.ask("time", NOW + 0.2))
    assert decision.outcome == "refused"


@given(st.sampled_from(Family), st.floats(0.3, 4.0))
def test_a_disturbance_closes_the_gate_of_its_family_only(family: Family, age: float) -> None:
    world = healthy()
    world.voids = {family: b.at(NOW + 0.2 - age)}
    decision = decide(world.ask("time", NOW + 0.2))
    if family in (Family.TIME, Family.IDENTITY):
        assert decision.outcome == "refused"
    else:
        assert decision.outcome == "open"


@given(st.floats(130, 100_000))
def test_evidence_grows_stale(later: float) -> None:
    assert decide(healthy().ask("time", NOW + later)).outcome == "refused"


def test_after_a_reboot_of_the_jump_host_all_evidence_is_stale() -> None:
    question = healthy().ask("time", NOW + 0.2)
    later = msgspec.structs.replace(question.now, boot_id="another-boot")
    decision = decide(dataclasses.replace(question, now=later))
    assert decision.outcome == "refused"
    assert all(f.verdict is not Verdict.PASS or f.check == "time.offset" for f in decision.findings)


def test_only_sealed_lines_count() -> None:
    world = healthy()
    assert decide(world.ask("time", NOW + 0.2, upto_line=0)).outcome == "refused"


@pytest.mark.parametrize(("name", "outcome"), [("vmware", "refused"), ("kvm", "refused"), ("ahv", "open")])
def test_after_the_mark_the_guest_must_answer_from_the_target(name: str, outcome: str) -> None:
    """The old VM behind the same address answers every check with a smile (F2)."""
    world = healthy()
    world.see(b.observed("platform", NOW, b.platform(name, "VMware, Inc.")))
    if name == "vmware":
        world.see(b.observed("vmtools", NOW, b.tools(disable_all=True)))
    decision = decide(world.ask("time", NOW + 0.2))
    assert decision.outcome == outcome
    assert ("platform" in {m.what for m in decision.missing}) == (outcome == "refused")


@pytest.mark.parametrize(
    ("shown", "seconds", "verdict"),
    [
        ("ahv", NOW, None),
        ("ahv", NOW - 599, None),
        ("ahv", NOW - 601, Verdict.UNKNOWN),  # ten minutes ago is not now
        ("unknown", NOW, Verdict.UNKNOWN),  # read, and it says nothing: nobody is accused
        ("vmware", NOW, Verdict.FAIL),
    ],
)
def test_where_a_guest_runs_must_be_known_and_of_now(
    shown: str, seconds: float, verdict: Verdict | None
) -> None:
    world = b.World()
    world.see(b.observed("platform", seconds, b.platform(shown)))
    question = world.ask("time", NOW)
    missing = wrong_platform(question.subjects[0], question)
    assert (missing.verdict if missing is not None else None) == verdict


@pytest.mark.parametrize(
    ("source", "target", "shown", "right"),
    [
        ("vmware", "azure", "azure", True),
        ("vmware", "azure", "hyperv", True),  # Azure shows a guest what Hyper-V shows
        ("hyperv", "azure", "hyperv", False),  # the source, for all that can be told
        ("vmware", "hyperv", "azure", False),
    ],
)
def test_azure_is_known_by_hyperv_except_when_one_moves_from_there(
    source: PlatformName, target: PlatformName, shown: str, right: bool
) -> None:
    world = b.World()
    world.see(b.observed("platform", NOW, b.platform(shown)))
    question = world.ask("time", NOW)
    book = msgspec.structs.replace(
        question.runbook, source=PlatformSpec(platform=source), target=PlatformSpec(platform=target)
    )
    question = dataclasses.replace(question, runbook=book)
    assert (wrong_platform(question.subjects[0], question) is None) == right


def test_what_failed_the_same_way_before_is_pre_existing() -> None:
    world = healthy()
    world.see(b.observed("chrony", NOW, b.ABSENT), b.observed("services", NOW, b.services()))
    decision = decide(world.ask("time", NOW + 0.2))
    assert [f.origin for f in decision.findings if f.check == "time.provider"] == ["new"]
    world.baseline = Baseline(
        2, b.at(1), "b1", {"time.provider": Before("time.provider", Verdict.FAIL, "no-provider")}
    )
    decision = decide(world.ask("time", NOW + 0.2))
    assert [f.origin for f in decision.findings if f.check == "time.provider"] == ["pre-existing"]
    assert decision.outcome == "refused"


@pytest.mark.parametrize(
    ("verdict", "code", "origin"),
    [
        (Verdict.FAIL, "no-provider", "pre-existing"),
        (Verdict.FAIL, "stale-update", "new"),  # another fault of the same check
        (Verdict.UNKNOWN, "no-provider", "new"),
        (Verdict.PASS, "ok", "new"),
    ],
)
def test_pre_existing_is_the_same_failure_for_the_same_reason(
    verdict: Verdict, code: str, origin: str
) -> None:
    world = healthy()
    world.see(b.observed("chrony", NOW, b.ABSENT), b.observed("services", NOW, b.services()))
    world.baseline = Baseline(2, b.at(1), "b1", {"time.provider": Before("time.provider", verdict, code)})
    (found,) = (f for f in decide(world.ask("time", NOW + 0.2)).findings if f.check == "time.provider")
    assert (found.verdict, found.reason_code, found.origin) == (Verdict.FAIL, "no-provider", origin)


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_no_check_passes_on_nothing(check: str) -> None:
    question = b.World().ask("time", NOW)
    finding = judge(GateCheck(check=check), question.subjects[0], question)
    assert finding.verdict is Verdict.UNKNOWN


def test_every_reader_a_check_names_exists_in_the_family_the_registry_says() -> None:
    real = {r.name: r.family for r in ALL}
    for check in CHECKS.values():
        for name in (*check.readers, *check.jump_readers):
            assert name in real, f"{check.spec.id} reads {name}, which is no reader"
    assert {name: real[name] for name in READER_FAMILY} == dict(READER_FAMILY)


# What a step owes besides its checks


def statuses(**done: str) -> object:
    return lambda step, host: done.get(step, "todo")


def test_an_earlier_step_is_owed_until_it_is_done() -> None:
    book = b.runbook()
    step = book.step("time")
    assert step is not None
    assert [m.what for m in owed(book, step, ("app01",), statuses(), {}, None)] == ["step move"]
    assert owed(book, step, ("app01",), statuses(move="done"), {}, None) == ()
    assert len(owed(book, step, ("app01",), statuses(move="regressed"), {}, None)) >= 1


def test_a_move_nobody_marked_is_a_finding() -> None:
    book = b.runbook()
    step = book.step("base")
    assert step is not None
    (missing,) = owed(book, step, ("app01",), statuses(), {"app01": "the platform changed"}, None)
    assert (missing.what, missing.verdict) == ("mark", Verdict.FAIL)
