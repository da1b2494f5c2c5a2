"""Rules about checks: known ids, parameters by kind, and no criterion looser than its bound."""

from __future__ import annotations

from collections.abc import Mapping

from cutover_tui.core.checks.spec import Bound, CheckSpec, Param, planned
from cutover_tui.core.durations import EXPECTED as A_DURATION
from cutover_tui.core.durations import format_duration, parse_duration
from cutover_tui.core.runbook_file.rules_steps import all_steps, steps_of
from cutover_tui.core.yaml_model.part import Part, Value
from cutover_tui.core.yaml_model.problem import Problems, did_you_mean, one_of, shown

Specs = Mapping[str, CheckSpec]


def check_gates(root: Part, specs: Specs, problems: Problems) -> None:
    """Report what is wrong with gates and verifiers; turns duration parameters into nanoseconds."""
    for step in all_steps(root):
        for gate in step.each("gate"):
            spec = _known(gate, "check", specs, problems)
            if spec is not None:
                _check_naive(gate, spec, problems)
                _check_role(root, gate, "check", spec, problems)
                _check_numbers(gate, spec, problems)
                _Params(gate, spec, problems).check()
        _check_repeated(step, problems)
        for runnable in (*step.each("actions"), *step.each("provocations")):
            spec = _known(runnable, "verifier", specs, problems)
            if spec is not None:
                _check_role(root, runnable, "verifier", spec, problems)
    _check_mark(root, specs, problems)
    _check_reference(root, problems)


def _known(part: Part, key: str, specs: Specs, problems: Problems) -> CheckSpec | None:
    name = part.text(key)
    if name is None:
        return None
    if name in specs:
        return specs[name]
    line = part.line_of(key)
    if planned(name):
        problems.error(line, f"check {shown(name)} is not available in this version", one_of(sorted(specs)))
    else:
        problems.error(line, f"unknown check {shown(name)}", did_you_mean(name, sorted(specs)))
    return None


def _check_naive(gate: Part, spec: CheckSpec, problems: Problems) -> None:
    if spec.id.startswith("naive."):
        problems.warn(
            gate.line_of("check"),
            f"check {spec.id} opens for what a checklist believes; never for a real move",
            "a check that measures",
        )


def _check_role(root: Part, part: Part, key: str, spec: CheckSpec, problems: Problems) -> None:
    """A check of one role is an error beside guests of another: every gate is asked of every guest."""
    if spec.role is None:
        return
    for host in root.each("hosts"):
        role = host.text("role", "member")
        if role is not None and role != spec.role:
            problems.error(
                part.line_of(key),
                f"check {spec.id} is for role {spec.role}; host {shown(host.text('name') or '?')} "
                f"in line {host.line} has role {role}",
                f"a runbook of its own for hosts of role {spec.role}",
            )


def _check_numbers(gate: Part, spec: CheckSpec, problems: Problems) -> None:
    for key, bound in (("soak", spec.soak), ("attempts", spec.attempts), ("max_age", spec.max_age)):
        if bound is None:
            if gate.has(key):
                problems.error(gate.line_of(key), f"check {spec.id} takes no `{key}`", f"no `{key}`")
            continue
        value = gate.integer(key)
        if value is None:
            continue
        write = str if key == "attempts" else format_duration
        too_low = bound.lowest is not None and value < bound.lowest
        too_high = bound.highest is not None and value > bound.highest
        if too_low or too_high:
            looser = too_high if key == "max_age" else too_low
            problems.error(
                gate.line_of(key),
                f"{key} {write(value)} of {spec.id} is {'looser than' if looser else 'outside'} its bound",
                _range(bound.lowest, bound.highest, is_time=key != "attempts"),
            )


def _range(lowest: int | None, highest: int | None, *, is_time: bool) -> str:
    write = format_duration if is_time else str
    if lowest is not None and highest is not None:
        return f"{write(lowest)} to {write(highest)}"
    return f"at least {write(lowest)}" if lowest is not None else f"at most {write(highest or 0)}"


