"""What a checklist would run on a guest, and what it said: verbatim, shortened, with its exit status."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.system.lies.states import State
from tests.system.nodes.lab import SystemLab
from tests.system.nodes.network import PREFIX

_SECOND = 1.0
_MARK = "=-=-="


@dataclass(frozen=True)
class Command:
    """A command of a checklist."""

    line: str
    ticks: Callable[[int, str], bool]
    """Whether a checklist is content with exit status and output."""
    keep: tuple[str, ...] = ()
    """Shown is the line of the output that holds the first of these which any holds; else the first line."""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    line: str
    text: str
    rc: int
    ticked: bool


def _succeeds(rc: int, _out: str) -> bool:
    return rc == 0


_TIMEDATECTL = Command("timedatectl", lambda _rc, out: "synchronized: yes" in out, ("synchronized",))
_CHRONY = (
    Command("chronyc waitsync 1", _succeeds),
    Command("chronyc tracking", _succeeds, ("Leap status",)),
)
_NTPQ = (Command("ntpq -pn", _succeeds, ("*", f"{PREFIX}.", "LOCAL(", "No association")),)
# Disabled is ticked too: "then it does not set the clock".
_TOOLS = (Command("vmware-toolbox-cmd timesync status", lambda rc, _: rc in (0, 69)),)


def commands(state: State) -> tuple[Command, ...]:
    """Those a checklist has for this kind of guest."""
    of_daemon = {"chrony": _CHRONY, "ntpsec": _NTPQ}.get(state.unit, ())
    active = Command(f"systemctl is-active {state.unit}", _succeeds)
    return (active, _TIMEDATECTL, *of_daemon, *(_TOOLS if state.tools else ()))


def ask(lab: SystemLab, state: State) -> tuple[Said, ...]:
    """Log in as the engineer and run them, over the machine's own ssh."""
    asked = commands(state)
    script = "".join(f"({c.line}) 2>&1; echo {_MARK} $?\n" for c in asked)
    out = lab.jump.run("ssh", state.name, "LC_ALL=C sh", stdin=script).out
    answers = out.split(_MARK)
    said = []
    for number, command in enumerate(asked):
        text = answers[number] if number == 0 else answers[number].partition("\n")[2]
        rc = int(answers[number + 1].split()[0])
        said.append(Said(command.line, _shown(command, text), rc, command.ticks(rc, text)))
    return (*said, _date(lab, state))


def _shown(command: Command, text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    kept = (line for word in command.keep for line in lines if word in line)
    return " ".join(next(kept, lines[0] if lines else "").split())


def _date(lab: SystemLab, state: State) -> Said:
    began = time.time()
    there = float(lab.jump.run("ssh", state.name, "date +%s.%N").out)
    apart = max(began - there, 0) - max(there - time.time(), 0)
    close = abs(apart) < _SECOND
    text = "the jump host's, to the second" if close else f"{-apart:+.0f} s beside the jump host's"
    return Said("date", text, 0, close)
