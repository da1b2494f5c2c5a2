"""find of GNU findutils 4.9: -name -path -type -maxdepth -mmin, `!`, `-o`, brackets, -exec with `;` and `+`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate

from cutover_tui.lab.machine.files import all_files
from cutover_tui.lab.machine.guest import File
from cutover_tui.lab.tools.call import Call, Out, Result, Running

_MINUTE = 60_000_000_000
Test = Callable[[str], "bool | tuple[str, ...]"]
"""What a primary says of a path: yes or no, or a command to run whose status says it."""


class _Bad(Exception):  # noqa: N818 - what find says of its arguments
    """find's complaint."""


@dataclass(slots=True)
class _Node:
    """`or` of `and`s of primaries; a node in brackets is a primary too."""

    choices: list[list[tuple[bool, Test | _Node]]] = field(default_factory=lambda: [[]])


@dataclass(slots=True)
class _Plan:
    starts: list[str]
    depth: int = 1 << 30
    node: _Node = field(default_factory=_Node)
    acts: bool = False
    collected: list[tuple[list[str], list[str]]] = field(default_factory=list)  # -exec … +


def find(call: Call) -> Result | Running:
    """Walk the named places and do what the expression says."""
    words = call.argv[1:]
    starts: list[str] = []
    while words and not words[0].startswith("-") and words[0] not in ("(", "!"):
        starts.append(words.pop(0))
    plan = _Plan(starts or ["."])
    try:
        plan.node = _Reader(call, words, plan).whole()
    except _Bad as bad:
        return Result(1, err=f"find: {bad}\n")
    return _walk(call, plan)


def _walk(call: Call, plan: _Plan) -> Running:
    files, failed = all_files(call.guest, call.now), 0
    for start in plan.starts:
        top = call.path(start)
        if top != "/dev/null" and call.read(top, files) in (2, 20):
            yield Out(2, f"find: {call.quote(start)}: No such file or directory\n")
            failed = 1
            continue
        for path in _below(top, files, plan.depth):
            shown = start + path[len(top) :]
            if (yield from _holds(call, plan.node, shown)) and not plan.acts:
                yield Out(1, f"{shown}\n")
    for command, paths in plan.collected:
        if paths:
            yield from _execute(call, [*command, *paths])
    return failed


def _below(top: str, files: dict[str, File], depth: int) -> Iterator[str]:
    """The place itself and what is under it, in the order of names."""
    found = {top}
    for name in files:
        if name.startswith(f"{top}/"):
            parts = name[len(top) + 1 :].rstrip("/").split("/")
            if parts != [""]:
                found |= {"/".join((top, *parts[:n])) for n in range(1, min(len(parts), depth) + 1)}
    yield from sorted(found)


def _holds(call: Call, node: _Node, path: str) -> Running:
    for choice in node.choices:
        held = True
        for wanted, part in choice:
            if isinstance(part, _Node):
                said = bool((yield from _holds(call, part, path)))
            else:
                answer = part(path)
                said = answer if isinstance(answer, bool) else (yield from _execute(call, [*answer])) == 0
            if said is not wanted:
                held = False
                break
        if held:
            return 1
    return 0


def _execute(call: Call, argv: list[str]) -> Running:
    running = call.start(argv, call.env)
    if running is None:
        yield Out(2, f"find: {call.quote(argv[0])}: No such file or directory\n")
        return 127
    return (yield from running)


class _Reader:
    """The expression, by recursive descent."""

    def __init__(self, call: Call, words: list[str], plan: _Plan) -> None:
        self._call, self._words, self._plan = call, words, plan

    def whole(self) -> _Node:
        node = self._or()
        if self._words:
            raise _Bad("invalid expression; you have too many ')'")
        return node

    def _or(self) -> _Node:
        node = _Node()
        while self._words and self._words[0] != ")":
            word = self._words.pop(0)
            if word in ("-o", "-or"):
                node.choices.append([])
            elif word not in ("-a", "-and"):
                wanted = True
                while word in ("!", "-not"):
                    wanted = not wanted
                    word = self._next(word)
                part = self._primary(word)
                if part is not None:
                    node.choices[-1].append((wanted, part))
        return node

    def _next(self, after: str) -> str:
        if not self._words:
            raise _Bad(f"missing argument to `{after}'")
        return self._words.pop(0)

    def _primary(self, word: str) -> Test | _Node | None:
        call = self._call
        match word:
            case "(":
                node = self._or()
                if not self._words:
                    raise _Bad(
                        "invalid expression; I was expecting to find a ')' somewhere but did not see one."
                    )
                self._words.pop(0)
                return node
            case "-maxdepth":
                self._plan.depth = int(self._next(word))
                return None
            case "-name" | "-path":
                wanted, last = re.compile(translate(self._next(word).replace("[^", "[!"))), word == "-name"
                return lambda path: bool(wanted.match(path.rpartition("/")[2] if last else path))
            case "-type":
                kind = self._next(word)
                return lambda path: _kind(call, path) == kind
            case "-mmin":
                return _minutes(call, self._next(word))
            case "-exec":
                return self._exec()
            case "-print":
                return None
        raise _Bad(
            f"unknown predicate `{word}'"
            if word.startswith("-")
            else f"paths must precede expression: `{word}'"
        )

    def _exec(self) -> Test:
        command: list[str] = []
        while True:
            word = self._next("-exec")
            if word == ";" or (word == "+" and command[-1:] == ["{}"]):
                break
            command.append(word)
        self._plan.acts = True
        if word == ";":
            return lambda path: tuple(part.replace("{}", path) for part in command)
        paths: list[str] = []
        self._plan.collected.append((command[:-1], paths))

        def collect(path: str) -> bool:
            paths.append(path)
            return True

        return collect


def _kind(call: Call, path: str) -> str:
    full = call.path(path)
    if full == "/dev/null":
        return "c"
    return "d" if full not in all_files(call.guest, call.now) else "f"


def _minutes(call: Call, text: str) -> Test:
    """Changed more (+), less (-) or exactly so many minutes ago, rounded up, by the guest's clock."""
    sign, count = text[:1], int(text.lstrip("+-"))

    def test(path: str) -> bool:
        files = all_files(call.guest, call.now)
        full = call.path(path)
        found = files.get(full) or files.get(f"{full}/")
        written = found.written if found is not None else 0
        age = -(-(call.guest.utc(call.now) - written) // _MINUTE)
        return age > count if sign == "+" else age < count if sign == "-" else age == count

    return test
