"""`time.projection` over evidence: two regimes, and never a pass for a clock that nobody keeps."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from cutover_tui.core.checks.clocks.standing_line import StandingLine
from cutover_tui.core.checks.registry import asked
from cutover_tui.core.checks.timekeeping.time_projection import estimator_for, looks_back
from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.core.gate import judge
from cutover_tui.core.loading import BadRunbook, load_text
from cutover_tui.core.runbook import GateCheck
from cutover_tui.engine.clock.clock_rates import ClockRates, clock_rate
from probes.facts_ntpd import NtpdFacts, NtpdPeer
from probes.facts_time import ChronyFacts, TimesyncdFacts
from probes.observation import Facts, Failure, Family

from . import evidence_builders as b

SOAK = 60 * b.S


def world(
    seconds: int,
    offset_ms: Callable[[int], float],
    *,
    chrony: Callable[[float], Facts | Failure] | None = None,
    timesyncd: Facts | Failure = b.ABSENT,
    processes: tuple[str, ...] = (),
    rtt_ms: float = 2,
) -> b.World:
    """A guest read once a second from 1000 s on, its provider every 15 s."""
    made = b.World()
    made.references(984, 1000 + seconds)
    for second in range(1000, 1000 + seconds):
        made.guest.add_sample(20_000 + second, b.sample(second, offset_ms(second - 1000), rtt_ms))
        if second % 15 == 1:
            made.see(
                b.observed("chrony", second, chrony(second) if chrony is not None else b.ABSENT),
                b.observed("timesyncd", second, timesyncd),
                b.observed("ntpq", second, b.ABSENT),
                b.observed("services", second, b.services(*processes)),
            )
    return made


def finding(made: b.World, seconds: int, **numbers: object) -> Finding:
    question = made.ask("time", 1000 + seconds - 0.5)
    return judge(
        GateCheck(check="time.projection", **{"soak": SOAK, **numbers}), question.subjects[0], question
    )


def kept(ppb: int = -12_000, skew: int = 300, **changes: object) -> Callable[[float], ChronyFacts]:
    return lambda second: msgspec.structs.replace(
        b.chrony(second), frequency_ppb=ppb, skew_ppb=skew, **changes
    )


def disciplined(**changes: object) -> tuple[str, str]:
    made = world(200, lambda _: 3, chrony=kept(**changes), processes=("chronyd",))
    f = finding(made, 200)
    return str(f.verdict), f.reason_code


# free-running


def test_a_free_clock_fails_with_the_time_that_is_left() -> None:
    f = finding(world(400, lambda s: s * 31.4), 400)
    assert (f.verdict, f.reason_code) == (Verdict.FAIL, "reaches-tolerance")
    assert f.reason.startswith("Free-running at +31,400.0")
    assert "ppm: 300 s in 2 h 33 min ± 1 min." in f.reason


@pytest.mark.parametrize("ppm", [0, 10, -100, 1000])
def test_however_small_its_drift_it_does_not_pass(ppm: float) -> None:
    f = finding(world(1500, lambda s: s * ppm / 1000), 1500)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "free-running")
    assert "no chronyd" in f.reason


def test_near_the_rate_that_decides_it_says_how_much_longer() -> None:
    f = finding(world(180, lambda s: s * 1.2 + s * s * 7919 % 41 - 20, rtt_ms=100), 180)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "more-minutes")
    assert "more minute" in f.reason
    assert finding(world(1700, lambda s: s * 1.2, rtt_ms=10), 1700).reason_code == "reaches-tolerance"


def test_the_first_seconds_tell_nothing() -> None:
    f = finding(world(25, lambda s: s * 31.4), 25)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "more-minutes")
    assert "1 more minute." in f.reason


def test_a_clock_past_the_tolerance_has_reached_it() -> None:
    assert finding(world(25, lambda _: -400_000), 25).reason_code == "reaches-tolerance"


def test_the_horizon_is_what_the_runbook_says() -> None:
    made = world(1500, lambda s: s * 0.6)  # 300 s in 139 h
    assert finding(made, 1500).reason_code == "free-running"
    assert finding(made, 1500, params={"horizon": 168 * 3600 * b.S}).reason_code == "reaches-tolerance"


def test_a_provider_that_cannot_be_read_is_no_failure_and_no_pass() -> None:
    made = world(400, lambda s: 60_000 - s * 80, chrony=lambda _: b.DENIED, processes=("chronyd",))
    f = finding(made, 400)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "provider-unknown")
    away = world(400, lambda s: s * 31.4, chrony=lambda _: b.DENIED, processes=("chronyd",))
    assert finding(away, 400).reason_code == "reaches-tolerance"


# disciplined


def test_a_kept_clock_passes_and_says_what_happens_without() -> None:
    made = world(200, lambda s: (s % 7) / 10, chrony=kept(), processes=("chronyd",))
    f = finding(made, 200)
    assert (f.verdict, f.reason_code) == (Verdict.PASS, "ok")
    assert "chronyd ← dc1" in f.reason
    assert "corrects -12.00 ± 0.30 ppm, without it 300 s in 282 d" in f.reason
    assert set(f.provenance) == {"chrony@guest", "ntp@jump"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ppb": 299_000, "skew": 500}, ("pass", "ok")),
        ({"ppb": -299_000, "skew": 2_000}, ("pass", "warn")),
        ({"ppb": 90_000_000, "skew": 500}, ("pass", "warn")),
        ({"ppb": 0, "skew": 0}, ("unknown", "frequency-unread")),
        ({"ppb": 0, "skew": 5_000}, ("pass", "ok")),
        ({"ppb": 5_000, "skew": 1_000_001}, ("unknown", "frequency-unsettled")),
    ],
)
def test_the_frequency_is_read(changes: dict[str, int], expected: tuple[str, str]) -> None:
    assert disciplined(**changes) == expected


def timesyncd(ppb: int | None) -> TimesyncdFacts:
    now = b.UTC0 + 1180 * b.S
    return TimesyncdFacts(
        running=True,
        server_name="ntp1",
        server_address="192.0.2.1",
        poll_interval_ns=64 * b.S,
        packet_count=20,
        stratum=2,
        leap="normal",
        root_distance_ns=b.MS,
        offset_ns=0,
        frequency_ppb=ppb,
        last_answer_utc_ns=now,
        guest_utc_ns=now,
        ntp_synchronized=True,
    )


@pytest.mark.parametrize(
    ("ppb", "expected", "words"),
    [
        (None, "frequency-unread", ""),
        (0, "ok", "corrects +0.00 ppm (it does not say how surely)"),
        # What the kernel takes from a clock is what that clock gains.
        (-40_000, "ok", "corrects +40.00 ppm (it does not say how surely), without it 300 s in 86 d 19 h"),
        (
            400_000,
            "warn",
            "corrects -400.00 ppm (it does not say how surely), without it 300 s in 8 d 16 h; a clock",
        ),
        (-500_000, "provider-at-limit", "corrects by +500.00 ppm, the most it can"),
    ],
)
def test_timesyncd_at_the_kernels_limit_no_longer_steers(ppb: int | None, expected: str, words: str) -> None:
    made = world(200, lambda _: 3, timesyncd=timesyncd(ppb))
    services = b.services("systemd-timesyn")
    unit = msgspec.structs.replace(b.services("chronyd").units[0], name="systemd-timesyncd.service")
    made.see(b.observed("services", 1199, msgspec.structs.replace(services, units=(unit,))))
    f = finding(made, 200)
    assert f.reason_code == expected
    assert words in f.reason
    assert "never" not in f.reason


@pytest.mark.parametrize(
    ("ppb", "expected"), [(0, "frequency-unread"), (-40_000, "ok"), (-500_000, "provider-at-limit")]
)
def test_ntpd_tells_what_it_corrects_by(ppb: int, expected: str) -> None:
    made = world(200, lambda _: 3)
    now = b.UTC0 + 1199 * b.S
    peer = NtpdPeer("selected", "192.0.2.1", "10.0.0.1", 2, "u", 30, 64, 0o377, 0, b.MS)
    facts = NtpdFacts(
        True, "ntpd", "normal", 3, "192.0.2.1", now - 30 * b.S, now, 0, ppb, b.MS, b.MS, (peer,)
    )
    unit = msgspec.structs.replace(b.services("chronyd").units[0], name="ntpsec.service")
    services = msgspec.structs.replace(b.services("ntpd"), units=(unit,))
    made.see(b.observed("ntpq", 1199, facts), b.observed("services", 1199, services))
    f = finding(made, 200)
    assert f.reason_code == expected
    assert "±" not in f.reason.partition("corrects")[2]  # ntpd tells no skew


def test_it_must_hold_for_the_soak() -> None:
    made = world(45, lambda _: 3, chrony=kept(), processes=("chronyd",))
    f = finding(made, 45)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "soaking")
    assert f.soak is not None
    assert f.soak.held_ns == 44 * b.S


def test_a_step_restarts_the_soak_and_a_second_one_fails() -> None:
    one = world(200, lambda s: 900 if s < 170 else 3, chrony=kept(), processes=("chronyd",))
    f = finding(one, 200)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "soaking")
    assert f.soak is not None
    assert f.soak.held_ns == 29 * b.S
    assert f.soak.broken_by == "stepped by -897 ms"
    long_ago = world(240, lambda s: 900 if s < 170 else 3, chrony=kept(), processes=("chronyd",))
    assert finding(long_ago, 240).verdict is Verdict.PASS
    two = world(240, lambda s: 10 if not 100 <= s < 120 else -1900, chrony=kept(), processes=("chronyd",))
    f = finding(two, 240)
    assert (f.verdict, f.reason_code) == (Verdict.FAIL, "steps")
    assert "-1.91 s, +1.91 s" in f.reason


@pytest.mark.parametrize(("seconds", "code"), [(70, "ok"), (115, "ok"), (145, "runs-away")])
def test_two_minutes_show_that_a_kept_clock_runs_away_and_less_does_not(seconds: int, code: str) -> None:
    """A clock that is being corrected moves as well: two minutes of its rate, after the first half minute of readings."""
    made = world(seconds, lambda s: 1 + s * 5, chrony=kept(), processes=("chronyd",))
    assert finding(made, seconds).reason_code == code


def test_a_kept_clock_that_runs_off_is_not_kept() -> None:
    made = world(400, lambda s: 1 + s * 5, chrony=kept(), processes=("chronyd",))
    f = finding(made, 400)
    assert (f.verdict, f.reason_code) == (Verdict.FAIL, "runs-away")


@pytest.mark.parametrize("kept_by", [kept(), lambda _: b.DENIED])
def test_a_path_that_queues_more_and_more_is_no_clock_that_runs_away(
    kept_by: Callable[[float], Facts],
) -> None:
    """36 ms more one way within three minutes are 200 ppm of a clock, or of none: the bounds leave both open."""
    month = {"params": {"horizon": 720 * 3600 * b.S}}
    made = world(180, lambda s: 1 + s / 5, chrony=kept_by, processes=("chronyd",), rtt_ms=100)
    assert finding(made, 180, **month).verdict is not Verdict.FAIL
    quiet = world(180, lambda s: 1 + s / 5, chrony=kept_by, processes=("chronyd",), rtt_ms=10)
    assert finding(quiet, 180, **month).verdict is Verdict.FAIL, (
        "within a round trip of 10 ms it is the clock's"
    )


def test_a_clock_that_is_being_slewed_home_is_not_running_away() -> None:
    made = world(200, lambda s: 60_000 - s * 80, chrony=kept(), processes=("chronyd",))
    assert finding(made, 200).reason_code == "not-held"
    nearly = world(200, lambda s: max(0, 8_000 - s * 80), chrony=kept(), processes=("chronyd",))
    assert finding(nearly, 200).verdict is Verdict.PASS


def test_a_path_too_slow_to_tell() -> None:
    made = world(200, lambda _: 0, chrony=kept(), processes=("chronyd",), rtt_ms=11_000)
    assert finding(made, 200).reason_code == "bound-too-wide"


def test_a_provider_that_reaches_nobody_keeps_nothing() -> None:
    deaf = kept(sources=())
    made = world(1500, lambda _: 0, chrony=deaf, processes=("chronyd",))
    f = finding(made, 1500)
    assert (f.verdict, f.reason_code) == (Verdict.UNKNOWN, "free-running")
    assert f.reason.startswith("chronyd runs without a single source. At ")


# evidence


def test_no_reading_no_reference_nothing_recent() -> None:
    empty = b.World()
    assert finding(empty, 10).reason_code == "no-samples"
    made = world(100, lambda _: 0)
    assert finding(made, 120).reason_code == "stale"
    alone = b.World()
    alone.see(*(b.ntp("ntp1", s) for s in range(984, 1100, 16)))
    alone.tick(1000, 1099)
    assert finding(alone, 100).reason_code == "own-clock"


def test_what_came_before_a_disturbance_does_not_count() -> None:
    made = world(400, lambda s: s * 31.4)
    made.voids[Family.TIME] = b.at(1385)
    assert finding(made, 400).reason_code in ("provider-unknown", "more-minutes")


def test_a_shorter_horizon_than_a_day_is_an_error() -> None:
    text = b.RUNBOOK.replace(
        "{check: time.offset, soak: 1min}", "{check: time.projection, params: {horizon: 6h}}"
    )
    with pytest.raises(BadRunbook, match="horizon"):
        load_text(text, "test.yaml")


def test_a_domain_that_falls_silent_steps_no_guest() -> None:
    """Controllers 2 s off judge a guest that follows them; without their answers the references do, twice."""
    made = b.World()
    for second in range(984, 2200, 16):
        silent = 1200 <= second < 1400 or 1600 <= second < 1800
        made.see(*(b.ntp(n, second) for n in ("ntp1", "ntp2")))
        made.see(*(b.ntp(n, second, 2_000) for n in ("dc1", "dc2") if not silent))
    made.tick(1000, 2199, offset_ms=2_000)
    for second in range(1001, 2200, 15):
        made.see(
            b.observed("chrony", second, kept()(second)),
            b.observed("timesyncd", second, b.ABSENT),
            b.observed("ntpq", second, b.ABSENT),
            b.observed("services", second, b.services("chronyd")),
        )
    f = finding(made, 1200)
    assert (f.verdict, f.reason_code) == (Verdict.PASS, "ok")
    assert "the domain (dc1, dc2)" in f.reason
    assert "see time.reference" in f.reason


# the screen's figures are the check's


def test_a_live_view_has_the_checks_figures_to_the_bit() -> None:
    """Asked now and then, over two hours and a disturbance, as a screen does."""
    made = b.World()
    made.references(0, 7300)
    for second in range(7300):
        offset = second * 0.7 + (second % 13) / 10 + (800 if second > 4000 else 0)
        made.guest.add_sample(second + 1, b.sample(second, offset, 2 + second % 5))
    line = StandingLine.over(b.runbook().domain, b.ANCHOR)
    line.extend(made.jump.observations)
    rates = ClockRates()
    for until, void in ((300, -1), (301, -1), (1000, -1), (3000, -1), (4100, -1), (4105, 4050), (7250, 4050)):
        now_ns, void_ns = until * b.S, void * b.S if void > 0 else -1
        at = rates.estimate("app01", made.guest.samples, line.points, void_ns, now_ns)
        back = looks_back(asked(GateCheck(check="time.projection")))
        samples = made.guest.samples.between(max(now_ns - back, void_ns), now_ns)
        assert at == estimator_for(samples, line.points).estimate()
        told = clock_rate(at, b.runbook(), now_ns)
        assert told is not None
        assert at is not None
        assert at.slope is not None
        assert (told.ppb, told.low_ppb, told.high_ppb) == (at.slope.ppb, at.slope.low_ppb, at.slope.high_ppb)
        assert clock_rate(at, b.runbook(), now_ns + 200 * b.S) is None
