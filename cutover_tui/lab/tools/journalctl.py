"""journalctl of systemd 252 over what the guest's daemons said since its boot; only root and adm may open it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from cutover_tui.lab.machine.guest import LogLine
from cutover_tui.lab.tools.call import Call, Result

_FLAGS = ("-k", "-b", "-q", "-r", "--dmesg", "--boot", "--quiet", "--no-pager", "--reverse", "--utc")
_VALUED = ("-o", "-n", "-g", "-u", "-t", "-S", "-U", "-p")
_LONG = ("--output", "--lines", "--grep", "--unit", "--identifier", "--since", "--until", "--output-fields")
_SHORT = {
    "--output": "-o", "--lines": "-n", "--grep": "-g", "--identifier": "-t", "--unit": "-u",
    "--quiet": "-q", "--reverse": "-r", "--dmesg": "-k",
}  # fmt: skip


@dataclass(slots=True)
class _Asked:
    flags: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    matches: list[dict[str, set[str]]] = field(default_factory=lambda: [{}])  # any of these, each wholly

    def last(self, name: str, otherwise: str) -> str:
        return self.values.get(name, [otherwise])[-1]


def journalctl(call: Call) -> Result:
    """Options, then field matches; what is asked for with --grep and not there ends with 1."""
    asked = _asked(call.argv[1:])
    if isinstance(asked, Result):
        return asked
    quiet = "-q" in asked.flags
    if not call.root and not {name for _, name in call.user.groups} & {"adm", "systemd-journal"}:
        return Result(
            1, err="" if quiet else "No journal files were opened due to insufficient permissions.\n"
        )
    looked_at, lines = _lines(call, asked, call.now)
    where = f"-- cursor: {_cursor(call, looked_at[-1])}\n" if looked_at else ""
    cursor = where if "--show-cursor" in asked.flags else ""
    if not lines and "-g" not in asked.values:
        return Result(out=("" if quiet else "-- No entries --\n") + cursor)
    return Result(0 if lines else 1, "".join(_shown(call, asked, line) for line in lines) + cursor)


def _asked(words: list[str]) -> _Asked | Result:
    asked = _Asked()
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word in _FLAGS or word == "--show-cursor":
            asked.flags.add(_SHORT.get(word, word))
        elif word in _VALUED or (name in _LONG and not equals):
            if not words:
                return Result(1, err=f"journalctl: option requires an argument -- '{word.lstrip('-')}'\n")
            asked.values.setdefault(_SHORT.get(name, name), []).append(words.pop(0))
        elif name in _LONG:
            asked.values.setdefault(_SHORT.get(name, name), []).append(value)
        elif word.startswith("--"):
            return Result(1, err=f"journalctl: unrecognized option '{word}'\n")
        elif word.startswith("-"):
            return Result(1, err=f"journalctl: invalid option -- '{word[1:2]}'\n")
        elif word == "+":
            asked.matches.append({})
        elif equals:
            asked.matches[-1].setdefault(name, set()).add(value)
        else:
            return Result(1, err=f"Failed to add match '{word}': Invalid argument\n")
    return asked


def _lines(call: Call, asked: _Asked, now: int) -> tuple[list[LogLine], list[LogLine]]:
    """Those it goes through, in its order, and those of them that it shows."""
    if "-k" in asked.flags:
        return [], []
    names, pattern = asked.values.get("-t"), re.compile(asked.last("-g", ""))
    found = [x for x in call.guest.log if x.at <= now and (names is None or x.name in names)]
    found = [x for x in found if any(_matches(x, fields) for fields in asked.matches)]
    # With --grep and --lines the newest comes first whether that was asked for or not.
    back = "-r" in asked.flags or {"-g", "-n"} <= asked.values.keys()
    found.sort(key=lambda line: line.at, reverse=back)
    shown = [n for n, x in enumerate(found) if pattern.search(x.text)]
    if "-n" in asked.values:
        most = int(asked.last("-n", "10"))
        if back and len(shown) > most:
            shown = shown[:most]
            found = found[: shown[-1] + 1]
        elif len(shown) > most:
            shown = shown[-most:]
    return found, [found[n] for n in shown]


def _shown(call: Call, asked: _Asked, line: LogLine) -> str:
    if asked.last("-o", "short") != "json":
        return f"{line.text}\n"
    entry = {
        "__MONOTONIC_TIMESTAMP": str(_mono(call, line)),
        "_BOOT_ID": call.guest.boot_id.replace("-", ""),
        "__REALTIME_TIMESTAMP": str(line.shown // 1000),
        "__CURSOR": _cursor(call, line),
    }
    wanted = asked.last("--output-fields", "")
    entry |= {k: v for k, v in _fields(line).items() if not wanted or k in wanted.split(",")}
    return json.dumps(entry, separators=(",", ":")) + "\n"


def _fields(line: LogLine) -> dict[str, str]:
    """What the writer says, and what journald knows of the writer (a field it does not know is not there)."""
    fields = {"SYSLOG_IDENTIFIER": line.name, "MESSAGE": line.text, "_UID": str(line.uid)}
    return {**fields, "_SYSTEMD_UNIT": line.unit} if line.unit else fields


def _matches(line: LogLine, fields: dict[str, set[str]]) -> bool:
    has = _fields(line)
    return all(has.get(name) in values for name, values in fields.items())


def _mono(call: Call, line: LogLine) -> int:
    return max(0, line.at - call.guest.booted) // 1000


def _cursor(call: Call, line: LogLine) -> str:
    boot, number = call.guest.boot_id.replace("-", ""), call.guest.log.index(line) + 1
    return f"s={call.guest.machine_id};i={number:x};b={boot};m={_mono(call, line):x};t={line.shown // 1000:x};x={number * 0x9E3779B97F4A7C15 % 2**64:x}"
