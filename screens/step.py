"""May I mark this done, and if not, what is missing? One step on one guest."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Footer, Static

from cutover_tui.core.finding import Finding
from cutover_tui.engine.port import ActionView, ClockView, SessionView, StepView
from screens.base import PortScreen
from screens.context import WAVE, Context, column_of, neighbour, next_open, row_of
from screens.dialogs.why import WhyDialog
from screens.header import TopLine
from screens.messages import Acknowledge, LookAgain, MarkDone, OpenStep, RunAction, StartStep
from screens.texts.accepting import why_not
from screens.texts.chart_data import chart_data
from screens.texts.detail import LEAST, detail_height, detail_lines
from screens.texts.instruction import block
from screens.texts.step import (
    ACKNOWLEDGE_KEY,
    ACTION_LETTERS,
    FINDING_COLUMNS,
    acknowledgeable,
    action_key,
    action_lines,
    finding_rows,
    gate_line,
)
from screens.texts.wording import MINUTE, lines, say
from screens.widgets.chart import OffsetChart
from screens.widgets.raster import ChartData
from screens.widgets.table import HostTable, TableModel

CHART_RANGE_NS = 10 * MINUTE
_TALL, _BESIDE = 32, 140  # as the app's breakpoints
_LEAST_CHART = 4
"""Lines below which a chart says nothing."""
_AROUND, _AROUND_TALL = 3, 14
"""Lines of the top and of the keys; on a tall screen also of the gaps and the least of a chart."""

_MOST_LINES = 6  # of guests in the chart of a wave step


class StepScreen(PortScreen):
    """Instruction, actions, gate, findings with the selected one explained, and the guest's clock."""

    HELP_TEXT = (
        "May this step be marked done on this guest, and if not, what is missing? The gate line is decided "
        "anew twice a second from what is measured; d asks for the decision on the record. A refusal names "
        "each missing check and what to do. The lines under the table explain the selected check; w says all. "
        "Where a fault of others was there before the mark and does not grow, k accepts it with a problem "
        "ticket: it stays a fault, is listed in the report, and closes no gate."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "s", "start", "start", id="step.start", tooltip="Start this step here; a mark step asks first"
        ),
        Binding("d", "done", "done", id="step.done", tooltip="Decide on the record, and mark done if open"),
        Binding("w", "why", "why", id="step.why", tooltip="Everything about the selected check"),
        Binding(
            ACKNOWLEDGE_KEY,
            "acknowledge",
            "accept",
            show=False,
            id="step.acknowledge",
            tooltip="Accept a fault that was there before the mark, with a problem ticket",
        ),
        Binding("r", "again", "look", id="step.again", tooltip="Read everything of this guest now"),
        Binding("pagedown", "turn(1)", "next step", False, "PgDn", True, id="step.next", tooltip="Next step"),
        Binding(
            "pageup",
            "turn(-1)",
            "previous step",
            False,
            "PgUp",
            True,
            id="step.previous",
            tooltip="Step before",
        ),
        *(
            Binding(
                f"f{n}",
                f"act('', {n - 2})",
                "run action",
                show=False,
                id=f"step.action-{n}",
                tooltip=f"Run action {n - 1} of this step, asked first",
            )
            for n in range(2, 10)
        ),
        *(
            Binding(
                letter,
                f"act('{letter}', -1)",
                "run action",
                show=False,
                id=f"step.action-{letter}",
                tooltip="Run the action of this letter, asked first",
            )
            for letter in ACTION_LETTERS
        ),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._model = TableModel(FINDING_COLUMNS)
        self._view: StepView | None = None
        self._clock: tuple[ClockView, int] | None = None
        self._detail_height = LEAST

    def compose(self) -> ComposeResult:
        charset = self.context.charset
        yield TopLine(charset, hidden="the rest: w")
        with Container(id="body"):
            with Vertical(id="main"):
                yield Static(id="instruction", markup=False)
                yield Static(id="actions", markup=False)
                yield Static(id="gate", markup=False)
                yield HostTable(self._model, charset=charset, id="findings")
                yield Static(id="detail", markup=False)
            with Vertical(id="side"):
                yield Static(id="chart-title", markup=False)
                yield OffsetChart(self._chart, dots=self.context.dots, id="chart")
        yield Footer(compact=True, show_command_palette=False)

    # -- what is shown

    def look(self, view: SessionView) -> None:
        place = self.context.place
        row = row_of(view, place.step)
        if row is None:
            first = next_open(view) or ((view.steps[0].id, WAVE) if view.steps else None)
            if first is None:
                self.query_one(TopLine).show(view, "This runbook has no steps")
                return
            place.step, place.host = first
            row = row_of(view, place.step)
        host = column_of(row, place.host) if row is not None else place.host
        step = self.context.port.step(place.step, host)
        moved = self._view is None or (self._view.step, self._view.host) != (step.step, step.host)
        self._view = step
        where = " ".join((step.phase_title, self.context.charset.arrow, step.step, step.title))
        shown_host = "wave" if host == WAVE else host
        self.query_one(TopLine).show(view, where, f"{shown_host}  {step.position}/{step.of}")
        self._look_at_clock(view, host)
        self._draw(view, step, moved)

    def _draw(self, view: SessionView, step: StepView, moved: bool) -> None:
        charset, size = self.context.charset, self.size
        width = self.query_one("#main").size.width - 2 or size.width - 2
        height = 1 if size.height < 20 else 3 if size.height < 32 else 10
        more = f" {charset.ellipsis} (w)"
        told = block(step.instruction, width, height, more)
        self.say("#instruction", lines(say(" " + t) for t in told))
        acting = action_lines(step, width, charset)
        self.say("#actions", acting)
        key = (step.step, step.host)
        self.say("#gate", gate_line(step, view, self.context, deciding=key in self.context.deciding))
        rows = finding_rows(step, charset)
        self._model.set_rows(rows)
        table = self.query_one("#findings", HostTable)
        table.display = bool(rows)
        tall = min(len(rows) + 1, max(3, size.height // 2 - 2)) if rows else 0
        table.styles.height = tall
        above = len(told) + len(acting.plain.splitlines()) + 1 + tall
        around = _AROUND if size.height < _TALL else _AROUND_TALL
        self._detail_height = detail_height(step, width, size.height - around - above, charset)
        left = size.height - _AROUND - above - self._detail_height
        self.query_one("#side").set_class(size.width < _BESIDE and left < _LEAST_CHART, "-cramped")
        if moved:
            bad = next((k for k, cells in rows if cells[0].role in ("bad", "unknown")), None)
            table.move_to(bad or (rows[0][0] if rows else ""))
            table.focus()
        table.flush()
        self._draw_detail()

    def _draw_detail(self) -> None:
        if self._view is None:
            return
        selected = self.query_one("#findings", HostTable).cursor
        width = self.query_one("#main").size.width or self.size.width
        self.say(
            "#detail", detail_lines(self._view, selected, width, self._detail_height, self.context.charset)
        )

    def _look_at_clock(self, view: SessionView, host: str) -> None:
        if not self.query_one("#chart").size:
            return
        since = view.now.boottime_ns - CHART_RANGE_NS
        hosts = (host,) if host != WAVE else tuple(h.name for h in view.hosts)[:_MOST_LINES]
        self._clock = (self.context.port.clock(hosts, since, 4 * max(50, self.size.width)), since)
        self.say("#chart-title", say((" offset to the references, last 10 min, UTC", "quiet")))

    def _chart(self) -> ChartData:
        if self._clock is None:
            return ChartData((), 0, CHART_RANGE_NS)
        return chart_data(*self._clock)

    def on_host_table_row_highlighted(self, _event: HostTable.RowHighlighted) -> None:
        self._draw_detail()

    # -- what can be done

    def action_start(self) -> None:
        if self._view is not None:
            self.post_message(StartStep(self._view.step, self._view.host))

    def action_done(self) -> None:
        if self._view is not None:
            self.post_message(MarkDone(self._view.step, self._view.host))

    def action_again(self) -> None:
        if self._view is not None:
            self.post_message(LookAgain(self._view.host))

    def _acknowledgeable(self) -> Finding | None:
        if self._view is None:
            return None
        return acknowledgeable(self._view, self.query_one("#findings", HostTable).cursor)

    def action_acknowledge(self) -> None:
        fault = self._acknowledgeable()
        if self._view is None:
            return
        if fault is None:
            selected = self.query_one("#findings", HostTable).cursor
            self.notify(why_not(self._view, selected), timeout=6, markup=False)
        else:
            self.post_message(Acknowledge(self._view.step, self._view.host, fault.check, fault.host))

    def action_why(self) -> None:
        if self._view is not None:
            selected = self.query_one("#findings", HostTable).cursor
            self.app.push_screen(WhyDialog(self._view, selected, self.context.charset))

    def on_host_table_row_selected(self, _event: HostTable.RowSelected) -> None:
        self.action_why()

    def action_turn(self, by: int) -> None:
        view = self.context.port.view()
        there = neighbour(view, self.context.place.step, by)
        if there is None:
            self.notify("That was the last step." if by > 0 else "That was the first step.", timeout=2)
        else:
            self.post_message(OpenStep(there, self.context.place.host))

    def actions(self) -> tuple[ActionView, ...]:
        """The actions of the step on this guest, as last looked at."""
        return self._view.actions if self._view is not None else ()

    def _action(self, letter: str, index: int) -> ActionView | None:
        actions = self.actions()
        if letter:
            return next((a for i, a in enumerate(actions) if action_key(a, i) == letter), None)
        return actions[index] if 0 <= index < len(actions) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A letter is bound only while an action of this step has it."""
        if action == "act" and len(parameters) == 2:
            letter, index = parameters
            return self._action(str(letter), int(str(index))) is not None
        return True

    def action_act(self, letter: str, index: int) -> None:
        chosen = self._action(letter, index)
        if chosen is not None and self._view is not None:
            self.post_message(RunAction(self._view.step, self._view.host, chosen.id))
