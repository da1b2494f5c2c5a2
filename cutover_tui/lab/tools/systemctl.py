"""systemctl of systemd 252 over the guest's units."""

from __future__ import annotations

from collections.abc import Callable

from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.guest import Unit
from cutover_tui.lab.machine.strftime import render
from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.world import clockwork, hypervisor

_ORDER = (
    "Type",
    "Restart",
    "MainPID",
    "ExecMainStartTimestamp",
    "Id",
    "Names",
    "WantedBy",
    "RequiredBy",
    "TriggeredBy",
    "Description",
    "LoadState",
    "ActiveState",
    "FreezerState",
    "SubState",
    "FragmentPath",
    "UnitFileState",
    "UnitFilePreset",
    "StateChangeTimestamp",
    "ActiveEnterTimestamp",
    "ConditionResult",
    "AssertResult",
    "ConditionTimestamp",
    "ConditionTimestampMonotonic",
)
"""The properties the lab knows, in the order of systemd's bus interfaces (service, then unit)."""


def systemctl(call: Call) -> Result:
    """Options may stand anywhere; the first other word is the verb."""
    words, properties, offline, now_too, quiet, value_only = [], [], False, False, False, False
    rest = call.argv[1:]
    while rest:
        word = rest.pop(0)
        if word == "--version":
            return Result(out=f"{call.guest.system.systemd}\n")
        if word in ("-p", "--property") or word.startswith(("--property=", "-p")):
            text = word.partition("=")[2] if word.startswith("--property=") else word.removeprefix("-p")
            if word in ("-p", "--property"):
                if not rest:
                    return Result(1, err=_needs("p" if word == "-p" else word))
                text = rest.pop(0)
            properties += text.split(",")
        elif word.startswith("--root="):
            offline = True
        elif word == "--now":
            now_too = True
        elif word in ("-q", "--quiet"):
            quiet = True
        elif word == "--value":
            value_only = True
        elif word in (
            "-a",
            "--all",
            "--no-pager",
            "--no-legend",
            "-l",
            "--full",
            "--plain",
            "--no-ask-password",
        ):
            continue
        elif word.startswith("--"):
            return Result(1, err=f"systemctl: unrecognized option '{word}'\n")
        elif word.startswith("-") and len(word) > 1:
            return Result(1, err=f"systemctl: invalid option -- '{word[1]}'\n")
        else:
            words.append(word)
    if not words:
        return Result(1, err="Unknown command verb list-units.\n") if offline else Result()
    verb, names = words[0], words[1:]
    if (
        verb in ("is-active", "is-failed", "is-enabled", "start", "stop", "restart", "enable", "disable")
        and not names
    ):
        return Result(1, err="Too few arguments.\n")
    if verb == "show":
        return _show(call, names, properties, value_only)
    if verb == "list-unit-files":
        return _unit_files(call, names)
    if offline and verb in _ONLINE:
        return Result(1, err=f"Verb '{verb}' cannot be used with --root= or --image=.\n")
    if verb in ("is-active", "is-failed"):
        return _is(call, verb, names, quiet)
    if verb == "is-enabled":
        return _is_enabled(call, names, quiet)
    if verb in ("start", "stop", "restart"):
        return _each(call, names, lambda c, n: _act(c, verb, n))
    if verb in ("enable", "disable"):
        return _each(call, names, lambda c, n: _enable(c, verb, n, now_too))
    if verb in ("reboot", "poweroff"):
        return _power(call, verb)
    if verb == "daemon-reload":
        return (
            Result()
            if call.root
            else Result(1, err="Failed to reload daemon: Interactive authentication required.\n")
        )
    return Result(1, err=f"Unknown command verb {verb}.\n")


_ONLINE = ("is-active", "is-failed", "start", "stop", "restart", "reboot", "poweroff")


def _needs(option: str) -> str:
    if option.startswith("--"):
        return f"systemctl: option '{option}' requires an argument\n"
    return f"systemctl: option requires an argument -- '{option}'\n"


