"""What all screens share: the port, how to draw, and which step, host and guests are looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo

from cutover_tui.core.finding import Decision
from cutover_tui.engine.port import SessionPort, SessionView, StepRow
from screens.widgets.glyphs import Charset
from screens.widgets.raster import DotSet

WAVE = "*"
"""The column of a step that is done once for the whole wave."""


@dataclass(slots=True)
class Place:
    """What is looked at. `host` stays a guest even where the step is one of the wave."""

    step: str = ""
    host: str = ""
    clock_hosts: tuple[str, ...] = ()  # empty = the first ones


@dataclass(slots=True)
class Context:
    """Handed to every screen."""

    port: SessionPort
    charset: Charset
    dots: DotSet
    zone: tzinfo | None = None  # where people read; None = the terminal's own
    hints: tuple[str, ...] = ()  # about the terminal
    place: Place = field(default_factory=Place)
    deciding: set[tuple[str, str]] = field(default_factory=set)
    decided: dict[tuple[str, str], Decision] = field(default_factory=dict)


def row_of(view: SessionView, step: str) -> StepRow | None:
    """The step of that id on the overview."""
    return next((row for row in view.steps if row.id == step), None)


def column_of(row: StepRow, host: str) -> str:
    """The state column of a step that `host` is in."""
    columns = [name for name, _ in row.states]
    return host if host in columns else (columns[0] if columns else WAVE)


def next_open(view: SessionView) -> tuple[str, str] | None:
    """The first step, in runbook order, that is not done somewhere, and where."""
    for row in view.steps:
        for host, status in row.states:
            if status != "done":
                return row.id, host
    return None


def next_host(view: SessionView, step: str, host: str) -> str | None:
    """The next guest on which this step is not done; None when there is none."""
    row = row_of(view, step)
    if row is None:
        return None
    columns = [name for name, _ in row.states]
    at = columns.index(host) + 1 if host in columns else 0
    status = dict(row.states)
    return next((n for n in (*columns[at:], *columns[:at]) if status[n] != "done" and n != host), None)


def neighbour(view: SessionView, step: str, by: int) -> str | None:
    """The step `by` places further on; None beyond the runbook's ends."""
    ids = [row.id for row in view.steps]
    at = ids.index(step) + by if step in ids else 0
    return ids[at] if 0 <= at < len(ids) else None
