"""JSON Schema of the runbook file for editors, and its key reference, from the model itself.

`msgspec.json.schema` cannot write defaults of custom types (`Duration`), and a default of
`600000000000` helps nobody who types `10min`; hence the walk over `msgspec.inspect`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec
from msgspec import inspect as model

from cutover_tui.core import durations, timestamps
from cutover_tui.core.checks.spec import CheckSpec, Param
from cutover_tui.core.durations import format_duration
from cutover_tui.core.loading import available
from cutover_tui.core.runbook import Duration, GateCheck, Runbook, Window
from cutover_tui.core.runbook_file.keys import meaning
from cutover_tui.core.runbook_file.rules_gate import bounds_in_words

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(specs: Mapping[str, CheckSpec] | None = None) -> dict[str, Json]:
    """The JSON Schema (2020-12) of a runbook; `specs` are the checks it offers, by default all.

    It says what one value can say: keys, types, ranges. What lies between values (unknown
    names, order, bounds that depend on others) only `loading` says.
    """
    definitions: dict[str, Json] = {}
    for struct in structs():
        definitions[struct.cls.__name__] = _struct(struct)
    _enrich_gate(definitions["GateCheck"], specs if specs is not None else available())
    return {
        "$schema": DIALECT,
        "title": "cutover runbook",
        "$ref": f"#/$defs/{Runbook.__name__}",
        "$defs": definitions,
    }


def structs() -> list[model.StructType]:
    """The structs of the model, each once, in the order in which a runbook shows them."""
    found: dict[type, model.StructType] = {}
    queue: list[model.Type] = [model.type_info(Runbook)]
    for wanted in queue:
        if isinstance(wanted, model.StructType):
            if wanted.cls in found:
                continue
            found[wanted.cls] = wanted
        queue.extend(_inner(wanted))
    return list(found.values())


def reference(specs: Mapping[str, CheckSpec] | None = None) -> str:
    """Markdown tables of every key and every check, as `docs/runbook.md` holds them."""
    lines: list[str] = []
    for struct in structs():
        lines += ["", f"### {struct.cls.__name__}", "", (struct.cls.__doc__ or "").split("\n\n")[0], ""]
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        for field in struct.fields:
            default = "**required**" if field.required else _code(_default(field))
            said = meaning(struct.cls, field.encode_name)
            lines.append(f"| `{field.encode_name}` | {_words(field.type)} | {default} | {said} |")
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


def _inner(wanted: model.Type) -> Iterator[model.Type]:
    match wanted:
        case model.StructType():
            yield from (field.type for field in wanted.fields)
        case model.Metadata():
            yield wanted.type
        case model.VarTupleType():
            yield wanted.item_type
        case model.DictType():
            yield wanted.value_type
        case model.UnionType():
            yield from wanted.types
        case _:
            pass


def _struct(struct: model.StructType) -> dict[str, Json]:
    properties: dict[str, Json] = {}
    for field in struct.fields:
        described = _type(field.type)
        if said := meaning(struct.cls, field.encode_name):
            described["description"] = said
        default = _default(field)
        if default is not None and not field.required:
            described["default"] = default
        if struct.cls is Window:
            described["anyOf" if "anyOf" in described else "pattern"] = (
                [{"type": "string", "pattern": timestamps.PATTERN}, {"type": "null"}]
                if "anyOf" in described
                else timestamps.PATTERN
            )
        properties[field.encode_name] = described
    out: dict[str, Json] = {
        "type": "object",
        "description": (struct.cls.__doc__ or "").strip(),
        "properties": properties,
        "additionalProperties": False,
    }
    if required := [f.encode_name for f in struct.fields if f.required]:
        out["required"] = list(required)
    return out


def _type(wanted: model.Type) -> dict[str, Json]:
    match wanted:
        case model.Metadata():
            inner = _type(wanted.type)
            inner.update({key: str(value) for key, value in (wanted.extra_json_schema or {}).items()})
            return inner
        case model.StructType():
            return {"$ref": f"#/$defs/{wanted.cls.__name__}"}
        case model.UnionType():
            return {"anyOf": [_type(choice) for choice in wanted.types]}
        case model.VarTupleType():
            return _given(type="array", items=_type(wanted.item_type), minItems=wanted.min_length)
        case model.DictType():
            names = _type(wanted.key_type)
            return {
                "type": "object",
                "propertyNames": names,
                "additionalProperties": _type(wanted.value_type),
            }
        case model.StrType():
            return _given(type="string", pattern=wanted.pattern, maxLength=wanted.max_length)
        case model.IntType():
            return _given(type="integer", minimum=wanted.ge, maximum=wanted.le)
        case model.BoolType():
            return {"type": "boolean"}
        case model.NoneType():
            return {"type": "null"}
        case model.LiteralType():
            return {"enum": list(wanted.values)}
        case model.EnumType():
            return {"enum": [str(member.value) for member in wanted.cls]}
        case model.CustomType() if wanted.cls is Duration:
            return _duration()
        case model.AnyType():
            return {"type": ["string", "integer", "boolean"]}
        case _:
            raise TypeError(f"the model uses {type(wanted).__name__}, which the schema cannot say yet")


def _duration() -> dict[str, Json]:
    return {"type": "string", "pattern": durations.PATTERN, "examples": ["90s", "10min", "1h30min"]}


def _given(**keys: Json) -> dict[str, Json]:
    return {key: value for key, value in keys.items() if value is not None}


def _default(field: model.Field) -> Json:
    """The default as a runbook would write it; None where there is nothing to show."""
    if field.default_factory is not msgspec.NODEFAULT or field.default is msgspec.NODEFAULT:
        return None
    value = field.default
    if isinstance(value, Duration):
        return format_duration(value)
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value if isinstance(value, str | int | bool) else None


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
            out = _duration()
            out["default"] = format_duration(int(param.default))
        case "int":
            out = _given(type="integer", minimum=param.lowest, maximum=param.highest, default=param.default)
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


def _words(wanted: model.Type) -> str:
    """A type as the reference names it."""
    match wanted:
        case model.Metadata():
            said = (wanted.extra_json_schema or {}).get("description")
            return str(said) if said else _words(wanted.type)
        case model.StructType():
            return f"[{wanted.cls.__name__}](#{wanted.cls.__name__.lower()})"
        case model.UnionType():
            return " or ".join(_words(t) for t in wanted.types if not isinstance(t, model.NoneType))
        case model.VarTupleType():
            return f"list of {_words(wanted.item_type)}"
        case model.DictType():
            return f"{_words(wanted.key_type)} → {_words(wanted.value_type)}"
        case model.IntType():
            return (
                f"{wanted.ge} to {wanted.le}" if wanted.ge is not None and wanted.le is not None else "number"
            )
        case model.BoolType():
            return "true, false"
        case model.LiteralType():
            return ", ".join(f"`{value}`" for value in wanted.values)
        case model.EnumType():
            return ", ".join(f"`{member.value}`" for member in wanted.cls)
        case model.CustomType():
            return "duration"
        case model.AnyType():
            return "value"
        case _:
            return "text"


def _code(value: Json) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(str(item) for item in value)}]`"
    return f"`{value}`"
