"""How the guests' clocks are said: a line above the chart, a legend under it, a table, and all about one guest."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len
from textual.content import Content

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.estimate.projection import Projection, coarse, more, ppm, rate, when
from cutover_tui.core.finding import Verdict
from cutover_tui.engine.port import ClockMark, ClockRate, ClockSeries, ClockView, HostView, SessionView
from screens.header import link_alert
from screens.texts.wording import HOUR, MINUTE, SECOND, Part, dot, say, spell, utc_time
from screens.widgets.glyphs import Charset, State, clean, drift, duration, mark, offset
from screens.widgets.table import Cell, Column

_DAY = 24 * HOUR
_SOON_NS = 4 * HOUR

_COLUMNS = (
    Column("host", "host", 12, priority=0, min_width=8),
    Column("provider", "kept by", 26, priority=1, min_width=13),
    Column("offset", "offset", 20, priority=0, align="right"),
    Column("drift", "drift", 14, priority=2, min_width=11, align="right"),
    Column("reaches", "Kerberos limit", 18, priority=2, min_width=16, align="right"),
    Column("looks", "looks", 9, priority=3, min_width=6),
    Column("soak", "soak", 13, priority=4, min_width=11),
    Column("link", "link", 14, priority=5, min_width=6),
)


def columns(charset: Charset) -> tuple[Column, ...]:
    """The table's columns: an offset has room for its bound in these characters, another column goes before that is cut."""
    bound = cell_len(f"{charset.glyphs[State.FAIL]} -99:59:59 {charset.plus_minus} 300 ms")
    return tuple(
        msgspec.structs.replace(c, width=max(c.width, bound)) if c.key == "offset" else c for c in _COLUMNS
    )


def heading(clock: ClockView, axis: str, width: int, charset: Charset) -> Content:
    """Against what the guests are measured, and on which axis; a stretch that has ended says so first.

    Where there is no room for the clocks' names they are counted: nothing that is wrong is cut off.
    """
    names = ", ".join(sorted(map(clean, clock.references)))
    full = _heading(clock, axis, names, charset)
    if full.cell_length <= width or len(clock.references) < 2:
        return full
    return _heading(clock, axis, f"{len(clock.references)} clocks", charset)


def _heading(clock: ClockView, axis: str, names: str, charset: Charset) -> Content:
    parts: list[Part] = []
    if clock.until_ns < clock.now.boottime_ns:
        ago = duration(clock.now.boottime_ns - clock.until_ns)
        parts.append((f" PAST, {ago} ago: 0 = now{dot(charset).rstrip()}", "warn"))
    parts += [f" {axis} offset to " if axis != "linear" else " offset to "]
    if clock.judged_by is not None:
        whose = "the domain: " if clock.judged_by == "domain" else ""
        parts += [whose, names, " (they agree)" if len(clock.references) > 1 else ""]
    else:
        shown = mark(State.UNKNOWN, charset)
        parts += [(f"{shown.glyph} no two clocks that agree: nobody can be judged", "unknown")]
    if clock.domain_off_ns is not None:
        shown = mark(State.FAIL, charset)
        off = offset(clock.domain_off_ns, None, charset)
        parts += ["  ", (f"{shown.glyph} the domain is {off} off the references", "bad")]
    if clock.dissenting:
        shown = mark(State.FAIL, charset)
        parts += ["  ", (f"{shown.glyph} {', '.join(clock.dissenting)} DISAGREES", "bad")]
    return say(*parts, (f"{dot(charset)}UTC", "quiet"))


def legend(clock: ClockView, width: int, charset: Charset) -> Content:
    """What the letters on the chart stand for, the newest first; what does not fit is counted."""
    groups: dict[tuple[str, str], list[ClockMark]] = {}
    for event in sorted(clock.marks, key=lambda m: -m.mono_ns):
        groups.setdefault((event.letter, event.label), []).append(event)
    parts: list[Part] = []
    room = width - 1
    entries = [
        (letter, f" {clean(label)} {_times(clock, events)}   ") for (letter, label), events in groups.items()
    ]
    for n, (letter, text) in enumerate(entries):
        rest = len(entries) - n
        if cell_len(letter + text) > room - (0 if rest == 1 else 9):
            parts.append((f"+{rest} more", "quiet"))
            break
        parts += [(letter, "strong"), text]
        room -= cell_len(letter + text)
    return say(" ", *parts) if parts else Content("")


