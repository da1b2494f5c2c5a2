"""Where are we? Phases, steps and their state on every guest, and whether the work still fits the window."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Footer, Static

from cutover_tui.engine.port import HostView, SessionView, StepRow
from cutover_tui.record.state import Status
from screens.base import PortScreen
from screens.context import Context, column_of, next_open
from screens.dialogs.dialog import Sentence
from screens.header import TopLine, link_alert
from screens.messages import OpenStep
from screens.texts.wording import (
    HOUR,
    MINUTE,
    WORST_FIRST,
    Part,
    ago,
    both_times,
    coarse,
    lines,
    say,
    spell,
    status_mark,
)
from screens.widgets.glyphs import State, clean, mark, offset
from screens.widgets.table import Cell, Column, HostTable, TableModel

_PHASE = "phase:"
_STATE_WIDTH = 12
_SUMMARY_WIDTH = 27
_FIXED = 32 + 7  # a readable title, expected time


class StepsTable(HostTable):
    """Steps of which Enter opens one; unlike elsewhere the key is the main one here, so the footer names it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "select",
            "open",
            key_display="enter",
            id="overview.open",
            tooltip="Open the selected step",
        ),
    ]


class OverviewScreen(PortScreen):
    """Steps by phase; one state column a guest where they fit, counts and the worst state where not."""

    HELP_TEXT = (
        "Where are we? Every step of the runbook and its state on every guest. Where the guests do not fit "
        "side by side, a step shows how many are done and the worst state. Enter opens a step."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "w",
            "why",
            "why",
            show=False,
            id="overview.why",
            tooltip="Read the runbook's warnings",
        ),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        view = context.port.view()
        hosts = [h.name for h in view.hosts]
        self._hosts = hosts
        columns = _columns(view)
        self._wide = TableModel([*columns, *(Column(h, clean(h), _STATE_WIDTH, priority=0) for h in hosts)])
        self._narrow = TableModel([*columns, Column("states", "on all hosts", _SUMMARY_WIDTH, priority=0)])
        self._guests = TableModel(
            [
                Column("host", "host", 14, priority=0, min_width=6),
                Column("link", "link", 15, priority=0),
                Column("offset", "offset", 22, priority=0, min_width=18, align="right"),
                Column("provider", "kept by", 20, priority=2, grow=True),
                Column("platform", "platform", 9, priority=3),
                Column("mark", "moved", 7, priority=4),
                Column("address", "address", 22, priority=5),
            ]
        )
        self._placed = False

    def compose(self) -> ComposeResult:
        charset = self.context.charset
        yield TopLine(charset, hidden="guests")
        yield Static(id="warnings", markup=False)
        yield Static(id="path", markup=False)
        yield StepsTable(self._narrow, charset=charset, id="steps")
        yield StepsTable(self._wide, charset=charset, id="steps-wide")
        yield HostTable(self._guests, charset=charset, id="guests")
        yield Static(id="notices", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def look(self, view: SessionView) -> None:
        self.query_one(TopLine).show(view, "Overview", progress(view))
        table = self._choose_table()
        columns = self._hosts if table.model is self._wide else None
        table.model.set_rows(self._rows(view, columns))
        if not self._placed and view.steps:
            self._placed = True
            here = self.context.place.step or (next_open(view) or (view.steps[0].id, ""))[0]
            table.move_to(here)
            table.focus()
        self._guests.set_rows((h.name, guest_cells(h, view, self.context)) for h in view.hosts)
        guests = self.query_one("#guests", HostTable)
        guests.styles.height = min(len(view.hosts) + 1, max(2, self.size.height // 3))
        self.say("#warnings", warnings_line(view))
        self.say("#path", critical_path(view, self.context))
        notices = [say((" " + n, "warn")) for n in view.notices[-2:]]
        self.say("#notices", lines([*notices, *(say((" " + h, "quiet")) for h in self.context.hints)]))
        for shown in (table, guests):
            if shown.is_attached and shown.display:
                shown.flush()

    def _choose_table(self) -> HostTable:
        """The table with a column a guest, or the one with counts; the cursor goes along."""
        narrow, wide = self.query_one("#steps", HostTable), self.query_one("#steps-wide", HostTable)
        fits = self.size.width >= _FIXED + len(self._hosts) * (_STATE_WIDTH + 1) + 4
        chosen, other = (wide, narrow) if fits else (narrow, wide)
        if not chosen.display or other.display:
            chosen.display, other.display = True, False
            if other.cursor is not None:
                chosen.model.set_rows(self._rows(self.context.port.view(), self._hosts if fits else None))
                chosen.move_to(other.cursor)
            if other.has_focus:
                chosen.focus()
        return chosen

    def _rows(self, view: SessionView, hosts: list[str] | None) -> list[tuple[str, list[Cell]]]:
        rows: list[tuple[str, list[Cell]]] = []
        phase = ""
        for row in view.steps:
            states = [self._state_cell(row, h) for h in hosts] if hosts is not None else [self._summary(row)]
            if row.phase != phase:
                phase = row.phase
                blank = [Cell("")] * len(states)
                rows.append((_PHASE + phase, [Cell(""), Cell(row.phase_title, "header"), Cell(""), *blank]))
            rows.append(
                (row.id, [Cell(row.id), Cell(_title(row)), Cell(planned(row.expected_ns), "quiet"), *states])
            )
        return rows

    def _state_cell(self, row: StepRow, host: str) -> Cell:
        status = dict(row.states).get(column_of(row, host))
        if status is None:
            return Cell("")
        shown = status_mark(status, self.context.charset, gated=row.gated)
        return Cell(shown.text, shown.role)

    def _summary(self, row: StepRow) -> Cell:
        """`2/3 done ✗ 1 REGRESSED`: never fewer states than there are, only fewer names."""
        statuses = [s for _, s in row.states]
        worst: Status = min(statuses, key=WORST_FIRST.index, default="todo")
        shown = status_mark(worst, self.context.charset, gated=row.gated)
        if len(set(statuses)) == 1:
            return Cell(shown.text, shown.role)
        done = f"{statuses.count('done')}/{len(statuses)} done"
        return Cell(f"{done} {shown.glyph} {statuses.count(worst)} {shown.word}", shown.role)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key is there where there is something to read."""
        return action != "why" or bool(self.context.port.view().warnings)

    def action_why(self) -> None:
        view = self.context.port.view()
        self.app.push_screen(
            Sentence(
                f"{count_words(view)} about the runbook",
                "\n\n".join(clean(warning) for warning in view.warnings),
                "It is used as it is. Mend the file and start a new session if this was not meant.",
            )
        )

    def on_host_table_row_selected(self, event: HostTable.RowSelected) -> None:
        view = self.context.port.view()
        if event.table.id == "guests":
            self.context.place.host = event.key
            self._open(view, self._choose_table().cursor or "")
            return
        self._open(view, event.key)

    def _open(self, view: SessionView, key: str) -> None:
        rows = [r for r in view.steps if r.id == key or _PHASE + r.phase == key]
        if not rows:
            return
        row = next((r for r in rows if any(s != "done" for _, s in r.states)), rows[0])
        host = self.context.place.host
        status = dict(row.states)
        if status.get(host) in (None, "done"):
            host = next((h for h, s in row.states if s != "done"), column_of(row, host))
        self.post_message(OpenStep(row.id, host))


def _columns(view: SessionView) -> list[Column]:
    """As wide as this runbook needs: an id is whole or left out, states stand close to their step."""
    ids = max((len(r.id) for r in view.steps), default=4)
    titles = max((len(_title(r)) for r in view.steps), default=10)
    return [
        Column("id", "step", min(ids, 20), priority=4, min_width=min(ids, 20)),
        Column("title", "", min(titles, 60), priority=0, min_width=10),
        Column("expected", "takes", 7, priority=3, align="right"),
    ]


def _title(row: StepRow) -> str:
    return row.title + (" (mark)" if row.mark else "")


def guest_cells(host: HostView, view: SessionView, context: Context) -> list[Cell]:
    """One guest: is what I see live, how far off is its clock, who keeps it."""
    charset = context.charset
    alert = link_alert(host, view)
    if alert:
        link = Cell(f"{charset.glyphs[State.FAIL]} {alert}", "bad")
    elif host.link == "connecting":
        link = Cell(f"{charset.glyphs[State.SOAKING]} connecting", "wait")
    else:
        link = Cell(f"{charset.glyphs[State.PASS]} live", "ok")
    if host.offset_ns is None:
        shown = Cell(mark(State.UNKNOWN, charset).text, "unknown")
    else:
        shown = Cell(offset(host.offset_ns, host.bound_ns, charset), "unknown" if alert else "")
    nobody = mark(State.UNKNOWN if host.offset_ns is None else State.FAIL, charset)
    provider = (
        Cell(spell(host.provider, charset))
        if host.provider
        else Cell(f"{nobody.glyph} no provider seen", nobody.role)
    )
    return [
        Cell(host.name),
        link,
        shown,
        provider,
        Cell(host.platform or "?", "" if host.platform else "unknown"),
        Cell("NO MARK", "bad")
        if host.arrived
        else Cell("yes" if host.marked else "no", "" if host.marked else "quiet"),
        Cell(host.address, "quiet"),
    ]


def count_words(view: SessionView) -> str:
    """`1 warning`, `3 warnings`."""
    many = len(view.warnings)
    return f"{many} warning{'' if many == 1 else 's'}"


def warnings_line(view: SessionView) -> Content:
    """That something of the runbook is probably not meant stays on screen; the key says what."""
    if not view.warnings:
        return Content("")
    return say((f" {count_words(view)} about this runbook", "warn"), "  ", ("w", "strong"), " reads them")


def progress(view: SessionView) -> str:
    """How many steps are done everywhere."""
    done = sum(all(status == "done" for _, status in row.states) for row in view.steps)
    return f"{done} of {len(view.steps)} steps done"


def planned(ns: int) -> str:
    """A runbook's expectation: `5 min`, `1h30`."""
    return coarse(ns) if ns >= HOUR or ns < MINUTE else f"{ns // MINUTE} min"


def critical_path(view: SessionView, context: Context) -> Content:
    """Expected work against the window's end, in words."""
    now = view.now.utc_ns
    spare = view.window_end_ns - max(now, view.window_start_ns) - view.left_ns
    verdict: Part = (
        (f"LATE by {coarse(-spare)}", "bad")
        if spare < 0
        else (f"fits with {coarse(spare)} to spare", "ok" if spare >= view.left_ns // 4 else "warn")
    )
    parts: list[Part] = [
        f" work left {planned(view.left_ns)}, window ends {both_times(view.window_end_ns, context.zone, now)}: ",
        verdict,
    ]
    rows = [say(*parts)]
    if view.rollback_until_ns is not None:
        late = view.rollback_until_ns - now
        rows.append(
            say(
                f" rollback must begin before {both_times(view.rollback_until_ns, context.zone, now)}: ",
                (f"in {coarse(late)}", "") if late >= 0 else (f"too late since {coarse(-late)}", "bad"),
            )
        )
    rows.extend(
        say((f" no rollback on {h.name}: ", "bad"), f"{h.no_way_back} was run there")
        for h in view.hosts
        if h.no_way_back is not None
    )
    lost = [h for h in view.hosts if h.link == "lost"]
    rows.extend(
        say((f" {h.name} LOST {ago(h.link_since, view.now)}: ", "bad"), h.link_detail or "no detail")
        for h in lost[:2]
    )
    return lines(rows)
