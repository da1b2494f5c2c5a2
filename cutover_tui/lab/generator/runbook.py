"""The short runbook generated worlds are played by: every check of the time part, a minute's soak."""

from __future__ import annotations

JUMP_CLOCK, CUTOVER, KEPT, COLD_BOOT, HANDOVER = "jump-clock", "cutover", "kept", "cold-boot", "handover"
ORDER = (JUMP_CLOCK, CUTOVER, KEPT, COLD_BOOT, HANDOVER)
POWER_OFF, REBOOT, INSTALL = "power-off", "reboot", "install-chrony"

_BEGIN = """\
schema: 1
phases:
  - id: move
    title: Move
    steps:
      - id: jump-clock
        title: Our own clock can judge
        scope: wave
        gate: [{check: time.jump-host}]
      - id: cutover
        title: Start on the target
        mark: true
        depends_on: [jump-clock]
        actions:
          - id: power-off
            title: Power off here, power on there
            command: {linux: [poweroff]}
            tier: D
            elevate: true
            disturbs: [time, identity, directory, cert, policy, network]
            touches: [the guest is down for about five seconds]
  - id: time
    title: Time
    steps:
      - id: kept
        title: Somebody keeps the time
        depends_on: [cutover]
        actions:
          - id: install-chrony
            title: Install chrony
            command: {linux: [apt-get, -y, install, chrony]}
            tier: N
            elevate: true
            disturbs: [time]
            touches: [the clock is stepped once]
            verifier: time.provider
        gate:
          - check: time.provider
          - check: time.single-master
          - check: time.offset
            soak: 1min
"""
_BOOT = """\
      - id: cold-boot
        title: Time survives a reboot
        depends_on: [kept]
        actions:
          - id: reboot
            title: Restart the guest
            command: {linux: [reboot]}
            tier: D
            elevate: true
            disturbs: [time, identity, directory, cert, policy, network]
            touches: [everything on the guest, for about five seconds]
        gate: [{check: time.reboot}]
"""
_END = """\
      - id: handover
        title: Hand over
        depends_on: [kept]
        gate:
          - check: time.jump-host
          - check: time.provider
          - check: time.single-master
          - check: time.offset
            soak: 1min
"""


def text(*, boots: bool) -> str:
    """The runbook; `boots`: with the step that reboots the guest, which takes 20 minutes of the world's time."""
    return _BEGIN + (_BOOT if boots else "") + _END
