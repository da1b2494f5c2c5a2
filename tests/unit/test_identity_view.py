"""What the identity screen is told: computed from a journal and logs, through the encoded port too."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from cutover_tui.core.evidence import Attempt, MarkPoint
from cutover_tui.core.finding import Finding
from cutover_tui.core.loading import load_text
from cutover_tui.engine.identity.look import Looks
from cutover_tui.engine.identity.view import IdentityView, MadeOff
from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.port import ProofView, Refused
from cutover_tui.record.asking import Logs
from cutover_tui.record.events import Event, SessionStarted
from cutover_tui.record.state import Void, fold
from probes.facts_directory import AccountFacts
from probes.facts_kerberos import ApInFacts
from probes.observation import JUMP, Failure, FailureKind, Family
from tests.unit.evidence_builders import ANCHOR, S, at, observed, sample
from tests.unit.kerberos_builders import SKEWED, Realm, cache, caches, exchanges, kdc, keytab
from tests.unit.test_proving import prove, proving

RUNBOOK = """
schema: 1
change: {id: CHG1, title: t, window: {start: "2026-11-22T20:00:00Z", end: "2026-11-23T02:00:00Z"}}
source: {platform: vmware}
target: {platform: ahv}
domain: {realm: CORP.EXAMPLE, references: [ntp1, ntp2], controllers: [dc1, dc2]}
hosts: [{name: app01, address: 192.0.2.10}]
phases:
  - {id: p, title: P, steps: [{id: tickets, title: T, gate: [{check: kerberos.as}, {check: ad.object}]}]}