def _times(clock: ClockView, events: Sequence[ClockMark]) -> str:
    newest = events[0]
    at = utc_time(clock.anchor.on_timescale(newest.mono_ns), seconds=False)
    if len(events) > 1:
        guests = {e.host for e in events if e.host is not None}
        whose = f" on {len(guests)} guests" if len(guests) > 1 else f" {clean(newest.host or '')}"
        return f"{at}, {len(events)} times{whose}"
    return f"{at} {clean(newest.host)}" if newest.host is not None else at


def hidden(clock: ClockView, all_hosts: Sequence[HostView], columns: Sequence[str]) -> Content:
    """What of guests and columns is not on the screen, and which key shows it."""
    parts: list[Part] = []
    drawn = {s.host for s in clock.series}
    others = [h for h in all_hosts if h.name not in drawn]
    if others:
        far = max((h for h in others if h.offset_ns is not None), key=_size, default=None)
        worst = f" (of the others {clean(far.name)} {offset(_signed(far))})" if far is not None else ""
        parts += [f" {len(drawn)} of {len(all_hosts)} guests{worst}: ", ("h", "strong"), "  "]
    if columns:
        parts += [(f" {', '.join(columns)} of a guest: ", "quiet"), ("enter", "strong")]
    return say(*parts) if parts else Content("")


def _signed(host: HostView) -> int:
    return host.offset_ns or 0


def _size(host: HostView) -> int:
    return abs(_signed(host))


def clock_cells(
    series: ClockSeries, host: HostView | None, view: SessionView, clock: ClockView, charset: Charset
) -> list[Cell]:
    """One guest's clock in numbers, in the order of `columns`."""
    alert = link_alert(host, view) if host is not None else ""
    return [
        Cell(clean(series.host)),
        _kept(series, charset),
        _offset(host, alert, clock, charset),
        _drift(series, charset),
        _reaches(series, charset),
        _looks(series, charset),
        _soak(series, charset),
        _link(host, alert, charset),
    ]


def _kept(series: ClockSeries, charset: Charset) -> Cell:
    if series.provider:
        return Cell(spell(series.provider.partition(" (")[0], charset))
    if series.kept is Verdict.FAIL:
        return Cell(f"{charset.glyphs[State.FAIL]} NOBODY", "bad")
    return Cell(f"{charset.glyphs[State.UNKNOWN]} not known", "unknown")


def _offset(host: HostView | None, alert: str, clock: ClockView, charset: Charset) -> Cell:
    unknown = charset.glyphs[State.UNKNOWN]
    if alert:  # whatever stood here is no longer so
        return Cell(f"{unknown} {alert}", "unknown")
    if host is None or host.offset_ns is None:
        return Cell(f"{unknown} unknown", "unknown")
    text = offset(host.offset_ns, host.bound_ns, charset)
    size, bound = abs(host.offset_ns), host.bound_ns or 0
    if size - bound > clock.fail_ns:
        return Cell(f"{charset.glyphs[State.FAIL]} {text}", "bad")
    if size + bound > clock.fail_ns:  # too wide a bound to say
        return Cell(f"{unknown} {text}", "unknown")
    if size + bound > clock.warn_ns:
        return Cell(f"{charset.glyphs[State.ACKNOWLEDGED]} {text}", "warn")
    return Cell(text)


