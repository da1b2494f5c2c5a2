"""The table of reason codes is what the judging functions can say: derived from their source, both ways."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from cutover_tui.core.checks import check
from cutover_tui.core.checks.codes import CLOSING, READ_FAILURES, closing_codes
from cutover_tui.core.checks.kerberos import kerberos_words
from cutover_tui.core.checks.registry import CHECKS
from probes.observation import FailureKind

SAYS = {"fails", "unknown"}


def said(judge: Callable[..., object]) -> set[str]:
    """Every code a judge can refuse with: its own, and those of functions it hands its `says` to."""
    found: set[str] = set()
    todo: list[Callable[..., object]] = [judge]
    seen: set[Callable[..., object]] = set()
    while todo:
        function = todo.pop()
        if isinstance(function, partial):
            function = function.func
        if function in seen:
            continue
        seen.add(function)
        module = inspect.getmodule(function)
        assert module is not None
        for call in returned(function):
            if isinstance(call.func, ast.Attribute) and call.func.attr in SAYS:
                found |= set(literals(call.args[0]))
            if any(ast.unparse(arg) == "says" for arg in call.args):
                todo.append(called(module, call.func))
    return found


def returned(function: Callable[..., object]) -> Iterator[ast.Call]:
    """Calls whose result may be the finding; another check's that is only looked at is none of them."""
    nodes = list(ast.walk(ast.parse(inspect.getsource(function))))
    backs = [one for node in nodes if isinstance(node, ast.Return) and node.value for one in ways(node.value)]
    names = {back.id for back in backs if isinstance(back, ast.Name)}
    backs += [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id in names for t in node.targets)
    ]
    backs += [node.value for node in nodes if isinstance(node, ast.NamedExpr) and node.target.id in names]
    for back in backs:
        yield from (node for node in ast.walk(back) if isinstance(node, ast.Call))


def ways(node: ast.expr) -> list[ast.expr]:
    """What an expression may come to."""
    return [*ways(node.body), *ways(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def called(module: ModuleType, name: ast.expr) -> FunctionType:
    owner: object = module
    for part in ast.unparse(name).split("."):
        owner = getattr(owner, part)
    assert isinstance(owner, FunctionType), ast.unparse(name)
    return owner


def literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif ast.unparse(node) == "known.code":  # of a protocol error
        yield from (known.code for known in (*kerberos_words.MEANINGS.values(), kerberos_words.OTHER))
    else:
        # The kind of a reader's failure, in `no_facts`; nothing else may be a code nobody can list.
        assert "kind" in ast.unparse(node), ast.unparse(node)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_table_has_what_the_judge_says_and_no_more(name: str) -> None:
    found = said(CHECKS[name].judge)
    assert sorted(found - READ_FAILURES) == sorted(CLOSING[name])
    assert found <= set(closing_codes(name))


def test_what_a_reader_can_fail_with_is_a_code_of_every_check_that_reads() -> None:
    assert {"not-read", *FailureKind} == READ_FAILURES
    assert said(check.no_facts) <= READ_FAILURES
    assert "denied" in closing_codes("time.provider")
    assert "denied" not in closing_codes("time.jump-host")


def test_no_entry_without_its_check() -> None:
    assert set(CLOSING) == set(CHECKS)


def test_no_code_of_the_source_is_left_out() -> None:
    """The walk above follows calls; this does not, so that a new way of calling hides no code."""
    source = Path(check.__file__).parent
    calls = [
        n for p in source.rglob("*.py") for n in ast.walk(ast.parse(p.read_text())) if isinstance(n, ast.Call)
    ]
    says = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in SAYS]
    assert len(says) > 100
    known = {code for codes in CLOSING.values() for code in codes} | READ_FAILURES
    assert {code for call in says for code in literals(call.args[0])} - known == set()
