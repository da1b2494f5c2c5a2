"""JSON Schema of the runbook file for editors, and its key reference: the model, and what the checks add."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.inspect import StructType

from cutover_tui.core import timestamps
from cutover_tui.core.checks.spec import CheckSpec, Param
from cutover_tui.core.durations import format_duration
from cutover_tui.core.loading import available
from cutover_tui.core.runbook import Duration, GateCheck, Runbook, Window
from cutover_tui.core.runbook_file.keys import RUNBOOK, meaning
from cutover_tui.core.runbook_file.rules_gate import bounds_in_words
from cutover_tui.core.yaml_model import describe
from cutover_tui.core.yaml_model.describe import Description, Json, given

_RUNBOOK = Description(Runbook, RUNBOOK)


def schema(specs: Mapping[str, CheckSpec] | None = None) -> dict[str, Json]:
    """The JSON Schema (2020-12) of a runbook; `specs` are the checks it offers, by default all.

    It says what one value can say: keys, types, ranges. What lies between values (unknown
    names, order, bounds that depend on others) only `loading` says.
    """
    made = _RUNBOOK.schema()
    definitions = made["$defs"]
    assert isinstance(definitions, dict)  # noqa: S101 - Description made it
    _stamp_window(definitions[Window.__name__])
    _enrich_gate(definitions[GateCheck.__name__], specs if specs is not None else available())
    return made


def structs() -> list[StructType]:
    """The structs of the model, each once, in the order in which a runbook shows them."""
    return describe.structs(Runbook)


def reference(specs: Mapping[str, CheckSpec] | None = None) -> str:
    """Markdown tables of every key and every check, as `docs/runbook.md` holds them."""
    lines = _RUNBOOK.tables()
    lines += [
        "",
        "### Checks",
        "",
        "| check | soak | attempts | max_age | params |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, spec in sorted((specs if specs is not None else available()).items()):
        params = "<br>".join(f"`{key}`: {_param_words(param)}" for key, param in spec.params.items()) or "-"
        numbers = (
            bounds_in_words(spec.soak, is_time=True),
            bounds_in_words(spec.attempts, is_time=False),
            bounds_in_words(spec.max_age, is_time=True),
        )
        lines.append(f"| `{name}` | {' | '.join(numbers)} | {params} |")
    return "\n".join(lines).strip() + "\n"


def _stamp_window(window: Json) -> None:
    """Moments are text whose pattern the model cannot hold."""
    assert isinstance(window, dict)  # noqa: S101
    properties = window["properties"]
    assert isinstance(properties, dict)  # noqa: S101
    for described in properties.values():
        assert isinstance(described, dict)  # noqa: S101
        if "anyOf" in described:
            described["anyOf"] = [{"type": "string", "pattern": timestamps.PATTERN}, {"type": "null"}]
        else:
            described["pattern"] = timestamps.PATTERN


def _enrich_gate(gate: Json, specs: Mapping[str, CheckSpec]) -> None:
    """Offer the ids of the checks, and for each the parameters it takes."""
    assert isinstance(gate, dict)  # noqa: S101 - _struct made it
    properties = gate["properties"]
    assert isinstance(properties, dict)  # noqa: S101
    properties["check"] = {"enum": [*sorted(specs)], "description": meaning(GateCheck, "check")}
    rules: list[Json] = []
    for name, spec in sorted(specs.items()):
        then: dict[str, Json] = {
            key: False
            for key, bound in (("soak", spec.soak), ("attempts", spec.attempts), ("max_age", spec.max_age))
            if bound is None
        }
        then["params"] = {
            "properties": {key: _param(param) for key, param in spec.params.items()},
            "additionalProperties": False,
            "required": [key for key, param in spec.params.items() if param.required],
        }
        rules.append({"if": {"properties": {"check": {"const": name}}}, "then": {"properties": then}})
    gate["allOf"] = rules


def _param(param: Param) -> dict[str, Json]:
    match param.kind:
        case "duration":
            out = _RUNBOOK.amount(Duration)
            out["default"] = format_duration(int(param.default))
        case "int":
            out = given(type="integer", minimum=param.lowest, maximum=param.highest, default=param.default)
        case "bool":
            out = {"type": "boolean", "default": param.default}
        case "str":
            out = {"type": "string", "default": param.default}
        case "choice":
            out = {"enum": [*param.choices], "default": param.default}
    if param.required:
        out.pop("default", None)
    if param.doc:
        out["description"] = param.doc
    return out


def _param_words(param: Param) -> str:
    if param.required:
        return f"{param.doc} (required)"
    default = format_duration(int(param.default)) if param.kind == "duration" else str(param.default)
    limit = ""
    if param.highest is not None:
        limit = f", at most {format_duration(param.highest) if param.kind == 'duration' else param.highest}"
    return f"{param.doc} ({default}{limit})"
