"""The clocks that decide about tickets, and what is left of Kerberos' tolerance. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from cutover_tui.engine.identity.view import ClockRow, IdentityView, Skew
from screens.texts.identity_words import short
from screens.texts.wording import SECOND, Part, dot, finding_state, say, spell
from screens.widgets.glyphs import UNICODE, Charset, State, duration, interval, mark, offset
from screens.widgets.table import Cell, Column

_NAME_WIDTH = 12
_FAR_NS = 5 * SECOND


def clock_columns(charset: Charset) -> list[Column]:
    """The clocks that are asked, a row each; a controller is asked by Kerberos and by NTP."""
    return [
        Column("name", "clock", _NAME_WIDTH, priority=0, min_width=8),
        Column("kdc", "its KDC", 17, priority=0),
        Column("ntp", "its NTP", 16, priority=1),
        Column("skew", "guest minus KDC", 17 if charset.name == "unicode" else 20, priority=0, min_width=15),
        Column("note", "", 10, priority=2, min_width=6, grow=True),
    ]


def margin_line(view: IdentityView, charset: Charset = UNICODE) -> Content:
    """How much of Kerberos' tolerance is left, and how far off the guest's clock is."""
    finding = view.finding("kerberos.margin")
    shown = mark(finding_state(finding) if finding is not None else State.UNKNOWN, charset)
    parts: list[Part] = [" ", (shown.text, shown.role), " "]
    left = view.left_ns
    limit = f"{view.tolerance_ns // SECOND} s"
    if view.worst is None or left is None:
        parts.append(f"margin to {limit} not known")
    elif abs(view.worst.offset_ns) - view.worst.bound_ns > view.tolerance_ns:
        beyond = abs(view.worst.offset_ns) - view.tolerance_ns
        parts.append(f"{beyond // SECOND} s beyond Kerberos' {limit} ({short(view.worst.kdc, view)})")
    else:
        parts.append(f"margin {max(0, left) // SECOND} s of {limit} ({short(view.worst.kdc, view)})")
    guest = _guest(view, charset)
    return say(*parts, *([dot(charset), *guest] if guest else []))


def _guest(view: IdentityView, charset: Charset) -> list[Part]:
    row = next((c for c in view.clocks if c.kind == "guest"), None)
    if row is None:
        return []
    if row.low_ns is None or row.high_ns is None:
        age = f" ({duration(row.age_ns)})" if row.age_ns is not None and row.age_ns > SECOND else ""
        return [(f"{mark(State.UNKNOWN, charset).glyph} {row.name}: {row.why}{age}", "unknown")]
    middle, bound = (row.low_ns + row.high_ns) // 2, (row.high_ns - row.low_ns + 1) // 2
    whose = "the domain: " if view.judged_by == "domain" else ""
    return [
        f"{row.name} {offset(middle, bound, charset)} off {whose}{', '.join(short(j, view) for j in view.judges)}"
    ]


def clock_rows(view: IdentityView, room: int, charset: Charset = UNICODE) -> list[tuple[str, list[Cell]]]:
    """A row a host that is asked; where they do not fit, those in trouble first and the others counted."""
    names = list(dict.fromkeys(c.name for c in view.clocks if c.kind != "guest"))
    by_name = {n: [c for c in view.clocks if c.name == n and c.kind != "guest"] for n in names}
    left_over: list[str] = []
    if len(names) > max(1, room):
        names.sort(key=lambda n: not any(_trouble(c, view) for c in by_name[n]))
        names, left_over = names[: max(0, room - 1)], names[max(0, room - 1) :]
    rows = [(name, _clock_cells(name, by_name[name], view, charset)) for name in names]
    if left_over:
        rest = [c for name in left_over for c in by_name[name]]
        called = ", ".join(short(n, view) for n in left_over)
        called = called if len(called) <= _NAME_WIDTH else f"{len(left_over)} more"
        rows.append(("+", _more_cells(called, rest, view, charset)))
    return rows


def _clock_cells(name: str, rows: Sequence[ClockRow], view: IdentityView, charset: Charset) -> list[Cell]:
    kdc = next((c for c in rows if c.kind == "kdc"), None)
    ntp = next((c for c in rows if c.kind != "kdc"), None)
    return [
        Cell(_called(name, view, charset)),
        _shows(kdc, view, charset),
        _shows(ntp, view, charset),
        _skew_cell(kdc.skew if kdc is not None else None, kdc is not None, view, charset),
        Cell(_note(kdc, ntp, charset), "quiet"),
    ]


def _called(name: str, view: IdentityView, charset: Charset) -> str:
    """A name as the column has room for it; of an address the end, since that is where two of a network differ."""
    shown = short(name, view)
    if len(shown) <= _NAME_WIDTH or any(c.isalpha() for c in shown):
        return shown
    return f"{charset.ellipsis}{shown[len(charset.ellipsis) - _NAME_WIDTH :]}"


def _more_cells(called: str, rows: Sequence[ClockRow], view: IdentityView, charset: Charset) -> list[Cell]:
    """Several clocks in one row: the widest of what they show, and how many show nothing."""
    lows = [c.low_ns for c in rows if c.low_ns is not None]
    highs = [c.high_ns for c in rows if c.high_ns is not None]
    bad = sum(_trouble(c, view) for c in rows)
    fine = interval(min(lows), max(highs), charset) if lows and highs else ""
    glyph = mark(State.UNKNOWN, charset).glyph
    shown = Cell(f"{glyph} {bad} in trouble", "unknown") if bad else Cell(fine)
    return [Cell(called), Cell(""), shown, Cell(""), Cell("")]


def _trouble(row: ClockRow, view: IdentityView) -> bool:
    return row.low_ns is None or not row.believed or row.jumped or _is_off(row, view)


def _is_off(row: ClockRow, view: IdentityView) -> bool:
    """Whether it is shown to be farther off than `kdc.clock` allows."""
    if row.low_ns is None or row.high_ns is None:
        return False
    finding = view.finding("kdc.clock")
    limit = finding.criterion.limit if finding is not None and finding.criterion.limit else _FAR_NS
    return row.low_ns > limit or row.high_ns < -limit


def _shows(row: ClockRow | None, view: IdentityView, charset: Charset) -> Cell:
    if row is None:
        return Cell("")
    if row.low_ns is None or row.high_ns is None:
        silent = "silent" if row.age_ns is not None else "not asked"
        since = f" {duration(row.age_ns)}" if row.age_ns is not None else ""
        known = "?" if row.skew is not None else f"{silent}{since}"
        return Cell(f"{mark(State.UNKNOWN, charset).glyph} {known}", "unknown")
    if row.kind == "kdc":
        text = interval(row.low_ns, row.high_ns, charset)
    else:
        text = offset((row.low_ns + row.high_ns) // 2, (row.high_ns - row.low_ns + 1) // 2, charset)
    if _is_off(row, view) or not row.believed:
        return Cell(f"{mark(State.FAIL, charset).glyph} {text}", "bad")
    return Cell(text)


def _skew_cell(skew: Skew | None, is_kdc: bool, view: IdentityView, charset: Charset) -> Cell:
    if skew is None:
        return Cell(mark(State.UNKNOWN, charset).text, "unknown") if is_kdc else Cell("")
    text, size = offset(skew.offset_ns, skew.bound_ns, charset), abs(skew.offset_ns)
    finding = view.finding("kerberos.margin")
    least = finding.criterion.limit if finding is not None and finding.criterion.limit else 0
    if size - skew.bound_ns > view.tolerance_ns - least:
        return Cell(f"{mark(State.FAIL, charset).glyph} {text}", "bad")
    return Cell(text)


def _note(kdc: ClockRow | None, ntp: ClockRow | None, charset: Charset) -> str:
    """What else to know: why it is silent, or what a KDC's microseconds are worth."""
    why = next((c.why for c in (kdc, ntp) if c is not None and c.why), "")
    if why:
        return spell(why, charset)
    if ntp is not None and not ntp.believed:
        return "DISAGREES"
    if kdc is None:
        return ""
    if kdc.jumped:
        return "was set"
    kinds = {True: "clock", False: "counter", None: "?"}
    return f"{charset.micro}s: {kinds[kdc.microseconds]}"
