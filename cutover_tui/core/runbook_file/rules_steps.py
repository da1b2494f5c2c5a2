"""Rules about phases, steps, their order, and what can be run from them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from cutover_tui.core.runbook_file.rules_hosts import check_title, check_unique
from cutover_tui.core.yaml_model.part import Part
from cutover_tui.core.yaml_model.problem import Problems, did_you_mean, place, shown

_SHELL_WORDS = frozenset({"|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1"})


def steps_of(root: Part) -> list[Part]:
    """The steps in runbook order, rollback steps left out."""
    return [step for phase in root.each("phases") for step in phase.each("steps")]


def all_steps(root: Part) -> Iterator[Part]:
    """Every step, each followed by its rollback steps."""
    for step in steps_of(root):
        yield step
        yield from step.each("rollback")


def check_steps(root: Part, problems: Problems) -> None:
    """Report what is wrong with phases, steps and actions."""
    phases = root.each("phases")
    check_unique(phases, "id", "phase", problems)
    check_unique(list(all_steps(root)), "id", "step", problems)
    for phase in phases:
        check_title(phase, problems)
    _check_order(root, problems)
    systems = _systems(root)
    for step in all_steps(root):
        check_title(step, problems)
        _check_runnables(step, systems, problems)
    for step in steps_of(root):
        for back in step.each("rollback"):
            _check_rollback(back, problems)


def _check_rollback(step: Part, problems: Problems) -> None:
    if step.has("rollback"):
        problems.error(
            step.line_of("rollback"), "a rollback step has rollback steps of its own", "one level of rollback"
        )
    if step.flag("mark"):
        problems.error(
            step.line_of("mark"), "a rollback step has `mark: true`", "the mark in a step of the way forward"
        )


def _systems(root: Part) -> list[str]:
    """Operating systems that occur among the readable hosts."""
    seen = (host.text("os", "linux") for host in root.each("hosts"))
    return sorted({os for os in seen if os is not None})


def _check_order(root: Part, problems: Problems) -> None:
    """Every `depends_on` names a step that stands earlier; a cycle is told as one."""
    order: dict[str, int] = {}
    needs: dict[str, list[str]] = {}
    for n, step in enumerate(all_steps(root)):
        name = step.text("id")
        if name is not None and name not in order:
            order[name] = n
            needs[name] = [str(item.value) for item in step.each("depends_on")]
    backs = {str(b.text("id")): str(s.text("id")) for s in steps_of(root) for b in s.each("rollback")}
    whole = not _ids_unread(root)
    for n, step in enumerate(all_steps(root)):
        name = step.text("id")
        for item in step.each("depends_on"):
            target = str(item.value)
            if target == name:
                problems.error(item.line, f"step {shown(target)} depends on itself", "an earlier step")
            elif target not in order:
                if whole:
                    problems.error(
                        item.line, f"depends_on names no step: {shown(target)}", did_you_mean(target, order)
                    )
            elif target in backs and (name is None or backs.get(name) != backs[target]):
                problems.error(
                    item.line,
                    f"depends_on names {shown(target)}, a rollback step of {shown(backs[target])}",
                    "a step of the way forward",
                )
            elif order[target] > n:
                cycle = _cycle(name, target, needs) if name is not None else None
                if cycle is not None:
                    problems.error(
                        item.line,
                        "dependency cycle: " + " → ".join(shown(one) for one in cycle),
                        "steps that depend on earlier ones only",
                    )
                else:
                    problems.error(item.line, f"step {shown(target)} stands later", "an earlier step")


def _ids_unread(root: Part) -> bool:
    """Whether some step or its id could not be read, so that a name may be missing for that reason."""
    if "phases" in root.unread or any("steps" in phase.unread for phase in root.each("phases")):
        return True
    return any("id" in step.unread or "rollback" in step.unread for step in all_steps(root))


def _cycle(start: str, target: str, needs: dict[str, list[str]]) -> list[str] | None:
    """start → target → … → start along `depends_on`, or None when target does not lead back."""
    came: dict[str, str] = {target: start}
    queue = [target]
    for current in queue:
        for after in needs.get(current, []):
            if after == start:
                path = [start]
                while current != start:
                    path.append(current)
                    current = came[current]
                return [start, *reversed(path[1:]), start]
            if after not in came:
                came[after] = current
                queue.append(after)
    return None


def _check_runnables(step: Part, systems: list[str], problems: Problems) -> None:
    provocations = step.each("provocations")
    runnables = [*step.each("actions"), *provocations]
    check_unique(runnables, "id", "action", problems)
    check_unique(runnables, "key", "action", problems)
    for runnable in runnables:
        check_title(runnable, problems)
        _check_tier(runnable, problems)
        for key in ("command", "undo"):
            _check_commands(runnable, key, systems, problems)
    for provocation in provocations:
        if not provocation.has("verifier"):
            problems.error(
                provocation.line,
                f"provocation {shown(provocation.text('id') or '?')} has no verifier",
                "`verifier`: the id of the check that shows what it provoked",
            )


def _check_tier(runnable: Part, problems: Problems) -> None:
    if runnable.text("tier", "N") != "R":
        return
    if runnable.each("disturbs"):
        problems.error(
            runnable.line_of("disturbs"),
            "tier R reads only and yet disturbs",
            "`tier: N` or `tier: D`, or no `disturbs`",
        )
    if runnable.flag("breaks_rollback"):
        problems.error(
            runnable.line_of("breaks_rollback"),
            "tier R reads only and yet breaks rollback",
            "`tier: N` or `tier: D`",
        )


def _check_commands(runnable: Part, key: str, systems: list[str], problems: Problems) -> None:
    commands = runnable.get(key)
    if commands is None:
        return
    for os in systems:
        if not commands.has(os):
            problems.error(
                commands.line,
                f"`{key}` of action {shown(runnable.text('id') or '?')} has none for {os}",
                f"`{os}:` with a command, as some hosts run {os}",
            )
    for os, command in runnable.pairs(key):
        if command.items is not None:
            if not command.items or not str(command.items[0].value):
                problems.error(command.line, f"{place(command.path)} is empty", "a program and its arguments")
        elif isinstance(command.value, str):
            _check_line(command, command.value, os, problems)


def _check_line(command: Part, line: str, os: str, problems: Problems) -> None:
    try:
        words = shlex.split(line, posix=os != "windows")
    except ValueError as error:
        problems.error(
            command.line,
            f"{place(command.path)} cannot be split into words: {error}",
            "closed quotes, or a list",
        )
        return
    if not words or not words[0]:
        problems.error(command.line, f"{place(command.path)} is empty", "a program and its arguments")
    odd = next((w for w in words if w in _SHELL_WORDS or (w.endswith(";") and w != r"\;")), None)
    if odd is not None:
        problems.warn(
            command.line,
            f"{shown(odd)} in {place(command.path)} reaches the program as a word: no shell reads the line",
            "one simple command, or [sh, -c, '…'] on purpose",
        )
