"""A case recorded again against the one in the corpus: facts by the state that was set, text by its shape."""

from __future__ import annotations

import re

from probes.observation import Failure, Raw
from tests.lab.corpus import skeleton
from tests.unit.corpus import Case, differing

_NAMES = {
    # What these print is the machine's or the case's own: every line is only a name or a text.
    "ls": (re.compile(r"(?!ls: )(?!\.\.?$).*"), "NAME"),
    "uname": (re.compile(r"\S+"), "NAME"),
    "systemd-detect-virt": (re.compile(r"[a-z0-9-]+"), "VIRTUALISATION"),
    "cat": (re.compile(r"(?!cat: )(?!ssh-|ecdsa-)[A-Z_]+=.*"), "KEY=VALUE"),
}
_OWN = {
    "/sys/devices/system/clocksource/clocksource0/current_clocksource": "this machine's clock source",
    "/proc/cmdline": "this machine's kernel line",
    "/sys/devices/system/clocksource/clocksource0/available_clocksource": "this machine's clock sources",
}
"""Files whose text is the recording machine's."""


def differences(known: Case, again: Case) -> list[str]:
    """What a reader of the corpus must know: facts that do not hold, text of another shape; a line each."""
    return [*_of_facts(again), *_of_shape(known, again)]


def _of_facts(again: Case) -> list[str]:
    parsed = again.parse()
    if again.failure is not None:
        if isinstance(parsed, Failure) and parsed.kind == again.failure:
            return []
        return [f"expected the failure {again.failure}, parsed {parsed}"]
    if isinstance(parsed, Failure):
        return [f"not parsed: {parsed.kind}: {parsed.detail}"]
    return differing(parsed, again.facts or {})


def _of_shape(known: Case, again: Case) -> list[str]:
    found = []
    for old, new in zip(known.raws, again.raws, strict=True):
        command = " ".join(new.argv)
        shown = command if len(command) <= 80 else f"{command[:77]}..."
        if old.argv != new.argv:
            found.append(f"$ {shown}\n  the corpus has $ {' '.join(old.argv)}")
            continue
        if old.rc != new.rc:
            found.append(f"$ {shown}\n  exit status {new.rc}, in the corpus {old.rc}")
        for stream, before, after in (("out", old.out, new.out), ("err", old.err, new.err)):
            was, now = shape(old, before), shape(new, after)
            lines = [f"  + {now[s]}    ({s})" for s in now if s not in was]
            lines += [f"  - {was[s]}    ({s})" for s in was if s not in now]
            if lines:
                found.append("\n".join((f"$ {shown}    std{stream}: + printed now, - in the corpus", *lines)))
    return found


def shape(raw: Raw, text: str) -> dict[str, str]:
    """The kinds of lines of an output, each with the first line of its kind."""
    if raw.argv[-1] in _OWN:
        return {}
    kinds: dict[str, str] = {}
    for line in text.splitlines():
        pattern, word = _NAMES.get(raw.argv[0], (None, ""))
        kind = word if pattern is not None and pattern.fullmatch(line) else skeleton(line)
        kinds.setdefault(kind, line)
    if text and not text.endswith("\n"):
        kinds["(no end of line)"] = text[-40:]
    return kinds
