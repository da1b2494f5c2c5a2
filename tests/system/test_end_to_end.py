"""The real app by keys over real OpenSSH and chronyd: the guest's clock drifts until chronyd has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.core.loading import load_text
from cutover_tui.engine.assembly import Surroundings
from cutover_tui.engine.export import exporter
from cutover_tui.engine.opening import Operator, started
from cutover_tui.engine.sessions import new_session
from probes.net import SystemClock
from screens.app import CutoverApp
from tests.system.nodes.lab import SystemLab
from tests.walk import Walk, verify

RUNBOOK = """\
schema: 1
change:
  id: CHG0030212
  title: app01 after its move
  window: {{start: "2020-01-01T00:00:00Z", end: "2099-01-01T00:00:00Z"}}
source: {{platform: vmware}}
target: {{platform: kvm}}
domain: {{references: [{references}]}}
credentials: {{lab: {{method: key, key: {key}}}}}
hosts:
  - {{name: app01, address: {address}, user: engineer, escalation: sudo, credential: lab}}
phases:
  - id: time
    title: Time
    steps:
      - {{id: arrived, title: Runs on the target, mark: true, gate: [{{check: time.jump-host}}]}}
      - id: provider
        title: The guest keeps its own time
        depends_on: [arrived]
        actions:
          - id: chrony
            title: Start chrony, now and at boot
            key: a
            elevate: true
            disturbs: [time]
            verifier: time.provider
            command:
              linux: [sh, -c, "update-rc.d chrony enable && /etc/init.d/chrony start"]
        gate:
          - check: time.jump-host
          - check: time.provider
          - check: time.single-master
          - {{check: time.offset, soak: 1min}}
"""


@pytest.mark.timeout(300)
async def test_refused_while_drifting_then_allowed_then_verified(
    lab: SystemLab, jump_network: None, tmp_path: Path
) -> None:
    lab.reference("ntp1")
    lab.reference("ntp2")
    guest = lab.guest("app01", offset_s=6.5, drift_ppm=2000, vendor="QEMU")
    guest.chrony.configure(lab.references)
    text = RUNBOOK.format(references=", ".join(lab.references), key=lab.user_key, address=guest.address)
    loaded = load_text(text, "app01.yaml")
    directory = new_session(tmp_path / "state", loaded.runbook.change.id, SystemClock().now())
    around = Surroundings(Path(lab.known_hosts), ssh_config=())
    async with started(loaded, directory, Operator("ana", "jump"), around, exporter(directory)) as session:
        app = CutoverApp(session)
        async with app.run_test(size=(200, 50)) as pilot:
            walk = Walk(pilot, session, "app01")
            await walk.guests_up()
            await walk.set_mark("arrived")
            await pilot.press("pagedown")
            await pilot.pause(0.3)
            await walk.be_refused("provider", "time.offset", "offset")
            assert walk.says("provider", "time.provider") == "no-provider"
            await walk.fix("provider", "a")
            await walk.be_allowed("provider", within_s=150)
            assert abs(guest.clock.offset_ns()) < 5_000_000, "chronyd really has it"
            head = await session.export(str(tmp_path / "evidence"))
            assert isinstance(head, str), head
    await verify(tmp_path / "evidence", head)
