"""Proofs in a session: approved once, each attempt on the record before it begins, repeated when needed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from cutover_tui import __version__
from cutover_tui.core.checks.kerberos.kdc_answers import kdcs
from cutover_tui.core.evidence import PROOF_LASTS_NS
from cutover_tui.core.finding import Verdict
from cutover_tui.core.runbook import HOUR
from cutover_tui.engine.housekeeping import FORGET_NS, LASTING
from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.messages import Seen
from cutover_tui.engine.port import Refused
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.engine.watches.probe_loop import Watches
from cutover_tui.record.audit import audit
from cutover_tui.record.audit.events import EventAudit
from cutover_tui.record.events import AttemptEnded, AttemptIntended, Disturbed, ProofApproved, VerdictChanged
from cutover_tui.record.journal import read
from cutover_tui.record.reels import read_reels
from cutover_tui.record.state import Contradiction, State, fold
from probes.ad.kept import keep
from probes.attempt import Kept
from probes.exchange import READER as AP_IN
from probes.linux import KEYTAB
from probes.net import SystemClock
from probes.observation import Failure, FailureKind, Family, Identity, Observation
from probes.reader import Reader
from probes.seam import LinkError
from tests.unit import corpus
from tests.unit.forgery import Forgery
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, S, Script, Walk, resuming, walking
from tests.unit.kerberos_builders import kdc
from tests.unit.test_fold import events

CASES = {case.id: case for case in corpus.load()}
RUNBOOK = """\
schema: 1
change: {id: CHG1, title: t, window: {start: "2026-09-21T14:00:00Z", end: "2026-09-21T18:00:00Z"}}
source: {platform: vmware}
target: {platform: vmware}
domain: {realm: CORP.EXAMPLE, references: [ntp1, ntp2], controllers: [dc1.corp.example]}
hosts: [{name: app01, address: 192.0.2.10, escalation: sudo}]
phases:
  - id: p
    title: P
    steps:
      - {id: tickets, title: Tickets, gate: [{check: kerberos.as}, {check: kerberos.tgs}]}
