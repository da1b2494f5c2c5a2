"""The sudoers drop-in under which readers and proofs run as root, word for word and nothing else. Pure.

sudo compares a command with its arguments joined by blanks, by fnmatch(3); its grammar wants
`, : = \\` and blanks escaped (sudoers(5), "Special Characters"). So a backslash of ours is
written four times, once for each of the two. No line has a wildcard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cutover_tui.core.checks.kerberos.kdc_answers import kdcs
from cutover_tui.core.runbook import Host, Runbook
from cutover_tui.engine.assembly import readers_for
from probes.linux.domain import exchange
from probes.linux.domain.caches import READER as CACHES
from probes.linux.domain.keytab import READER as KEYTAB

_PLACE = "/usr/bin"
"""Where every system with a merged /usr has the tools these commands begin with; sudo compares the files."""

_OF_ADMINISTRATORS = {"sssctl": "/usr/sbin", "adcli": "/usr/sbin"}

_FOR_FNMATCH = frozenset("*?[]")
_FOR_GRAMMAR = frozenset(",:=#\t ")


def drop_in(
    runbook: Runbook, host: Host, *, user: str, principal: str, controllers: Iterable[str] = ()
) -> str:
    """The file's text.

    Args:
        controllers: whose services may be asked for; empty = the runbook's by name.

    Raises:
        ValueError: principal or a controller cannot be used in a command.
    """
    readers = (*readers_for(runbook), KEYTAB, CACHES)
    reads = dict.fromkeys(c.argv for r in readers for c in (*r.commands, *r.further) if c.elevate)
    proofs: list[tuple[str, ...]] = []
    for controller in controllers or kdcs(runbook.domain):
        plan = exchange.Plan(principal, controller, runbook.change.id)
        proofs += [c.argv for c in exchange.commands(plan)]
    lines = [
        f"# What cutover runs as root on {host.name} for {runbook.change.id}, word for word: reading keytab and",
        "# caches, and the proof a person approves. Keep it as /etc/sudoers.d/cutover (mode 0440), check it",
        "# with `visudo -cf FILE` before, and take it away after the change.",
        *_alias("CUTOVER_READ", reads),
        *_alias("CUTOVER_PROVE", dict.fromkeys(proofs)),
        f"{user} ALL = (root) NOPASSWD: CUTOVER_READ, CUTOVER_PROVE",
    ]
    return "\n".join(lines) + "\n"


def _alias(name: str, argvs: Iterable[Sequence[str]]) -> Iterator[str]:
    commands = [f"{_OF_ADMINISTRATORS.get(argv[0], _PLACE)}/{written(argv)}" for argv in argvs]
    yield f"Cmnd_Alias {name} = \\"
    for n, command in enumerate(commands, 1):
        yield f"    {command}" + (", \\" if n < len(commands) else "")


def written(argv: Sequence[str]) -> str:
    """A command as sudoers(5) writes it, matching itself only."""
    text, before = "", argv[0]
    for word in argv:
        # Blanks in a row count as one; the one after an empty word is another.
        text += (" " if before else "\\ ") if text else ""
        text += "".join(_character(c) for c in word)
        before = word
    return text


def _character(c: str) -> str:
    if c == "\\":
        return "\\" * 4
    if c in _FOR_FNMATCH or c in _FOR_GRAMMAR:
        return f"\\{c}"
    return c
