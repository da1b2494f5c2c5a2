"""timedatectl of systemd 252: what systemd-timedated shows."""

from __future__ import annotations

from cutover_tui.lab.machine.strftime import render
from cutover_tui.lab.machine.zones import zone_name
from cutover_tui.lab.tools.call import Call, Result


def timedatectl(call: Call) -> Result:
    """status (the default), show, and what asks systemd-timesyncd."""
    words, properties, value_only = [], [], False
    rest = call.argv[1:]
    while rest:
        word = rest.pop(0)
        if word in ("-p", "--property") and rest:
            properties += rest.pop(0).split(",")
        elif word.startswith("--property="):
            properties += word.partition("=")[2].split(",")
        elif word == "--value":
            value_only = True
        elif word in ("-a", "--all", "--no-pager"):
            continue
        elif word.startswith("--"):
            return Result(1, err=f"timedatectl: unrecognized option '{word}'\n")
        elif word.startswith("-"):
            return Result(1, err=f"timedatectl: invalid option -- '{word[1:2]}'\n")
        else:
            words.append(word)
    verb = words[0] if words else "status"
    if verb == "status":
        return _status(call)
    if verb == "show":
        return _show(call, properties, value_only)
    if verb == "show-timesync":
        return Result(1, err="Failed to parse bus message: No route to host\n")
    if verb == "timesync-status":
        name = "org.freedesktop.timesync1"
        return Result(
            1, err=f"Failed to query server: The name {name} was not provided by any .service files\n"
        )
    return Result(1, err=f"Unknown command verb {verb}.\n")


_NTP_UNITS = ("chronyd", "systemd-timesyncd", "ntpd")


def _ntp(call: Call) -> tuple[bool, bool]:
    """Whether a unit of ntp-units.d is there, and whether it runs."""
    units = [u for u in call.guest.units.values() if u.file.process in _NTP_UNITS]
    return bool(units), any(u.active == "active" for u in units)


def _local(call: Call) -> str:
    return "yes" if call.guest.rtc.guest_local else "no"


def _zone(call: Call) -> str:
    return zone_name(call.guest.rtc.zone_ns) or "n/a"


def _status(call: Call) -> Result:
    now = call.now
    utc = call.guest.utc(now)
    can, runs = _ntp(call)
    stamp, zone = "%a %Y-%m-%d %H:%M:%S", call.guest.rtc.zone_ns
    service = "active" if runs else "inactive"
    return Result(
        out=f"               Local time: {render(utc, f'{stamp} %Z', zone)}\n"
        f"           Universal time: {render(utc, stamp)} UTC\n"
        f"                 RTC time: {render(call.guest.registers(now), stamp)}\n"
        f"                Time zone: {_zone(call)} ({render(utc, '%Z, %z', zone)})\n"
        f"System clock synchronized: {'yes' if call.guest.kernel_synchronised(now) else 'no'}\n"
        f"              NTP service: {service if can else 'n/a'}\n"
        f"          RTC in local TZ: {_local(call)}\n"
    )


def _show(call: Call, properties: list[str], value_only: bool) -> Result:
    now = call.now
    stamp = render(call.guest.utc(now), "%a %Y-%m-%d %H:%M:%S %Z", call.guest.rtc.zone_ns)
    can, runs = _ntp(call)
    values = {
        "Timezone": _zone(call),
        "LocalRTC": _local(call),
        "CanNTP": "yes" if can else "no",
        "NTP": "yes" if runs else "no",
        "NTPSynchronized": "yes" if call.guest.kernel_synchronised(now) else "no",
        "TimeUSec": stamp,
        "RTCTimeUSec": render(call.guest.registers(now), "%a %Y-%m-%d %H:%M:%S UTC"),
    }
    shown = [(key, value) for key, value in values.items() if not properties or key in properties]
    return Result(out="".join(f"{value}\n" if value_only else f"{key}={value}\n" for key, value in shown))
