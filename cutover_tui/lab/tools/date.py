"""date (GNU coreutils 9.1): the guest's clock, shown or set. The lab's guests keep UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from cutover_tui.lab.tools.call import Call, Result
from cutover_tui.lab.tools.files import invalid_option

_DEFAULT = "%a %b %e %H:%M:%S %Z %Y"
_ENGLISH = "%a %b %e %r %Z %Y"
_FORMATS = {
    "-R": "%a, %d %b %Y %H:%M:%S %z",
    "-Iseconds": "%Y-%m-%dT%H:%M:%S+00:00",
    "--iso-8601=seconds": "%Y-%m-%dT%H:%M:%S+00:00",
    "-Ins": "%Y-%m-%dT%H:%M:%S,%N+00:00",
    "--iso-8601=ns": "%Y-%m-%dT%H:%M:%S,%N+00:00",
    "--rfc-3339=ns": "%Y-%m-%d %H:%M:%S.%N+00:00",
    "--rfc-3339=seconds": "%Y-%m-%d %H:%M:%S+00:00",
    "-I": "%Y-%m-%d",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def date(call: Call) -> Result:
    """Show or set the clock: [-u] [+FORMAT], -R, -I…, -d @N, -s TEXT."""
    words, wanted, setting, shown = call.argv[1:], None, None, None
    while words:
        word = words.pop(0)
        if word in ("-u", "--utc", "--universal"):
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
        read = _read(text, now)
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
    return Result(rc, render(moment, default if wanted is None else wanted) + "\n", err)


def _no_argument(option: str) -> str:
    what = (
        f"option '{option}' requires an argument"
        if option.startswith("--")
        else f"option requires an argument -- '{option[1]}'"
    )
    return f"date: {what}\nTry 'date --help' for more information.\n"


def _read(text: str, now: int) -> int | None:
    if re.fullmatch(r"@-?\d{1,11}(\.\d{1,9})?", text):
        whole, _, rest = text[1:].partition(".")
        return int(whole) * 10**9 + int((rest + "0" * 9)[:9])
    found = re.fullmatch(r"([+-]?\d{1,9}) ?(second|sec|minute|min|hour)s?", text)
    if found:
        return now + int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2][0]] * 10**9
    today = render(now, "%Y-%m-%d")
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"):
        for candidate in (text.removesuffix("Z").removesuffix(" UTC"), f"{today} {text}"):
            try:
                parsed = datetime.strptime(candidate, form).replace(tzinfo=UTC)
            except ValueError:
                continue
            return int((parsed - _EPOCH) / timedelta(seconds=1)) * 10**9
    return None


def render(utc_ns: int, form: str) -> str:
    """strftime of the UTC time with GNU's %N, %s and `-` flag; what is unknown stays as it is."""
    seconds, nanos = divmod(utc_ns, 10**9)
    moment = _EPOCH + timedelta(seconds=seconds)
    fixed = {
        "s": str(seconds),
        "n": "\n",
        "t": "\t",
        "%": "%",
        "Z": "UTC",
        "z": "+0000",
        "e": f"{moment.day:2}",
    }

    def one(found: re.Match[str]) -> str:
        flag, width, letter = found[1], found[2], found[3]
        if letter == "N":
            return f"{nanos:09}"[: int(width)] if width else f"{nanos:09}"
        if letter in fixed:
            return fixed[letter].strip() if flag else fixed[letter]
        if letter in "aAbBdFHIjkmMpSTyYuwDrlh":
            if letter in "kl":
                hour = moment.hour if letter == "k" else (moment.hour % 12 or 12)
                return f"{hour:2}"
            value = moment.strftime("%I:%M:%S %p" if letter == "r" else f"%{letter}")
            return value.lstrip("0") or "0" if flag else value
        return found[0]

    return re.sub(r"%(-?)(\d?)([A-Za-z%])", one, form)
