"""Accepting a fault from before the mark with the keyboard: scripted, and over a real session."""

from datetime import UTC
from pathlib import Path

import pytest
from textual.widgets import Button

from cutover_tui.core.checks.registry import CHECKS
from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.port import Refused
from screens.app import CutoverApp
from screens.dialogs.acknowledge import AcknowledgeDialog
from screens.dialogs.dialog import Sentence
from screens.dialogs.refusal import RefusalDialog
from screens.palette import CutoverCommands
from screens.step import StepScreen
from screens.widgets.table import HostTable
from tests.tui.scripted_port import ScriptedPort
from tests.tui.test_app import SIZE, app_on, seen, settle, to_step, type_in
from tests.unit.domain_check import CHECK, NAME, WRONG
from tests.unit.test_acknowledging_session import begun, of_domain

CAUSE = ("time.reference", "domain-wrong")


def wrong_domain(**more):
    return ScriptedPort(domain_wrong=True, soaked=True, removed=True, **more)


async def in_dialog(pilot):
    await pilot.press("k")
    await settle(pilot)
    assert isinstance(pilot.app.screen, AcknowledgeDialog)


async def give(pilot, ticket):
    """Type it, go to the button and press it."""
    await type_in(pilot, ticket)
    await pilot.press("enter")
    await settle(pilot)
    assert pilot.app.focused is pilot.app.screen.query_one("#yes", Button)
    await pilot.press("enter")
    await pilot.app.workers.wait_for_complete()
    await settle(pilot)


async def test_the_row_names_the_key_and_the_dialog_says_what_is_accepted():
    async with app_on(wrong_domain()).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        (row,) = [line for line in seen(pilot.app).splitlines() if "✗ FAIL" in line]
        assert "time.reference" in row
        assert row.rstrip().endswith("→ k")
        await in_dialog(pilot)
        text = seen(pilot.app)
        for wanted in (
            "Accept with a problem ticket: time.reference",
            "dc1, dc2 are +3.20 s ± 12 ms from ntp1, ntp2.",
            "domain-wrong on app01",
            "01:01Z (18:05), and before the mark",
            "+3.20 s ± 0.012",
            "references agree within 1.00 s",
            "It stays a fault and is listed in the report.",
            "ticket >",
            "Cancel",
            "Accept",
        ):
            assert wanted in text, text


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (200, 50)])
async def test_the_ways_out_and_the_field_never_scroll_away(size):
    async with app_on(wrong_domain()).run_test(size=size) as pilot:
        await to_step(pilot)
        await in_dialog(pilot)
        for wanted in ("ticket >", "Cancel", "Accept", "enter cancel"):
            assert wanted in seen(pilot.app)


@pytest.mark.parametrize("way_out", [("enter",), ("escape",), ("tab", "enter"), ("tab", "b")])
async def test_cancel_is_what_happens_by_itself(way_out):
    port = wrong_domain()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await in_dialog(pilot)
        await pilot.press(*way_out)
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)
        assert port.told == []


async def test_words_are_no_ticket_and_cannot_be_accepted():
    port = wrong_domain()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await in_dialog(pilot)
        await type_in(pilot, "later")
        await pilot.press("enter")
        await settle(pilot)
        assert "That is no ticket number: later" in seen(pilot.app)
        assert pilot.app.screen.query_one("#yes", Button).disabled
        await type_in(pilot, "PRB-7")
        assert not pilot.app.screen.query_one("#yes", Button).disabled
        assert "no ticket number" not in seen(pilot.app)
        assert port.told == []


async def test_accepted_it_is_shown_as_such_and_the_gate_opens():
    port = wrong_domain()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        assert "GATE refused" in seen(pilot.app)
        await in_dialog(pilot)
        await give(pilot, "PRB-7")
        assert port.told == [("acknowledge", *CAUSE, "*", "PRB-7")]
        text = seen(pilot.app)
        assert "GATE open · 7 of 7  1 acknowledged   d marks it done" in text
        (row,) = [line for line in text.splitlines() if line.lstrip().startswith("! acknowledged")]
        assert "time.reference" in row
        assert "PRB-7: +3.20 s ± 12 ms" in row
        pilot.app.screen.query_one(HostTable).move_to("time.reference@app01")
        await settle(pilot)
        assert "acknowledged with PRB-7" in seen(pilot.app)
        await pilot.press("k")
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)  # nothing is left to accept
        await pilot.press("d")
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)
        assert "✓ DONE" in seen(pilot.app)
        assert "1 acknowledged" in seen(pilot.app)


async def test_in_ascii_its_mark_is_whole_words_apart():
    port = wrong_domain(accepted={CAUSE: "PRB-7"})
    async with app_on(port, ascii=True).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        (row,) = [line for line in seen(pilot.app).splitlines() if "[!!]" in line]
        assert "[!!] acknowle" in row


async def test_a_refusal_names_the_key_and_leads_to_the_dialog():
    port = wrong_domain()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RefusalDialog)
        text = " ".join(seen(pilot.app).replace("│", " ").split())
        assert "Or accept it with a problem ticket: it was there before the mark. → k" in text
        assert "k accept with a ticket" in seen(pilot.app)
        await in_dialog(pilot)
        await give(pilot, "#4711")
        assert port.told[-1] == ("acknowledge", *CAUSE, "*", "#4711")


async def test_where_nothing_may_be_accepted_the_key_does_nothing():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("k")
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("k")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RefusalDialog)
        assert " k accept" not in seen(pilot.app)


async def test_a_refused_acceptance_says_why():
    port = wrong_domain(refuse=Refused("it has grown from +3.20 s to +9.00 s.", "Mend it."))
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await in_dialog(pilot)
        await type_in(pilot, "PRB-7")
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Sentence)
        assert "it has grown from +3.20 s to +9.00 s." in seen(pilot.app)


async def test_the_palette_and_the_help_have_it():
    app = app_on(wrong_domain(), step="3.2")
    async with app.run_test(size=(120, 60)) as pilot:
        await to_step(pilot)
        names = [name for name, *_ in CutoverCommands(app.screen)._commands()]
        assert "Accept time.reference on app01 with a problem ticket" in names
        await pilot.press("question_mark")
        await settle(pilot)
        text = seen(app)
        assert "k  Accept a fault that was there before the mark, with a problem ticket" in text
        assert "! acknowledged" in text


async def test_by_keys_over_a_real_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(CHECKS, NAME, CHECK)
    async with begun(tmp_path / "session", 3_200_000_000) as walk:
        app = CutoverApp(Loopback(walk.session), zone=UTC)
        async with app.run_test(size=SIZE) as pilot:
            await to_step(pilot, "base")
            assert "1 of 2 checks does not hold" in seen(app)
            await in_dialog(pilot)
            await give(pilot, "PRB-7")
            assert walk.recorder.state.accepted["*"][NAME, WRONG].ticket == "PRB-7"
            assert "! acknowledged" in seen(app)
            await pilot.press("d")
            await app.workers.wait_for_complete()
            await settle(pilot)
            assert walk.recorder.state.status("base", "app01") == "done"
        decision = walk.recorder.state.steps["base", "app01"].decision
        assert decision is not None
        assert of_domain(decision.findings).acknowledged == "PRB-7"
