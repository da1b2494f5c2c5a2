"""Real guests in every state: the gate says what it must, and docs/lies.md is what was measured."""

from __future__ import annotations

import pytest

from tests.system.lies.measure import Row, measure, possible
from tests.system.lies.page import PAGE, render, sections, shape
from tests.system.lies.states import STATES, State

pytestmark = pytest.mark.timeout(400)  # the first test waits for the soaks of all

NAMES = [state.name for state in STATES]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    return {row.state.name: row for row in measure(possible(), tmp_path_factory.mktemp("lies"))}


def _row(rows: dict[str, Row], state: State) -> Row:
    if state.name not in rows:
        pytest.skip(f"{state.needs} names no unpacked package (tests/corpus/README.md)")
    return rows[state.name]


@pytest.mark.parametrize("state", STATES, ids=NAMES)
def test_the_gate_says_what_was_set(rows: dict[str, Row], state: State) -> None:
    row = _row(rows, state)
    assert row.verdicts == state.says, {check: row.findings[check].reason for check in state.says}


@pytest.mark.parametrize("state", STATES, ids=NAMES)
def test_the_page_shows_what_was_said(rows: dict[str, Row], state: State) -> None:
    measured = sections(shape(render([_row(rows, state)])))[state.name]
    assert sections(shape(PAGE.read_text()))[state.name] == measured, "run python docs/make_lies.py"


def test_the_page_shows_every_state_and_no_other() -> None:
    assert list(sections(PAGE.read_text()))[:-1] == NAMES


def test_a_checklist_is_content_where_the_gate_refuses(rows: dict[str, Row]) -> None:
    """A page on which no command is ever wrong would show nothing."""
    fooled = {
        s.line
        for r in rows.values()
        if r.findings["time.provider"].verdict == "fail"
        for s in r.said
        if s.ticked
    }
    assert {
        "systemctl is-active chrony",
        "timedatectl",
        "chronyc waitsync 1",
        "chronyc tracking",
        "date",
    } <= fooled
