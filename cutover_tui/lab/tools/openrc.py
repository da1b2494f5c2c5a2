"""rc-update and rc-service of OpenRC 0.54 over the guest's services."""

from __future__ import annotations

from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.guest import ALWAYS, Unit
from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.world import clockwork

_RUNLEVELS = ("boot", "default", "nonetwork", "shutdown", "sysinit")


def _services(call: Call) -> dict[str, Unit]:
    clockwork.advance_guest(call.world, call.guest, call.now)
    return {name.removesuffix(".service"): unit for name, unit in call.guest.units.items()}


def rc_update(call: Call) -> Result:
    """`show [-v]`, `add NAME [RUNLEVEL]`, `del NAME`."""
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    every = any(word in ("-v", "--verbose") for word in call.argv[1:])
    units = _services(call)
    if not words or words[0] == "show":
        levels = dict.fromkeys(ALWAYS, "boot") | {
            name: "default" if unit.enabled == "enabled" else "" for name, unit in units.items()
        }
        shown = sorted(name for name, level in levels.items() if every or level)
        return Result(out="".join(_row(name, levels[name]) for name in shown))
    if words[0] not in ("add", "del", "delete") or len(words) < 2:
        return Result(1, err=f" * rc-update: unknown command `{words[0]}'\n")
    if not call.root:
        return Result(1, err=" * rc-update: must be root to use this command\n")
    unit = units.get(words[1])
    if unit is None:
        return Result(1, err=f" * rc-update: service `{words[1]}' does not exist\n")
    unit.enabled = "enabled" if words[0] == "add" else "disabled"
    verb = "added to" if words[0] == "add" else "removed from"
    return Result(out=f" * service {words[1]} {verb} runlevel default\n")


def _row(name: str, level: str) -> str:
    cells = " ".join(one if one == level else " " * len(one) for one in _RUNLEVELS)
    return f"{name:>25} | {cells}\n"


def rc_service(call: Call) -> Result:
    """`NAME start|stop|restart|status`."""
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if len(words) < 2:
        return Result(1, err=" * rc-service: you need to specify a service and a command\n")
    name, verb = words[:2]
    unit = _services(call).get(name)
    if unit is None:
        return Result(1, err=f" * rc-service: service `{name}' does not exist\n")
    if verb == "status":
        on = unit.active == "active"
        return Result(0 if on else 3, f" * status: {'started' if on else 'stopped'}\n")
    if not call.root:
        return Result(1, err=f" * {name}: superuser access required\n")
    out, good = "", True
    if verb in ("stop", "restart"):
        services.stop(call.guest, unit, call.now)
        out += f" * Stopping {name} ... [ ok ]\n"
    if verb in ("start", "restart"):
        good = services.start(call.world, call.guest, unit, call.now)
        out += f" * Starting {name} ... [ {'ok' if good else '!!'} ]\n"
    return Result(0 if good else 1, out)
