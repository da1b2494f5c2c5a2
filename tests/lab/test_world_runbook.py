"""What is wrong with a world's runbook is told before anything is played, at the line where somebody wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover_tui.cli import main
from cutover_tui.core.loading import load_text
from cutover_tui.lab.drill.runbooks import direct, fill
from cutover_tui.lab.world.build import build
from cutover_tui.lab.world_file.loading import WorldError, load_world_text
from cutover_tui.lab.world_file.runbook import runbook_text
from tests.lab.bench import NOON

WORLD = """\
world: 1
title: a runbook of its own
references: [{name: ntp1}, {name: ntp2}, {name: dc1, controller: true}]
guests: [{name: app01, time: {chrony: {}}}]
runbook: {book}
expect: {outcome: allowed}
"""
BOOK = """\
schema: 1
change: {id: CHG, title: A move}
domain: {site: Berlin}
hosts:
  - name: app01
phases:
  - id: only
    title: Only
    steps:
      - id: look
        title: Look
        gate:
          - check: time.offset
            soak: 1min
"""


def complaints(text: str, directory: Path) -> list[str]:
    try:
        load_world_text(text, str(directory / "w.yaml"), directory)
    except WorldError as error:
        return [str(one).replace(f"{directory}/", "") for one in error.errors]
    return []


def beside(book: str, directory: Path) -> list[str]:
    (directory / "book.yaml").write_text(book, encoding="utf-8")
    return complaints(WORLD.replace("{book}", "book.yaml"), directory)


def within(book: str, directory: Path, style: str = "|") -> list[str]:
    text = style + "\n" + "".join(f"  {line}\n" for line in book.splitlines())
    return complaints(WORLD.replace("{book}\n", text), directory)


def test_a_runbook_may_leave_out_what_the_world_fills_in(tmp_path: Path) -> None:
    assert beside(BOOK, tmp_path) == within(BOOK, tmp_path) == []
    loaded = load_world_text(WORLD.replace("{book}", "book.yaml"), "w.yaml", tmp_path)
    world = build(loaded.spec, NOON)
    text = fill(runbook_text(loaded.spec, tmp_path), world, direct(world), NOON)
    domain = load_text(text, "book").runbook.domain
    assert (domain.references, domain.controllers) == (("ntp1", "ntp2"), ("dc1",))


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ("title: Only", "titel: Only", 8, "unknown key `titel`"),
        ("title: Look", "title: Look\n        title: Again", 12, "key `title` stands twice"),
        ("soak: 1min", "soak: 1min\n            soak: 2min", 15, "key `soak` stands twice"),
        ("soak: 1min", "soak: soon", 14, "is `soon`"),
        ("time.offset", "time.ofset", 13, "`time.offset` (did you mean that?)"),
        ("title: Look", "title: [Look", 12, "YAML syntax"),
        ("schema: 1", "schema: 9", 1, "schema 9 is not supported"),
        ("title: A move", "title: !!int A move", 2, "tag `!!int`"),
        ("domain: {site: Berlin}", "domain:", 3, "`domain` is empty"),
        ("title: Look", "title: &a Look\n        <<: *a", 12, "merge key"),
    ],
)
def test_an_error_has_the_line_it_is_written_in(
    right: str, wrong: str, line: int, said: str, tmp_path: Path
) -> None:
    book = BOOK.replace(right, wrong)
    for told, at in ((beside(book, tmp_path), f"book.yaml:{line}: "), (within(book, tmp_path), "w.yaml:")):
        assert any(one.startswith(at) and said in one for one in told), told
    assert any(one.startswith(f"w.yaml:{5 + line}: ") for one in within(book, tmp_path))


def test_a_runbook_in_a_folded_text_is_told_at_its_key(tmp_path: Path) -> None:
    assert all(one.startswith("w.yaml:5: ") for one in within(BOOK, tmp_path, ">"))
    assert within(BOOK, tmp_path, ">")


def test_the_command_says_it_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.yaml").write_text(BOOK.replace("title: Only", "titel: Only"), encoding="utf-8")
    (tmp_path / "w.yaml").write_text(WORLD.replace("{book}", "book.yaml"), encoding="utf-8")
    assert main(["drill", str(tmp_path / "w.yaml")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/book.yaml:8: unknown key `titel`" in said
    assert "Traceback" not in said


def test_a_file_that_is_neither_world_nor_runbook_is_not_left_out_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "book.yaml").write_text(BOOK, encoding="utf-8")
    (tmp_path / "w.yaml").write_text(WORLD.replace("world: 1", "wolrd: 1"), encoding="utf-8")
    assert main(["drill", "--all", str(tmp_path)]) == 2
    assert f"{tmp_path}/w.yaml:1: unknown key `wolrd` in the world" in capsys.readouterr().err