class _Params:
    """The parameters of one gate check against its spec."""

    def __init__(self, gate: Part, spec: CheckSpec, problems: Problems) -> None:
        self._given = dict(gate.pairs("params"))
        self._whole = gate.get("params")
        self._gate, self._spec, self._problems = gate, spec, problems

    def check(self) -> None:
        known = self._spec.params
        for name, part in self._given.items():
            if name in known:
                self._convert(name, part, known[name])
            else:
                hint = did_you_mean(name, known) if known else "no `params`"
                self._problems.error(part.line, f"check {self._spec.id} has no parameter {shown(name)}", hint)
        for name, param in known.items():
            if param.required and name not in self._given and not self._unread(name):
                self._problems.error(
                    self._gate.line_of("params"),
                    f"check {self._spec.id} needs the parameter `{name}`",
                    f"`{name}`: {param.doc or param.kind}",
                )
            self._check_at_most(name, param)

    def _unread(self, name: str) -> bool:
        return "params" in self._gate.unread or (self._whole is not None and name in self._whole.unread)

    def _convert(self, name: str, part: Part, param: Param) -> None:
        """Put the typed value in the part's place, or report it and leave it out."""
        wrong: str | None = None
        value: Value = part.value
        match param.kind:
            case "duration":
                try:
                    value = int(parse_duration(str(part.value)))
                except ValueError as error:
                    wrong = f"{error}; expected {A_DURATION}"
            case "int":
                wrong = None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
            case "bool":
                wrong = None if isinstance(value, bool) else "true or false"
            case "str":
                wrong = (
                    None
                    if isinstance(value, str) and value.strip()
                    else "a text (in quotes if YAML sees a number)"
                )
            case "choice":
                wrong = None if value in param.choices else did_you_mean(str(value), param.choices)
        what = f"parameter `{name}` of {self._spec.id} is {_written(part.value)}"
        if wrong is not None:
            if param.kind == "duration":
                problem, _, expected = wrong.partition("; expected ")
                self._problems.error(part.line, f"{what}, which {problem}", expected)
            else:
                self._problems.error(part.line, what, wrong)
            self._given[name] = Part(part.path, part.line)
            return
        part.value = value
        if isinstance(value, int) and not isinstance(value, bool):
            self._check_range(part.line, what, value, param)

    def _check_range(self, line: int, what: str, value: int, param: Param) -> None:
        is_time = param.kind == "duration"
        too_high = param.highest is not None and value > param.highest
        too_low = param.lowest is not None and value < param.lowest
        if too_high or too_low:
            # One nanosecond stands for "more than nothing" and is no text a runbook can hold.
            lowest = None if is_time and param.lowest == 1 and too_high else param.lowest
            expected = (
                "more than 0"
                if too_low and param.lowest == 1
                else _range(lowest, param.highest, is_time=is_time)
            )
            self._problems.error(
                line, f"{what}, {'looser than' if too_high else 'below'} its bound", expected
            )

    def _check_at_most(self, name: str, param: Param) -> None:
        if param.at_most is None or not (name in self._given or param.at_most in self._given):
            return
        low, high = self._number(name), self._number(param.at_most)
        if low is not None and high is not None and low > high:
            part = self._given.get(name) or self._given[param.at_most]
            write = format_duration if param.kind == "duration" else str
            self._problems.error(
                part.line,
                f"parameter `{name}` of {self._spec.id} ({write(low)}) exceeds `{param.at_most}` ({write(high)})",
                f"`{name}` not above `{param.at_most}`",
            )

    def _number(self, name: str) -> int | None:
        value = self._given[name].value if name in self._given else self._spec.params[name].default
        return value if isinstance(value, int) else None


def _written(value: Value) -> str:
    if value is None:
        return "empty"
    return shown(str(value).lower() if isinstance(value, bool) else str(value))


def _check_repeated(step: Part, problems: Problems) -> None:
    """The same check with the same parameters twice in one gate says nothing twice."""
    first: dict[tuple[object, ...], Part] = {}
    for gate in step.each("gate"):
        name = gate.text("check")
        params = tuple(sorted((key, str(part.value)) for key, part in gate.pairs("params")))
        other = first.setdefault((name, params), gate)
        if name is not None and other is not gate:
            problems.error(
                gate.line_of("check"),
                f"check {shown(name)} stands twice in this gate with the same parameters",
                f"one entry (the first is in line {other.line_of('check')})",
            )


def _check_mark(root: Part, specs: Specs, problems: Problems) -> None:
    """Warn where before and after cannot be told apart."""
    steps = steps_of(root)
    marks = [step for step in steps if step.flag("mark")]
    for step in marks[1:]:
        problems.warn(
            step.line_of("mark"),
            "a second step has `mark: true`; the later mark replaces the earlier one of each host",
            f"one mark (the first is in line {marks[0].line_of('mark')})",
        )
    before = steps[: steps.index(marks[0]) + 1] if marks else steps
    for step in before:
        for gate in step.each("gate"):
            spec = specs.get(gate.text("check") or "")
            if spec is not None and spec.needs_mark:
                where = "before the mark is written" if marks else "and no step has `mark: true`"
                problems.warn(
                    gate.line_of("check"),
                    f"check {spec.id} compares with the mark, {where}",
                    "a step with `mark: true` before this one",
                )


def _check_reference(root: Part, problems: Problems) -> None:
    """Warn where guests are judged by the domain's time and nobody asks whether that is right."""
    domain = root.get("domain")
    if domain is None or not list(domain.each("controllers")):
        return
    gates = [gate for step in all_steps(root) for gate in step.each("gate")]
    offset = next((gate for gate in gates if gate.text("check") == "time.offset"), None)
    if offset is not None and all(gate.text("check") != "time.reference" for gate in gates):
        problems.warn(
            offset.line_of("check"),
            "time.offset compares guests with the domain, and no gate asks whether the domain is right",
            "time.reference in the same gate",
        )


def bounds_in_words(bound: Bound | None, *, is_time: bool) -> str:
    """`10min (at least 1min)` for the reference; `-` where the check takes no such number."""
    if bound is None:
        return "-"
    write = format_duration if is_time else str
    if bound.lowest is None and bound.highest is None:
        return write(bound.default)
    return f"{write(bound.default)} ({_range(bound.lowest, bound.highest, is_time=is_time)})"