def _drift(series: ClockSeries, charset: Charset) -> Cell:
    at = series.rate
    if at is None:
        return Cell(charset.glyphs[State.UNKNOWN], "unknown")
    if at.regime == "saw-tooth":
        return Cell(f"{charset.glyphs[State.FAIL]} saw-tooth", "bad")
    if series.kept is Verdict.PASS and at.regime != "free-running":
        return Cell("disciplined")
    if not at.n:
        return Cell(more(at.more_ns).replace("minute", "min"), "wait")
    half = max(at.high_ppb - at.ppb, at.ppb - at.low_ppb)
    # Three digits, or as many as the uncertainty leaves meaning where those are fewer.
    shown = min(drift(at.ppb), f"{ppm(at.ppb, half, sign=True)} ppm", key=len)
    return Cell(shown, "warn" if series.kept is not Verdict.PASS else "")


def _rate(at: ClockRate, charset: Charset) -> str:
    """`+31,400 ± 3 ppm`."""
    return rate(at.low_ppb, at.ppb, at.high_ppb).replace("±", charset.plus_minus)


def projection(at: ClockRate) -> Projection:
    """The rate's projection as the words of `core.estimate` want it."""
    return Projection(at.earliest_ns, at.latest_ns, at.reaches, at.more_ns, at.regime == "free-running")


def _reaches(series: ClockSeries, charset: Charset) -> Cell:
    """When Kerberos' tolerance is used up; a clock that somebody keeps has no such moment."""
    at = series.rate
    if at is None:
        return Cell(charset.glyphs[State.UNKNOWN], "unknown")
    if at.earliest_ns == 0 == at.latest_ns:
        return Cell(f"{charset.glyphs[State.FAIL]} past it", "bad")
    if series.kept is Verdict.PASS and not (at.reaches and at.regime == "free-running"):
        return Cell(charset.dash, "quiet")
    if series.kept is not Verdict.PASS and series.set_by != "nobody":
        return Cell("set by others" if series.set_by == "somebody" else "who sets it?", "unknown")
    if at.reaches is None:
        return Cell(more(at.more_ns) if at.more_ns is not None else "too near to call", "wait")
    if at.earliest_ns is None:
        return Cell("never at this rate")
    role = "bad" if at.earliest_ns < _SOON_NS else "warn" if at.reaches else ""
    return Cell(_when(at.earliest_ns, at.latest_ns, charset), role)


_UNITS = ((_DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "m"), (MINUTE, "m", SECOND, "s"))


