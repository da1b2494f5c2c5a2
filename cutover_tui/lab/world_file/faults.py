"""What is wrong with the runbook of a world, at the lines it is written in.

When a world is played its runbook is filled in and written anew (`cutover_tui.lab.drill.runbooks`): there
a key that stands twice is gone, and every line is another one. So the text as it is written is judged, with what
will be filled in hung beside it.
"""

from __future__ import annotations

from collections.abc import Mapping as Names
from collections.abc import Sequence as Items
from dataclasses import dataclass
from functools import lru_cache

from cutover_tui.core.loading import shape
from cutover_tui.core.runbook_file.keys import RUNBOOK
from cutover_tui.core.yaml_model.problem import BadRunbook, Problem, Problems
from cutover_tui.core.yaml_model.yaml_marks import Mapping, Node, NotYaml, Scalar, Sequence, decode, read

Value = str | Items["Value"] | Names[str, "Value"]


@dataclass(frozen=True, slots=True)
class Filling:
    """What a world puts into a runbook: the names of its guests, references and controllers, and its realm."""

    guests: tuple[str, ...]
    references: tuple[str, ...]
    controllers: tuple[str, ...]
    realm: str | None

    def value(self) -> Names[str, Value]:
        """The same as the runbook's keys; addresses and times only stand for those of the play."""
        times = ("2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z", "2026-01-01T03:00:00Z")
        window = dict(zip(("start", "end", "rollback_until"), times, strict=True))
        domain: dict[str, Value] = {"references": self.references, "controllers": self.controllers}
        if self.realm is not None:
            domain |= {"realm": self.realm, "site": "Default-First-Site-Name"}
        return {
            "change": {"id": "DRILL", "title": "A drill", "window": window},
            "source": {"platform": "vmware"},
            "target": {"platform": "ahv"},
            "domain": domain,
            "hosts": [self.host(name) for name in self.guests],
        }

    def host(self, name: str) -> Names[str, str]:
        """What a guest gets as a host, also where the runbook names its hosts itself."""
        return {"name": name, "address": name, "user": "ops"} if name in self.guests else {}


@lru_cache(maxsize=32)
def faults(text: str, filling: Filling, file: str) -> tuple[Problem, ...]:
    """Every error of a runbook's text in the order of its lines; `file` is how they call it."""
    problems = Problems(file)
    try:
        root, tags = read(decode(text.encode("utf-8", "surrogateescape")), RUNBOOK.name, RUNBOOK.begins)
    except NotYaml as error:
        return (error.problem(problems.file),)
    problems.errors.extend(tag.problem(problems.file) for tag in tags)
    _hang(root, _node(filling.value(), root.line))
    for host in _items(root, "hosts"):
        _hang(host, _node(filling.host(_name(host)), host.line))
    try:
        shape(root, problems)
    except BadRunbook as error:  # another format: that alone
        return error.errors
    return tuple(sorted(dict.fromkeys(problems.errors), key=lambda p: p.line))


def _hang(own: Node, more: Node) -> None:
    """Put the entries of `more` that `own` lacks beside those it has."""
    if not isinstance(own, Mapping) or not isinstance(more, Mapping):
        return
    had = {key.text: value for key, value in own.entries if isinstance(key, Scalar)}
    for key, value in more.entries:
        found = had.get(key.text) if isinstance(key, Scalar) else None
        if found is None:
            own.entries.append((key, value))
        else:
            _hang(found, value)


def _items(root: Node, key: str) -> list[Node]:
    entries = root.entries if isinstance(root, Mapping) else []
    return [
        item
        for name, value in entries
        if isinstance(name, Scalar) and name.text == key and isinstance(value, Sequence)
        for item in value.items
    ]


def _name(host: Node) -> str:
    entries = host.entries if isinstance(host, Mapping) else []
    names = (
        v.text for k, v in entries if isinstance(k, Scalar) and k.text == "name" and isinstance(v, Scalar)
    )
    return next(names, "")


def _node(value: Value, line: int) -> Node:
    match value:
        case str():
            return Scalar(line, text=value)
        case Names():
            return Mapping(line, entries=[(Scalar(line, text=k), _node(v, line)) for k, v in value.items()])
        case _:
            return Sequence(line, items=[_node(one, line) for one in value])
