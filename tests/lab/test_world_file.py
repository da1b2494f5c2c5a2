"""World files: what is wrong is said with its line, and the schema and the page say what the model says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cutover_tui.core.loading import load_text
from cutover_tui.core.yaml_model.describe import structs
from cutover_tui.lab.drill.runbooks import direct, fill
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world_file import findings
from cutover_tui.lab.world_file.amounts import format_rate, format_span, parse_rate, parse_span
from cutover_tui.lab.world_file.book import step_table
from cutover_tui.lab.world_file.keys import MEANING
from cutover_tui.lab.world_file.loading import (
    WorldError,
    load_world,
    load_world_text,
    world_reference,
    world_schema,
)
from cutover_tui.lab.world_file.model import WorldFile
from cutover_tui.lab.world_file.runbook import plain_text, runbook_text, shipped_runbooks
from tests.lab.worlds import FIXTURES, NOON
from tests.unit.test_schema import Yaml12, complaints

WORLDS = sorted(FIXTURES.glob("*.yaml"))
DOC = Path(__file__).parents[2] / "docs" / "worlds.md"


class Yaml12Core(Yaml12):
    """In YAML 1.2 `on` is a word, and only true and false are booleans."""


Yaml12Core.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if "bool" not in tag]
    for first, known in Yaml12.yaml_implicit_resolvers.items()
}
Yaml12Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_a_fixture_loads_builds_fits_the_schema_and_has_a_runbook_that_loads(path: Path) -> None:
    loaded = load_world(path)
    schema = world_schema()
    assert complaints(yaml.load(path.read_text(), Loader=Yaml12Core), schema, schema) == []  # noqa: S506
    world = build(loaded.spec, NOON)
    book = load_text(fill(runbook_text(loaded.spec, loaded.directory), world, direct(world), NOON), "book")
    assert [host.name for host in book.runbook.hosts] == [guest.name for guest in loaded.spec.guests]
    moved = [guest.move.platform for guest in loaded.spec.guests if guest.move is not None]
    assert book.runbook.target.platform == moved[0]


ERRORS = """\
world: 1
title: many errors
bogus: 3
references: [{name: jump, clock: {rate: 5}}, {name: b, clock: {offset: 3}}]
guests:
  - {name: b, movee: 3, os: windows}
  - {name: c, os: alpine, time: {timesyncd: {}, chrony: {minpoll: 12}}}
events:
  - {on: time, nth: 3, id: x, do: [{block: {from: zz}, stun: {lasts: 0s}}]}
  - {on: mark, after: -1s, do: [{clock: {who: c}}, {reference: {name: q}}]}
runbook: nosuch.yaml
play: {pauses: [{step: a, host: nobody, lasts: 1min}]}
expect: {outcome: allowed, host: c}
naive: {outcome: allowed, step: x}
"""


def test_every_error_of_a_file_comes_with_its_line_in_one_run() -> None:
    with pytest.raises(WorldError) as caught:
        load_world_text(ERRORS, "w.yaml", FIXTURES)
    said = [str(error) for error in caught.value.errors]
    for line, words in (
        (3, "unknown key `bogus`"),
        (4, "name `jump` is taken"),
        (4, "`references[0].clock.rate` is `5`, which has no unit"),
        (4, "`references[1].clock.offset` is `3`, which has no unit"),
        (6, "name `b` is taken"),
        (6, "unknown key `movee` in `guests[0]`; expected `move`"),
        (6, "`guests[0].os` is `windows`"),
        (7, "`timesyncd` on alpine"),
        (7, "`minpoll` is above `maxpoll`"),
        (9, "`nth` in an event on `time`"),
        (9, "`id` in an event on `time`"),
        (9, "has 2 changes"),
        (9, "`events[0].do[0].block.from` is `zz`"),
        (9, "`events[0].do[0].stun.lasts` is `0s`"),
        (10, "`events[1].after` is `-1s`, which is negative"),
        (10, "a clock changes in no way"),
        (10, "`events[1].do[1].reference.name` is `q`"),
        (10, "a reference changes in no way"),
        (11, "runbook `nosuch.yaml` is not there"),
        (12, "`play.pauses[0].host` is `nobody`"),
        (13, "`host` of what is allowed"),
        (14, "`step` of what is allowed"),
    ):
        assert any(one.startswith(f"w.yaml:{line}: ") and words in one for one in said), (line, words, said)
    assert len(said) == 22, said
    assert all("; expected " in one for one in said)


@pytest.mark.parametrize(
    "text", ["", "- 1", "world: 1", "world: 2\ntitle: x", "a: [", "world: 1\n---\nworld: 1\n", "x: !!int 3"]
)
def test_what_is_no_world_is_an_error_with_a_line(text: str) -> None:
    with pytest.raises(WorldError, match=r"w\.yaml:\d+: .*; expected .*"):
        load_world_text(text, "w.yaml", FIXTURES)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(WorldError, match="cannot be read"):
        load_world(FIXTURES / "nosuch.yaml")


def test_no_key_without_its_sentence_and_no_sentence_without_its_key() -> None:
    keys = {s.cls: {f.encode_name for f in s.fields} for s in structs(WorldFile)}
    assert {cls: set(words) for cls, words in MEANING.items()} == keys
    assert all(said.strip() for words in MEANING.values() for said in words.values())


def shipped_books() -> str:
    parts = [f"### `{name}`\n\n{step_table(plain_text(name, FIXTURES))}" for name in shipped_runbooks()]
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("part", "made"),
    [("reference", world_reference), ("names", findings.table), ("runbooks", shipped_books)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_page_has_what_the_program_knows(part: str, made: Callable[[], str]) -> None:
    """Every key, every name of a finding, and the words of every shipped runbook."""
    page = DOC.read_text()
    begin, end = f"<!-- {part}: begin -->\n", f"<!-- {part}: end -->\n"
    before, rest = page.split(begin)
    whole = f"{before}{begin}{made()}{end}{rest.split(end)[1]}"
    if os.environ.get("UPDATE_DOCS"):
        DOC.write_text(whole)
    assert DOC.read_text() == whole, "run UPDATE_DOCS=1 pytest tests/lab/test_world_file.py"


def test_the_examples_of_the_page_load() -> None:
    blocks = [block.split("```")[0] for block in DOC.read_text().split("```yaml\n")[1:]]
    assert blocks
    for block in blocks:
        load_world_text(block, "example.yaml", FIXTURES)


@given(st.integers(-(10**16), 10**16))
def test_spans_are_read_back_as_written(ns: int) -> None:
    assert parse_span(format_span(ns)) == ns


@given(st.integers(-500_000_000, 500_000_000))
def test_rates_are_read_back_as_written(ppb: int) -> None:
    assert parse_rate(format_rate(ppb)) == ppb


def test_a_world_file_cannot_be_changed() -> None:
    spec = load_world(WORLDS[0]).spec
    with pytest.raises(AttributeError):
        spec.title = "x"  # type: ignore[misc]
    assert isinstance(spec, msgspec.Struct)
