"""What the scenario table counts, and how it reads."""

from __future__ import annotations

from typing import Literal

import msgspec

from cutover_tui.lab.drill.drill import Played, Truth
from cutover_tui.lab.drill.naive_book import Book
from cutover_tui.lab.drill.scoring import Scored
from cutover_tui.lab.drill.table import Row, Table, row_of, table_of
from cutover_tui.lab.drill.table_text import heading, row_lines, total_lines

SECOND = 1_000_000_000
Outcome = Literal["allowed", "refused"]


def scored(
    name: str,
    book: Book,
    outcome: Outcome,
    *,
    incident: bool,
    twin_of: str | None = None,
    apart: tuple[str, ...] = ("events[0].do",),
    differs: tuple[str, ...] = (),
    worst_ns: int = 1000,
) -> Scored:
    refused = outcome == "refused"
    return Scored(
        world=f"worlds/{name}.yaml",
        title=name,
        pending=None,
        incident=incident,
        twin_of=twin_of,
        apart=apart if twin_of is not None else (),
        book=book,
        held=True,
        played=Played(
            world=name,
            door="virtual",
            outcome=outcome,
            step="provider" if refused else None,
            host="app01" if refused else None,
            findings=((f"{book}.check", "because"),) if refused else (),
            journal="",
            took_ns=0,
            truth=(Truth("app01", 0, worst_ns, worst_ns), Truth("app02", 0, 0, 0)),
        ),
        differs=differs,
    )


def row(name: str, naive: Outcome, ours: Outcome, *, incident: bool, twin_of: str | None = None) -> Row:
    return row_of(
        scored(name, "naive", naive, incident=incident, twin_of=twin_of),
        scored(name, "ours", ours, incident=incident, twin_of=twin_of),
    )


def shown(table: Table) -> list[str]:
    return [*(line for r in table.rows for line in row_lines(r)), *total_lines(table)]


def test_both_books_are_counted_alike() -> None:
    table = table_of(
        [
            row("fine", "refused", "allowed", incident=False, twin_of="bad"),
            row("bad", "refused", "refused", incident=True),
            row("worse", "allowed", "refused", incident=True),
            row("better", "allowed", "allowed", incident=False, twin_of="worse"),
            row("alone", "allowed", "refused", incident=False),
        ],
        pending=["worlds/later.yaml"],
    )
    assert [r.title for r in table.rows] == ["bad", "worse", "fine", "better", "alone"]
    assert [(t.caught.hits, t.caught.of) for t in (table.naive, table.ours)] == [(1, 2), (2, 2)]
    assert [(t.false_refusals.hits, t.false_refusals.of) for t in (table.naive, table.ours)] == [
        (1, 3),
        (1, 3),
    ]
    # Refusing both twins is catching nothing, and allowing both neither.
    assert [(t.told_apart, t.pairs) for t in (table.naive, table.ours)] == [(0, 2), (2, 2)]
    assert 0 < table.naive.caught.low < 0.5 < table.naive.caught.high < 1
    text = "\n".join(shown(table))
    assert "1 of 2, 50% (9-91)" in text
    assert "2 of 2, 100% (34-100)" in text
    assert "1 pending, left out: later" in text
    assert msgspec.json.decode(msgspec.json.encode(table))["naive"]["caught"]["hits"] == 1


def test_a_twin_that_is_none_is_no_pair_and_says_so() -> None:
    bad = row("bad", "allowed", "refused", incident=True)
    for apart in ((), ("seed", "guests[0].time")):
        naive, ours = (
            scored("good", book, "allowed", incident=False, twin_of="bad", apart=apart)
            for book in ("naive", "ours")
        )
        table = table_of([bad, row_of(naive, ours)])
        assert (table.naive.pairs, table.ours.pairs) == (0, 0)
        assert sum("! no twin of bad: " in line for line in shown(table)) == 1


def test_what_was_true_stands_beside_it() -> None:
    """In either play: a refusal of ours ends the play early, and an early end breaks nothing."""
    made = row_of(
        scored("a", "naive", "allowed", incident=True, worst_ns=400 * SECOND),
        scored("a", "ours", "refused", incident=True),
    )
    assert made.broken == ("app01",)
    assert made.worst_ns == 400 * SECOND
    table = table_of([made])
    assert (table.naive.missed_and_broken, table.ours.missed_and_broken) == (1, 0)
    (line,) = row_lines(made)
    assert line.split() == ["a", "MISSED", "caught", "BROKEN", "400", "s"]


def test_a_refusal_that_is_not_ours_to_expect_says_why() -> None:
    made = row_of(
        scored("a", "naive", "refused", incident=True),
        scored("a", "ours", "refused", incident=True, differs=("refused at provider, expected at boot",)),
    )
    first, *why = row_lines(made)
    assert first.split()[:4] == ["a", "caught", "caught", "!"]
    assert why == [
        "  naive: provider: naive.check because",
        "  ours: provider: ours.check because",
        "  ! ours: refused at provider, expected at boot",
    ]
    assert not table_of([made]).good
    assert table_of([row("a", "allowed", "refused", incident=True)]).good


def test_it_fits_eighty_columns() -> None:
    name = "a-world-with-a-name-that-somebody-could-not-make-any-shorter-than-this"
    made = row(name, "refused", "refused", incident=False)
    table = table_of([made] * 1200, pending=[f"worlds/{name}.yaml"] * 3)
    lines = [*shown(table), *(heading(incident=i) for i in (True, False))]
    assert max(map(len, lines)) < 80
    assert "1200 of 1200, 100% (99-100)" in "\n".join(lines)


def test_where_there_is_nothing_to_count_no_share_is_shown() -> None:
    text = "\n".join(total_lines(table_of([row("a", "allowed", "refused", incident=True)])))
    assert "healthy worlds refused none there" in text
    assert "twins" not in text