"""
NOW = 9000.0
PROOF = ProofView("app01", "exchange", (("kinit", "-k"), ("kvno", "x")), 3, True, False, None)


def made(realm: Realm, of: str = "CORP.EXAMPLE") -> Looks:
    book = load_text(RUNBOOK, "r.yaml").runbook
    if not of:  # as sessions have it that were started before a realm was demanded
        book = structs.replace(book, domain=structs.replace(book.domain, realm=None))
    began = SessionStarted("s", "0", "r", "d", "", ANCHOR, (), "ana", "j")
    state = fold([Event(1, "0" * 64, ANCHOR, "ana", began)])
    state.attempts["app01"] = list(realm.proofs.attempts)
    if realm.mark is not None:
        state.marks["app01"] = realm.mark
    state.voids["app01"] = {family: Void(1, since, "") for family, since in realm.voids.items()}
    logs = Logs({"app01": realm.guest, JUMP: realm.jump})
    return Looks(book, state, logs)


def look(
    realm: Realm, now: float = NOW, proof: ProofView = PROOF, *, of: str = "CORP.EXAMPLE"
) -> IdentityView:
    view = made(realm, of).look("app01", at(now), proof)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(view), type=IdentityView) == view
    return view


def strips(view: IdentityView, check: str = "kerberos.as") -> tuple[str, str]:
    letters = {
        "ok": "y", "refused": "n", "silent": "s", "absent": "a", "not-tried": "t",
        "no-result": "N", "under-way": "u", "not-made": ".",
    }  # fmt: skip
    row = next(r for r in view.exchanges if r.check == check)
    plain, masked = ("".join(letters[t.shown] for t in tried) for tried in (row.plain, row.masked))
    return plain, masked


def clock(view: IdentityView, name: str, kind: str):
    return next(c for c in view.clocks if (c.name, c.kind) == (name, kind))


@pytest.fixture
def realm() -> Realm:
    made = Realm()
    made.healthy_domain(NOW - 120, NOW, dc2_s=3)
    return made


def test_every_clock_against_what_guests_are_judged_by(realm):
    view = look(realm)
    assert [(c.name, c.kind) for c in view.clocks] == [
        ("app01", "guest"), ("dc1", "kdc"), ("dc2", "kdc"), ("dc1", "controller"), ("dc2", "controller"),
        ("ntp1", "reference"), ("ntp2", "reference"),
    ]  # fmt: skip
    assert (view.judged_by, view.judges) == ("domain", ("dc1", "dc2"))
    for name, kind, true_s in (
        ("app01", "guest", 0),
        ("dc1", "kdc", 0),
        ("dc2", "kdc", 3),
        ("ntp1", "reference", 0),
    ):
        row = clock(view, name, kind)
        assert row.low_ns <= true_s * S <= row.high_ns
        assert row.high_ns - row.low_ns < 2 * S
    far = clock(view, "dc2", "kdc")
    assert far.microseconds is None or far.microseconds
    assert far.skew.kdc == "dc2"
    assert view.worst == far.skew
    assert view.left_ns == 300 * S - abs(far.skew.offset_ns) - far.skew.bound_ns


def test_a_silent_kdc_says_why_and_a_guest_that_is_not_read_has_no_clock(realm):
    realm.see(kdc("dc1", NOW + 9, silent=True), kdc("dc2", NOW + 9.5))
    view = look(realm, NOW + 10)
    silent = clock(view, "dc1", "kdc")
    assert (silent.low_ns, silent.why) == (None, "no answer within 2 s")
    assert 0 < silent.age_ns < 2 * S
    guest = clock(view, "app01", "guest")
    assert (guest.low_ns, guest.why) == (None, "not read any more")
    assert guest.age_ns == 10 * S
    assert view.worst is None
    assert view.left_ns is None


def test_where_no_two_clocks_agree_nobody_is_judged_and_the_skew_is_still_known():
    realm = Realm()
    realm.tick(NOW - 20, NOW)
    realm.see(kdc("dc1", NOW - 1))
    view = look(realm)
    assert view.judged_by is None
    row = clock(view, "dc1", "kdc")
    assert row.low_ns is None
    assert "nobody can be judged" in row.why
    assert row.skew is not None


def test_the_skew_of_a_refusal_is_that_of_its_moment(realm):
    realm.tick(NOW - 60, NOW - 50, offset_ms=412_000)
    realm.guest.samples.cut_after(0)
    for second in range(int(NOW) - 120, int(NOW) + 1):
        ahead = 412_000 if second < NOW - 30 else 3
        realm.guest.add_sample(second, sample(second, ahead))
    realm.approve()
    realm.attempt(NOW - 55, 1, 3, exchanges("refused", 37, SKEWED))
    view = look(realm)
    assert strips(view) == ("n..", "y..")
    assert strips(view, "kerberos.tgs") == ("t..", "y..")
    tried = view.exchanges[0].plain[0]
    assert tried.code == 37
    assert abs(tried.skew.offset_ns - 412 * S) < 5 * S
    assert abs(view.worst.offset_ns) < 5 * S
    assert view.finding("kerberos.as").reason_code == "skew"


def test_what_fails_now_and_then_is_seen(realm):
    realm.approve()
    realm.series(NOW - 900)
    realm.attempt(NOW - 500, 1, 3, exchanges())
    realm.attempt(NOW - 498, 2, 3, exchanges("refused", 37, SKEWED))
    realm.series(NOW - 100)
    view = look(realm)
    assert strips(view)[0] == "yyyyn.yyy"
    assert [t.counts for t in view.exchanges[0].plain] == [False] * 6 + [True] * 3
    assert [t.series for t in view.exchanges[0].plain] == [0] * 3 + [1] * 3 + [2] * 3


def test_attempts_without_a_result_under_way_or_from_before_a_disturbance(realm):
    realm.approve()
    realm.attempt(NOW - 200, 1, 3)
    realm.voids = {Family.TIME: at(NOW - 150)}
    realm.attempt(NOW - 100, 1, 3, Failure(FailureKind.TIMEOUT, "no answer"))
    realm.attempt(NOW - 10, 1, 3, ended=False)
    assert strips(look(realm))[0] == "N..s..u.."
    realm.voids = {Family.TIME: at(NOW - 5)}
    assert not any(t.counts for t in look(realm).exchanges[0].plain)


def test_of_another_boot_of_the_jump_host_nothing_is_shown(realm):
    realm.approve()
    realm.series(NOW - 100)
    last = realm.proofs.attempts[-1]
    old = replace(last, at=msgspec.structs.replace(last.at, boot_id="other"))
    realm.proofs = replace(realm.proofs, attempts=(old,))
    assert strips(look(realm)) == ("", "")


def test_attempts_of_which_nothing_is_kept_are_not_shown_as_failed(realm):
    realm.approve()
    realm.attempt(NOW - 3400, 1, 3)  # no observation: forgotten after an hour
    realm.series(NOW - 100)
    assert strips(look(realm))[0] == "yyy"


def test_keytab_beside_the_directory(realm):
    account = AccountFacts("dc1", "app01.corp.example", 1, sam="APP01$", kvno=4, dns_host_name="app01")
    realm.see(observed("keytab", NOW - 5, keytab()), observed("account", NOW - 5, account))
    row = look(realm).keytab
    assert (row.principals, row.kvno, row.directory_kvno) == (1, 2, 4)
    assert row.machine == "APP01$@CORP.EXAMPLE"
    assert row.enctypes == ("aes256-cts-hmac-sha1-96",)
    assert row.age_ns == 5 * S


def test_caches_by_the_mark_and_by_who_made_them_while_the_clock_was_off(realm, monkeypatch):
    assert look(realm).caches.why
    monkeypatch.setattr(f"{__name__}.RUNBOOK", RUNBOOK.replace("ad.object", "kerberos.caches"))
    realm.mark = MarkPoint(3, at(NOW - 300))
    fresh = cache("/tmp/krb5cc_1", owner="ana")
    fresh = msgspec.structs.replace(fresh, newest_ns=at(NOW - 10).utc_ns, end_ns=at(NOW + 900).utc_ns)
    old = msgspec.structs.replace(fresh, path="/tmp/old", newest_ns=at(NOW - 900).utc_ns)
    off = msgspec.structs.replace(old, path="/tmp/off", owner="nslcd", offset_ns=-412 * S)
    gone = msgspec.structs.replace(fresh, path="/tmp/gone", end_ns=at(NOW - 1).utc_ns)
    realm.see(observed("caches", NOW - 5, caches(fresh, old, off, gone, elsewhere=("KCM",))))
    view = look(realm)
    row = view.caches
    assert (row.alive, row.expired, row.tickets) == (3, 1, 3)
    assert (row.before_mark, row.after_mark) == (2, 1)
    assert row.made_off == (MadeOff("/tmp/off", "nslcd", -412 * S),)
    assert row.elsewhere == ("KCM",)
    assert view.finding("kerberos.caches").reason_code == "made-while-off"
    realm.mark = None
    assert look(realm).caches.before_mark is None


async def test_a_finding_over_an_hour_of_samples_is_computed_beside_the_loop(realm, monkeypatch):
    monkeypatch.setattr(f"{__name__}.RUNBOOK", RUNBOOK.replace("ad.object", "kerberos.caches"))
    realm.see(observed("caches", NOW - 5, caches(cache(), elsewhere=("KCM",))))
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    looks = made(realm)

    def found() -> Finding | None:
        return looks.look("app01", at(NOW), PROOF).finding("kerberos.caches")

    assert found() is None
    await loop.run_in_executor(None, int)  # the only thread has done what was asked before
    first = found()
    assert first.reason_code == "not-measured"  # of the hour only what the realm has
    realm.see(observed("caches", NOW - 1, caches(cache(offset_s=412))))
    assert found() is first
    await loop.run_in_executor(None, int)
    assert found().verdict == "fail"


def test_what_was_read_before_a_disturbance_is_not_shown(realm):
    realm.see(observed("keytab", NOW - 60, keytab()))
    assert look(realm).keytab.present
    realm.voids = {Family.DIRECTORY: at(NOW - 30)}
    assert look(realm).keytab.why


def test_checks_nobody_asked_for_are_named_and_not_judged(realm):
    view = look(realm)
    assert "ad.dns" in view.unasked
    assert view.finding("ad.dns") is None
    assert view.finding("ad.object") is not None
    assert "kerberos.ap-in" in view.unasked


@pytest.mark.parametrize(
    ("stage", "code", "shown"),
    [("done", None, "y"), ("service", 37, "n"), ("ticket", 7, "t"), ("login", 37, "t")],
)
def test_of_a_peer_only_what_the_guest_itself_said_is_its_refusal(realm, stage, code, shown):
    facts = ApInFacts(
        "host/app01",
        "ssh",
        "ana@CORP.EXAMPLE",
        stage,
        code,
        "",
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
    )
    seen = observed("ap-in", NOW - 9, facts)
    realm.see(seen)
    attempt = Attempt(7, at(NOW - 10), "ap-in", 1, 3, True, seen.id)
    realm.proofs = replace(realm.proofs, attempts=(attempt,))
    view = look(realm)
    row = next(r for r in view.exchanges if r.check == "kerberos.ap-in")
    assert strips(view, "kerberos.ap-in")[0] == f"{shown}.."
    assert row.masked == ()
    assert row.plain[0].counts
    assert (row.plain[0].skew is not None) is (code == 37)
    assert strips(view) == ("", "")


def test_without_a_realm(realm):
    why = Refused("The runbook names no realm.", "Name domain.realm.")
    view = look(realm, proof=msgspec.structs.replace(PROOF, commands=(), refused=why), of="")
    assert view.realm is None
    assert view.proof.refused == "The runbook names no realm."
    assert view.finding("kerberos.as").reason_code == "no-realm"


async def test_of_a_session_through_the_encoded_port(tmp_path: Path):
    async with proving(tmp_path, "ok", "ahead") as (walk, _):
        port = Loopback(walk.session)
        before = port.identity("app01")
        assert not before.proof.approved
        assert before.proof.tools == ("kinit", "kvno", "ldapsearch")
        assert before.proof.last is None
        assert before.keytab.machine
        await prove(walk)
        after = port.identity("app01")
        assert after.proof.approved
        assert after.proof.last is not None
        assert strips(after) == ("yn.", "yy.")
        assert after.exchanges[0].plain[1].code == 37
        assert port.view().realm == "CORP.EXAMPLE"
        with pytest.raises(KeyError):
            port.identity("nobody")
