"""Attempts one by one, without the library's correction of the clock and with it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from textual.content import Content

from cutover_tui.core.checks.kerberos.kerberos_words import OF_CLOCKS, meaning
from cutover_tui.engine.identity.view import ExchangeRow, IdentityView, Shown, Tried
from screens.texts.identity_words import EXCHANGES, PROVE_KEY, state_cell, state_width
from screens.texts.wording import Part, ago, say, spell
from screens.widgets.glyphs import UNICODE, Charset, State, mark, offset
from screens.widgets.table import Cell, Column

_STRIP_WIDTH = 11
_UNICODE_STRIP: dict[Shown, str] = {
    "ok": "✓",
    "refused": "✗",
    "no-result": "✗",
    "silent": "?",
    "absent": "?",
    "not-tried": "·",
    "not-made": "·",
    "under-way": "…",
}
_ASCII_STRIP: dict[Shown, str] = {
    "ok": "+",
    "refused": "X",
    "no-result": "X",
    "silent": "?",
    "absent": "?",
    "not-tried": "-",
    "not-made": "-",
    "under-way": ".",
}
_ROLE_OF: dict[Shown, str] = {
    "ok": "ok",
    "refused": "bad",
    "no-result": "bad",
    "silent": "unknown",
    "absent": "unknown",
    "not-tried": "quiet",
    "not-made": "quiet",
    "under-way": "wait",
}
_FAILED = ("refused", "no-result")
_PLAIN_WORDS: dict[Shown, str] = {
    "silent": "nobody answered",
    "absent": "tool not installed",
    "not-tried": "no ticket",
    "no-result": "no result",
}


def exchange_columns(charset: Charset) -> list[Column]:
    """Attempt by attempt, without the library's correction of the clock and with it."""
    return [
        Column("state", "state", state_width(charset), priority=0),
        Column("check", "exchange", 15, priority=1),
        Column("plain", "fresh, unmasked", 27, priority=0, min_width=20, grow=True),
        Column("masked", "as the library shows it", 25, priority=0, min_width=11, grow=True),
    ]


def proof_line(view: IdentityView, charset: Charset = UNICODE) -> Content:
    """Whether there is a proof, how old it is, and what its key does."""
    proof = view.proof
    key: Part = (PROVE_KEY, "strong")
    if proof.running:
        wait = mark(State.SOAKING, charset)
        return say((f" {wait.glyph} proof under way: up to {proof.attempts} attempts", "wait"))
    if proof.refused:
        unknown = mark(State.UNKNOWN, charset)
        return say((f" {unknown.glyph} nothing can be tried now: {spell(proof.refused, charset)}", "unknown"))
    if not proof.approved:
        by = f" ({' '.join(proof.tools)})" if proof.tools else ""
        what = f" shows {proof.commands} commands{by}, asks; {proof.attempts} tries"
        return say(" not approved: ", key, what)
    last = f"last began {ago(proof.last, view.now)} ago" if proof.last is not None else "not tried yet"
    return say(f" proof approved, {last}: ", key, f" makes {proof.attempts} attempts now")


def strip(tried: Sequence[Tried], width: int, charset: Charset = UNICODE) -> str:
    """The newest series that fit, a sign an attempt; in brackets what does not count any more."""
    signs = _UNICODE_STRIP if charset.name == "unicode" else _ASCII_STRIP
    shown = ""
    groups = [list(group) for _, group in groupby(tried, key=lambda t: t.series)]
    for n, group in enumerate(reversed(groups)):
        text = "".join(signs[t.shown] for t in group)
        text = text if group[0].counts else f"({text})"
        longer = f"{text} {shown}".rstrip()
        if n and len(longer) > width:
            break
        shown = longer
    return shown if len(shown) <= width else charset.ellipsis + shown[-(width - 1) :]


def exchange_rows(view: IdentityView, charset: Charset = UNICODE) -> list[tuple[str, list[Cell]]]:
    """State, check, and both strips with what came of the last attempt."""
    by_check = {row.check: row for row in view.exchanges}
    return [(name, _exchange_cells(name, by_check.get(name), view, charset)) for name in EXCHANGES]


def _exchange_cells(name: str, row: ExchangeRow | None, view: IdentityView, charset: Charset) -> list[Cell]:
    state = state_cell(name, view, charset)
    if row is None or not row.plain:
        return [state, Cell(name), Cell(_never(name, row, view), "unknown"), Cell("")]
    plain, masked = _last(row)
    said = _said(row, plain, charset)
    if not row.masked:
        alone = Cell(_strip_and(row.plain, said, charset), _ROLE_OF[plain.shown])
        return [state, Cell(name), alone, Cell("the guest's clock decides", "quiet")]
    hidden = _hidden(plain, masked, charset)
    return [
        state,
        Cell(name),
        Cell(_strip_and(row.plain, said, charset), _ROLE_OF[plain.shown]),
        Cell(_strip_and(row.masked, hidden, charset), "warn" if hidden else ""),
    ]


def _never(name: str, row: ExchangeRow | None, view: IdentityView) -> str:
    """Why there is nothing to see."""
    finding = view.finding(name)
    if finding is None:
        return "no step asks for it" if name in view.unasked else "not measured"
    if row is None:
        return finding.reason
    if finding.verdict == "na":
        return finding.reason
    if view.realm is None:
        return "not measured: no realm"
    return f"never tried: {PROVE_KEY}" if not view.proof.refused else "never tried"


def _strip_and(tried: Sequence[Tried], text: str, charset: Charset) -> str:
    shown = strip(tried, _STRIP_WIDTH, charset)
    return f"{shown:<3} {text}".rstrip()


def _last(row: ExchangeRow) -> tuple[Tried, Tried]:
    """The newest attempt that was begun, unmasked and masked."""
    pairs = list(zip(row.plain, row.masked or row.plain, strict=True))
    return next((p for p in reversed(pairs) if p[0].shown != "not-made"), pairs[-1])


def _said(row: ExchangeRow, last: Tried, charset: Charset) -> str:
    """What the newest attempt came to, in the fewest words."""
    begun = [t for t in row.plain if t.shown != "not-made"]
    failed = sum(t.shown in _FAILED for t in begun)
    if last.shown == "refused":
        return refusal(last)
    if last.shown == "under-way":
        mine = [t for t in begun if t.series == last.series]
        return f"attempt {len(mine)} of {sum(t.series == last.series for t in row.plain)}"
    if last.shown == "ok":
        if failed:
            return f"{failed} of {len(begun)} failed"
        mine = [t for t in begun if t.series == last.series]
        of = sum(t.series == last.series for t in row.plain)
        return f"{len(mine)} of {of}" if last.counts else "counts no more"
    return spell(last.text or _PLAIN_WORDS.get(last.shown, ""), charset)


def refusal(tried: Tried) -> str:
    """`37 guest ahead`, `24 stale keytab`."""
    number = f"{tried.code} " if tried.code is not None else ""
    if tried.code in OF_CLOCKS and tried.skew is not None:
        return f"{number}guest {'ahead' if tried.skew.offset_ns > 0 else 'behind'}"
    return number + meaning(tried.code).code.replace("-", " ")


def _hidden(plain: Tried, masked: Tried, charset: Charset) -> str:
    """What the library's own correction of the clock keeps from whoever tries by hand."""
    if plain.shown == "refused" and plain.code in OF_CLOCKS and masked.shown == "ok":
        return (
            f"hides {offset(plain.skew.offset_ns, None, charset)}" if plain.skew is not None else "hides it"
        )
    return refusal(masked) if masked.shown == "refused" else ""
