"""Two people read a clock with the keyboard: names, then the second in which it shows what was typed."""

from __future__ import annotations

from cutover_tui.core.people import typed_utc
from cutover_tui.engine.port import Refused
from screens.dialogs.ask import Ask
from screens.dialogs.dialog import Sentence
from tests.tui.scripted_port import ScriptedPort
from tests.tui.test_app import SIZE, app_on, seen, settle, type_in


async def asked(pilot):
    """On the clock screen, in the first dialog."""
    await pilot.press("c")
    await settle(pilot)
    await pilot.press("u")
    await settle(pilot)
    assert isinstance(pilot.app.screen, Ask)


async def give(pilot, text):
    await type_in(pilot, text)
    await pilot.press("enter")
    await settle(pilot)


async def test_both_names_and_the_time_reach_the_session():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await asked(pilot)
        assert "A clock read by two people" in seen(pilot.app)
        await give(pilot, "ana + raj")
        assert "It shows that now" in seen(pilot.app)
        await give(pilot, "23:59:58")
        await pilot.app.workers.wait_for_complete()
        expected = typed_utc("23:59:58", port.view().now.utc_ns)
        assert ("read_clock", "ana", "raj", str(expected)) in port.told


async def test_one_name_and_no_time_go_no_further():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await asked(pilot)
        await give(pilot, "ana + Ana")
        assert "Two different people" in seen(pilot.app)
        await give(pilot, "ana")
        assert "Two names with a + between them" in seen(pilot.app)
        await give(pilot, "ana + raj")
        await give(pilot, "noon")
        assert "UTC as HH:MM:SS" in seen(pilot.app)
        await pilot.press("escape")
        await settle(pilot)
        assert not [call for call in port.told if call[0] == "read_clock"]


async def test_a_refused_reading_says_why():
    port = ScriptedPort()
    port.refuse = Refused("It took too long to get onto the record.", "Read the clock again.")
    async with app_on(port).run_test(size=SIZE) as pilot:
        await asked(pilot)
        await give(pilot, "ana + raj")
        await give(pilot, "12:00:00")
        assert isinstance(pilot.app.screen, Sentence)
        assert "Read the clock again." in seen(pilot.app)
