"""The real app by keys, over the real lab, through the encoded port.

The soak is the minute a runbook may not go below, on real sockets at rate 1.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.core.loading import load
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.export import exporter
from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.sessions import new_session
from cutover_tui.lab.demo.background import incident
from probes.net import SystemClock
from screens.app import CutoverApp
from tests.walk import Walk, verify


@pytest.mark.timeout(240)
async def test_refused_then_allowed_then_verified(tmp_path: Path) -> None:
    with incident(tmp_path / "lab", moved=True) as lab:
        loaded = load(lab.runbook_path)
        directory = new_session(tmp_path / "state", "CHG-DEMO", SystemClock().now())
        around = Surroundings(lab.known_hosts_path, ssh_config=())
        async with started(
            loaded, directory, Operator("ana", "jump"), around, exporter(directory)
        ) as session:
            port = Loopback(session)
            app = CutoverApp(port)
            async with app.run_test(size=(80, 24)) as pilot:
                walk = Walk(pilot, port, "app01")
                await walk.guests_up()
                await walk.set_mark("arrived")
                await pilot.press("pagedown", "pagedown")
                await pilot.pause(0.3)
                await walk.be_refused("provider", "time.provider", "no-provider")
                await walk.fix("provider", "a")
                await walk.be_allowed("provider", within_s=120)
                head = await port.export(str(tmp_path / "evidence"))
                assert isinstance(head, str), head
    await verify(tmp_path / "evidence", head)
