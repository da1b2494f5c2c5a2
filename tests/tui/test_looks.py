"""What the screens look like, at the two sizes they are made for."""

from datetime import UTC

import pytest
from textual.widgets import Input

from screens.app import CutoverApp
from tests.tui.scripted_port import ScriptedPort

SIZES = [(80, 24), (200, 50)]
VIEWS = {
    "overview": ("overview", ()),
    "step": ("step", ()),
    "refusal": ("step", ("d",)),
    "confirm": ("step", ("a",)),
    "clock": ("clock", ()),
}


def still(app, mode, keys):
    """The app on a screen, with a cursor that does not blink and time that stands still."""

    async def run_before(pilot):
        app.context.place.step, app.context.place.host = "3.2", "app01"
        app.action_go(mode)
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()

    return run_before


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x50"])
@pytest.mark.parametrize("view", VIEWS)
def test_looks(snap_compare, size, view):
    app = CutoverApp(ScriptedPort(), zone=UTC)
    assert snap_compare(app, terminal_size=size, run_before=still(app, *VIEWS[view]))


@pytest.mark.parametrize("view", ["overview", "step", "clock"])
def test_looks_in_ascii_with_the_terminals_own_colours(snap_compare, view):
    app = CutoverApp(ScriptedPort(), ascii=True, theme="ansi-dark", zone=UTC)
    assert snap_compare(app, terminal_size=(80, 24), run_before=still(app, *VIEWS[view]))


def test_looks_unrecorded(snap_compare):
    app = CutoverApp(ScriptedPort(recording="The disk is full (/var/lib/cutover)."), zone=UTC)
    assert snap_compare(app, terminal_size=(80, 24), run_before=still(app, "step", ()))


CLOCKS = {
    "healthy": {"scene": "calm", "lost": set()},
    "drifting": {"lost": set()},
    "wide-bound": {"bound_ns": 6_000_000_000, "lost": set()},
    "references-disagree": {"scene": "split", "lost": set()},
    "eight-of-eleven": {"hosts": tuple(f"h{n:02}" for n in range(11)), "lost": {"h02"}},
}


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "200x50"])
@pytest.mark.parametrize("scene", CLOCKS)
def test_looks_of_the_clocks(snap_compare, size, scene):
    app = CutoverApp(ScriptedPort(**CLOCKS[scene]), zone=UTC)
    assert snap_compare(app, terminal_size=size, run_before=still(app, "clock", ()))


def test_looks_of_the_past(snap_compare):
    app = CutoverApp(ScriptedPort(lost=set()), zone=UTC)
    keys = ("minus", "comma", "comma")
    assert snap_compare(app, terminal_size=(80, 24), run_before=still(app, "clock", keys))
