"""Acknowledgement end to end without a network: session, record, resume, `verify`, reports."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.engine.housekeeping import Housekeeping
from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.port import Refused
from cutover_tui.record.audit import Audit
from cutover_tui.record.events import Regressed, VerdictChanged
from cutover_tui.record.regression import LASTS_NS
from cutover_tui.record.report.html import html
from cutover_tui.record.report.markdown import inert, markdown
from cutover_tui.record.report.ticket import ticket
from tests.unit import domain_check
from tests.unit.domain_check import NAME, WRONG
from tests.unit.forgery import Forgery
from tests.unit.honest_guest import Guest, Server, moved
from tests.unit.honest_session import B1, B2, MS, RUNBOOK, S, Script, Walk, resuming, walking
from tests.unit.test_audit import verified
from tests.unit.test_report import report_of

BOOK = RUNBOOK.replace(
    "[{check: time.jump-host}]}", "[{check: time.jump-host}, {check: domain.agrees}]}"
).replace(
    "          - {check: time.jump-host}\n",
    "          - {check: time.jump-host}\n          - {check: domain.agrees}\n",
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, NAME, domain_check.CHECK)  # type: ignore[arg-type]  # a dict behind a Mapping


def domain_is(script: Script, offset_ns: int) -> None:
    script.servers = (Server("dc1", offset_ns), Server("ntp1"), Server("ntp2", -2 * MS))


@asynccontextmanager
async def begun(path: Path, domain_ns: int) -> AsyncIterator[Walk]:
    """app01 on the source, the domain off by so much, step `base` started."""
    script = Script()
    domain_is(script, domain_ns)
    async with walking(path, script, BOOK) as walk:
        script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
        walk.lose("app02", "192.0.2.11: no route to host")
        walk.connect("app01")
        await walk.pass_time(40)
        assert await walk.session.start_step("base", "app01") is None
        yield walk


async def accept(walk: Walk, ticket: str = "PRB-7", host: str = "*", code: str = WRONG) -> Refused | None:
    return await Loopback(walk.session).acknowledge(NAME, code, host, ticket)


async def move(walk: Walk) -> None:
    """The mark, another platform, and chrony instead of Tools."""
    script = walk.script
    assert await walk.session.start_step("move", "app01") is None
    assert (await walk.done("move", "app01")).outcome == "open"
    walk.lose("app01")
    booted = script.ns
    script.ns += 20 * S
    script.guests["app01"] = replace(moved(script.guests["app01"], B2, booted), chrony=True, tools=False)
    walk.connect("app01")
    await walk.pass_time(95)
    assert await walk.session.start_step("time", "app01") is None


def of_domain(findings: tuple[Finding, ...]) -> Finding:
    (found,) = [f for f in findings if f.check == NAME]
    return found


async def accepted_and_moved(path: Path) -> None:
    async with begun(path, 3200 * MS) as walk:
        await walk.done("base", "app01")
        assert await accept(walk) is None
        await walk.done("base", "app01")
        await move(walk)
        await walk.done("time", "app01", "raj")


@pytest.fixture
async def honest(tmp_path: Path) -> Path:
    await accepted_and_moved(tmp_path / "session")
    return tmp_path / "session"


async def test_accepted_before_the_mark_it_opens_the_gates_on_both_sides_of_it(tmp_path: Path) -> None:
    path = tmp_path / "session"
    async with begun(path, 3200 * MS) as walk:
        refused = await walk.done("base", "app01")
        assert [m.what for m in refused.missing] == [NAME]
        assert of_domain(refused.findings).acknowledgeable
        assert await accept(walk) is None
        opened = await walk.done("base", "app01")
        assert (opened.outcome, of_domain(opened.findings).acknowledged) == ("open", "PRB-7")
        await move(walk)
        captured = walk.recorder.state.baselines["app01"].findings[NAME]
        assert (captured.verdict, captured.reason_code) == (Verdict.FAIL, WRONG)
        assert captured.measured is not None
        assert abs(captured.measured - 3200 * MS) < MS
        opened = await walk.done("time", "app01", "raj")
        assert opened.outcome == "open", opened.missing
        found = of_domain(opened.findings)
        assert (found.verdict, found.origin, found.acknowledged) == (Verdict.FAIL, "pre-existing", "PRB-7")
    result = verified(path)
    assert (result.answer, result.remarks) == ("follows", [])
    async with resuming(path, walk.script) as again:
        assert again.recorder.state.accepted == walk.recorder.state.accepted


async def test_accepted_after_the_mark_it_rests_on_the_baseline(tmp_path: Path) -> None:
    path = tmp_path / "session"
    async with begun(path, 3200 * MS) as walk:
        domain_is(walk.script, 0)
        await walk.pass_time(20)
        assert (await walk.done("base", "app01")).outcome == "open"
        domain_is(walk.script, 3200 * MS)
        await walk.pass_time(20)
        await move(walk)
        assert [m.what for m in (await walk.done("time", "app01", "raj")).missing] == [NAME]
        assert await accept(walk, host="app01") is None
        assert (await walk.done("time", "app01", "raj")).outcome == "open"
    assert verified(path).answer == "follows"


async def test_what_began_after_the_mark_is_never_accepted(tmp_path: Path) -> None:
    path = tmp_path / "session"
    async with begun(path, 0) as walk:
        assert (await walk.done("base", "app01")).outcome == "open"
        await move(walk)
        domain_is(walk.script, 3200 * MS)
        await walk.pass_time(20)
        refused = await walk.done("time", "app01", "raj")
        assert not of_domain(refused.findings).acknowledgeable
        answer = await accept(walk, host="app01")
        assert isinstance(answer, Refused)
        assert "it was not there before the mark" in answer.reason
        # app02 is not moved yet, so there it may be; that does not reach app01.
        assert await accept(walk) is None
        refused = await walk.done("time", "app01", "raj")
        assert [m.what for m in refused.missing] == [NAME]
        assert "PRB-7 does not cover it: it was not there before the mark." in refused.missing[0].reason
    assert verified(path).answer == "follows"


@pytest.mark.parametrize(
    ("host", "code", "ticket", "why"),
    [
        ("*", WRONG, "later", "no ticket number"),
        ("*", WRONG, " ", "without a problem-ticket number"),
        ("*", "other", "PRB-7", "does not fail with other on any host"),
        ("app02", "other", "PRB-7", "does not fail with other on app02"),
        ("app09", WRONG, "PRB-7", "no host app09"),
    ],
)
async def test_what_cannot_be_accepted_says_why(
    tmp_path: Path, host: str, code: str, ticket: str, why: str
) -> None:
    async with begun(tmp_path / "session", 3200 * MS) as walk:
        answer = await accept(walk, ticket, host, code)
        assert isinstance(answer, Refused)
        assert why in answer.reason
        assert walk.recorder.state.accepted == {}


async def test_the_guests_own_checks_are_refused_and_so_is_more_than_the_limit(tmp_path: Path) -> None:
    async with begun(tmp_path / "session", 61 * S) as walk:
        for check, code, why in (
            ("time.provider", "no-provider", "time.provider can never be acknowledged."),
            (NAME, WRONG, "more than 60.0 s is never accepted"),
        ):
            answer = await walk.session.acknowledge(check, code, "*", "PRB-7")
            assert isinstance(answer, Refused)
            assert why in answer.reason


async def test_once_per_cause(tmp_path: Path) -> None:
    """app02 comes later with the same cause: the one acknowledgement covers it, a second one is refused."""
    async with begun(tmp_path / "session", 3200 * MS) as walk:
        walk.script.guests["app02"] = Guest(B2, "vmware", booted_ns=100 * S, machine_id="b" * 32)
        assert await accept(walk, host="app01") is None
        await walk.session.start_step("base", "app02")
        walk.connect("app02")
        assert [m.what for m in (await walk.done("base", "app02")).missing] == [NAME]
        assert await accept(walk, "PRB-8") is None
        assert of_domain((await walk.done("base", "app02")).findings).acknowledged == "PRB-8"
        assert of_domain((await walk.done("base", "app01")).findings).acknowledged == "PRB-7"
        answer = await accept(walk, "PRB-9")
        assert isinstance(answer, Refused)
        assert answer.reason == "It is accepted with PRB-7 already."
    assert verified(tmp_path / "session").answer == "follows"


async def test_a_tightened_gate_is_in_the_baseline_too(tmp_path: Path) -> None:
    """0.9 s passes the check's default and fails this runbook's 500 ms: on both sides of the mark."""
    script = Script()
    domain_is(script, 900 * MS)
    tight = BOOK.replace("{check: domain.agrees}", "{check: domain.agrees, params: {agree: 500ms}}")
    async with walking(tmp_path / "session", script, tight) as walk:
        script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
        walk.connect("app01")
        await walk.pass_time(40)
        assert await walk.session.start_step("base", "app01") is None
        assert await accept(walk) is None
        assert (await walk.done("base", "app01")).outcome == "open"
        await move(walk)
        assert (await walk.done("time", "app01", "raj")).outcome == "open"
    assert verified(tmp_path / "session").answer == "follows"


async def test_a_step_opened_by_it_regresses_only_once_it_grows(tmp_path: Path) -> None:
    async with begun(tmp_path / "session", 3200 * MS) as walk:
        assert await accept(walk) is None
        await walk.done("base", "app01")
        await move(walk)
        await walk.done("time", "app01", "raj")
        told: list[object] = []
        walk.recorder.changed = lambda event: told.append(event.body)
        keeping = Housekeeping(walk.session.runbook, walk.recorder, walk.script.now, lambda: None)
        step = walk.session.runbook.step("time")
        assert step is not None

        async def assess(seconds: int) -> None:
            await walk.pass_time(seconds)
            keeping._assess(step, "app01", walk.recorder.state.status("time", "app01"))
            await walk.recorder.settle()

        for _ in range(3):
            await assess(LASTS_NS // S)
        assert not [b for b in told if isinstance(b, Regressed)]
        domain_is(walk.script, 9 * S)
        await assess(20)
        (lapsed,) = [
            b for b in told if isinstance(b, VerdictChanged) and b.check == NAME and not b.acknowledged
        ]
        assert "has grown from +3.20 s to +9.00 s" in lapsed.reason
        assert not [b for b in told if isinstance(b, Regressed)]
        await assess(LASTS_NS // S + 1)
        assert [b.check for b in told if isinstance(b, Regressed)] == [NAME]
        assert walk.recorder.state.status("time", "app01") == "regressed"
        answer = await accept(walk, host="app01")
        assert isinstance(answer, Refused)
        assert "it has grown from" in answer.reason


# Whoever edits the record


def accept_what_never_may_be(f: Forgery) -> None:
    (body,) = f.bodies("acknowledged")
    body["check"] = body["findings"][0]["check"] = "time.provider"


def accept_another_cause(f: Forgery) -> None:
    (body,) = f.bodies("acknowledged")
    body["reason_code"] = body["findings"][0]["reason_code"] = "two-domains"


def accept_a_larger_one(f: Forgery) -> None:
    f.bodies("acknowledged")[0]["findings"][0]["measured"] = 30 * S


def accept_it_on_a_host_never_seen(f: Forgery) -> None:
    findings = f.bodies("acknowledged")[0]["findings"]
    findings.append({**findings[0], "host": "app02"})


def accept_nothing(f: Forgery) -> None:
    f.bodies("acknowledged")[0]["findings"] = []


def take_the_ticket_away(f: Forgery) -> None:
    f.bodies("acknowledged")[0]["ticket"] = ""


def name_another_ticket(f: Forgery) -> None:
    """The decisions name the old one."""
    f.bodies("acknowledged")[0]["ticket"] = "PRB-8"


def drop_the_acknowledgement(f: Forgery) -> None:
    f.drop_body(f.bodies("acknowledged")[0])


def accept_it_later(f: Forgery) -> None:
    body = f.bodies("acknowledged")[0]
    f.drop_body(body)
    f.insert(len(f.events) - 1, body)


def call_a_failure_acknowledged(f: Forgery) -> None:
    """Of another check, in the refusal before it."""
    decision = f.decisions("base", "refused")[0]["body"]["decision"]
    decision["findings"][-1]["acknowledged"] = "PRB-7"
    decision["missing"], decision["outcome"] = [], "open"


def raise_the_baselines_value(f: Forgery) -> None:
    next(x for x in f.bodies("baseline-captured")[0]["findings"] if x[0] == NAME)[3] = 30 * S


def take_the_baselines_values(f: Forgery) -> None:
    body = f.bodies("baseline-captured")[0]
    body["findings"] = [x[:3] for x in body["findings"]]


@pytest.mark.parametrize(
    "attack",
    [
        accept_what_never_may_be,
        accept_another_cause,
        accept_a_larger_one,
        accept_it_on_a_host_never_seen,
        accept_nothing,
        take_the_ticket_away,
        name_another_ticket,
        drop_the_acknowledgement,
        accept_it_later,
        call_a_failure_acknowledged,
        raise_the_baselines_value,
        take_the_baselines_values,
    ],
    ids=lambda a: a.__name__,
)
async def test_caught_though_every_hash_was_recomputed(
    attack: Callable[[Forgery], None], honest: Path
) -> None:
    assert verified(honest).answer == "follows"
    forgery = Forgery(honest)
    attack(forgery)
    forgery.publish()
    assert verified(honest).answer == "does-not-follow"


async def test_an_acknowledgement_without_a_fault_in_the_baseline_does_not_follow(tmp_path: Path) -> None:
    """Inserted after a mark whose baseline passed, on a fault that is really there now."""
    path = tmp_path / "session"
    async with begun(path, 0) as walk:
        await walk.done("base", "app01")
        await move(walk)
        domain_is(walk.script, 3200 * MS)
        await walk.pass_time(20)
        await walk.done("time", "app01", "raj")
    forgery = Forgery(path)
    (refused,) = forgery.decisions("time", "refused")
    failed = next(x for x in refused["body"]["decision"]["findings"] if x["check"] == NAME)
    body = {"type": "acknowledged", "check": NAME, "reason_code": WRONG, "host": "*", "ticket": "PRB-7"}
    at = forgery.events.index(refused) + 1
    forgery.insert(at, {**body, "findings": [failed]})
    forgery.publish()
    assert "did not fail this way" in _first_wrong(verified(path))


def _first_wrong(result: Audit) -> str:
    return "; ".join(r.what for r in result.remarks if r.answer == "does-not-follow")


async def test_a_session_of_before_values_were_kept_still_follows(tmp_path: Path) -> None:
    path = tmp_path / "session"
    async with begun(path, 0) as walk:
        await walk.done("base", "app01")
        await move(walk)
        await walk.done("time", "app01", "raj")
    shutil.copytree(path, tmp_path / "old")
    forgery = Forgery(tmp_path / "old")
    take_the_baselines_values(forgery)
    forgery.publish()
    assert verified(tmp_path / "old").remarks == []
    half = Forgery(path)
    entries = half.bodies("baseline-captured")[0]["findings"]
    next(x for x in entries if x[0] == NAME)[3] = None
    half.publish()
    assert verified(path).answer == "does-not-follow"


# Reports


async def test_every_report_lists_it_with_its_ticket_and_values(honest: Path) -> None:
    report = report_of(honest)
    part, elsewhere = report.accepted
    assert (elsewhere.host, elsewhere.before, elsewhere.last) == ("app02", "", "never decided on")
    assert (part.ticket, part.cause, part.host) == ("PRB-7", f"{NAME} {WRONG}", "app01")
    assert part.then == part.before == "+3.20 s ± 2.00 ms"
    assert part.last.startswith("+3.20 s ± 2.00 ms, 2026-09-21")
    assert part.by.endswith("by ana")
    for text in (markdown(report), html(report)):
        assert "Acknowledged faults" in text
        assert "! acknowledged PRB-7" in text.replace("\\", "")
        for cell in (part.ticket, part.cause, part.before):
            assert cell in text or inert(cell) in text
    note = ticket(report)
    assert f"- PRB-7 {NAME} {WRONG} on app01: +3.20 s ± 2.00 ms before, last +3.20 s" in note
    assert any("accepted with PRB-7" in words for *_, words in report.timeline)


async def test_a_session_without_any_says_nothing_of_it(tmp_path: Path) -> None:
    async with begun(tmp_path / "session", 0) as walk:
        await walk.done("base", "app01")
    report = report_of(tmp_path / "session")
    assert report.accepted == []
    assert "Acknowledged" not in markdown(report) + html(report) + ticket(report)


async def test_what_grew_is_reported_as_not_accepted_any_more(tmp_path: Path) -> None:
    async with begun(tmp_path / "session", 3200 * MS) as walk:
        assert await accept(walk) is None
        await walk.done("base", "app01")
        await move(walk)
        domain_is(walk.script, 9 * S)
        await walk.pass_time(20)
        assert (await walk.done("time", "app01", "raj")).outcome == "refused"
    part, _ = report_of(tmp_path / "session").accepted
    assert part.last.startswith("+9.00 s ± 2.00 ms, not accepted any more, ")
