"""Who can authenticate to whom? One guest's tickets, clocks, keytab and caches."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Footer, Static

from cutover_tui.engine.identity.view import IdentityView
from cutover_tui.engine.port import SessionView
from screens.base import PortScreen
from screens.context import Context
from screens.dialogs.why_check import WhyCheck
from screens.header import TopLine
from screens.messages import LookAgain
from screens.texts.identity import detail, explained, worst_row
from screens.texts.identity_clocks import clock_columns, clock_rows, margin_line
from screens.texts.identity_exchanges import exchange_columns, exchange_rows, proof_line
from screens.texts.identity_held import held_columns, held_rows
from screens.texts.identity_words import EXCHANGES, HELD
from screens.widgets.table import HostTable, TableModel

_SHORT, _TALL, _WIDE = 2, 6, 12
"""Lines for the selected row's explanation: at 24 lines, where there are more, and beside the clocks."""

_TALL_FROM = 32
_WIDE_FROM = 140


class IdentityScreen(PortScreen):
    """Clocks, attempts one by one, what the guest holds, and the selected row explained."""

    HELP_TEXT = (
        "Who can authenticate to whom? Each sign is one fresh attempt, a series together, the newest at the right: "
        "tick or + went well, cross or X refused or without a result, ? nobody answered, dot or - not made or not "
        "tried, dots under way; (in brackets) does not count any more. Unmasked is without the library's own "
        "correction of the clock, which lets kinit work at any skew and so hides a wrong clock; services and old "
        "tickets have no such help. A KDC's clock lies between its two figures, against what guests are judged by. "
        "tab leads to the other table; the lines below explain the selected row, w says all."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "why", "why", id="identity.why", tooltip="Everything about the selected check"),
        Binding("r", "again", "look", id="identity.again", tooltip="Read everything of this guest now"),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._view: IdentityView | None = None
        self._clocks = TableModel(clock_columns(context.charset))
        self._exchanges = TableModel(exchange_columns(context.charset))
        self._held = TableModel(held_columns(context.charset))

    def compose(self) -> ComposeResult:
        charset = self.context.charset
        yield TopLine(charset)
        with Container(id="identity-body"):
            with Vertical(id="identity-main"):
                yield Static(id="identity-margin", markup=False)
                clocks = HostTable(self._clocks, charset=charset, id="identity-clocks")
                clocks.can_focus = False
                yield clocks
                yield Static(id="identity-proof", markup=False)
                yield HostTable(self._exchanges, charset=charset, id="identity-exchanges")
            with Vertical(id="identity-side"):
                yield HostTable(self._held, charset=charset, id="identity-findings")
                yield Static(id="identity-detail", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    # -- what is shown

    def look(self, view: SessionView) -> None:
        host = self.context.place.host
        self.query_one(TopLine).show(view, "Identity", host)
        identity = self.context.port.identity(host)
        moved = self._view is None or self._view.host != identity.host
        self._view = identity
        charset = self.context.charset
        self.say("#identity-margin", margin_line(identity, charset))
        self.say("#identity-proof", proof_line(identity, charset))
        self._clocks.set_rows(clock_rows(identity, self._room(), charset))
        exchanges, held = exchange_rows(identity, charset), held_rows(identity, charset)
        self._exchanges.set_rows(exchanges)
        self._held.set_rows(held)
        for table in self.query(HostTable):
            table.styles.height = len(table.model.keys) + 1
        if moved:
            worst = worst_row(identity, exchanges) or worst_row(identity, held) or EXCHANGES[0]
            table = self.query_one(f"#identity-{'findings' if worst in HELD else 'exchanges'}", HostTable)
            table.move_to(worst)
            table.focus()
        for table in self.query(HostTable):
            table.flush()
        self._draw_detail()

    def _room(self) -> int:
        """Rows for clocks, with all else on the screen."""
        size = self.size
        tall, wide = size.height >= _TALL_FROM, size.width >= _WIDE_FROM
        others = 3 + 1 + 1 + 1 + (len(EXCHANGES) + 1)  # top and footer, margin, clocks' header, proof
        if not wide:
            others += len(HELD) + 1 + (_TALL if tall else _SHORT)
        if self.query_one(TopLine).has_class("-unrecorded"):
            others += 1
        return max(1, size.height - others - (4 if tall else 0))

    def _draw_detail(self) -> None:
        if self._view is None:
            return
        width, height = self.size
        wide = width >= _WIDE_FROM
        lines = _WIDE if wide else _TALL if height >= _TALL_FROM else _SHORT
        side = width // 2 - 2 if wide else width
        self.say("#identity-detail", detail(self._view, self._selected(), side, lines, self.context.charset))

    def _selected(self) -> str | None:
        """The row under the cursor of the table that has the focus, or had it last."""
        held = self.query_one("#identity-findings", HostTable)
        return (held if held.has_focus else self.query_one("#identity-exchanges", HostTable)).cursor

    def on_host_table_row_highlighted(self, _event: HostTable.RowHighlighted) -> None:
        self._draw_detail()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        self._draw_detail()

    # -- what can be done

    def action_why(self) -> None:
        key = self._selected()
        if self._view is not None and key is not None:
            told = explained(self._view, key, self.context.charset)
            self.app.push_screen(
                WhyCheck(key, self._view.host, self._view.finding(key), told, self.context.charset)
            )

    def on_host_table_row_selected(self, _event: HostTable.RowSelected) -> None:
        self.action_why()

    def action_again(self) -> None:
        self.post_message(LookAgain(self.context.place.host))
