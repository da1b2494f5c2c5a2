"""The documents say what the program has: checks, codes, commands, options, keys, variables, paths."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutover_tui.cli import arguments, outcome
from cutover_tui.core.checks.registry import CHECKS, READER_FAMILY
from cutover_tui.engine.readers import ALL
from screens.app import CutoverApp
from screens.clock import ClockScreen
from screens.overview import StepsTable
from screens.step import StepScreen

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CHECKS_PAGE = ROOT / "docs" / "checks.md"
PAGES = sorted((README, ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")))
SOURCES = sorted(p for top in ("cutover_tui", "screens", "probes") for p in (ROOT / top).rglob("*.py"))


def test_the_page_of_checks_is_what_the_checks_say() -> None:
    spec = importlib.util.spec_from_file_location("make_checks", ROOT / "docs" / "make_checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if os.environ.get("UPDATE_DOCS"):
        CHECKS_PAGE.write_text(module.render())
    assert CHECKS_PAGE.read_text() == module.render(), "run python docs/make_checks.py"


def test_every_check_is_documented_with_its_question() -> None:
    page, readme = CHECKS_PAGE.read_text(), README.read_text()
    for name in CHECKS:
        assert f"\n## `{name}`\n" in page
        assert f"| `{name}` |" in readme, "README says what each check rests on"


def test_every_reason_code_is_documented() -> None:
    page = CHECKS_PAGE.read_text()
    codes = {code for path in (ROOT / "cutover_tui/core/checks").rglob("*.py") for code in _codes(path)}
    assert len(codes) > 30
    assert [code for code in sorted(codes) if f"| `{code}` |" not in page] == []


def test_every_reader_is_documented() -> None:
    page = CHECKS_PAGE.read_text()
    names = {reader.name for reader in ALL}
    assert names == set(READER_FAMILY)
    assert [name for name in sorted(names) if f"| `{name}` |" not in page] == []


def test_every_command_and_option_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    readme = README.read_text()
    for command in _commands(capsys):
        assert re.search(rf"(cutover |`|, ){command}\b", readme), command
        row = next((line for line in readme.splitlines() if re.match(rf"\| .*`{command}\b", line)), "")
        for option in set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", _help(capsys, command))) - {"-h", "--help"}:
            assert option in row, (command, option)


def test_documents_name_no_command_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    known = {*_commands(capsys), "--version"}
    for page in PAGES:
        text = page.read_text()
        named = set(re.findall(r"^cutover (\S+)", text, re.MULTILINE))
        named |= set(re.findall(r"`cutover ([^\s`]+)", text))
        assert named <= known, (page.name, named - known)


def test_every_exit_code_is_documented() -> None:
    readme = README.read_text()
    for code in (outcome.OPEN, outcome.REFUSED, outcome.BAD_INPUT, outcome.UNKNOWN):
        assert re.search(rf"^\| {code} \| ", readme, re.MULTILINE)


def test_every_environment_variable_is_documented() -> None:
    names = {name for path in SOURCES for name in _variables(path)} - {"TERM", "TMUX"}
    assert {"CUTOVER_STATE", "NO_COLOR"} <= names
    readme = README.read_text()
    assert [name for name in sorted(names) if not re.search(rf"`\$?{name}\b", readme)] == []


def test_every_key_is_documented() -> None:
    readme = README.read_text()
    table = "\n".join(line.lower() for line in readme.splitlines() if line.startswith("| "))
    spoken = {
        "question_mark": "?",
        "f1": "f1",
        "comma": ",",
        "full_stop": ".",
        "left_square_bracket": "[",
        "right_square_bracket": "]",
        "plus": "+",
        "minus": "-",
        "pageup": "pgup",
        "pagedown": "pgdn",
    }
    for screen in (CutoverApp, StepsTable, StepScreen, ClockScreen):
        for binding in screen.BINDINGS:
            assert not isinstance(binding, tuple)
            if "action-" in (binding.id or ""):
                continue  # the letters and F-keys of a runbook's actions
            for key in binding.key.split(","):
                if key != "equals_sign":
                    assert f"`{spoken.get(key, key)}`" in table, (screen.__name__, key)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:tests|docs|examples|probes|screens|cutover_tui|bench)/[\w/.-]+)`", page.read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def _codes(path: Path) -> Iterator[str]:
    """Literals given as reason code to `says.…`; failure kinds come from their own enum."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in ("fails", "unknown", "na") and node.args:
            yield from _literals(node.args[0])
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield from _literals(keyword.value)


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _variables(path: Path) -> Iterator[str]:
    """Names asked of an `environ`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Subscript):
            of, names = node.value, [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            of, names = node.func.value, node.args[:1]
        else:
            continue
        if ast.unparse(of) in ("environ", "os.environ"):
            for name in names:
                yield from _literals(name)


def _commands(capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = re.findall(r"^    (\w[\w-]*)  ", _help(capsys), re.MULTILINE)
    assert {"run", "check", "verify"} <= set(found)
    return found


def _help(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit):
        arguments.parse([*argv, "--help"])
    return capsys.readouterr().out


def _anchors(path: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
