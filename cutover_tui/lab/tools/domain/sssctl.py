"""sssctl of sssd 2.8: `domain-list` and `domain-status`, asked of the running daemon."""

from __future__ import annotations

from cutover_tui.lab.kerberos.holder import Holder
from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.tools.options import options
from cutover_tui.lab.world import clockwork

_NO_DOMAIN = """\
[sssd] [confdb_expand_app_domains] (0x0010): No domains configured, fatal error!
[sssd] [sss_tool_route] (0x0010): Command {command} does not handle initialization error [1432158246] No domain is enabled
"""
_KINDS = ("AD Global Catalog", "AD Domain Controller")


def sssctl(call: Call) -> Result:
    """Online means that its last connection to a controller came about."""
    words = call.argv[1:]
    command = words[0] if words else ""
    if command not in ("domain-list", "domain-status"):
        return Result(1, err="Usage:\nsssctl COMMAND COMMAND-ARGS\n")
    if not call.root:
        return Result(1, err="sssctl must be run as root\n")
    member = call.guest.membership
    if member is None:
        return Result(1, err=_NO_DOMAIN.format(command=command))
    daemon = next((h for h in member.holders if h.process == "sssd" and h.due is not None), None)
    if daemon is None:
        asks = "SSSD needs to be running. Start SSSD now? (yes/no) [yes] "
        return Result(1, out=asks, err="Unable to read user input\n")
    if command == "domain-list":
        return Result(out=f"{call.guest.domain}\n")
    given = options(words, flags="oars", long=("online", "active-server", "servers"))
    if given.unknown is not None or given.words != [call.guest.domain]:
        said = "Specify domain name." if not given.words else "Unable to get online status"
        return Result(1, err=f"{said}\n")
    return Result(out=_status(call, daemon, {one[:1] if one != "servers" else "r" for one, _ in given.given}))


def _status(call: Call, daemon: Holder, asked: set[str]) -> str:
    clockwork.advance_guest(call.world, call.guest, call.now)
    controllers = [call.world.full_name(r) for r in call.world.references.values() if r.controller]
    out = ""
    if not asked or "o" in asked:
        out += f"Online status: {'Online' if daemon.well else 'Offline'}\n\n"
    if not asked or "a" in asked:
        server = controllers[0] if daemon.well and controllers else "not connected"
        out += "Active servers:\n" + "".join(f"{kind}: {server}\n" for kind in _KINDS) + "\n"
    if not asked or "r" in asked:
        for kind in _KINDS:
            listed = "".join(f"- {name}\n" for name in controllers)
            out += f"Discovered {kind} servers:\n" + (f"{listed}\n" if listed else "None so far.\n")
    return out
