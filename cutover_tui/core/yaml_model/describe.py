"""JSON Schema of a file for editors, and the tables of its keys, from the model itself.

`msgspec.json.schema` cannot write defaults of custom types, and a default of `600000000000`
helps nobody who types `10min`; hence the walk over `msgspec.inspect`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec
from msgspec import inspect as model

from cutover_tui.core.yaml_model.language import Language

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def structs(root: type) -> list[model.StructType]:
    """The structs of a model, each once, in the order in which a file shows them."""
    found: dict[type, model.StructType] = {}
    queue: list[model.Type] = [model.type_info(root)]
    for wanted in queue:
        if isinstance(wanted, model.StructType):
            if wanted.cls in found:
                continue
            found[wanted.cls] = wanted
        queue.extend(_inner(wanted))
    return list(found.values())


class Description:
    """One model in the words of its language."""

    def __init__(self, root: type, language: Language) -> None:
        self._root, self._language = root, language

    def schema(self) -> dict[str, Json]:
        """The JSON Schema (2020-12): what one value can say, keys, types, ranges."""
        definitions: dict[str, Json] = {
            struct.cls.__name__: self._struct(struct) for struct in structs(self._root)
        }
        return {
            "$schema": DIALECT,
            "title": f"cutover {self._language.name}",
            "$ref": f"#/$defs/{self._root.__name__}",
            "$defs": definitions,
        }

    def tables(self) -> list[str]:
        """Markdown lines: a table of keys for every struct."""
        lines: list[str] = []
        for struct in structs(self._root):
            lines += ["", f"### {struct.cls.__name__}", "", (struct.cls.__doc__ or "").split("\n\n")[0], ""]
            lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
            for field in struct.fields:
                default = "**required**" if field.required else _code(self._default(field))
                said = self._language.meaning(struct.cls, field.encode_name)
                lines.append(f"| `{field.encode_name}` | {self._words(field.type)} | {default} | {said} |")
        return lines

    def amount(self, cls: type) -> dict[str, Json]:
        """A custom type of the model: text with a unit."""
        amount = self._language.amounts[cls]
        return {"type": "string", "pattern": amount.pattern, "examples": [*amount.examples]}

    def _struct(self, struct: model.StructType) -> dict[str, Json]:
        properties: dict[str, Json] = {}
        for field in struct.fields:
            described = self._type(field.type)
            if said := self._language.meaning(struct.cls, field.encode_name):
                described["description"] = said
            default = self._default(field)
            if default is not None and not field.required:
                described["default"] = default
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

    def _type(self, wanted: model.Type) -> dict[str, Json]:
        match wanted:
            case model.Metadata():
                inner = self._type(wanted.type)
                inner.update({key: str(value) for key, value in (wanted.extra_json_schema or {}).items()})
                return inner
            case model.StructType():
                return {"$ref": f"#/$defs/{wanted.cls.__name__}"}
            case model.UnionType():
                return {"anyOf": [self._type(choice) for choice in wanted.types]}
            case model.VarTupleType():
                return given(type="array", items=self._type(wanted.item_type), minItems=wanted.min_length)
            case model.DictType():
                names = self._type(wanted.key_type)
                return {
                    "type": "object",
                    "propertyNames": names,
                    "additionalProperties": self._type(wanted.value_type),
                }
            case model.StrType():
                return given(type="string", pattern=wanted.pattern, maxLength=wanted.max_length)
            case model.IntType():
                return given(type="integer", minimum=wanted.ge, maximum=wanted.le)
            case model.BoolType():
                return {"type": "boolean"}
            case model.NoneType():
                return {"type": "null"}
            case model.LiteralType():
                return {"enum": list(wanted.values)}
            case model.EnumType():
                return {"enum": [str(member.value) for member in wanted.cls]}
            case model.CustomType() if wanted.cls in self._language.amounts:
                return self.amount(wanted.cls)
            case model.AnyType():
                return {"type": ["string", "integer", "boolean"]}
            case _:
                raise TypeError(f"the model uses {type(wanted).__name__}, which the schema cannot say yet")

    def _default(self, field: model.Field) -> Json:
        """The default as a file would write it; None where there is nothing to show."""
        if field.default_factory is not msgspec.NODEFAULT or field.default is msgspec.NODEFAULT:
            return None
        value = field.default
        if type(value) in self._language.amounts:
            return self._language.amounts[type(value)].show(value)
        if isinstance(value, tuple):
            return [str(item) for item in value]
        return value if isinstance(value, str | int | bool) else None

    def _words(self, wanted: model.Type) -> str:
        """A type as the reference names it."""
        match wanted:
            case model.Metadata():
                said = (wanted.extra_json_schema or {}).get("description")
                return str(said) if said else self._words(wanted.type)
            case model.StructType():
                return f"[{wanted.cls.__name__}](#{wanted.cls.__name__.lower()})"
            case model.UnionType():
                return " or ".join(self._words(t) for t in wanted.types if not isinstance(t, model.NoneType))
            case model.VarTupleType():
                return f"list of {self._words(wanted.item_type)}"
            case model.DictType():
                return f"{self._words(wanted.key_type)} → {self._words(wanted.value_type)}"
            case model.IntType():
                return (
                    f"{wanted.ge} to {wanted.le}"
                    if wanted.ge is not None and wanted.le is not None
                    else "number"
                )
            case model.BoolType():
                return "true, false"
            case model.LiteralType():
                return ", ".join(f"`{value}`" for value in wanted.values)
            case model.EnumType():
                return ", ".join(f"`{member.value}`" for member in wanted.cls)
            case model.CustomType():
                return self._language.amounts[wanted.cls].word.removeprefix("a ").removeprefix("an ")
            case model.AnyType():
                return "value"
            case _:
                return "text"


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


def given(**keys: Json) -> dict[str, Json]:
    """The keys that have a value."""
    return {key: value for key, value in keys.items() if value is not None}


def _code(value: Json) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(str(item) for item in value)}]`"
    return f"`{value}`"
