"""Which guest, or which guests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from cutover_tui.engine.port import SessionView, StepRow
from screens.dialogs.dialog import Dialog, keys
from screens.header import link_alert
from screens.texts.wording import status_mark
from screens.widgets.glyphs import UNICODE, Charset, State, offset
from screens.widgets.table import Cell, Column, HostTable, TableModel

MOST_LINES = 8
"""Guests on one chart: as many colours as there are, and lines a person can tell apart."""


class HostPicker(Dialog[tuple[str, ...] | None]):
    """One guest by Enter; with `many`, x chooses up to `MOST_LINES` and Enter takes the chosen ones."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "down", "next", id="hosts.next", tooltip="Next guest"),
        Binding("x", "choose", "choose", id="hosts.choose", tooltip="Show or hide this guest"),
    ]

    def __init__(
        self,
        view: SessionView,
        row: StepRow | None,
        current: str,
        *,
        many: bool = False,
        chosen: tuple[str, ...] = (),
        charset: Charset = UNICODE,
    ) -> None:
        super().__init__(f"Which guests? At most {MOST_LINES}" if many else "Which guest?")
        self._view, self._row, self._current = view, row, current
        self._many, self._charset = many, charset
        self._chosen = set(chosen or [h.name for h in view.hosts[:MOST_LINES]])
        self._model = TableModel(
            [
                Column("chosen", "", 4 if many else 0, priority=0),
                Column("host", "host", 16, priority=0, min_width=6, grow=True),
                Column("state", "this step", 12, priority=1),
                Column("offset", "offset", 18, priority=2, align="right"),
                Column("link", "link", 12, priority=1),
            ]
        )

    def body(self) -> Iterable[Widget]:
        self._model.set_rows(self._rows())
        table = HostTable(self._model, charset=self._charset, id="hosts")
        table.styles.height = min(len(self._view.hosts) + 1, 16)
        yield table

    def hints(self) -> Content:
        if self._many:
            return keys(("h", "next"), ("x", "choose"), ("enter", "show these"), ("b", "back"))
        return keys(("h", "next"), ("enter", "take"), ("b", "back"))

    def on_mount(self) -> None:
        table = self.query_one(HostTable)
        table.move_to(self._current)
        table.focus()

    def _rows(self) -> list[tuple[str, list[Cell]]]:
        states = dict(self._row.states) if self._row is not None else {}
        rows: list[tuple[str, list[Cell]]] = []
        for host in self._view.hosts:
            status = states.get(host.name)
            shown = status_mark(status, self._charset) if status is not None else None
            box = ("[x]" if host.name in self._chosen else "[ ]") if self._many else ""
            alert = link_alert(host, self._view)
            unknown = self._charset.glyphs[State.UNKNOWN]
            rows.append(
                (
                    host.name,
                    [
                        Cell(box),
                        Cell(host.name),
                        Cell(shown.text, shown.role) if shown is not None else Cell(""),
                        Cell(offset(host.offset_ns, host.bound_ns, self._charset))
                        if host.offset_ns is not None
                        else Cell(unknown, "unknown"),
                        Cell(alert, "bad") if alert else Cell("live" if host.link == "up" else host.link),
                    ],
                )
            )
        return rows

    def action_down(self) -> None:
        table = self.query_one(HostTable)
        at = self._model.index(table.cursor or "") or 0
        names = self._model.keys
        if names:
            table.move_to(names[(at + 1) % len(names)])

    def action_choose(self) -> None:
        table = self.query_one(HostTable)
        if self._many and table.cursor is not None:
            if len(self._chosen) >= MOST_LINES and table.cursor not in self._chosen:
                self.notify(f"No more than {MOST_LINES} at once: take another one out first.", timeout=4)
                return
            self._chosen ^= {table.cursor}
            self._model.set_rows(self._rows())
            table.flush()

    def on_host_table_row_selected(self, event: HostTable.RowSelected) -> None:
        if not self._many:
            self.dismiss((event.key,))
        elif self._chosen:
            self.dismiss(tuple(h.name for h in self._view.hosts if h.name in self._chosen))
