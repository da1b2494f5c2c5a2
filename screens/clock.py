"""Is time right, and will it stay right? The guests' clocks against the references, live."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from cutover_tui.engine.port import ClockView, HostView, SessionView
from screens.base import PortScreen
from screens.context import Context
from screens.dialogs.clock_guest import ClockGuestDialog
from screens.dialogs.hosts import MOST_LINES
from screens.header import TopLine
from screens.messages import ReadClock
from screens.texts.chart_data import chart_data, spans_decades
from screens.texts.clock import clock_cells, columns, heading, hidden, legend, whole
from screens.texts.wording import HOUR, MINUTE, lines, say, utc_time
from screens.widgets.axis import LINEAR, Scale
from screens.widgets.chart import OffsetChart
from screens.widgets.raster import ChartData
from screens.widgets.symlog import SYMLOG
from screens.widgets.table import HostTable, TableModel

RANGES_MIN = (2, 10, 30, 120, 720)
KEPT_NS = 12 * HOUR
"""How far back a session remembers the clocks."""
_MARGIN = 16  # this part of the range more is asked for, so that the chart's left end is full as it moves on
_LABEL = 10


class ClockScreen(PortScreen):
    """The chart of the chosen guests, and who keeps each of them."""

    HELP_TEXT = (
        "Is time right, and will it stay right? Each line is a guest minus its domain, or minus the references where "
        "no controllers answer, with its error band; dim lines are the clocks themselves; where there is no line, "
        "nobody measured. 'Kerberos limit' says when the tolerance is used up if a clock goes on at this rate. "
        "Letters on the chart: M mark, A action, T Tools removed, B boot, S step of the clock, D another "
        "disturbance. On a symlog axis a factor of ten has the same height everywhere. enter shows all of a guest. "
        "Where no reference may be asked, u takes what two people read on a clock they trust: a witness within 2 s, "
        "for ten minutes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "plus,equals_sign",
            "zoom(-1)",
            "zoom",
            key_display="+-",
            id="clock.in",
            tooltip="Show less time, or more",
        ),
        Binding(
            "minus", "zoom(1)", "more", show=False, key_display="-", id="clock.out", tooltip="Show more time"
        ),
        Binding(
            "comma,left_square_bracket",
            "pan(-1)",
            "time",
            key_display=",.",
            id="clock.older",
            tooltip="Go back in time by half of what is shown, or forward",
        ),
        Binding(
            "full_stop,right_square_bracket",
            "pan(1)",
            "newer",
            show=False,
            key_display=".",
            id="clock.newer",
            tooltip="Go forward in time",
        ),
        Binding("0", "live", "now", id="clock.live", tooltip="Back to what is measured now"),
        Binding(
            "u", "read", "read UTC", show=False, id="clock.read", tooltip="Two people read a clock they trust"
        ),
        Binding("j", "axis", "axis", id="clock.axis", tooltip="Linear or symmetric-logarithmic axis"),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._range = 1
        self._until_ns: int | None = None  # None: live
        self._decades = False  # what the data asks for
        self._asked_scale: Scale | None = None  # what the engineer asked for
        self._clock: ClockView | None = None
        self._hosts: dict[str, HostView] = {}
        self._session: SessionView | None = None
        self._data = ChartData((), 0, RANGES_MIN[self._range] * MINUTE)
        self._model = TableModel(columns(context.charset))

    def compose(self) -> ComposeResult:
        charset = self.context.charset
        yield TopLine(charset)
        with Container(id="clock-body"):
            with Vertical(id="clock-side"):
                yield Static(id="clock-title", markup=False)
                yield OffsetChart(lambda: self._data, dots=self.context.dots, id="clock-chart")
                yield Static(id="clock-legend", markup=False)
            yield HostTable(self._model, charset=charset, id="clock-guests")
            yield Static(id="clock-note", markup=False)
            yield Static(id="clock-detail", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#clock-guests").focus()

    # -- what is shown

    @property
    def _span_ns(self) -> int:
        return RANGES_MIN[self._range] * MINUTE

    def look(self, view: SessionView) -> None:
        self._session, self._hosts = view, {h.name: h for h in view.hosts}
        now_ns = view.now.boottime_ns
        end_ns = now_ns if self._until_ns is None else self._until_ns
        chosen = self.context.place.clock_hosts or tuple(h.name for h in view.hosts)[:MOST_LINES]
        since_ns = end_ns - self._span_ns
        clock = self.context.port.clock(
            chosen, since_ns - self._span_ns // _MARGIN, 4 * max(50, self.size.width), self._until_ns
        )
        self._clock = clock
        self._data = chart_data(clock, since_ns, clocks=True, legend=True)
        self._decades = spans_decades(clock, self._decades)
        self.query_one(OffsetChart).scale = self._scale
        self.query_one(TopLine).show(view, "Clock", self._stretch(view))
        self._say(view, clock)

    def _say(self, view: SessionView, clock: ClockView) -> None:
        charset, width = self.context.charset, self.size.width
        self.say("#clock-title", heading(clock, self._scale.name, width, charset))
        self.say("#clock-legend", legend(clock, width, charset))
        self._model.set_rows(
            (s.host, clock_cells(s, self._hosts.get(s.host), view, clock, charset)) for s in clock.series
        )
        table = self.query_one("#clock-guests", HostTable)
        table.styles.height = min(len(clock.series) + 1, max(2, (self.size.height - 5) // 2))
        table.flush()
        self.say("#clock-note", hidden(clock, view.hosts, table.left_out))
        self._say_detail()

    def _say_detail(self) -> None:
        rows = self._whole(self.query_one("#clock-guests", HostTable).cursor)
        self.say("#clock-detail", lines(say((f" {label:<{_LABEL}}", "quiet")) + text for label, text in rows))

    def _stretch(self, view: SessionView) -> str:
        minutes = RANGES_MIN[self._range]
        size = f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"
        if self._until_ns is None:
            return f"last {size}"
        return (
            f"{size} until {utc_time(view.now.utc_ns - view.now.boottime_ns + self._until_ns, seconds=False)}"
        )

    @property
    def _scale(self) -> Scale:
        if self._asked_scale is not None:
            return self._asked_scale
        return SYMLOG if self._decades else LINEAR

    def _whole(self, host: str | None) -> list[tuple[str, Content]]:
        view, clock = self._session, self._clock
        if view is None or clock is None:
            return []
        series = next((s for s in clock.series if s.host == host), None)
        if series is None:
            return []
        return whole(series, self._hosts.get(series.host), view, clock, self.context.charset)

    def on_host_table_row_highlighted(self, _event: HostTable.RowHighlighted) -> None:
        self._say_detail()

    def on_host_table_row_selected(self, event: HostTable.RowSelected) -> None:
        rows = self._whole(event.key)
        if rows and self._session is not None:
            self.app.push_screen(ClockGuestDialog(event.key, utc_time(self._session.now.utc_ns), rows))

    # -- what can be done

    def _redraw(self) -> None:
        self.look_now()
        self.query_one(OffsetChart).flush()

    def action_read(self) -> None:
        self.post_message(ReadClock())

    def action_zoom(self, by: int) -> None:
        self._range = min(len(RANGES_MIN) - 1, max(0, self._range + by))
        self._redraw()

    def action_pan(self, by: int) -> None:
        """Half of what is shown, back to where the session began, or forward until it is live again."""
        view = self.context.port.view()
        now_ns = view.now.boottime_ns
        oldest_ns = self._oldest_ns(now_ns) + self._span_ns
        end_ns = (now_ns if self._until_ns is None else self._until_ns) + by * self._span_ns // 2
        if by < 0 and oldest_ns >= (now_ns if self._until_ns is None else self._until_ns):
            self.notify("Nothing older is remembered.", timeout=2)
            return
        end_ns = max(end_ns, oldest_ns)
        self._until_ns = end_ns if end_ns < now_ns else None
        self._redraw()

    def _oldest_ns(self, now_ns: int) -> int:
        began = self._clock.anchor.boottime_ns if self._clock is not None else now_ns
        return max(began, now_ns - KEPT_NS)

    def action_live(self) -> None:
        self._until_ns = None
        self._redraw()

    def action_axis(self) -> None:
        """The other one; where that is what the data asks for, it follows the data again."""
        other = LINEAR if self._scale is SYMLOG else SYMLOG
        wanted = SYMLOG if self._decades else LINEAR
        self._asked_scale = None if other is wanted else other
        self._redraw()
