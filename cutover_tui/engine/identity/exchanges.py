"""Attempts of the proof as they went, kind by kind, so that a failure now and then can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from cutover_tui.core.checks.kerberos.kerberos_words import OF_CLOCKS
from cutover_tui.core.evidence import Attempt
from cutover_tui.core.runbook import MINUTE
from cutover_tui.engine.identity.view import ExchangeRow, Shown, Skew, Tried
from probes.facts_kerberos import ApInFacts, ExchangeFacts, ExchangeKind
from probes.observation import Failure, Instant

KINDS: tuple[ExchangeKind, ...] = ("as", "tgs", "ap-out")
SERIES = 4
"""As many of the newest series are shown."""

KEPT_NS = 55 * MINUTE
"""Of older attempts the observations are no longer in memory (an hour is); none of them counts anywhere."""


@dataclass(frozen=True, slots=True)
class Made:
    """What an attempt saw, and how far the guest was off the farthest KDC at that moment."""

    outcome: ExchangeFacts | ApInFacts | Failure
    skew: Skew | None


def newest_series(attempts: Sequence[Attempt], proof: str, now: Instant) -> tuple[tuple[Attempt, ...], ...]:
    """The newest series of this boot of the jump host, oldest first, as far as their observations are kept."""
    found: list[list[Attempt]] = [[]]
    for attempt in reversed(attempts):
        if attempt.proof != proof:
            continue
        age = attempt.at.age_ns(now)
        if age is None or age > KEPT_NS:
            break
        found[-1].append(attempt)
        if attempt.number == 1:
            if len(found) == SERIES:
                break
            found.append([])
    whole = (tuple(reversed(series)) for series in reversed(found) if series)
    return tuple(series for series in whole if series[0].number == 1)


def exchange_row(
    kind: ExchangeKind,
    series: Sequence[Sequence[Attempt]],
    made: Callable[[Attempt], Made | None],
    since: int,
) -> ExchangeRow:
    """A kind of exchange made on the guest.

    Args:
        made: what an ended attempt saw; None where its observation is not on the tape.
        since: attempts of the newest series count if that began after this (CLOCK_BOOTTIME).
    """

    def saw(counts: bool, n: int, seen: Made, *, masked: bool) -> Tried:
        exchange = seen.outcome.of(kind, masked=masked) if isinstance(seen.outcome, ExchangeFacts) else None
        if exchange is None:
            return Tried(n, "not-tried", counts)
        skew = seen.skew if exchange.code in OF_CLOCKS else None
        return Tried(n, exchange.outcome, counts, exchange.code, exchange.text, skew)

    return ExchangeRow(
        f"kerberos.{kind}",
        tuple(_tried(series, made, since, partial(saw, masked=False))),
        tuple(_tried(series, made, since, partial(saw, masked=True))),
    )


def ap_in_row(
    series: Sequence[Sequence[Attempt]], made: Callable[[Attempt], Made | None], since: int
) -> ExchangeRow:
    """A peer's use of the guest's service: the guest's own clock decides, and nothing masks it."""

    def saw(counts: bool, n: int, seen: Made) -> Tried:
        facts = seen.outcome
        if not isinstance(facts, ApInFacts):
            return Tried(n, "not-tried", counts)
        if facts.stage == "done":
            return Tried(n, "ok", counts)
        skew = seen.skew if facts.code in OF_CLOCKS else None
        # Before the guest was asked: a refusal that says nothing of it.
        shown: Shown = "refused" if facts.stage == "service" else "not-tried"
        return Tried(n, shown, counts, facts.code, facts.text, skew)

    return ExchangeRow("kerberos.ap-in", tuple(_tried(series, made, since, saw)))


def _tried(
    all_series: Sequence[Sequence[Attempt]],
    made: Callable[[Attempt], Made | None],
    since: int,
    saw: Callable[[bool, int, Made], Tried],
) -> Iterator[Tried]:
    for n, series in enumerate(all_series):
        counts = n == len(all_series) - 1 and series[0].at.boottime_ns > since
        for attempt in series:
            seen = made(attempt) if attempt.ended else None
            if not attempt.ended:
                yield Tried(n, "under-way", counts)
            elif seen is None:
                yield Tried(n, "no-result", counts)
            elif isinstance(seen.outcome, Failure):
                yield Tried(n, "silent", counts, text=seen.outcome.detail)
            else:
                yield saw(counts, n, seen)
        for _ in range(series[-1].of - series[-1].number):
            yield Tried(n, "not-made", counts)
