"""`time.provider` over ntpd: the criterion of chronyd, by what ntpq shows."""

from __future__ import annotations

import msgspec
import pytest

from cutover_tui.core.gate import judge
from cutover_tui.core.runbook import GateCheck
from probes.facts_ntpd import NtpdFacts, NtpdPeer
from probes.facts_time import ServicesFacts, Unit
from probes.observation import Facts, Failure, Family
from tests.unit import corpus
from tests.unit.evidence_builders import ABSENT, DENIED, MS, UTC0, S, World, at, observed

SEEN_S = 99
NOW = UTC0 + SEEN_S * S
PEER = NtpdPeer("selected", "192.0.2.1", "10.0.0.1", 2, "u", 30, 64, 0o377, 0, MS)
GOOD = NtpdFacts(
    running=True,
    version="ntpd ntpsec-1.2.2",
    leap="normal",
    stratum=3,
    refid="192.0.2.1",
    ref_time_ns=NOW - 30 * S,
    guest_utc_ns=NOW,
    system_offset_ns=0,
    frequency_ppb=0,
    root_delay_ns=MS,
    root_dispersion_ns=MS,
    peers=(PEER, msgspec.structs.replace(PEER, state="candidate", name="192.0.2.2")),
)
RUNS = ServicesFacts("systemd", (Unit("ntpsec.service", "loaded", "active", "enabled"),), ("ntpd",))


def but(**changes: object) -> NtpdFacts:
    return msgspec.structs.replace(GOOD, **changes)


def peer(**changes: object) -> NtpdFacts:
    return but(peers=(msgspec.structs.replace(PEER, **changes),))


def new() -> NtpdFacts:
    """Just started: it has asked and not heard."""
    silent = msgspec.structs.replace(PEER, state="discarded", reach=0, last_rx_s=None)
    return but(peers=(silent,), ref_time_ns=None, leap="unsynchronised")


def said(
    ntpd: Facts | Failure | None, services: ServicesFacts = RUNS, *, also: float | None = None
) -> tuple[str, str]:
    world = World()
    for seen in (SEEN_S, *([] if also is None else [also])):
        world.see(
            observed("chrony", seen, ABSENT),
            observed("timesyncd", seen, ABSENT),
            observed("services", seen, services),
            *([] if ntpd is None else [observed("ntpq", seen, ntpd)]),
        )
    ask = world.ask("time", also or 100)
    finding = judge(GateCheck(check="time.provider"), ask.subjects[0], ask)
    return str(finding.verdict), finding.reason_code


def test_a_synchronised_ntpd_that_starts_at_boot_passes():
    assert said(GOOD) == ("pass", "ok")


@pytest.mark.parametrize(("dispersion_ms", "expected"), [(999, "ok"), (1000, "far-from-root")])
def test_a_source_vouches_for_its_own_time(dispersion_ms: int, expected: str):
    assert said(but(root_dispersion_ns=dispersion_ms * MS))[1] == expected


@pytest.mark.parametrize(("name", "kind"), [("127.127.1.0", "l"), ("127.127.1.1", "u"), ("LOCAL(0)", "l")])
def test_the_local_clock_is_no_source(name: str, kind: str):
    assert said(peer(name=name, kind=kind)) == ("fail", "local-reference")


def test_nor_when_its_line_is_not_selected_any_more():
    assert said(but(refid="LOCAL(0)", peers=())) == ("fail", "local-reference")


