"""chronyc 4.3 against the guest's chronyd: reports for people and as CSV, monitoring and root's commands."""

from __future__ import annotations

from dataclasses import dataclass

from cutover_tui.lab.machine.chronyd import Chronyd, Source
from cutover_tui.lab.machine.strftime import render
from cutover_tui.lab.tools.call import Call, Out, Result, Running, Wait

_USAGE = """\
Usage: chronyc [OPTION]... [COMMAND]...

Options:
  -4\t\tUse IPv4 addresses only
  -6\t\tUse IPv6 addresses only
  -n\t\tDon't resolve hostnames
  -N\t\tPrint original source names
  -c\t\tEnable CSV format
  -m\t\tAccept multiple commands
  -h HOST\tSpecify server (/run/chrony/chronyd.sock,127.0.0.1,::1)
  -p PORT\tSpecify UDP port (323)
  -v, --version\tPrint version and exit
      --help\tPrint usage and exit
"""
_MONITORING = ("activity", "sources", "sourcestats", "tracking", "waitsync")
_ROOTS = ("makestep", "burst", "online", "offline", "reselect", "refresh", "serverstats")
_SECOND = 1_000_000_000


@dataclass(slots=True)
class _Form:
    csv: bool = False
    numeric: bool = False
    original: bool = False  # names as configured


def chronyc(call: Call) -> Result | Running:
    """Options, then one command (several with -m)."""
    words, form, several = call.argv[1:], _Form(), False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option in ("--version", "-v"):
            return Result(out=f"{call.guest.system.chronyc}\n")
        if option == "--help":
            return Result(out=_USAGE)
        for letter in option[1:]:
            if letter in "hp":
                if not words:
                    return Result(1, _USAGE, f"chronyc: option requires an argument -- '{letter}'\n")
                words.pop(0)
            elif letter not in "46nNcma":
                return Result(1, _USAGE, f"chronyc: invalid option -- '{letter}'\n")
            form.csv |= letter == "c"
            form.numeric |= letter in "nc"
            form.original |= letter == "N"
            several |= letter == "m"
    if not words:
        return Result()
    if not several:
        return _command(call, words, form)
    whole = Result()
    for word in words:
        one = _command(call, word.split(), form)
        if not isinstance(one, Result):
            return one
        whole = Result(one.rc, whole.out + one.out, whole.err + one.err)
    return whole


def _command(call: Call, words: list[str], form: _Form) -> Result | Running:
    verb = words[0]
    if verb not in _MONITORING and verb not in _ROOTS:
        return Result(1, err="Unrecognized command\n")
    now = call.now
    daemon = call.guest.chronyd
    if daemon is None or (call.guest.chrony_for_root and not call.root):
        return Result(1, "506 Cannot talk to daemon\n")
    if verb in _ROOTS and not call.root:
        return Result(1, "501 Not authorised\n")
    if verb == "tracking":
        return Result(out=_tracking(call, daemon, now, form))
    if verb == "sources":
        return Result(out=_sources(call, daemon, now, form))
    if verb == "sourcestats":
        return Result(out=_sourcestats(call, daemon, form))
    if verb == "activity":
        return Result(out=_activity(daemon, form))
    if verb == "waitsync":
        return _waitsync(call, words[1:])
    if verb == "makestep":
        return _makestep(call, daemon, now, words)
    return Result(out="200 OK\n")


def _makestep(call: Call, daemon: Chronyd, now: int, words: list[str]) -> Result:
    if len(words) == 1:
        call.guest.clock = daemon.makestep(now, call.guest.clock)
        return Result(out="200 OK\n")
    try:
        threshold, limit = float(words[1]), int(words[2])
    except (ValueError, IndexError):
        return Result(1, err="Bad syntax for makestep command\n")
    daemon.configure_step(int(threshold * _SECOND), limit)
    return Result(out="200 OK\n")


