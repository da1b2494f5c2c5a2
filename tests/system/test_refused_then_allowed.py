"""The incident, headless: refused while nobody keeps the clock, allowed once chronyd has it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.system.nodes.lab import SystemLab

CUTOVER = str(Path(sys.executable).with_name("cutover"))
RUNBOOK = """\
schema: 1
change:
  id: CHG0030211
  title: Move app01 from VMware to KVM
  window: {{start: 2020-01-01T00:00:00Z, end: 2099-01-01T00:00:00Z}}
source: {{platform: vmware}}
target: {{platform: kvm}}
domain:
  references: [{references}]
hosts:
  - {{name: app01, address: app01, user: engineer, escalation: sudo}}
phases:
  - id: time
    title: Time
    steps:
      - id: provider
        title: The guest keeps its own time
        instruction: Install and start chrony.
        gate:
          - check: time.jump-host
          - check: time.provider
          - check: time.single-master
"""


def verdicts(lab: SystemLab) -> tuple[int, dict[str, str]]:
    """Exit status and verdict by check of `cutover check` on the jump host."""
    ran = lab.jump.run(CUTOVER, "check", "--json", "/root/runbook.yaml", check=False, timeout_s=60)
    (decision,) = json.loads(ran.out)
    return ran.rc, {finding["check"]: finding["verdict"] for finding in decision["findings"]}


def test_refused_while_drifting_and_allowed_once_chronyd_has_it(lab: SystemLab):
    lab.reference("ntp1")
    lab.reference("ntp2")
    guest = lab.guest("app01", drift_ppm=200, tools=True)
    lab.jump.write("/root/runbook.yaml", RUNBOOK.format(references=", ".join(lab.references)))

    guest.reboot(vendor="QEMU")  # the move: Tools still run and no longer do anything
    assert verdicts(lab) == (
        1,
        {"time.jump-host": "pass", "time.provider": "fail", "time.single-master": "fail"},
    )

    guest.chrony.configure(lab.references)
    guest.chrony.start()
    guest.chrony.wait_synchronised(within_s=10)
    assert verdicts(lab)[1]["time.provider"] == "fail", "it would be gone after the next boot"

    guest.chrony.enable()
    assert verdicts(lab) == (
        0,
        {"time.jump-host": "pass", "time.provider": "pass", "time.single-master": "pass"},
    )
