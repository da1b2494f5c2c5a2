"""date (GNU coreutils 9.1): the guest's clock, shown or set; a guest keeps the zone of its world."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from cutover_tui.lab.machine.strftime import render
from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.tools.files import invalid_option

_DEFAULT = "%a %b %e %H:%M:%S %Z %Y"
_ENGLISH = "%a %b %e %r %Z %Y"
_FORMATS = {
    "-R": "%a, %d %b %Y %H:%M:%S %z",
    "-Iseconds": "%Y-%m-%dT%H:%M:%S%:z",
    "--iso-8601=seconds": "%Y-%m-%dT%H:%M:%S%:z",
    "-Ins": "%Y-%m-%dT%H:%M:%S,%N%:z",
    "--iso-8601=ns": "%Y-%m-%dT%H:%M:%S,%N%:z",
    "--rfc-3339=ns": "%Y-%m-%d %H:%M:%S.%N%:z",
    "--rfc-3339=seconds": "%Y-%m-%d %H:%M:%S%:z",
    "-I": "%Y-%m-%d",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def date(call: Call) -> Result:
    """Show or set the clock: [-u] [+FORMAT], -R, -I…, -d @N, -s TEXT."""
    words, wanted, setting, shown = call.argv[1:], None, None, None
    zone = call.guest.rtc.zone_ns
    while words:
        word = words.pop(0)
        if word in ("-u", "--utc", "--universal"):
            zone = 0
            continue
        if word in ("-s", "-d", "--set", "--date") or word.startswith(("--set=", "--date=")):
            option, equals, value = word.partition("=")
            if not equals:
                if not words:
                    return Result(1, err=_no_argument(option))
                value = words.pop(0)
            if option in ("-s", "--set"):
                setting = value
            else:
                shown = value
        elif word in _FORMATS:
            wanted = _FORMATS[word]
        elif word.startswith("-"):
            return invalid_option("date", word)
        elif word.startswith("+"):
            wanted = word[1:]
        else:
            return Result(1, err=f"date: invalid date {call.quote(word)}\n")
    now = call.guest.utc(call.now)
    moment = now
    text = setting if setting is not None else shown
    if text is not None:
        read = _read(text, now, zone)
        if read is None:
            return Result(1, err=f"date: invalid date {call.quote(text)}\n")
        moment = read
    err, rc = "", 0
    if setting is not None:
        if call.root:
            call.guest.clock = call.guest.clock.set_to(call.now, moment)
        else:
            err, rc = "date: cannot set date: Operation not permitted\n", 1
    locale = call.env.get("LC_ALL") or call.env.get("LC_TIME") or call.env.get("LANG") or "C"
    default = _ENGLISH if locale.startswith("en_US") else _DEFAULT
    return Result(rc, render(moment, default if wanted is None else wanted, zone) + "\n", err)


def _no_argument(option: str) -> str:
    what = (
        f"option '{option}' requires an argument"
        if option.startswith("--")
        else f"option requires an argument -- '{option[1]}'"
    )
    return f"date: {what}\nTry 'date --help' for more information.\n"


def _read(text: str, now: int, zone: int) -> int | None:
    if re.fullmatch(r"@-?\d{1,11}(\.\d{1,9})?", text):
        whole, _, rest = text[1:].partition(".")
        return int(whole) * 10**9 + int((rest + "0" * 9)[:9])
    found = re.fullmatch(r"([+-]?\d{1,9}) ?(second|sec|minute|min|hour)s?", text)
    if found:
        return now + int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2][0]] * 10**9
    today = render(now, "%Y-%m-%d", zone)
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"):
        utc = text.endswith(("Z", " UTC"))
        for candidate in (text.removesuffix("Z").removesuffix(" UTC"), f"{today} {text}"):
            try:
                parsed = datetime.strptime(candidate, form).replace(tzinfo=UTC)
            except ValueError:
                continue
            return int((parsed - _EPOCH) / timedelta(seconds=1)) * 10**9 - (0 if utc else zone)
    return None