def _when(earliest_ns: int, latest_ns: int | None, charset: Charset) -> str:
    """`in 2 h 34 ± 1 m`; `≥ 5 d 3 h` where the end is open or far off."""
    if latest_ns is None or latest_ns > 4 * earliest_ns:
        return f"{spell('≥', charset)} {coarse(earliest_ns).replace(' min', ' m')}"
    middle, half = (earliest_ns + latest_ns) // 2, (latest_ns - earliest_ns) // 2
    for unit, name, smaller, small in _UNITS:
        if middle >= unit:
            rounded = (middle + smaller // 2) // smaller * smaller
            rest = rounded % unit // smaller
            shown = f"{rounded // unit} {name} {rest}" if rest else f"{rounded // unit} {name}"
            return f"in {shown} {charset.plus_minus} {-(-half // smaller)} {small}"
    return f"in {middle // SECOND} s"


def _looks(series: ClockSeries, charset: Charset) -> Cell:
    looks = series.looks
    if looks is None or looks.state == "none":
        return Cell(charset.dash, "quiet")
    match looks.state:
        case "passed":
            return Cell("2 of 2", "ok")
        case "failed":
            return Cell(f"{charset.glyphs[State.FAIL]} FAIL", "bad")
        case "missed":
            return Cell(f"{charset.glyphs[State.UNKNOWN]} missed", "unknown")
        case "waiting":
            return Cell(f"{looks.passed} of 2", "wait")


def _soak(series: ClockSeries, charset: Charset) -> Cell:
    soak = series.soak
    if soak is None:
        return Cell(charset.glyphs[State.UNKNOWN], "unknown")
    if soak.complete:
        return Cell(f"{charset.glyphs[State.PASS]} {span(soak.needed_ns)}", "ok")
    return Cell(f"{span(soak.held_ns)}/{span(soak.needed_ns)}", "wait")


def _link(host: HostView | None, alert: str, charset: Charset) -> Cell:
    if alert:
        return Cell(f"{charset.glyphs[State.FAIL]} {alert}", "bad")
    if host is not None and host.link == "up":
        return Cell(f"{charset.glyphs[State.PASS]} live", "ok")
    return Cell(f"{charset.glyphs[State.SOAKING]} connecting", "wait")


def whole(
    series: ClockSeries, host: HostView | None, view: SessionView, clock: ClockView, charset: Charset
) -> list[tuple[str, Content]]:
    """Everything about one guest's clock: label and text."""
    alert = link_alert(host, view) if host is not None else ""
    at = series.rate
    cells = {
        c.key: cell for c, cell in zip(_COLUMNS, clock_cells(series, host, view, clock, charset), strict=True)
    }
    kept = spell(series.provider, charset) if series.provider else cells["provider"].text
    rows: list[tuple[str, list[Part]]] = [
        ("kept by", [(kept, cells["provider"].role)]),
        ("offset", [(cells["offset"].text, cells["offset"].role), f"  {_against(clock)}"]),
        ("drift", [(_drift_in_words(at, charset), cells["drift"].role)]),
        ("Kerberos", [(_limit_in_words(series, clock, charset), cells["reaches"].role)]),
        (
            "soak",
            [
                (cells["soak"].text, cells["soak"].role),
                f"  within {time_amount(clock.fail_ns)} without a gap",
            ],
        ),
        ("looks", [(cells["looks"].text, cells["looks"].role), f"  {_looks_in_words(series)}"]),
    ]
    if at is not None and at.steps:
        steps = ", ".join(
            f"{time_amount(amount, sign=True)} at {utc_time(clock.anchor.on_timescale(when_ns))}"
            for when_ns, amount in at.steps[-3:]
        )
        rows.append(("steps", [f"{at.step_count} in the last half hour: {steps}"]))
    detail = f"  {host.link_detail}" if host is not None and alert else ""
    rows.append(("link", [(cells["link"].text, cells["link"].role), detail]))
    return [(label, say(*parts)) for label, parts in rows]


def _against(clock: ClockView) -> str:
    match clock.judged_by:
        case "domain":
            return "against the domain"
        case "references":
            return "against the references"
        case None:
            return "nobody can be judged"


def _looks_in_words(series: ClockSeries) -> str:
    looks = series.looks
    if looks is None:
        return "this runbook asks for no reboot, or it has not been looked at yet"
    rest = f"; the next is due in {duration(looks.rest_ns)}" if looks.rest_ns is not None else ""
    match looks.state:
        case "none":
            return "no boot after the mark has been seen"
        case "missed":
            return "nobody measured in time after the boot: boot it again"
        case _:
            return f"after the boot that followed the mark{rest}"


def _drift_in_words(at: ClockRate | None, charset: Charset) -> str:
    if at is None:
        return "the clock has not been read in the last minutes"
    if not at.n:
        return f"{more(at.more_ns)} to tell"
    basis = {"statistics": "95 %", "bounds": "hard bounds", "none": ""}[at.basis]
    return f"{_rate(at, charset)} ({basis}) over {span(at.span_ns)}, looks {at.regime}"


def _limit_in_words(series: ClockSeries, clock: ClockView, charset: Charset) -> str:
    limit = time_amount(clock.kerberos_ns)
    at = series.rate
    if at is None:
        return f"{limit}: not known"
    if series.kept is Verdict.PASS and not (at.reaches and at.regime == "free-running"):
        return f"{limit}: not while it is kept"
    if series.kept is not Verdict.PASS and series.set_by == "somebody":
        return f"{limit}: not told by this rate, somebody sets the clock and nobody keeps it"
    if series.kept is not Verdict.PASS and series.set_by == "unknown":
        return f"{limit}: not told by this rate, who sets the clock is not known"
    told = more(at.more_ns) if at.reaches is None else when(projection(at))
    return spell(f"{limit}: {told}", charset)
