"""busctl of systemd 252 on the system bus; systemd-timesyncd is the one service the lab puts there."""

from __future__ import annotations

import json

from cutover_tui.lab.machine import services
from cutover_tui.lab.machine.timesyncd import POLL_MAX, POLL_MIN, Timesyncd
from cutover_tui.lab.tools.call import Call, Result

_TIMESYNC = "org.freedesktop.timesync1"
_OBJECT = "/org/freedesktop/timesync1"
_US = 1_000
_NEVER = 18_444_535_084_909_551_616
"""What an NTP stamp of 0 becomes in µs since 1970: before the first answer."""


def busctl(call: Call) -> Result:
    """`call SERVICE OBJECT INTERFACE METHOD …`; timesyncd answers Properties.GetAll."""
    words: list[str] = []
    start, short = True, False
    for word in call.argv[1:]:
        if words or not word.startswith("-"):
            words.append(word)
        elif word.startswith("--auto-start="):
            start = word.partition("=")[2] not in ("no", "false", "0")
        elif word == "--json=short":
            short = True
        elif word.startswith("--") and not word.startswith(_OPTIONS):
            return Result(1, err=f"busctl: unrecognized option '{word}'\n")
        elif not word.startswith("--") and word not in ("-q", "-l", "-j"):
            return Result(1, err=f"busctl: invalid option -- '{word[1:2]}'\n")
    if not words or words[0] != "call":
        return Result(1, err=f"Unknown command verb {words[0] if words else 'list'}.\n")
    if len(words) < 5:
        return Result(1, err="Too few arguments.\n")
    name = words[1]
    now = call.now
    unit = call.guest.units.get("systemd-timesyncd.service") if name == _TIMESYNC else None
    if unit is not None and start:
        services.start(call.world, call.guest, unit, now)  # activated by its name on the bus
    daemon = call.guest.timesyncd if unit is not None else None
    if daemon is not None:
        if words[2:] != [_OBJECT, "org.freedesktop.DBus.Properties", "GetAll", "s", f"{_TIMESYNC}.Manager"]:
            return Result(1, err=f"Call failed: Unknown object '{words[2]}'.\n")
        if not short:
            return Result(1, err="Call failed: the lab answers --json=short only\n")
        return Result(out=json.dumps(_properties(call, daemon), separators=(",", ":")) + "\n")
    if start:
        return Result(1, err=f"Call failed: The name {name} was not provided by any .service files\n")
    return Result(1, err=f'Call failed: Name "{name}" does not exist\n')


_OPTIONS = ("--json=", "--system", "--no-pager", "--quiet", "--timeout=", "--expect-reply=", "--full")


def _properties(call: Call, daemon: Timesyncd) -> dict[str, object]:
    """Properties of org.freedesktop.timesync1.Manager, in the order of its vtable."""
    address = [int(part) for part in (daemon.address or "").split(".") if part]
    family = 2 if address else 0
    fallback = [f"{n}.debian.pool.ntp.org" for n in range(4)]
    values: list[tuple[str, str, object]] = [
        ("LinkNTPServers", "as", []),
        ("SystemNTPServers", "as", [daemon.server]),
        ("RuntimeNTPServers", "as", []),
        ("FallbackNTPServers", "as", fallback),
        ("ServerName", "s", daemon.server),
        ("ServerAddress", "(iay)", [family, address]),
        ("RootDistanceMaxUSec", "t", 5_000_000),
        ("PollIntervalMinUSec", "t", POLL_MIN // _US),
        ("PollIntervalMaxUSec", "t", POLL_MAX // _US),
        ("PollIntervalUSec", "t", daemon.poll // _US),
        ("NTPMessage", "(uuuuittayttttbtt)", _message(call, daemon)),
        ("Frequency", "x", (call.guest.clock.correction_ppb << 16) // 1000),
    ]
    return {"type": "a{sv}", "data": [{name: {"type": kind, "data": data} for name, kind, data in values}]}


def _message(call: Call, daemon: Timesyncd) -> list[object]:
    last = daemon.message
    if last is None:
        return [0, 0, 0, 0, 0, 0, 0, [0, 0, 0, 0], 0, _NEVER, _NEVER, 0, False, 0, 0]
    reply, server = last.reply, call.world.reference_at(daemon.address or "")
    refid = [*(server.refid if server is not None else b"").ljust(4, b"\0")[:4]]
    return [
        server.leap if server is not None else 0,
        4,
        4,
        reply.stratum,
        -20,
        reply.root_delay_ns // _US,
        reply.root_dispersion_ns // _US,
        refid,
        *(stamp // _US for stamp in (last.origin, last.receive, last.transmit, last.destination)),
        last.ignored,
        daemon.packets,
        0,
    ]
