"""The view of the clock screen: each guest's clock, what keeps it, and the clocks it is compared with."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

from cutover_tui.core.checks.clocks.readings import STALE_NS
from cutover_tui.core.checks.clocks.standing_words import name
from cutover_tui.core.finding import Finding, Soak, Verdict
from cutover_tui.core.runbook import SECOND, GateCheck
from cutover_tui.engine.clock.clock_history import SETTLED_NS
from cutover_tui.engine.clock.clock_rates import clock_rate
from cutover_tui.engine.port import ClockLooks, ClockSeries, ClockView, ReferenceSeries
from cutover_tui.engine.views import Live, judged
from probes.observation import JUMP, Instant

LOOKS_EVERY_NS = 5 * SECOND
"""`time.reboot` looks back over hours; what it says changes with a boot, after minutes, and after twenty."""

LOOKS_HOLD_NS = 60 * SECOND
"""How long its answer is shown when nobody has asked again."""


def clock_view(
    live: Live, hosts: Sequence[str], since_ns: int, points: int, now: Instant, until_ns: int | None = None
) -> ClockView:
    """Offsets of some guests in a stretch, thinned with their extremes kept."""
    assert live.state.anchor is not None  # noqa: S101
    until_ns = now.boottime_ns if until_ns is None else until_ns
    numbers = live.offset_limits()
    known = tuple(host for host in hosts if live.runbook.host(host) is not None)
    _look(live, known, now)
    series = tuple(_series(live, host, since_ns, until_ns, points, now) for host in known)
    whose = known[0] if known else JUMP
    line = live.standings(whose)
    newest = line[-1] if line else None
    judge = newest.guests if newest is not None else None
    off = newest.domain_off if newest is not None else None
    return ClockView(
        now=now,
        anchor=live.state.anchor,
        warn_ns=numbers.ns("warn"),
        fail_ns=numbers.ns("fail"),
        series=series,
        marks=live.marks.between(since_ns, until_ns, known),
        references=tuple(name(w) for w in judge.agreeing) if judge is not None else (),
        dissenting=newest.dissenting if newest is not None else (),
        judged_by=newest.judge if newest is not None else None,
        domain_off_ns=off[0]
        if off is not None and abs(off[0]) > live.runbook.domain.tolerances.references_agree
        else None,
        kerberos_ns=int(live.runbook.domain.tolerances.kerberos_skew),
        clocks=_clocks(live, whose, since_ns, until_ns, points),
        since_ns=since_ns,
        until_ns=until_ns,
    )


def _series(live: Live, host: str, since_ns: int, until_ns: int, points: int, now: Instant) -> ClockSeries:
    history = live.history(host, now.boottime_ns)
    rate = clock_rate(live.estimate(host, now.boottime_ns), live.runbook, now.boottime_ns)
    live.marks.look_at(host, live.logs.of(host))
    if rate is not None:
        live.marks.stepped(host, rate.steps, now.boottime_ns - SETTLED_NS)
    provider = judged(live, GateCheck(check="time.provider"), host, now)
    passes = provider is not None and provider.verdict is Verdict.PASS
    return ClockSeries(
        host=host,
        points=history.between(since_ns, until_ns, points),
        drift_ppb=rate.ppb if rate is not None and rate.n else None,
        provider=provider.reason if provider is not None and passes else None,
        gaps=history.gaps(since_ns, until_ns),
        rate=rate,
        kept=provider.verdict if provider is not None else Verdict.UNKNOWN,
        soak=_soak(live, host, now),
        looks=_looks(live, host, now),
        set_by="nobody" if passes else _set_by(live, host, now),
    )


def _set_by(live: Live, host: str, now: Instant) -> Literal["nobody", "somebody", "unknown"]:
    """Whether anybody acts on a clock that no provider is shown to keep."""
    master = judged(live, GateCheck(check="time.single-master"), host, now)
    if master is None or master.verdict is Verdict.UNKNOWN:
        return "unknown"
    return "nobody" if master.reason_code == "no-writer" else "somebody"


def _soak(live: Live, host: str, now: Instant) -> Soak | None:
    """How long `time.offset` has held, as the check counts it; None while the clock is not read."""
    mono = live.logs.of(host).samples.mono
    first = bisect_right(mono, live.void_ns(host))
    if first == len(mono) or now.boottime_ns - mono[-1] > STALE_NS:
        return None
    needed_ns = live.offset_limits().soak_ns
    held_ns = live.history(host, now.boottime_ns).held_ns(mono[first])
    return Soak(min(held_ns, needed_ns), needed_ns)


def _look(live: Live, hosts: Sequence[str], now: Instant) -> None:
    """Ask `time.reboot` about at most one guest a look: the one that has waited longest, and long enough."""
    gate_check = live.first("time.reboot")
    host = min(hosts, key=lambda name: _looked_ns(live, name), default=None)
    if gate_check is None or host is None:
        return
    if 0 <= now.boottime_ns - _looked_ns(live, host) < LOOKS_EVERY_NS:
        return
    finding = judged(live, gate_check, host, now)
    if finding is not None:
        live.looks[host] = live.void_ns(host), now.boottime_ns, clock_looks(finding)


def _looked_ns(live: Live, host: str) -> int:
    """When `time.reboot` was last asked about a guest; no answer outlives a disturbance of its time."""
    void_ns, at_ns, _ = live.looks.get(host, (-2, 0, None))
    return at_ns if void_ns == live.void_ns(host) else -LOOKS_EVERY_NS


def _looks(live: Live, host: str, now: Instant) -> ClockLooks | None:
    at_ns = _looked_ns(live, host)
    return live.looks[host][2] if at_ns >= 0 and now.boottime_ns - at_ns <= LOOKS_HOLD_NS else None


def clock_looks(finding: Finding) -> ClockLooks:
    """How far the two looks of `time.reboot` are."""
    match finding.reason_code:
        case "waiting":
            soak = finding.soak
            if soak is None:
                return ClockLooks("waiting")
            return ClockLooks("waiting", 1, soak.needed_ns - soak.held_ns)
        case "first-look-missed":
            return ClockLooks("missed")
        case "whole-quarter-hours" | "offset-after-boot":
            return ClockLooks("failed")
        case _:
            return ClockLooks("passed", 2) if finding.verdict is Verdict.PASS else ClockLooks("none")


def _clocks(live: Live, whose: str, since_ns: int, until_ns: int, points: int) -> tuple[ReferenceSeries, ...]:
    """The clocks that were asked, in the order of their names."""
    return tuple(
        ReferenceSeries(
            server=server,
            kind="controller" if asked.controller else "reference",
            points=tuple(asked.curve.between(since_ns, until_ns, points)),
            gaps=tuple(asked.curve.gaps_between(since_ns, until_ns)),
            holds_ns=asked.holds_ns,
        )
        for server, asked in sorted(live.clocks(whose).clocks.items())
    )