def _waitsync(call: Call, words: list[str]) -> Running:
    def number(index: int, default: float) -> float:
        try:
            return float(words[index])
        except (ValueError, IndexError):
            return default

    tries, most_s, most_ppm, interval = int(number(0, 0)), number(1, 0.0), number(2, 0.0), number(3, 10.0)
    done = 0
    while True:
        done += 1
        now = call.now
        daemon = call.guest.chronyd
        if daemon is None:
            yield Out(1, "506 Cannot talk to daemon\n")
            return 1
        refid = _refid(daemon)
        left = abs(call.guest.clock.slewing(now))
        shown = f"{_s(left)}, skew: {daemon.skew_ppb / 1000:.3f}"
        yield Out(1, f"try: {done}, refid: {refid}, correction: {shown}\n")
        if (
            refid not in ("00000000", "7F7F0101")
            and (most_s == 0 or left <= most_s * _SECOND)
            and (most_ppm == 0 or daemon.skew_ppb <= most_ppm * 1000)
        ):
            return 0
        if tries and done >= tries:
            return 1
        yield Wait(int(interval * _SECOND))


# Reports


def _s(ns: int) -> str:
    """Nanoseconds as seconds with nine digits."""
    sign = "-" if ns < 0 else ""
    return f"{sign}{abs(ns) // _SECOND}.{abs(ns) % _SECOND:09}"


def _ppm(ppb: int) -> str:
    sign = "-" if ppb < 0 else ""
    return f"{sign}{abs(ppb) // 1000}.{abs(ppb) % 1000:03}"


def _refid(daemon: Chronyd) -> str:
    if daemon.reference is not None:
        return "".join(f"{int(p) & 255:02X}" for p in str(daemon.reference.address).split("."))
    return "7F7F0101" if daemon.config.local_stratum is not None else "00000000"


def _tracking(call: Call, daemon: Chronyd, now: int, form: _Form) -> str:
    best = daemon.reference
    refid = _refid(daemon)
    correction = frequency = last = rms = residual = skew = interval = 0
    utc = call.guest.utc(now)
    if best is not None:
        name, stratum, reference, leap = best.address or "", best.stratum + 1, daemon.ref_utc, "Normal"
        clock = daemon.virtual or call.guest.clock
        correction = clock.slewing(now) + clock.read(now) - call.guest.clock.read(now)
        frequency = -clock.correction_ppb
        last, rms = daemon.last_offset_ns, daemon.rms_ns
        residual, skew = daemon.residual_ppb, daemon.skew_ppb
        age = now - (daemon.last_update or now)
        delay = best.delay_ns + best.root_delay_ns
        dispersion = best.root_dispersion_ns + age * max(skew, 1000) // _SECOND
        interval = (daemon.last_update or 0) - (daemon.previous_update or daemon.last_update or 0)
    elif daemon.config.local_stratum is not None:
        name, stratum, reference, leap = "", daemon.config.local_stratum, utc, "Normal"
        delay = dispersion = 0
    else:
        name, stratum, reference, leap = "", 0, 0, "Not synchronised"
        delay = dispersion = _SECOND
    every = f"{interval // _SECOND}.{interval % _SECOND // 100_000_000}"
    if form.csv:
        columns = (
            refid,
            name,
            str(stratum),
            _s(reference),
            _s(correction),
            _s(last),
            _s(rms),
            _ppm(frequency),
        )
        rest = (_ppm(residual), _ppm(skew), _s(delay), _s(dispersion), every, leap)
        return ",".join((*columns, *rest)) + "\n"
    plus_last = _s(last) if last < 0 else f"+{_s(last)}"
    plus_residual = _ppm(residual) if residual < 0 else f"+{_ppm(residual)}"
    return (
        f"Reference ID    : {refid} ({_name(call, name, form)})\n"
        f"Stratum         : {stratum}\n"
        f"Ref time (UTC)  : {render(reference, '%a %b %d %H:%M:%S %Y')}\n"
        f"System time     : {_s(abs(correction))} seconds {'slow' if correction > 0 else 'fast'} of NTP time\n"
        f"Last offset     : {plus_last} seconds\n"
        f"RMS offset      : {_s(rms)} seconds\n"
        f"Frequency       : {_ppm(abs(frequency))} ppm {'fast' if frequency > 0 else 'slow'}\n"
        f"Residual freq   : {plus_residual} ppm\n"
        f"Skew            : {_ppm(skew)} ppm\n"
        f"Root delay      : {_s(delay)} seconds\n"
        f"Root dispersion : {_s(dispersion)} seconds\n"
        f"Update interval : {every} seconds\n"
        f"Leap status     : {leap}\n"
    )


def _name(call: Call, address: str, form: _Form) -> str:
    if form.numeric:
        return address
    return next((r.name for r in call.world.references.values() if r.address == address), address)