"""


class Prover:
    """What stands behind `Probes.attempt`: cases of the corpus, one an attempt, the last for ever."""

    def __init__(self, walk: Walk, *names: str) -> None:
        self.walk, self.names = walk, list(names) or ["ok"]
        self.made: list[int] = []
        self.stuck = asyncio.Event()

    async def attempt(self, host: str, reader: Reader, number: int) -> None:
        name = self.names.pop(0) if len(self.names) > 1 else self.names[0]
        self.made.append(number)
        if name == "unwatched":
            raise LinkError(Failure(FailureKind.UNREACHABLE, "not watched"))
        if name == "killed":
            self.stuck.set()
            await asyncio.Event().wait()
        case = CASES[f"exchange/mit-1.20.1/{name}"]
        assert [raw.argv for raw in case.raws] == [c.argv for c in reader.commands], "the plan of the corpus"
        script = self.walk.script
        began = script.now()
        script.ns += S
        self.see(host, reader, case, began, number)

    def see(self, host, reader, case, began, number=1):
        ended = self.walk.script.now()
        outcome = case.parse()
        failed = isinstance(outcome, Failure)
        guest = self.walk.script.guests[host]
        identity = Identity(guest.host_key, guest.machine_id, guest.boot_id, "VMware, Inc.", guest.platform)
        seen = Observation(
            f"{host}/{reader.name}/{ended.boottime_ns}", reader.name, reader.version, host, identity, "guest",
            began, ended, number, case.raws, None if failed else outcome, outcome if failed else None,
        )  # fmt: skip
        self.walk.intake.take([Seen(seen)], 0)


@asynccontextmanager
async def proving(
    path: Path, *names: str, keytab: str = "joined", book: str = RUNBOOK
) -> AsyncIterator[tuple[Walk, Prover]]:
    """A session with a guest whose keytab has been read and whose step is under way."""
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(path / "session", script, book) as walk:
        walk.connect("app01")
        prover = Prover(walk, *names)
        walk.probes.attempt = prover.attempt  # type: ignore[attr-defined]
        prover.see("app01", KEYTAB, CASES[f"keytab/mit-1.20.1/{keytab}"], script.now())
        await walk.session.start_step("tickets", "app01")
        yield walk, prover


def exchange_as_planned(walk: Walk) -> Reader:
    plans = walk.session._proofs()._plans("app01")
    assert not isinstance(plans, Refused)
    return plans[0].reader


def bodies(path: Path, *kinds: type) -> list[object]:
    journal = read(SessionDirectory(path / "session").journal, FORMAT.decode)
    return [e.body for e in journal.events if isinstance(e.body, kinds)]


def codes(walk: Walk) -> dict[str, tuple[str, str]]:
    return {f.check: (f.verdict, f.reason_code) for f in walk.session.step("tickets", "app01").live.findings}


async def prove(walk: Walk) -> Refused | None:
    return await walk.session.prove("app01", walk.session.proof("app01").commands)


async def test_approved_once_and_every_attempt_on_the_record(tmp_path: Path) -> None:
    async with proving(tmp_path) as (walk, prover):
        assert codes(walk)["kerberos.as"] == ("unknown", "not-approved")
        port = Loopback(walk.session)
        view = port.proof("app01")
        assert (view.approved, view.attempts, view.refused) == (False, 3, None)
        assert any("kinit" in argv for argv in view.commands)
        assert await port.prove("app01", view.commands) is None
        assert prover.made == [1, 2, 3]
        assert set(codes(walk).values()) == {("pass", "ok")}
        assert await prove(walk) is None
        decision = await walk.done("tickets", "app01")
        assert decision.outcome == "open", decision.missing
    assert len(bodies(tmp_path, ProofApproved)) == 1
    intents = bodies(tmp_path, AttemptIntended)
    assert [(b.attempt, b.of) for b in intents] == [(1, 3), (2, 3), (3, 3)] * 2
    assert audited(tmp_path) == []


def audited(path: Path) -> list[str]:
    directory = SessionDirectory(path / "session")
    loaded = read(directory.journal, FORMAT.decode)
    result, _ = audit(loaded, directory.journal, directory.tapes, parsers(), __version__)
    return [r.what for r in result.remarks]


async def test_what_was_not_shown_is_not_run(tmp_path: Path) -> None:
    async with proving(tmp_path) as (walk, prover):
        view = walk.session.proof("app01")
        refused = await walk.session.prove("app01", (*view.commands, ("rm", "-rf", "/")))
        assert isinstance(refused, Refused)
        assert "no longer what was shown" in refused.reason
        assert prover.made == []
    assert bodies(tmp_path, ProofApproved, AttemptIntended) == []


async def test_a_series_ends_at_its_first_refusal(tmp_path: Path) -> None:
    async with proving(tmp_path, "ok", "ahead") as (walk, prover):
        assert await prove(walk) is None
        assert prover.made == [1, 2]
        assert codes(walk)["kerberos.as"] == ("fail", "skew")
        assert codes(walk)["kerberos.tgs"] == ("unknown", "not-tried")


async def test_an_approval_cannot_be_made_of_something_else(tmp_path: Path) -> None:
    async with visited(tmp_path, "done") as (walk, _):
        assert await prove(walk) is None
    assert audited(tmp_path) == []
    for proof in ("exchange", "ap-in"):
        forgery = Forgery(tmp_path / "session")
        (approved,) = forgery.bodies("proof-approved", proof=proof)
        approved["commands"] = [["klist"]]
        forgery.publish()
    said = [
        f"attempt {n} of {proof} is not what a person approved"
        for proof in ("exchange", "ap-in")
        for n in (1, 2, 3)
    ]
    assert audited(tmp_path) == said


async def test_an_attempt_cannot_be_taken_out_of_the_journal(tmp_path: Path) -> None:
    async with proving(tmp_path, "ok", "ok", "ok", "ahead") as (walk, _):
        assert await prove(walk) is None
        assert await prove(walk) is None
        assert (await walk.done("tickets", "app01")).outcome == "refused"
    assert audited(tmp_path) == []
    forgery = Forgery(tmp_path / "session")
    for kind in ("attempt-intended", "attempt-ended"):
        forgery.drop_body(forgery.bodies(kind)[-1])
    forgery.publish(rederive=True)
    assert forgery.decisions("tickets", "open"), "the older series alone would do"
    assert audited(tmp_path) == ["attempt 1 of exchange was made, and no journaled one is it"]


@pytest.mark.parametrize(
    ("keytab", "words"),
    [("absent", "holds no machine account"), ("not-root", "root only"), ("no-klist", "klist")],
)
async def test_without_a_machine_account_nothing_can_be_shown(
    tmp_path: Path, keytab: str, words: str
) -> None:
    async with proving(tmp_path, keytab=keytab) as (walk, _):
        view = walk.session.proof("app01")
        assert view.refused is not None
        assert words in view.refused.reason
        assert await walk.session.prove("app01", ()) == view.refused


async def test_a_guest_that_is_not_watched_leaves_an_attempt_without_a_result(tmp_path: Path) -> None:
    async with proving(tmp_path, "unwatched") as (walk, _):
        await prove(walk)
        assert codes(walk)["kerberos.as"] == ("fail", "no-result")
    assert [b.failure for b in bodies(tmp_path, AttemptEnded)] == ["not watched"]


async def test_an_attempt_whose_program_died_has_failed_after_the_resume(tmp_path: Path) -> None:
    async with proving(tmp_path, "ok", "killed") as (walk, prover):
        under_way = asyncio.create_task(prove(walk))
        await prover.stuck.wait()
        assert codes(walk)["kerberos.as"] == ("unknown", "proving")
        await walk.recorder.seal()
        killed = tmp_path / "killed"
        shutil.copytree(tmp_path / "session", killed / "session")
        under_way.cancel()
        await asyncio.wait({under_way})
        script = walk.script
    assert len(bodies(killed, AttemptIntended)) == 2
    assert len(bodies(killed, AttemptEnded)) == 1
    async with resuming(killed / "session", script) as walk:
        assert codes(walk)["kerberos.as"] == ("fail", "no-result")
        assert walk.session.proof("app01").refused is None
    assert audited(killed) == []


async def test_it_is_repeated_where_a_started_step_needs_it_and_not_sooner_than_5_min(tmp_path: Path) -> None:
    async with proving(tmp_path) as (walk, _):
        due = walk.session._proofs()._due
        assert due("app01") == (), "nobody approved it"
        await prove(walk)
        walk.script.ns += 400 * S
        assert due("app01") == (), "what passes needs nothing"
        disturbed = Disturbed("app01", (Family.TIME,), "action", "somebody set the clock", walk.script.now())
        await walk.recorder.record(disturbed)
        assert codes(walk)["kerberos.as"] == ("unknown", "void")
        assert due("app01")
        await prove(walk)
        walk.script.ns += S
        await walk.recorder.record(disturbed)
        assert due("app01") == (), "5 min have not passed"
        walk.script.ns += 300 * S
        assert due("app01")
        walk.lose("app01")
        await walk.recorder.settle()
        assert due("app01") == (), "there is no link"


async def test_the_session_repeats_it_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cutover_tui.engine.proofs.proving.LOOK_EVERY_S", 0.01)
    async with proving(tmp_path) as (walk, prover):
        await prove(walk)
        disturbed = Disturbed("app01", (Family.TIME,), "action", "somebody set the clock", walk.script.now())
        await walk.recorder.record(disturbed)
        walk.script.ns += 300 * S
        repeating = asyncio.create_task(walk.session._proofs().run())
        async with asyncio.timeout(10):
            while set(codes(walk).values()) != {("pass", "ok")}:  # noqa: ASYNC110 - what is awaited is a verdict
                await asyncio.sleep(0.01)
        repeating.cancel()
        assert prover.made == [1, 2, 3, 1, 2, 3]
    assert len(bodies(tmp_path, ProofApproved)) == 1


async def test_what_failed_is_outweighed_by_as_many_attempts_as_that_takes(tmp_path: Path) -> None:
    """One of two KDCs is dead now and then: three good attempts prove nothing after one that was not."""
    async with proving(tmp_path, "ok", "kdc-dead", "ok") as (walk, prover):
        await prove(walk)
        assert prover.made == [1, 2]
        assert walk.session.proof("app01").attempts == 7
        assert await prove(walk) is None
        assert prover.made[2:] == [1, 2, 3, 4, 5, 6, 7]
        assert set(codes(walk).values()) == {("pass", "ok")}
        assert walk.session.proof("app01").attempts == 3
        assert (await walk.done("tickets", "app01")).outcome == "open"
    assert audited(tmp_path) == []


async def test_to_close_a_proof_is_not_made_again_unless_it_was_voided(tmp_path: Path) -> None:
    book = RUNBOOK + "      - {id: close, title: Close, scope: wave, depends_on: [tickets]}\n"
    async with proving(tmp_path, book=book) as (walk, _):
        due = walk.session._proofs()._due
        await prove(walk)
        assert (await walk.done("tickets", "app01")).outcome == "open"
        walk.script.ns += HOUR
        assert codes(walk)["kerberos.as"] == ("unknown", "old")
        walk.recorder.record_soon(
            VerdictChanged("tickets", "app01", "kerberos.as", Verdict.UNKNOWN, "old", "old")
        )
        await walk.session.start_step("close", "*")
        assert walk.session.step("close", "*").live.missing == ()
        assert due("app01") == ()
        await walk.recorder.record(
            Disturbed("app01", (Family.TIME,), "action", "somebody set the clock", walk.script.now())
        )
        refused = await walk.done("close", "*")
        assert [(m.what, str(m.verdict)) for m in refused.missing] == [
            ("kerberos.as", "unknown"),
            ("kerberos.tgs", "unknown"),
        ]
        assert due("app01"), "what is about to be closed over is proven again"
        await prove(walk)
        walk.script.ns += HOUR
        assert (await walk.done("close", "*")).outcome == "open"
    # The test's own disturbance is nobody's action; all that was decided follows.
    assert audited(tmp_path) == ["somebody set the clock on app01, and no such action was under way"]


async def test_attempts_of_hours_ago_count_in_memory_as_on_the_tape(tmp_path: Path) -> None:
    async with proving(tmp_path, "ok", "kdc-dead", "ok") as (walk, prover):
        await prove(walk)
        walk.script.ns += 3 * HOUR
        prover.see("app01", KEYTAB, CASES["keytab/mit-1.20.1/joined"], walk.script.now())
        for _ in range(3):
            await walk.recorder.record(AttemptIntended("app01", "exchange", 1, 1))
            seq = walk.recorder.state.attempts["app01"][-1].seq
            await prover.attempt("app01", exchange_as_planned(walk), 1)
            newest = walk.recorder.logs.of("app01").observations[-1].id
            await walk.recorder.record(AttemptEnded(seq, newest))
        now_ns = walk.script.now().boottime_ns
        walk.recorder.logs.of("app01").forget(now_ns - HOUR, now_ns - FORGET_NS, LASTING)
        assert codes(walk)["kerberos.as"] == ("fail", "intermittent")
        assert (await walk.done("tickets", "app01")).outcome == "refused"
    assert audited(tmp_path) == []
    assert PROOF_LASTS_NS < FORGET_NS


async def test_a_refused_account_is_not_asked_again_by_itself(tmp_path: Path) -> None:
    async with proving(tmp_path, "stale-keytab") as (walk, _):
        await prove(walk)
        assert codes(walk)["kerberos.as"] == ("fail", "stale-keytab")
        walk.script.ns += 400 * S
        assert walk.session._proofs()._due("app01") == ()
        assert await prove(walk) is None, "a person may"


async def test_another_machine_account_is_another_approval(tmp_path: Path) -> None:
    async with proving(tmp_path) as (walk, prover):
        await prove(walk)
        renamed = CASES["keytab/mit-1.20.1/joined"]
        raws = tuple(
            msgspec.structs.replace(raw, out=raw.out.replace("APP01$", "WEB99$")) for raw in renamed.raws
        )
        prover.see("app01", KEYTAB, corpus.Case("x", KEYTAB, raws, {}, None, ""), walk.script.now())
        view = walk.session.proof("app01")
        assert any("WEB99$@CORP.EXAMPLE" in argv for argv in view.commands)
        assert not view.approved


# Towards the guest


class Peers(Prover):
    """Comes to the guest from the jump host too; each attempt ends as said, the last for ever."""

    def __init__(self, walk: Walk, *stages: str) -> None:
        super().__init__(walk)
        self.stages, self.asked = list(stages), list[tuple[int, tuple[str, ...]]]()

    async def attempt(self, host: str, reader: Reader, number: int) -> None:
        if reader.name != "ap-in":
            await super().attempt(host, reader, number)
            return
        (command,) = reader.commands
        self.asked.append((number, command.argv))
        stage = self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]
        refused = {"service": (37, "Clock skew too great"), "login": (24, "Preauthentication failed")}
        code, text = refused.get(stage, (None, ""))
        raw = keep(command.argv, Kept(stage, "me@CORP.EXAMPLE", code, text))
        began = self.walk.script.now()
        self.walk.script.ns += S
        ended = self.walk.script.now()
        seen = Observation(
            f"{host}/ap-in/{ended.boottime_ns}", "ap-in", reader.version, host, Identity(), "jump", began, ended,
            number, (raw,), reader.parse((raw,)), None,
        )  # fmt: skip
        self.walk.intake.take([Seen(seen)], 0)


@asynccontextmanager
async def visited(path: Path, *stages: str, keytab: str = "joined") -> AsyncIterator[tuple[Walk, Peers]]:
    async with proving(path, keytab=keytab, book=RUNBOOK.replace("kerberos.tgs", "kerberos.ap-in")) as (
        walk,
        _,
    ):
        peers = Peers(walk, *stages)
        walk.probes.attempt = peers.attempt  # type: ignore[attr-defined]
        yield walk, peers


async def test_a_runbook_that_asks_for_it_has_the_guest_visited_in_the_same_approval(tmp_path: Path) -> None:
    async with visited(tmp_path, "done") as (walk, peers):
        assert codes(walk)["kerberos.ap-in"] == ("unknown", "not-approved")
        argv = ("ap-in", "ssh", "host/app01.corp.example@CORP.EXAMPLE")
        assert walk.session.proof("app01").commands[-1] == argv
        assert await prove(walk) is None
        assert peers.made == [1, 2, 3]
        assert peers.asked == [(1, argv), (2, argv), (3, argv)]
        assert set(codes(walk).values()) == {("pass", "ok")}
        decision = await walk.done("tickets", "app01")
        assert decision.outcome == "open", decision.missing
    assert [b.proof for b in bodies(tmp_path, ProofApproved)] == ["exchange", "ap-in"]
    assert [b.proof for b in bodies(tmp_path, AttemptIntended)] == ["exchange"] * 3 + ["ap-in"] * 3
    assert audited(tmp_path) == []


async def test_who_did_not_ask_for_it_is_not_visited(tmp_path: Path) -> None:
    async with proving(tmp_path) as (walk, _):
        assert all(argv[0] != "ap-in" for argv in walk.session.proof("app01").commands)


async def test_a_guest_whose_keytab_cannot_be_read_can_still_be_visited(tmp_path: Path) -> None:
    async with visited(tmp_path, "service", keytab="not-root") as (walk, peers):
        view = walk.session.proof("app01")
        assert (view.refused, len(view.commands)) == (None, 1)
        assert await prove(walk) is None
        assert len(peers.asked) == 1, "the first refusal ends the series"
        assert codes(walk)["kerberos.ap-in"] == ("fail", "guest-ahead")
        walk.script.ns += 400 * S
        assert [p.name for p in walk.session._proofs()._due("app01")] == ["ap-in"]


async def test_where_nobody_visits_no_guest_is_told_to_run_our_command() -> None:
    class Watched:
        host = "app01"

        async def attempt(self, reader: Reader, number: int) -> None:
            raise AssertionError("the guest was asked")

    watches = Watches([Watched()], [], clock=SystemClock(), emit=lambda _message: None)
    with pytest.raises(LinkError):
        await watches.attempt("app01", AP_IN, 1)


async def test_where_only_the_guest_hears_kdcs_it_proves_and_nobody_visits_it(tmp_path: Path) -> None:
    async with visited(tmp_path, "done") as (walk, _):
        now = walk.script.now()
        for name in kdcs(walk.session._proofs().runbook.domain):
            answer = kdc(name, now.boottime_ns / S)
            of_guest = {"host": "app01", "vantage": "guest"}
            for seen, more in ((answer, of_guest), (kdc(name, 0, silent=True), {})):
                at_now = msgspec.structs.replace(seen, began=now, ended=now, **more)
                walk.intake.take([Seen(at_now)], 0)
        argvs = walk.session.proof("app01").commands
        assert any("kinit" in argv for argv in argvs)
        assert all(argv[0] != "ap-in" for argv in argvs), "our own library would wait for what is silent"


async def test_our_own_refused_password_is_not_tried_again_by_itself(tmp_path: Path) -> None:
    async with visited(tmp_path, "login") as (walk, _):
        await prove(walk)
        assert codes(walk)["kerberos.ap-in"] == ("unknown", "own-login")
        walk.script.ns += 400 * S
        assert walk.session._proofs()._due("app01") == ()


# The fold


def folded(*some: object) -> State:
    return fold(events(*some))


APPROVED = ProofApproved("app01", "exchange", ())


def attempt(number: int, of: int = 3, host: str = "app01") -> AttemptIntended:
    return AttemptIntended(host, "exchange", number, of)


def test_the_fold_keeps_attempts_in_series() -> None:
    state = folded(APPROVED, attempt(1), AttemptEnded(3, "a"), attempt(2), AttemptEnded(5, "b"), attempt(1))
    proofs = state.proofs("app01")
    assert [a.number for a in proofs.attempts] == [1, 2, 1]
    assert [a.seq for a in proofs.series("exchange", proofs.attempts[0].at.boot_id)] == [7]
    assert list(state.under_way()) == [7]


@pytest.mark.parametrize(
    ("some", "why"),
    [
        ((attempt(1),), "nobody approved"),
        ((APPROVED, attempt(1, host="app02")), "nobody approved"),
        ((APPROVED, attempt(2)), "not the next one"),
        ((APPROVED, attempt(4, 3)), "not the next one"),
        ((APPROVED, attempt(1), attempt(2)), "has not ended"),
        ((APPROVED, attempt(1), AttemptEnded(3, None), attempt(3)), "not the next one"),
        ((APPROVED, attempt(1), AttemptEnded(3, None), attempt(2, 5)), "not the next one"),
        ((APPROVED, AttemptEnded(2, None)), "no attempt was under way"),
        ((APPROVED, attempt(1), AttemptEnded(3, None), AttemptEnded(3, None)), "no attempt was under way"),
    ],
)
def test_attempts_that_do_not_follow(some: tuple[object, ...], why: str) -> None:
    with pytest.raises(Contradiction, match=why):
        folded(*some)


# The audit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: msgspec.structs.replace(b, observation="app01/exchange/1"), "has no observation"),
        (
            lambda b: msgspec.structs.replace(b, observation=b.observation.replace("exchange", "keytab")),
            "no obs",
        ),
    ],
)
async def test_an_end_that_names_something_else_does_not_follow(tmp_path: Path, change, words) -> None:
    async with proving(tmp_path) as (walk, _):
        await prove(walk)
        await walk.pass_time(40)
    directory = SessionDirectory(tmp_path / "session")
    told = read(directory.journal, FORMAT.decode).events
    reels, _ = read_reels(told, directory.tapes)
    forged = [
        msgspec.structs.replace(e, body=change(e.body)) if isinstance(e.body, AttemptEnded) else e
        for e in told
    ]
    assert not list(EventAudit(directory.journal, reels, ours=True).remarks(told))
    found = [r.what for r in EventAudit(directory.journal, reels, ours=True).remarks(forged)]
    assert any(words in what for what in found), found
