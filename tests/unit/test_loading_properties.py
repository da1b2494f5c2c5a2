"""Whatever a file holds: it loads, or every line of the refusal has a place. Never another exception."""

from __future__ import annotations

import copy
import re

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover_tui.core.loading import BadRunbook, load_text
from tests.unit.runbook_texts import SPECS, VALID

LINE = re.compile(r"rb\.yaml:[1-9]\d*: [^\n]+; expected [^\n]+")
TREE = yaml.safe_load(VALID)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        ["5s", "10", "1h30min", "first", "third", "web1", "time.offset", "~", "2026-03-14", "-x", "a:b"]
    ),
    st.dates(),
    st.binary(max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def places(tree: object, path: tuple = ()) -> list[tuple]:
    """Every path of a tree."""
    out = [path]
    if isinstance(tree, dict):
        for key, value in tree.items():
            out += places(value, (*path, key))
    elif isinstance(tree, list):
        for n, value in enumerate(tree):
            out += places(value, (*path, n))
    return out


def refusal(text: str | bytes) -> BadRunbook | None:
    """The refusal of a text, None when it loads; anything else comes through."""
    try:
        got = load_text(text, "rb.yaml", specs=SPECS)
    except BadRunbook as bad:
        return bad
    assert all(number >= 1 for number in got.lines.values())
    return None


def holds(text: str | bytes) -> None:
    bad = refusal(text)
    if bad is None:
        return
    lines = str(bad).split("\n")
    assert len(lines) == len(bad.errors) > 0
    count = len(re.split(rb"\r\n|\r|\n", text if isinstance(text, bytes) else text.encode()))
    for line, error in zip(lines, bad.errors, strict=True):
        assert LINE.fullmatch(line), line
        assert line.isprintable()
        assert error.line <= count


@settings(max_examples=100)
@given(st.data())
def test_a_mutated_runbook(data: st.DataObject) -> None:
    tree = copy.deepcopy(TREE)
    for _ in range(data.draw(st.integers(1, 3))):
        *above, last = data.draw(st.sampled_from(places(tree)[1:]))
        parent = tree
        for key in above:
            parent = parent[key]
        match data.draw(st.sampled_from(["delete", "replace", "rename", "copy"])):
            case "delete":
                del parent[last]
            case "replace":
                parent[last] = data.draw(VALUES)
            case "rename" if isinstance(parent, dict):
                parent[data.draw(SCALARS.filter(lambda v: v == v))] = parent.pop(last)
            case _ if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[last]))
        if not tree:
            break
    holds(yaml.safe_dump(tree, allow_unicode=data.draw(st.booleans()), sort_keys=False))


@settings(max_examples=100)
@given(st.data())
def test_a_mangled_text(data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(VALID)))
    end = data.draw(st.integers(begin, min(len(VALID), begin + 40)))
    put = data.draw(
        st.text(max_size=6)
        | st.sampled_from(["\t", "&a ", "*a", "!x ", "- ", "? ", "{", "]", "|\n", "%", "<<: "])
    )
    holds(VALID[:begin] + put + VALID[end:])


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_bytes(data: bytes) -> None:
    holds(data)