def _state(daemon: Chronyd, source: Source) -> str:
    if source is daemon.selected:
        return "*"
    if not source.usable:
        return "?"
    return "x" if daemon.falseticker(source) else "+"


_HEAD = (
    "MS Name/IP address         Stratum Poll Reach LastRx Last sample               \n"
    "===============================================================================\n"
)


def _sources(call: Call, daemon: Chronyd, now: int, form: _Form) -> str:
    out = "" if form.csv else _HEAD
    for source in daemon.sources:
        if source.address is None:
            continue
        state = _state(daemon, source)
        ago = 4_294_967_295 if source.last_rx is None else (now - source.last_rx) // _SECOND
        never = source.last_rx is None
        adjusted = 0 if never else source.adjusted_ns
        bound = 0 if never else source.bound_ns
        if form.csv:
            out += (
                f"^,{state},{source.line.name if form.original else source.address},{source.stratum},{source.poll},{source.reach:o},{ago},"
                f"{_s(adjusted)},{_s(source.measured_ns)},{_s(bound)}\n"
            )
        else:
            out += (
                f"^{state} {source.line.name if form.original else _name(call, source.address, form):<27}  {source.stratum:2}  {source.poll:2}   "
                f"{source.reach:3o}  {_ago(ago)}  {_short(adjusted, '+5')}[{_short(source.measured_ns, '+5')}] "
                f"+/- {_short(bound, '4')}\n"
            )
    return out


def _ago(seconds: int) -> str:
    if seconds == 4_294_967_295:
        return "   -"
    for limit, unit, letter in (
        (1200, 1, ""),
        (36_000, 60, "m"),
        (345_600, 3600, "h"),
        (86_400_000, 86_400, "d"),
    ):
        if seconds < limit:
            return f"{seconds // unit:4}" if not letter else f"{seconds // unit:3}{letter}"
    return f"{seconds // 31_536_000:3}y"


def _short(ns: int, width: str) -> str:
    """print_nanoseconds and print_signed_nanoseconds of client.c."""
    size, value = abs(ns), ns if width.startswith("+") else abs(ns)
    for limit, unit, name in ((9_999.5, 1, "ns"), (9_999.5e3, 1e3, "us"), (9_999.5e6, 1e6, "ms")):
        if size < limit:
            return f"{value / unit:{width}.0f}{name}"
    wide = "+6" if width.startswith("+") else "5"
    digits = 1 if size < 999.5e9 else 0
    return f"{value / 1e9:{wide}.{digits}f}s"


def _sourcestats(call: Call, daemon: Chronyd, form: _Form) -> str:
    out = "" if form.csv else (
        "Name/IP Address            NP  NR  Span  Frequency  Freq Skew  Offset  Std Dev\n"
        "==============================================================================\n"
    )  # fmt: skip
    for source in daemon.sources:
        if source.address is None:
            continue
        n = len(source.samples)
        span = (source.samples[-1][0] - source.samples[0][0]) // _SECOND if n else 0
        slope = source.slope_ppb() if n >= 3 else 0
        skew = source.skew_ppb()
        spread = 4 * _SECOND if n < 3 else max(abs(y) for _, y in source.samples)
        runs = max(0, n // 2)
        if form.csv:
            out += (
                f"{source.address},{n},{runs},{span},{_ppm(slope)},{_ppm(skew)},"
                f"{_s(source.adjusted_ns)},{_s(spread)}\n"
            )
        else:
            out += (
                f"{_name(call, source.address, form):<25}  {n:2}  {runs:2}  {_ago(span)}  {slope / 1000:+10.3f} "
                f"{skew / 1000:10.3f}  {_short(source.adjusted_ns, '+5')}  {_short(spread, '4')}\n"
            )
    return out


def _activity(daemon: Chronyd, form: _Form) -> str:
    known = [s for s in daemon.sources if s.address is not None]
    burst = sum(1 for s in known if s.burst_left)
    counts = (len(known) - burst, 0, burst, 0, len(daemon.sources) - len(known))
    if form.csv:
        return ",".join(map(str, counts)) + "\n"
    labels = (
        "sources online",
        "sources offline",
        "sources doing burst (return to online)",
        "sources doing burst (return to offline)",
        "sources with unknown address",
    )
    return "200 OK\n" + "".join(f"{n} {text}\n" for n, text in zip(counts, labels, strict=True))
