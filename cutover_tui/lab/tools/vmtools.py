"""vmware-toolbox-cmd of open-vm-tools 12.2 (its messages and exit codes: toolbox-cmd.c, toolboxcmd-time.c).

`timesync status` shows the periodic mechanism only; one-time synchronisation has no command.
"""

from __future__ import annotations

from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.world import clockwork

_EX_USAGE, _EX_UNAVAILABLE, _EX_NOPERM = 64, 69, 77


def toolbox_cmd(call: Call) -> Result:
    """-v, -h, -q, and `timesync enable|disable|status`."""
    me = call.argv[0]
    clockwork.advance_guest(call.world, call.guest, call.now)
    if call.guest.platform.name != "vmware":
        return Result(1, err=f"{me} must be run inside a virtual machine.\n")
    words = [w for w in call.argv[1:] if not w.startswith("-")]
    quiet = False
    for option in (w for w in call.argv[1:] if w.startswith("-")):
        if option in ("-v", "--version"):
            return Result(out="12.2.0.41219 (build-21223074)\n")
        if option in ("-q", "--quiet"):
            quiet = True
        elif option in ("-h", "--help"):
            return Result(out=f"Usage: {me} <command> [options] [subcommand]\n")
        else:
            long = option.startswith("--")
            what = f"unrecognized option '{option}'" if long else f"invalid option -- '{option[1:2]}'"
            return Result(1, err=f"{me}: {what}\nTry '{me} -h' for more information.\n")
    if not words:
        return Result(_EX_USAGE, err=f"{me}: Missing command\nTry '{me} help' for more information.\n")
    if words[0] != "timesync":
        unknown = f"{me}: Unknown command '{words[0]}'\n"
        return Result(_EX_USAGE, err=f"{unknown}Try '{me} help' for more information.\n")
    hint = f"Try '{me} help timesync' for more information.\n"
    if len(words) < 2:
        return Result(_EX_USAGE, err=f"{me}: Missing subcommand\n{hint}")
    if words[1] not in ("enable", "disable", "status"):
        return Result(_EX_USAGE, err=f"{me}: Unknown subcommand '{words[1]}'\n{hint}")
    if words[1] != "status":
        call.guest.tools_periodic = words[1] == "enable"
    on = call.guest.tools_periodic
    rc = _EX_UNAVAILABLE if words[1] == "status" and not on else 0
    return Result(rc, "" if quiet else ("Enabled\n" if on else "Disabled\n"))
