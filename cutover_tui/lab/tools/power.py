"""reboot and poweroff, which are systemctl by another name."""

from __future__ import annotations

from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.tools.systemctl import systemctl


def reboot(call: Call) -> Result:
    return _as(call, "reboot")


def poweroff(call: Call) -> Result:
    return _as(call, "poweroff")


def _as(call: Call, verb: str) -> Result:
    for word in call.argv[1:]:
        if word.startswith("-") and word not in ("-f", "--force"):
            what = (
                f"unrecognized option '{word}'" if word.startswith("--") else f"invalid option -- '{word[1]}'"
            )
            return Result(1, err=f"{verb}: {what}\n")
    call.argv = ["systemctl", verb]
    return systemctl(call)
