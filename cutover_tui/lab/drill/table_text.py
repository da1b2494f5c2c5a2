"""The scenario table as text of at most 80 columns; state is in the words, nothing in colour."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from pathlib import Path

from cutover_tui.core.amounts import time_amount
from cutover_tui.lab.drill.naive_book import Book
from cutover_tui.lab.drill.scoring import Scored
from cutover_tui.lab.drill.table import BOOKS, Rate, Row, Table, Totals

WIDTH = 79
_NAME = 40


def heading(*, incident: bool) -> str:
    """The line above the incidents, or above the healthy worlds."""
    what = "incidents: to be refused" if incident else "healthy worlds: to be allowed"
    return f"{what:{_NAME}} {'naive':9} {'ours':9} in truth"


def row_lines(row: Row) -> Iterator[str]:
    """A world, and below it why a book refused it or did not do what the world expects of it."""
    name = Path(row.world).stem
    if len(name) > _NAME:
        yield name
        name = ""
    truth = ("BROKEN " if row.broken else "") + time_amount(row.worst_ns)
    cells = [f"{_word(row, book)}{'' if row.of(book).good else ' !'}" for book in BOOKS]
    yield f"{name:{_NAME}} {cells[0]:9} {cells[1]:9} {truth}"
    if row.ours.no_twin is not None:
        yield from _wrapped(f"! {row.ours.no_twin}")
    for book in BOOKS:
        scored = row.of(book)
        if scored.played.outcome == "refused" and (book == "naive" or not scored.good or not row.incident):
            yield from _wrapped(f"{book}: {_why(scored)}")
        for difference in scored.differs:
            yield from _wrapped(f"! {book}: {difference}")


def total_lines(table: Table) -> Iterator[str]:
    """What it comes to."""
    naive, ours = table.naive, table.ours
    yield f"{'':22} {'naive':27} ours"
    yield f"{'incidents caught':22} {_share(naive.caught):27} {_share(ours.caught)}"
    yield f"{'healthy worlds refused':22} {_share(naive.false_refusals):27} {_share(ours.false_refusals)}"
    if ours.pairs:
        yield f"{'twins told apart':22} {_pairs(naive):27} {_pairs(ours)}"
    yield f"{'missed and BROKEN':22} {naive.missed_and_broken!s:27} {ours.missed_and_broken}"
    yield "In brackets the 95 % Wilson score interval of the share, in percent. In truth:"
    yield "how far a guest was off at worst in the aftermath; BROKEN: more than 5 minutes."
    if table.pending:
        names = ", ".join(Path(name).stem for name in table.pending)
        yield from textwrap.wrap(f"{len(table.pending)} pending, left out: {names}", WIDTH)


def _word(row: Row, book: Book) -> str:
    if row.incident:
        return "caught" if row.refused(book) else "MISSED"
    return "REFUSED" if row.refused(book) else "allowed"


def _why(scored: Scored) -> str:
    played = scored.played
    closed = ", ".join(f"{check} {reason}" for check, reason in played.findings)
    return f"{played.step}: {closed}"


def _share(rate: Rate) -> str:
    if not rate.of:
        return "none there"
    percent = (200 * rate.hits + rate.of) // (2 * rate.of)
    # Outwards: an interval is never shown narrower than it is.
    low, high = math.floor(100 * rate.low), math.ceil(100 * rate.high)
    return f"{rate.hits} of {rate.of}, {percent}% ({low}-{high})"


def _pairs(totals: Totals) -> str:
    return f"{totals.told_apart} of {totals.pairs}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )
