"""The model's shape held against the nodes of a file: keys, types, ranges, every error at once.

Directed by `msgspec.inspect` over the model itself, so that a new key needs no change here.
"""

from __future__ import annotations

import re
from typing import NoReturn

from msgspec import inspect as model

from cutover_tui.core.yaml_model import scalars
from cutover_tui.core.yaml_model.language import Amount, Language
from cutover_tui.core.yaml_model.part import Part, Value
from cutover_tui.core.yaml_model.problem import Problems, did_you_mean, one_of, shown
from cutover_tui.core.yaml_model.problem import place as place_in
from cutover_tui.core.yaml_model.yaml_marks import Mapping, Node, Scalar, Sequence

_SECRETS = frozenset({"password", "passphrase", "passwd", "secret", "token", "pin"})
# Bidi controls too: a command must run as it reads.
_TEXT_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Shaper:
    """Turns nodes into parts and collects what is wrong on the way."""

    def __init__(self, problems: Problems, language: Language) -> None:
        self._report = problems.error
        self._language = language

    def _place(self, path: str) -> str:
        return place_in(path, self._language.name)

    def shape(self, node: Node, cls: type) -> Part | None:
        """The root node as the given struct; None when it is not even a mapping."""
        return self._value(node, model.type_info(cls), "", node.line)

    def _value(self, node: Node, wanted: model.Type, path: str, line: int) -> Part | None:
        match wanted:
            case model.Metadata():
                return self._described(node, wanted, path, line)
            case model.UnionType():
                return self._union(node, wanted, path, line)
            case model.StructType():
                return self._struct(node, wanted, path, line)
            case model.DictType():
                return self._dict(node, wanted, path, line)
            case model.VarTupleType():
                return self._list(node, wanted, path, line)
            case model.AnyType():
                return self._any(node, path, line)
            case _:
                return self._scalar(node, wanted, path, line)

    def _described(self, node: Node, wanted: model.Metadata, path: str, line: int) -> Part | None:
        inner = wanted.type
        words = (wanted.extra_json_schema or {}).get("description", "")
        if isinstance(inner, model.StrType) and isinstance(node, Scalar) and words:
            return self._text(node, inner, path, line, words)
        return self._value(node, inner, path, line)

    def _union(self, node: Node, wanted: model.UnionType, path: str, line: int) -> Part | None:
        choices = [t for t in wanted.types if not isinstance(t, model.NoneType)]
        if isinstance(node, Scalar) and scalars.kind(node) == "empty" and len(choices) < len(wanted.types):
            return Part(path, line)
        if len(choices) > 1:
            listed = isinstance(node, Sequence)
            choices = [t for t in choices if isinstance(t, model.VarTupleType) == listed] or choices
        return self._value(node, choices[0], path, line)

    def _struct(self, node: Node, wanted: model.StructType, path: str, line: int) -> Part | None:
        if not isinstance(node, Mapping):
            return self._wrong(node, path, line, "a mapping with " + _keys(wanted))
        fields = {f.encode_name: f for f in wanted.fields}
        part = Part(path, line, entries={})
        assert part.entries is not None  # noqa: S101 - for the type checker
        for key, at, child in self._entries(node, path):
            if key not in fields:
                self._unknown(key, at, path, wanted)
                continue
            value = self._value(child, fields[key].type, _join(path, key), at)
            if value is None:
                part.unread.add(key)
            else:
                part.entries[key] = value
        for name, f in fields.items():
            if f.required and name not in part.entries and name not in part.unread:
                self._report(
                    line,
                    f"required key `{name}` is missing in {self._place(path)}",
                    f"`{name}`: {self._language.meaning(wanted.cls, name) or 'a value'}",
                )
        return part

    def _unknown(self, key: str, line: int, path: str, wanted: model.StructType) -> None:
        if wanted.cls in self._language.secrets and key.lower() in _SECRETS:
            self._report(
                line,
                f"{shown(key)} would put a secret into the {self._language.name}",
                "no value: passwords are asked on the screen and kept in memory",
            )
            return
        hint = did_you_mean(key, [f.encode_name for f in wanted.fields])
        more = self._language.hint(wanted.cls, key)
        hint += f" ({more})" if more else ""
        self._report(line, f"unknown key {shown(key)} in {self._place(path)}", hint)

    def _entries(self, node: Mapping, path: str) -> list[tuple[str, int, Node]]:
        """Key, its line, value; duplicates and keys that are no text reported and left out."""
        first: dict[str, int] = {}
        kept: list[tuple[str, int, Node]] = []
        for key, value in node.entries:
            if not isinstance(key, Scalar):
                self._report(key.line, f"a key in {self._place(path)} is not a text", "a plain word as key")
                continue
            if key.plain and key.text == "<<":
                self._report(
                    key.line,
                    "merge key `<<` is not supported",
                    "the keys written out, or an alias as a value",
                )
                continue
            if scalars.kind(key) not in ("text", "a boolean"):
                what = "empty" if scalars.kind(key) == "empty" else f"{shown(key.text)}, {scalars.kind(key)}"
                self._report(key.line, f"a key in {self._place(path)} is {what}", "a text (quote it)")
                continue
            if key.text in first:
                self._report(
                    key.line,
                    f"key {shown(key.text)} stands twice in {self._place(path)}",
                    f"one (the first is in line {first[key.text]})",
                )
                continue
            first[key.text] = key.line
            kept.append((key.text, key.line, value))
        return kept

    def _dict(self, node: Node, wanted: model.DictType, path: str, line: int) -> Part | None:
        if not isinstance(node, Mapping):
            return self._wrong(node, path, line, "a mapping of names to values")
        part = Part(path, line, entries={})
        assert part.entries is not None  # noqa: S101
        for key, at, child in self._entries(node, path):
            if isinstance(wanted.key_type, model.LiteralType) and key not in wanted.key_type.values:
                words = [str(v) for v in wanted.key_type.values]
                self._report(at, f"unknown key {shown(key)} in {self._place(path)}", did_you_mean(key, words))
                continue
            value = self._value(child, wanted.value_type, _join(path, key), at)
            if value is None:
                part.unread.add(key)
            else:
                part.entries[key] = value
        return part

    def _list(self, node: Node, wanted: model.VarTupleType, path: str, line: int) -> Part | None:
        if not isinstance(node, Sequence):
            return self._wrong(node, path, line, "a list (one `- ` item a line, or [a, b])")
        if len(node.items) < (wanted.min_length or 0):
            self._report(line, f"{self._place(path)} is an empty list", "at least one item")
        items = (
            self._value(child, wanted.item_type, f"{path}[{n}]", child.line)
            for n, child in enumerate(node.items)
        )
        return Part(path, line, items=[item for item in items if item is not None])

    def _any(self, node: Node, path: str, line: int) -> Part | None:
        if isinstance(node, Scalar):
            return self._checked_text(node, path, line, scalars.free(node))
        return self._wrong(node, path, line, "a single value")

    def _scalar(self, node: Node, wanted: model.Type, path: str, line: int) -> Part | None:
        match wanted:
            case model.StrType():
                expected = "a text"
            case model.IntType():
                expected = "a number"
            case model.BoolType():
                expected = "true or false"
            case model.LiteralType():
                expected = one_of(str(v) for v in wanted.values)
            case model.EnumType():
                expected = one_of(str(v.value) for v in wanted.cls)
            case model.CustomType():
                expected = self._amount(wanted).expected
            case _:
                _unforeseen(wanted)
        if not isinstance(node, Scalar) or scalars.kind(node) == "empty":
            return self._wrong(node, path, line, expected)
        match wanted:
            case model.StrType():
                return self._text(node, wanted, path, line, expected)
            case model.IntType():
                return self._integer(node, wanted, path, line)
            case model.BoolType():
                answer = scalars.boolean(node)
                return self._wrong(node, path, line, expected) if answer is None else Part(path, line, answer)
            case model.CustomType():
                return self._number(node, self._amount(wanted), path, line)
            case model.EnumType():
                return self._choice(node, [str(v.value) for v in wanted.cls], path, line)
            case _:
                return self._literal(node, wanted, path, line)

    def _literal(self, node: Scalar, wanted: model.Type, path: str, line: int) -> Part | None:
        assert isinstance(wanted, model.LiteralType)  # noqa: S101 - the only one left
        if all(isinstance(v, int) for v in wanted.values):
            number = scalars.integer(node)
            if number in wanted.values:
                return Part(path, line, number)
            return self._wrong(node, path, line, one_of(str(v) for v in wanted.values))
        return self._choice(node, [str(v) for v in wanted.values], path, line)

    def _choice(self, node: Scalar, words: list[str], path: str, line: int) -> Part | None:
        if node.text in words:
            return Part(path, line, node.text)
        self._report(line, f"{self._place(path)} is {shown(node.text)}", did_you_mean(node.text, words))
        return None

    def _text(self, node: Scalar, wanted: model.StrType, path: str, line: int, expected: str) -> Part | None:
        seen = scalars.kind(node)
        if seen == "empty":
            return self._wrong(node, path, line, expected)
        if seen != "text":
            self._report(
                line,
                f"{self._place(path)} is {shown(node.text)}, {seen} in YAML",
                "a text: put quotes around it",
            )
            return None
        if wanted.max_length is not None and len(node.text) > wanted.max_length:
            self._report(
                line,
                f"{self._place(path)} has {len(node.text)} characters",
                f"at most {wanted.max_length} ({expected})",
            )
            return None
        if wanted.pattern is not None and not _matches(wanted.pattern, node.text):
            if expected == "a text":
                expected = f"a text like {wanted.pattern}"
            self._report(line, f"{self._place(path)} is {shown(node.text)}", expected)
            return None
        return self._checked_text(node, path, line, node.text)

    def _checked_text(self, node: Scalar, path: str, line: int, value: Value) -> Part | None:
        odd = _TEXT_CONTROL.search(node.text)
        if odd:
            self._report(
                line, f"{self._place(path)} has the control character U+{ord(odd[0]):04X}", "printable text"
            )
            return None
        return Part(path, line, value)

    def _integer(self, node: Scalar, wanted: model.IntType, path: str, line: int) -> Part | None:
        number = scalars.integer(node)
        low, high = wanted.ge, wanted.le
        span = (
            f"a whole number from {low} to {high}"
            if low is not None and high is not None
            else "a whole number"
        )
        if number is None:
            return self._wrong(node, path, line, span)
        if (low is not None and number < low) or (high is not None and number > high):
            self._report(line, f"{self._place(path)} is {number}", span)
            return None
        return Part(path, line, number)

    def _amount(self, wanted: model.CustomType) -> Amount:
        return self._language.amounts.get(wanted.cls) or _unforeseen(wanted)

    def _number(self, node: Scalar, amount: Amount, path: str, line: int) -> Part | None:
        try:
            number = amount.parse(node.text)
        except ValueError as error:
            self._report(line, f"{self._place(path)} is {shown(node.text)}, which {error}", amount.expected)
            return None
        if number == 0 and amount.above_zero:
            self._report(line, f"{self._place(path)} is {shown(node.text)}", f"{amount.word} longer than 0")
            return None
        return Part(path, line, number)

    def _wrong(self, node: Node, path: str, line: int, expected: str) -> Part | None:
        match node:
            case Scalar():
                seen = scalars.kind(node)
                what = "empty" if seen == "empty" else f"{shown(node.text)}, {seen}"
            case Sequence():
                what = "a list"
            case _:
                what = "a mapping"
        self._report(line, f"{self._place(path)} is {what}", expected)
        return None


def _matches(pattern: str, text: str) -> bool:
    """As JSON Schema means it, with `$` at the very end only."""
    return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None


def _keys(wanted: model.StructType) -> str:
    return ", ".join(f"`{f.encode_name}`" for f in wanted.fields if f.required) or "keys"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _unforeseen(wanted: model.Type) -> NoReturn:
    raise TypeError(f"the model uses {type(wanted).__name__}, which loading does not read yet")
