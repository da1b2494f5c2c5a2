"""ntpq of ntpsec 1.2.2 against the guest's ntpd: the table of peers and the system variables."""

from __future__ import annotations

from cutover_tui.lab.machine.chronyd import Chronyd, Source
from cutover_tui.lab.machine.strftime import render
from cutover_tui.lab.tools.call import Call, Result

_HEAD = "     remote           refid      st t when poll reach   delay   offset   jitter\n" + "=" * 79 + "\n"
_NTP_UNIX_S = 2_208_988_800
_SECOND = 1_000_000_000


def ntpq(call: Call) -> Result:
    """-n and -p, -c COMMAND with `peers`, `rv` and `readvar`; always ends with 0, as the real one does."""
    words, commands = call.argv[1:], []
    while words:
        word = words.pop(0)
        if word in ("-c", "--command") and words:
            commands.append(words.pop(0))
        elif word.startswith("-") and not word.startswith("--") and set(word[1:]) <= set("np4"):
            commands += ["peers"] if "p" in word else []
        elif word.startswith("-"):
            return Result(1, err=f"option {word} not recognized\n")
    now = call.now
    daemon = call.guest.ntpd
    if daemon is None:
        return Result(err="***Socket error; probably ntpd is not running\n\n" * max(1, len(commands)))
    out = ""
    for command in commands:
        if command in ("peers", "p", "pe"):
            rows = "".join(_peer(daemon, source, now) for source in daemon.sources)
            out += _HEAD + rows if rows else "server=localhost No association IDs returned\n"
        elif command in ("rv", "readvar", "rv 0"):
            out += _variables(call, daemon, now)
        else:
            return Result(0, out, f"***Command `{command}' unknown\n")
    return Result(out=out)


def _peer(daemon: Chronyd, source: Source, now: int) -> str:
    tally = " "
    if source is daemon.selected:
        tally = "*"
    elif source.usable:
        tally = "x" if daemon.falseticker(source) else "+"
    heard = source.last_rx is not None
    when = str((now - (source.last_rx or 0)) // _SECOND) if heard else "-"
    refid, stratum = ("10.0.0.1", source.stratum) if heard else (".INIT.", 16)
    spread = abs(source.measured_ns - source.adjusted_ns) if heard else 100
    values = (source.delay_ns, -source.measured_ns, spread) if heard else (0, 0, spread)
    return (
        f"{tally}{source.address or source.line.name:<15} {refid:<15} {stratum:2} u {when:>4} {1 << max(source.poll, 0):4} "
        f"{source.reach:4o} {' '.join(_ms(one) for one in values)}\n"
    )


def _ms(ns: int) -> str:
    """Milliseconds in eight columns, with as many decimals as fit (ntpsec's f8dot4 in pylib/util.py)."""
    ms = ns / 1e6
    size = abs(ms) * (1 if ns >= 0 else 10)  # the sign takes the place of a digit
    decimals = next((d for most, d in ((1e3, 4), (1e4, 3), (1e5, 2), (1e6, 1)) if size < most), 0)
    return f"{ms:8.{decimals}f}"


def _stamp(utc_ns: int) -> str:
    seconds, nanos = divmod(utc_ns, _SECOND)
    when = render(utc_ns, "%Y-%m-%dT%H:%M:%S")
    return f"{(seconds + _NTP_UNIX_S) % 2**32:08x}.{(nanos << 32) // _SECOND:08x} {when}.{nanos // 10**6:03}Z"


def _variables(call: Call, daemon: Chronyd, now: int) -> str:
    best, kernel = daemon.reference, call.guest.system.kernel
    if best is None:
        status, leap, stratum, refid, since = (
            "c016 leap_alarm, sync_unspec, 1 event, restart",
            "11",
            16,
            "INIT",
            None,
        )
        delay = dispersion = 0
    else:
        status, leap, stratum, since = (
            "0615 leap_none, sync_ntp, 1 event, clock_sync",
            "00",
            best.stratum + 1,
            daemon.ref_utc,
        )
        refid = best.address or ""
        delay = best.delay_ns + best.root_delay_ns
        dispersion = best.root_dispersion_ns + (now - (daemon.last_update or now)) // 100_000
    never = "00000000.00000000 2036-02-07T06:28:16.000Z"
    offset = -daemon.last_offset_ns if best is not None else 0
    correction = call.guest.clock.correction_ppb
    return (
        f"associd=0 status={status},\n"
        f"leap={leap}, stratum={stratum}, precision=-24, rootdelay={delay / 1e6:.3f}, rootdisp={dispersion / 1e6:.3f},\n"
        f"refid={refid}, reftime={never if since is None else _stamp(since)}, tc=6,\n"
        f"peer={0 if best is None else 17767}, offset={offset / 1e6:.6f}, frequency={correction / 1e3:.6f}, "
        "sys_jitter=0.0, clk_jitter=0.000065,\n"
        f'clock={_stamp(call.guest.utc(now))}, processor="x86_64",\n'
        f'system="Linux/{kernel}", version="ntpd ntpsec-1.2.2", clk_wander=0.0,\n'
        "mintc=0\n"
    )
