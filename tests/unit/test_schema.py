"""The JSON Schema and the key reference say what the model says."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cutover_tui.core.runbook_file.keys import MEANING
from cutover_tui.core.schema import reference, schema, structs
from tests.unit.runbook_texts import SPECS, VALID

ROOT = Path(__file__).parents[2]
DOC = ROOT / "docs" / "runbook.md"
BEGIN, END = "<!-- reference: begin -->\n", "<!-- reference: end -->\n"
KNOWN_WORDS = {
    "$schema", "title", "$ref", "$defs", "type", "description", "properties", "additionalProperties", "required",
    "default", "anyOf", "allOf", "if", "then", "const", "enum", "items", "minItems", "propertyNames", "pattern",
    "maxLength", "minimum", "maximum", "examples",
}  # fmt: skip
TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Yaml12(yaml.SafeLoader):
    """As editors read YAML: a timestamp is text."""


Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if "timestamp" not in tag]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def of_type(value: object, name: str) -> bool:
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def complaints(value: Any, rule: Any, root: dict[str, Any], at: str = "$") -> list[str]:
    """What JSON Schema (the words we use, with their meaning in draft 2020-12) says against a value."""
    if isinstance(rule, bool):
        return [] if rule else [f"{at}: not allowed"]
    assert set(rule) <= KNOWN_WORDS, set(rule) - KNOWN_WORDS
    out: list[str] = []
    if "$ref" in rule:
        out += complaints(value, root["$defs"][rule["$ref"].removeprefix("#/$defs/")], root, at)
    if "type" in rule:
        names = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        if not any(of_type(value, name) for name in names):
            return [*out, f"{at}: not {rule['type']}"]
    if "enum" in rule and value not in rule["enum"]:
        out.append(f"{at}: not in enum")
    if "const" in rule and value != rule["const"]:
        out.append(f"{at}: not const")
    if "anyOf" in rule and all(complaints(value, one, root, at) for one in rule["anyOf"]):
        out.append(f"{at}: none of anyOf")
    for one in rule.get("allOf", []):
        out += complaints(value, one, root, at)
    if "if" in rule and not complaints(value, rule["if"], root, at):
        out += complaints(value, rule["then"], root, at)
    if isinstance(value, str):
        if "pattern" in rule and not re.search(rule["pattern"], value, re.ASCII):
            out.append(f"{at}: pattern")
        if len(value) > rule.get("maxLength", len(value)):
            out.append(f"{at}: too long")
    if of_type(value, "integer") and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        out.append(f"{at}: range")
    if isinstance(value, list):
        if len(value) < rule.get("minItems", 0):
            out.append(f"{at}: too few")
        for n, item in enumerate(value):
            out += complaints(item, rule.get("items", True), root, f"{at}[{n}]")
    if isinstance(value, dict):
        out += [f"{at}: {key} missing" for key in rule.get("required", []) if key not in value]
        for key, item in value.items():
            out += complaints(key, rule.get("propertyNames", True), root, f"{at}.{key}")
            below = rule.get("properties", {}).get(key, rule.get("additionalProperties", True))
            out += complaints(item, below, root, f"{at}.{key}")
    return out


def check(text: str, specs=None) -> list[str]:
    made = schema(specs)
    return complaints(yaml.load(text, Loader=Yaml12), made, made)  # noqa: S506 - a SafeLoader


@pytest.mark.parametrize("name", ["minimal-time.yaml", "linux-web-tier.yaml"])
def test_the_examples_fit(name: str) -> None:
    assert check((ROOT / "examples" / name).read_text()) == []


def test_the_valid_runbook_fits() -> None:
    assert check(VALID, SPECS) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema: 1", "schema: 2"),
        ("title: Move", "tittle: Move"),
        ("id: CHG1", "id: 12345"),
        ("id: CHG1", "id: 'a b'"),
        ("22:00:00+01:00", "22:00:00"),
        ("platform: kvm", "platform: kvn"),
        ("soak: 2min", "soak: 120"),
        ("soak: 2min", "soak: 2m"),
        ("soak: 2min", "attempts: 2"),
        ("fail: 5s", "fial: 5s"),
        ("fail: 5s", "fail: 5"),
        ("check: time.reboot", "check: time.rebot"),
        ("check: time.reboot", "check: time.reboot\n            soak: 1min"),
        ("mark: true", "mark: 'yes'"),
        ("disturbs: [time]", "disturbs: [tme]"),
        ("{linux: systemctl reboot}", "{linus: x}"),
    ],
)
def test_what_loading_refuses_in_one_value_the_schema_refuses(old: str, new: str) -> None:
    assert old in VALID
    text = VALID.replace(old, new, 1)
    assert check(text, SPECS)


def test_every_object_is_closed() -> None:
    made = json.loads(json.dumps(schema()))
    for name, one in made["$defs"].items():
        assert one["additionalProperties"] is False, name
        assert one["description"], name
        assert all(p.get("description") for p in one["properties"].values()), name


def test_the_schema_is_a_new_value_each_time() -> None:
    first = schema()
    kept = copy.deepcopy(first)
    first["$defs"] = None
    assert schema() == kept


def test_every_key_has_its_sentence_and_no_sentence_is_left_over() -> None:
    model = {s.cls: {f.encode_name for f in s.fields} for s in structs()}
    assert {cls: set(keys) for cls, keys in MEANING.items()} == model


def test_the_reference_in_the_docs_is_the_models() -> None:
    text = DOC.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    whole = f"{before}{BEGIN}\n{reference()}\n{END}{after}"
    if os.environ.get("UPDATE_DOCS"):
        DOC.write_text(whole)
    assert DOC.read_text() == whole, "run UPDATE_DOCS=1 pytest tests/unit/test_schema.py"


def test_the_docs_name_every_key() -> None:
    text = DOC.read_text()
    for struct in structs():
        section = text.partition(f"### {struct.cls.__name__}\n")[2].partition("\n### ")[0]
        missing = [f.encode_name for f in struct.fields if f"| `{f.encode_name}` |" not in section]
        assert not missing, (struct.cls.__name__, missing)
