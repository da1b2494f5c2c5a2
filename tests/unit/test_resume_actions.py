"""What resuming says of actions whose end nobody saw: once, whatever moment the program was killed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui import __version__
from cutover_tui.core.loading import load
from cutover_tui.engine.opening import Operator, begin, take_up
from cutover_tui.engine.readers import parsers
from cutover_tui.engine.recording.recorder import FORMAT
from cutover_tui.engine.sessions import SessionDirectory
from cutover_tui.record.audit import audit
from cutover_tui.record.events import ActionEnded, ActionIntended, Body, Disturbed
from cutover_tui.record.journal import read
from probes.net import SystemClock
from probes.observation import Family

RUNBOOK = Path(__file__).parents[2] / "examples" / "minimal-time.yaml"
OPERATOR = Operator("op", "jump")


@pytest.mark.parametrize("recorded", [1, 2, 3])
async def test_the_end_of_an_action_is_told_once(tmp_path: Path, recorded: int) -> None:
    now = SystemClock().now
    directory = SessionDirectory(tmp_path / "session")
    loaded = load(RUNBOOK)
    recorder, _ = await begin(loaded, directory, OPERATOR, now)
    time = (Family.TIME,)
    argv = ("systemctl", "enable", "--now", "chrony")
    for n in range(recorded):  # an action writes three events before its outcome; then the program dies
        body: Body = (
            ActionIntended("provider", "app7", "start-chrony", argv, time, False, True)
            if n == 0
            else Disturbed("app7", time, "action", "action start-chrony" + " ended" * (n == 2), now())
        )
        await recorder.record(body)
    await recorder.close()
    _, recorder, _ = await take_up(directory, OPERATOR, now)
    assert recorder.notices == ["action start-chrony of provider on app7 was begun and its end is not known"]
    assert not recorder.state.intents
    await recorder.close()
    journal = read(directory.journal, FORMAT.decode)
    bodies = [e.body for e in journal.events]
    assert sum(isinstance(b, Disturbed) and b.cause.endswith(" ended") for b in bodies) == 1
    assert sum(isinstance(b, ActionEnded) and b.failure is not None for b in bodies) == 1
    result, _ = audit(journal, directory.journal, directory.tapes, parsers(), __version__)
    assert result.answer == "follows", result.remarks