@pytest.mark.parametrize(
    ("heard_s", "updated_s", "expected"),
    [
        (3600, 3600, ("pass", "ok")),
        (3600, 11 * 3600, ("pass", "ok")),
        (3 * 3600, 3 * 3600, ("fail", "stale-update")),
        (3600, 13 * 3600, ("fail", "stale-update")),
    ],
)
def test_however_long_its_polls_are_it_is_not_silent_for_hours(
    heard_s: int, updated_s: int, expected: tuple[str, str]
):
    seldom = msgspec.structs.replace(PEER, poll_s=2**15, last_rx_s=heard_s)
    assert said(but(peers=(seldom,), ref_time_ns=NOW - updated_s * S)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (but(peers=()), ("fail", "no-sources")),
        (peer(state="falseticker"), ("unknown", "not-selected")),
        (new(), ("unknown", "no-answer-yet")),
        (but(peers=new().peers), ("fail", "no-reachable-source")),  # it updated the clock before
        (but(leap="unsynchronised"), ("unknown", "unsynchronised")),
        (but(ref_time_ns=None), ("unknown", "no-update-time")),
        (but(ref_time_ns=NOW + 5 * S), ("unknown", "update-in-future")),
        (but(ref_time_ns=NOW - 641 * S), ("fail", "stale-update")),
        (but(ref_time_ns=NOW - 639 * S), ("pass", "ok")),
        (peer(last_rx_s=193), ("fail", "stale-update")),
        (peer(reach=0o5), ("unknown", "few-updates")),
        (peer(reach=0o7), ("pass", "ok")),
    ],
)
def test_what_is_missing_is_named(facts: NtpdFacts, expected: tuple[str, str]):
    assert said(facts) == expected


def test_silence_that_lasts_is_a_failure():
    assert said(new(), also=SEEN_S + 50) == ("fail", "no-reachable-source")


def test_it_must_start_at_boot():
    off = ServicesFacts("systemd", (Unit("ntpsec.service", "loaded", "active", "disabled"),), ("ntpd",))
    assert said(GOOD, off) == ("fail", "not-at-boot")


def test_what_cannot_be_asked_is_never_a_pass_nor_called_nobody():
    stopped = ServicesFacts("systemd", (), ("init",))
    assert said(ABSENT, RUNS) == ("unknown", "not-answering")
    assert said(DENIED, RUNS) == ("unknown", "denied")
    assert said(None, RUNS) == ("unknown", "not-read")
    assert said(but(running=False), stopped) == ("fail", "no-provider")


def test_an_answer_from_before_the_disturbance_is_owed_again():
    world = World()
    world.voids[Family.TIME] = at(80)
    world.see(
        observed("chrony", SEEN_S, ABSENT),
        observed("timesyncd", SEEN_S, ABSENT),
        observed("services", SEEN_S, RUNS),
        observed("ntpq", SEEN_S, GOOD),  # heard 30 s ago
    )
    ask = world.ask("time", 100)
    finding = judge(GateCheck(check="time.provider"), ask.subjects[0], ask)
    assert (str(finding.verdict), finding.reason_code) == ("unknown", "no-update-since")


def test_smeared_and_other_servers_are_named_and_fail_once_a_leap_second_comes():
    mixed = (PEER, msgspec.structs.replace(PEER, state="candidate", name="169.254.169.123"))
    assert said(but(peers=mixed)) == ("pass", "smear-mixed")
    assert said(but(peers=mixed, leap="insert")) == ("fail", "smear-mixed")


def test_an_answer_of_this_second_is_one_although_ntpsec_prints_it_as_never() -> None:
    facts = corpus.read(corpus.CORPUS, "ntpq/ntpsec-1.2.2/synchronised").parse()
    assert isinstance(facts, NtpdFacts)
    heard, never = facts.peers
    assert (heard.reach, heard.last_rx_s) == (7, 0)
    assert (never.reach, never.last_rx_s) == (0, None)


def test_a_server_whose_name_is_not_resolved_yet_is_called_by_it_and_costs_the_others_nothing() -> None:
    """ntpsec shows the name it was given while srcadr is 0.0.0.0, even with `-n`, in 15 columns."""
    case = corpus.read(corpus.CORPUS, "ntpq/ntpsec-1.2.2/synchronised")
    (raw,) = case.raws
    lines = raw.out.splitlines(keepends=True)
    unresolved = " oslo.time.examp .DNS.           16 u    -   64    0   0.0000   0.0000   0.0001\n"
    out = "".join((*lines[:3], unresolved, *lines[3:]))
    facts = case.reader.parse((msgspec.structs.replace(raw, out=out),))
    assert isinstance(facts, NtpdFacts)
    assert [peer.name for peer in facts.peers] == ["192.0.2.1", "oslo.time.examp", "192.0.2.9"]
    heard = out.replace("-   64    0 ", "3   64    1 ")
    assert isinstance(case.reader.parse((msgspec.structs.replace(raw, out=heard),)), Failure)
