"""A world as the text of its file: what is as the format's default is left out."""

from __future__ import annotations

import msgspec
import yaml

from cutover_tui.core.durations import format_duration
from cutover_tui.core.runbook import Duration
from cutover_tui.lab.world_file.amounts import Length, Rate, Span, format_rate, format_span
from cutover_tui.lab.world_file.model import WorldFile

_Plain = dict[str, "_Plain"] | list["_Plain"] | str | int | bool | None


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def world_text(spec: WorldFile) -> str:
    """Text that loads to the same world again."""
    return yaml.dump(_struct(spec), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _struct(value: msgspec.Struct) -> dict[str, _Plain]:
    found: dict[str, _Plain] = {}
    for field in msgspec.structs.fields(type(value)):
        one = getattr(value, field.name)
        if field.required or one != _default(field):
            found[field.encode_name] = _plain(one)
    return found


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _plain(value: object) -> _Plain:
    match value:
        case msgspec.Struct():
            return _struct(value)
        case tuple():
            return [_plain(one) for one in value]
        case Duration():
            return format_duration(value)
        case Rate():
            return format_rate(value)
        case Span() | Length():
            return format_span(value)
        case bool() | int() | str() | None:
            return value
    raise TypeError(f"{type(value)} in a world file")