def _full(name: str) -> str:
    return name if "." in name else f"{name}.service"


def _show(call: Call, names: list[str], properties: list[str], value_only: bool) -> Result:
    now = call.now
    blocks = []
    for name in names:
        values = _values(call, _full(name), call.guest.unit(name), now)
        wanted = [key for key in _ORDER if not properties or key in properties]
        lines = [values[key] if value_only else f"{key}={values[key]}" for key in wanted]
        blocks.append("".join(f"{line}\n" for line in lines))
    return Result(out="\n".join(blocks))


def _stamp(call: Call, true_ns: int) -> str:
    return render(call.guest.utc(true_ns), "%a %Y-%m-%d %H:%M:%S UTC") if true_ns else ""


def _values(call: Call, name: str, unit: Unit | None, now: int) -> dict[str, str]:
    if unit is None:
        empty = dict.fromkeys(_ORDER, "")
        return empty | {
            "Type": "",
            "Restart": "no",
            "MainPID": "0",
            "Id": name,
            "Names": name,
            "Description": name,
            "LoadState": "not-found",
            "ActiveState": "inactive",
            "FreezerState": "running",
            "SubState": "dead",
            "ConditionResult": "no",
            "AssertResult": "no",
            "ConditionTimestampMonotonic": "0",
        }
    masked = unit.enabled == "masked"
    names = " ".join([*([unit.file.alias] if unit.file.alias else []), unit.file.name])
    entered = unit.changed if unit.active == "active" else 0
    return {
        "Type": unit.file.kind,
        "Restart": "no",
        "MainPID": str(unit.pid),
        "ExecMainStartTimestamp": _stamp(call, entered),
        "Id": unit.file.name,
        "Names": names,
        "WantedBy": "multi-user.target" if unit.enabled == "enabled" else "",
        "RequiredBy": "",
        "TriggeredBy": "",
        "Description": unit.file.description,
        "LoadState": "masked" if masked else "loaded",
        "ActiveState": unit.active,
        "FreezerState": "running",
        "SubState": unit.sub,
        "FragmentPath": f"/lib/systemd/system/{unit.file.name}",
        "UnitFileState": unit.enabled,
        "UnitFilePreset": "enabled",
        "StateChangeTimestamp": _stamp(call, unit.changed),
        "ActiveEnterTimestamp": _stamp(call, entered),
        "ConditionResult": "yes" if unit.condition else "no",
        "AssertResult": "yes" if unit.condition else "no",
        "ConditionTimestamp": _stamp(call, unit.checked),
        "ConditionTimestampMonotonic": str((unit.checked - call.guest.booted) // 1000 if unit.checked else 0),
    }


def _unit_files(call: Call, names: list[str]) -> Result:
    rows = []
    for unit in sorted(call.guest.units.values(), key=lambda u: u.file.name):
        if not names or unit.file.name in names:
            preset = "-" if unit.enabled == "static" else "enabled"
            rows.append((unit.file.name, unit.enabled, preset))
        if unit.file.alias and unit.enabled == "enabled" and (not names or unit.file.alias in names):
            rows.append((unit.file.alias, "alias", "-"))
    head = ("UNIT FILE", "STATE", "PRESET")
    wide = [max(len(row[i]) for row in (head, *rows)) for i in (0, 1)]
    lines = [f"{a:<{wide[0]}} {b:<{wide[1]}} {c}\n" for a, b, c in (head, *sorted(rows))]
    return Result(0 if rows else 1, "".join(lines) + f"\n{len(rows)} unit files listed.\n")


def _is(call: Call, verb: str, names: list[str], quiet: bool) -> Result:
    clockwork.advance_guest(call.world, call.guest, call.now)
    states = []
    for name in names:
        unit = call.guest.unit(name)
        states.append("inactive" if unit is None else unit.active)
    good = "active" if verb == "is-active" else "failed"
    rc = 0 if good in states else (3 if verb == "is-active" else 1)
    return Result(rc, "" if quiet else "".join(f"{s}\n" for s in states))


def _is_enabled(call: Call, names: list[str], quiet: bool) -> Result:
    out, rc = "", 1
    for name in names:
        unit = call.guest.unit(name)
        if unit is None:
            return Result(
                1, out, f"Failed to get unit file state for {_full(name)}: No such file or directory\n"
            )
        state = "alias" if unit.file.alias == _full(name) else unit.enabled
        out += f"{state}\n"
        rc = 0 if state in ("enabled", "static", "alias") else rc
    return Result(rc, "" if quiet else out)


def _each(call: Call, names: list[str], act: Callable[[Call, str], Result]) -> Result:
    whole = Result()
    for name in names:
        one = act(call, name)
        whole = Result(one.rc or whole.rc, whole.out + one.out, whole.err + one.err)
    return whole


def _act(call: Call, verb: str, name: str) -> Result:
    now, full = call.now, _full(name)
    if not call.root:
        return Result(
            1,
            err=f"Failed to {verb} {full}: Interactive authentication required.\n"
            f"See system logs and 'systemctl status {full}' for details.\n",
        )
    unit = call.guest.unit(name)
    if unit is None:
        state = "loaded" if verb == "stop" else "found"
        return Result(5, err=f"Failed to {verb} {full}: Unit {full} not {state}.\n")
    if unit.enabled == "masked" and verb != "stop":
        return Result(1, err=f"Failed to {verb} {full}: Unit {full} is masked.\n")
    if verb in ("stop", "restart"):
        services.stop(call.guest, unit, now)
    if verb in ("start", "restart") and not services.start(call.world, call.guest, unit, now):
        job = f'"systemctl status {full}" and "journalctl -xeu {full}"'
        return Result(
            1,
            err=f"Job for {full} failed because the control process exited with error code.\n"
            f"See {job} for details.\n",
        )
    return Result()


def _enable(call: Call, verb: str, name: str, now_too: bool) -> Result:
    full = _full(name)
    if not call.root:
        return Result(1, err=f"Failed to {verb} unit: Access denied\n")
    unit = call.guest.unit(name)
    if unit is None:
        return Result(1, err=f"Failed to {verb} unit: Unit file {full} does not exist.\n")
    if unit.enabled == "static":
        return Result(err=_STATIC)
    before, unit.enabled = unit.enabled, "enabled" if verb == "enable" else "disabled"
    short = unit.file.name.removesuffix(".service")
    err = (
        f"Synchronizing state of {unit.file.name} with SysV service script with "
        f"/lib/systemd/systemd-sysv-install.\nExecuting: /lib/systemd/systemd-sysv-install {verb} {short}\n"
    )
    link = f"/etc/systemd/system/multi-user.target.wants/{unit.file.name}"
    if before != unit.enabled:
        err += (
            f"Created symlink {link} → /lib/systemd/system/{unit.file.name}.\n"
            if verb == "enable"
            else f'Removed "{link}".\n'
        )
    if now_too:
        done = _act(call, "start" if verb == "enable" else "stop", name)
        return Result(done.rc, done.out, err + done.err)
    return Result(err=err)


def _power(call: Call, verb: str) -> Result:
    if not call.root:
        what = "reboot" if verb == "reboot" else "power off"
        return Result(1, err=f"Failed to {what} system via logind: Interactive authentication required.\n")
    if verb == "reboot":
        hypervisor.reboot(call.world, call.guest, call.now)
    else:
        hypervisor.power_off(call.world, call.guest, call.now)
    return Result()


_STATIC = """\
The unit files have no installation config (WantedBy=, RequiredBy=, Also=,
Alias= settings in the [Install] section, and DefaultInstance= for template
units). This means they are not meant to be enabled or disabled using systemctl.
"""
