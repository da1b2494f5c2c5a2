"""What a valid runbook becomes, and the file itself: bytes, YAML, lines."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cutover_tui.core.loading import BadRunbook, load, load_text
from cutover_tui.core.runbook import MINUTE, SECOND
from tests.unit.runbook_texts import SPECS, VALID, changed, errors, loaded

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def test_a_valid_runbook_is_whole() -> None:
    got = loaded(VALID)
    assert got.warnings == ()
    assert got.text == VALID.encode()
    assert got.digest == hashlib.sha256(VALID.encode()).hexdigest()
    first = got.runbook.step("first")
    assert first is not None
    assert first.gate[0].soak == 2 * MINUTE
    assert first.gate[0].params == {"warn": SECOND, "fail": 5 * SECOND}
    assert {type(v) for v in first.gate[0].params.values()} == {int}
    assert got.runbook.step("back") is not None
    assert got.runbook.hosts[0].credential == "ops"


def test_lines_name_the_place_of_every_value() -> None:
    lines = loaded(VALID).lines
    text = VALID.splitlines()
    assert "check: time.offset" in text[lines["phases[0].steps[0].gate[0].check"] - 1]
    assert "fail: 5s" in text[lines["phases[0].steps[0].gate[0].params.fail"] - 1]
    assert "- name: web1" in text[lines["hosts[0]"] - 1]
    assert "id: back" in text[lines["phases[0].steps[1].rollback[0].id"] - 1]
    assert lines[""] == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_the_examples_load_without_warnings(path: Path) -> None:
    assert load(path).warnings == ()


def test_the_examples_are_there() -> None:
    names = {"linux-domain-member.yaml", "linux-web-tier.yaml", "minimal-time.yaml"}
    assert {p.name for p in EXAMPLES} == names


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())
    got = load(file, specs=SPECS)
    assert got.digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert got.lines["change"] == 2


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file is empty; expected a runbook"),
        ("# only a comment\n---\n", 1, "the file is empty"),
        (b"schema: 1\n\xff", 2, "byte 0xff is not valid UTF-8"),
        (b"schema: 1\n\x00", 2, "control character U+0000"),
        ("schema: 1\nchange:\n\tid: x\n", 3, "a tab is used for indentation; expected spaces"),
        ("schema: 1\ntitle: a: b\n", 2, "mapping values are not allowed here; expected quotes"),
        ("schema: [1\n", 2, "YAML syntax"),
        ("a: 'x\n", 2, "unexpected end of stream; expected a closing quote"),
        ("a: *nowhere\n", 1, "`*nowhere` has no anchor"),
        ("a: &a [*a]\n", 1, "stands inside its own anchor"),
        ("schema: 1\n---\nschema: 1\n", 2, "a second document begins"),
        ("x" * (1 << 20) + "y", 1, "larger than 1 MiB"),
        ("a: " + "[" * 60 + "]" * 60, 1, "nested deeper than 40 levels"),
        ("- " * 60, 1, "nested deeper than 40 levels"),
        ("%YAML 3.0\n---\na: 1\n", 1, "incompatible YAML document"),
        ('a: "\\U99999999"\n', 1, "not YAML"),
        ("- schema\n", 1, "the runbook is a list; expected a mapping with `schema`"),
        ("just words\n", 1, "the runbook is `just words`, text"),
    ],
)
def test_what_is_no_yaml_of_ours_is_one_line(text: str | bytes, line: int, words: str) -> None:
    (only,) = errors(text)
    assert only.startswith(f"rb.yaml:{line}: ")
    assert words in only
    assert "; expected " in only


def test_a_string_with_lone_surrogates() -> None:
    assert len(errors("a: \ud800")) == 1
    assert len(errors("a: \udcff")) == 1


def test_an_alias_bomb_is_bounded() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    (only,) = errors(bomb)
    assert "more than 100000 values (aliases expanded)" in only


def test_an_alias_ladder_is_not_deep_by_stealth() -> None:
    ladder = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    (only,) = errors(ladder)
    assert "nested deeper" in only


def test_an_alias_stands_for_its_value_and_keeps_its_line() -> None:
    text = changed("gate:\n          - check: time.offset", "gate: &gate\n          - check: time.offset")
    text = text.replace("        mark: true\n", "        mark: true\n        gate: *gate\n")
    got = loaded(text)
    first, second = got.runbook.phases[0].steps[:2]
    assert first.gate == second.gate
    assert got.lines["phases[0].steps[1].gate[0].soak"] == got.lines["phases[0].steps[0].gate[0].soak"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p, "Is a directory"),
        (lambda p: p / "absent.yaml", "No such file"),
        (lambda p: "nul\0byte", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, make, words: str) -> None:
    with pytest.raises(BadRunbook) as caught:
        load(make(tmp_path))
    assert words in str(caught.value)
    assert "\0" not in str(caught.value)


def test_escape_sequences_of_the_file_stay_out_of_the_error() -> None:
    text = changed("title: Move", 'title: "\\e[31mMove"').replace(
        "platform: kvm", 'platform: "\\e]0;x\\a\\u202e"'
    )
    lines = errors(text)
    assert len(lines) == 2
    assert not any(c in "".join(lines) for c in "\x1b\x07\u202e")
    with pytest.raises(BadRunbook) as caught:
        load_text("", "\x1b[2Jx.yaml", specs=SPECS)
    assert "\x1b" not in str(caught.value)


def test_another_schema_number_is_told_alone() -> None:
    (only,) = errors(changed("schema: 1", "schema: 2").replace("title: Move", "tittle: Move"))
    assert only == "rb.yaml:1: schema 2 is not supported; expected `schema: 1`"


def test_all_errors_come_at_once_in_the_order_of_lines() -> None:
    text = (
        VALID.replace("title: Move", "tittle: Move")
        .replace("platform: kvm", "platform: kvn")
        .replace("credential: ops", "credential: opps")
        .replace("soak: 2min", "soak: 10")
        .replace("[first]", "[frist]")
        .replace("key: g", "key: G")
    )
    got = errors(text)
    numbers = [int(line.split(":")[1]) for line in got]
    assert numbers == sorted(numbers)
    assert len(got) == 7  # the typo in `title` is an unknown key and a missing one
    assert all(line.startswith("rb.yaml:") and "; expected " in line for line in got)


def test_core_reads_no_clock_and_opens_no_socket() -> None:
    root = Path(__file__).parents[2] / "cutover_tui" / "core"
    for file in (
        *(root / "runbook_file").glob("*.py"),
        *(root / "yaml_model").glob("*.py"),
        root / "loading.py",
        root / "schema.py",
    ):
        words = file.read_text()
        assert not any(f"import {name}\n" in words for name in ("asyncio", "socket", "time")), file
