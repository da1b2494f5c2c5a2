"""The scenario table: every world played with the naive checklist and with ours, and both counted.

A world's class comes from its `expect`: refused = an incident, allowed = healthy. *Caught* is
any refusal at any step for any reason, the same for both books: a checklist that stops for
the wrong reason has stopped. What that hides, the pairs show: an incident and its healthy
twin are *told apart* by a book that refuses the one and allows the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from cutover_tui.lab.drill.naive_book import Book
from cutover_tui.lab.drill.scoring import Scored
from cutover_tui.lab.drill.wilson import interval
from cutover_tui.lab.world_file.twins import path_of

BOOKS: tuple[Book, Book] = ("naive", "ours")
"""In the order of the columns, and of the two plays of a row."""


class Row(msgspec.Struct, frozen=True):
    """One world with both books, and what was true beside it."""

    world: str
    title: str
    incident: bool
    naive: Scored
    ours: Scored
    worst_ns: int  # how far any guest was off at any time after the last step, in either play
    broken: tuple[str, ...]  # guests that Kerberos refused at some time then, in either play

    def of(self, book: Book) -> Scored:
        """What came out with that book."""
        return self.naive if book == "naive" else self.ours

    def refused(self, book: Book) -> bool:
        """Caught, where it is an incident; a false refusal where it is not."""
        return self.of(book).played.outcome == "refused"


class Rate(msgspec.Struct, frozen=True):
    """A count with its 95 % Wilson score interval."""

    hits: int
    of: int
    low: float
    high: float


class Totals(msgspec.Struct, frozen=True):
    """What one book made of all rows."""

    caught: Rate  # of the incidents
    false_refusals: Rate  # of the healthy worlds
    told_apart: int
    pairs: int
    missed_and_broken: int  # incidents it let pass in which a guest ended beyond Kerberos' tolerance


class Table(msgspec.Struct, frozen=True):
    """The rows, incidents first, and the totals; `pending` names the worlds that were left out."""

    rows: tuple[Row, ...]
    naive: Totals
    ours: Totals
    pending: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether everything came out as the worlds expect of the book they were played with."""
        return all(row.of(book).good for row in self.rows for book in BOOKS)


def row_of(naive: Scored, ours: Scored) -> Row:
    """Both plays of one world."""
    truths = (*naive.played.truth, *ours.played.truth)
    return Row(
        world=ours.world,
        title=ours.title,
        incident=ours.incident,
        naive=naive,
        ours=ours,
        worst_ns=max((t.worst_ns for t in truths), default=0),
        broken=tuple(sorted({t.guest for t in truths if t.broken})),
    )


def table_of(rows: Sequence[Row], pending: Sequence[str] = ()) -> Table:
    """Count what is there."""
    ordered = tuple(sorted(rows, key=lambda row: not row.incident))
    naive, ours = (_totals(ordered, book) for book in BOOKS)
    return Table(ordered, naive, ours, tuple(pending))


def _totals(rows: Sequence[Row], book: Book) -> Totals:
    incidents = [row for row in rows if row.incident]
    healthy = [row for row in rows if not row.incident]
    pairs = _pairs(rows)
    return Totals(
        caught=_rate([row.refused(book) for row in incidents]),
        false_refusals=_rate([row.refused(book) for row in healthy]),
        told_apart=sum(bad.refused(book) and not good.refused(book) for bad, good in pairs),
        pairs=len(pairs),
        missed_and_broken=sum(bool(row.broken) and not row.refused(book) for row in incidents),
    )


def _pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """An incident and its healthy twin, which differs in one key only."""
    by_path = {Path(row.world): row for row in rows}
    found: list[tuple[Row, Row]] = []
    for row in rows:
        if row.ours.twin_of is not None and row.ours.no_twin is None and not row.incident:
            other = by_path.get(path_of(row.ours.twin_of, Path(row.world).parent))
            if other is not None and other.incident:
                found.append((other, row))
    return found


def _rate(hits: Sequence[bool]) -> Rate:
    low, high = interval(sum(hits), len(hits))
    return Rate(sum(hits), len(hits), low, high)
