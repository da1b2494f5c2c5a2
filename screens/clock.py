"""Is time right, and will it stay right? The guests' clocks against the references, live."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from cutover_tui.engine.port import ClockSeries, ClockView, HostView, SessionView
from screens.base import PortScreen
from screens.context import Context
from screens.header import TopLine, link_alert
from screens.messages import ReadClock
from screens.texts.chart_data import chart_data, reaches_tolerance_ns
from screens.texts.wording import HOUR, MINUTE, Part, coarse, say, spell
from screens.widgets.chart import OffsetChart
from screens.widgets.glyphs import Charset, State, clean, drift, mark, offset
from screens.widgets.raster import ChartData
from screens.widgets.table import Cell, Column, HostTable, TableModel

RANGES_MIN = (2, 10, 30, 120)
_FAR_NS = 30 * 24 * HOUR


class ClockScreen(PortScreen):
    """The chart of the chosen guests, and who keeps each of them."""

    HELP_TEXT = (
        "Is time right, and will it stay right? Each line is a guest minus its domain, or minus the references where "
        "no controllers answer, with its error band; where there is no line, nobody measured. 'in' says when Kerberos' 300 s are reached if the "
        "clock goes on at this rate. + and - change the time shown, h chooses the guests. Where no reference may be asked, u takes what two people "
        "read on a clock they trust: a witness within 2 s, for ten minutes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "plus,equals_sign",
            "zoom(-1)",
            "less time",
            key_display="+",
            id="clock.in",
            tooltip="Show less time",
        ),
        Binding(
            "u", "read", "read UTC", show=False, id="clock.read", tooltip="Two people read a clock they trust"
        ),
        Binding("minus", "zoom(1)", "more time", key_display="-", id="clock.out", tooltip="Show more time"),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._range = 1
        self._clock: tuple[ClockView, int] | None = None
        self._model = TableModel(
            [
                Column("host", "host", 10, priority=0, min_width=6),
                Column("offset", "offset", 20, priority=0, min_width=18, align="right"),
                Column("drift", "drift", 12, priority=2, align="right"),
                Column("reaches", "300 s at this rate", 18, priority=3, min_width=10, align="right"),
                Column("link", "link", 15, priority=1),
                Column("provider", "kept by", 16, priority=4, grow=True),
            ]
        )

    def compose(self) -> ComposeResult:
        charset = self.context.charset
        yield TopLine(charset)
        with Container(id="clock-body"):
            with Vertical(id="clock-side"):
                yield Static(id="clock-title", markup=False)
                yield OffsetChart(self._chart, dots=self.context.dots, id="clock-chart")
            yield HostTable(self._model, charset=charset, id="clock-guests")
        yield Footer(compact=True, show_command_palette=False)

    def look(self, view: SessionView) -> None:
        self.query_one(TopLine).show(view, "Clock", f"last {RANGES_MIN[self._range]} min")
        since = view.now.boottime_ns - RANGES_MIN[self._range] * MINUTE
        chosen = self.context.place.clock_hosts or tuple(h.name for h in view.hosts)
        clock = self.context.port.clock(chosen, since, 4 * max(50, self.size.width))
        self._clock = (clock, since)
        self.say("#clock-title", references(clock, self.context.charset))
        hosts = {h.name: h for h in view.hosts}
        self._model.set_rows(
            (s.host, clock_cells(s, hosts.get(s.host), view, clock, self.context.charset))
            for s in clock.series
        )
        table = self.query_one("#clock-guests", HostTable)
        table.styles.height = min(len(clock.series) + 1, max(2, self.size.height // 3))
        table.flush()

    def _chart(self) -> ChartData:
        if self._clock is None:
            return ChartData((), 0, RANGES_MIN[self._range] * MINUTE)
        return chart_data(*self._clock)

    def action_read(self) -> None:
        self.post_message(ReadClock())

    def action_zoom(self, by: int) -> None:
        self._range = min(len(RANGES_MIN) - 1, max(0, self._range + by))
        self.look_now()
        self.query_one(OffsetChart).flush()


def references(clock: ClockView, charset: Charset) -> Content:
    """Against what the guests are measured."""
    parts: list[Part] = [" offset to "]
    if clock.judged_by is not None:
        whose = "the domain: " if clock.judged_by == "domain" else ""
        agree = " (they agree)" if len(clock.references) > 1 else ""
        parts += [whose, ", ".join(map(clean, clock.references)), agree]
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
    return say(*parts, ("  times UTC", "quiet"))


def clock_cells(
    series: ClockSeries, host: HostView | None, view: SessionView, clock: ClockView, charset: Charset
) -> list[Cell]:
    """One guest's clock in numbers."""
    alert = link_alert(host, view) if host is not None else ""
    unknown = mark(State.UNKNOWN, charset)
    fail = mark(State.FAIL, charset)
    shown = Cell(unknown.text, "unknown")
    if host is not None and host.offset_ns is not None and not alert:
        text = offset(host.offset_ns, host.bound_ns, charset)
        size, bound = abs(host.offset_ns), host.bound_ns or 0
        if size - bound > clock.fail_ns:
            shown = Cell(f"{fail.glyph} {text}", "bad")
        elif size + bound > clock.warn_ns:
            shown = Cell(f"{charset.glyphs[State.ACKNOWLEDGED]} {text}", "warn")
        else:
            shown = Cell(text)
    rate = Cell(drift(series.drift_ppb)) if series.drift_ppb is not None else Cell(unknown.text, "unknown")
    return [
        Cell(clean(series.host)),
        shown,
        rate,
        _reaches(series, charset),
        Cell(f"{fail.glyph} {alert}", "bad")
        if alert
        else Cell(f"{charset.glyphs[State.PASS]} live", "ok")
        if host is not None and host.link == "up"
        else Cell(f"{charset.glyphs[State.SOAKING]} connecting", "wait"),
        Cell(spell(series.provider, charset))
        if series.provider
        else Cell(f"{fail.glyph} nobody shown", "bad"),
    ]


def _reaches(series: ClockSeries, charset: Charset) -> Cell:
    """When Kerberos' tolerance is used up; a clock that somebody keeps has no such moment."""
    if series.provider:
        return Cell(charset.dash, "quiet")
    rest = reaches_tolerance_ns(series)
    if rest is None:
        return Cell("?", "unknown")
    if rest == 0:
        return Cell(f"{charset.glyphs[State.FAIL]} past 300 s", "bad")
    if rest > _FAR_NS:
        return Cell("in > 30 d")
    days = f"{rest // (24 * HOUR)} d" if rest >= 72 * HOUR else coarse(rest)
    return Cell(f"in {days}", "bad" if rest < 4 * HOUR else "warn")
