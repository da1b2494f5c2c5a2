"""YAML text to a small tree of nodes that know their line.

Built from PyYAML's parse events rather than its composer: no recursion a file could
exhaust, aliases counted by what they expand to, nothing constructed, tags refused. The
pure-Python parser on purpose: the same words on every machine, and 50 kB take 0.2 s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from cutover_tui.core.yaml_model.problem import Problem, safe, shown

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 100_000
"""Nodes after aliases are expanded; a wave of fifty hosts has a few thousand."""

_ALLOWED_TAGS = frozenset({"!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})
# YAML takes U+0085, U+2028 and U+2029 for line breaks and editors do not: lines would be off.
_NOT_TEXT = re.compile(f"{yaml.reader.Reader.NON_PRINTABLE.pattern}|[\x85\u2028\u2029]")
_KINDS = {"str": "text", "seq": "a list", "map": "a mapping"}


@dataclass(slots=True)
class Node:
    """What all nodes share: the line they begin on, and what they weigh with aliases expanded."""

    line: int
    weight: int = 1
    height: int = 1


@dataclass(slots=True)
class Scalar(Node):
    """A single value, still text. `plain`: written without quotes, so YAML may see a number in it."""

    text: str = ""
    plain: bool = False


@dataclass(slots=True)
class Sequence(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping(Node):
    """Keys and values in the order of the file, duplicates included."""

    entries: list[tuple[Node, Node]] = field(default_factory=list)


class NotYaml(Exception):  # noqa: N818
    """The text is not YAML as such files use it."""

    def __init__(self, line: int, what: str, expected: str) -> None:
        super().__init__(what)
        self.line, self.what, self.expected = line, what, expected

    def problem(self, file: str) -> Problem:
        """The same as an error of that file."""
        return Problem(file, self.line, self.what, self.expected)


def decode(data: bytes) -> str:
    """UTF-8 text of a file with `\\n` as its only line break, a byte order mark taken off.

    Raises:
        NotYaml: too large, not UTF-8, or control characters.
    """
    if len(data) > MAX_BYTES:
        raise NotYaml(1, "the file is larger than 1 MiB", f"at most {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotYaml(
            line, f"byte 0x{data[error.start]:02x} is not valid UTF-8", "a file saved as UTF-8"
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    odd = _NOT_TEXT.search(text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        raise NotYaml(line, f"control character U+{ord(odd[0]):04X} in the file", "printable text")
    return text


def read(text: str, name: str, begins: str) -> tuple[Node, tuple[NotYaml, ...]]:
    """The root node of the single document in `text`, and its tags (ignored in the nodes) as errors.

    `name` is what such a file is called ("runbook"), `begins` how one begins.

    Raises:
        NotYaml: a syntax error, no document or more than one, or more depth or nodes than such
            a file has.
    """
    builder = _Builder(name, begins)
    try:
        root = builder.build(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise _syntax(error) from None
    except yaml.YAMLError as error:  # the reader's: no mark; decode() already refused what it refuses
        raise NotYaml(1, f"not YAML: {safe(str(error))}", "printable text") from None
    except (
        ValueError,
        OverflowError,
    ) as error:  # PyYAML lets int() and chr() of escapes speak for themselves
        raise NotYaml(1, f"not YAML: {safe(str(error))[:120]}", "YAML that PyYAML can read") from None
    return root, tuple(builder.tags)


class _Builder:
    """Puts events together; holds the open collections, the anchors, and the budget."""

    def __init__(self, name: str, begins: str) -> None:
        self._name, self._begins = name, begins
        self.tags: list[NotYaml] = []
        self._anchors: dict[str, Node | None] = {}
        self._open: list[tuple[Sequence | Mapping, str | None]] = []
        self._keys: list[Node | None] = []
        self._spent = 0
        self._root: Node | None = None

    def build(self, events: Iterable[yaml.Event]) -> Node:
        documents = 0
        for event in events:
            mark = event.start_mark
            line = mark.line + 1 if mark is not None else 1
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise NotYaml(
                            line, "a second document begins", f"one {self._name} a file (no second `---`)"
                        )
                case yaml.ScalarEvent():
                    self._check_tag(event.tag, "str", line)
                    plain = event.style is None and event.tag is None
                    self._add(Scalar(line, text=event.value, plain=plain), event.anchor)
                case yaml.SequenceStartEvent():
                    self._check_tag(event.tag, "seq", line)
                    self._enter(Sequence(line), event.anchor)
                case yaml.MappingStartEvent():
                    self._check_tag(event.tag, "map", line)
                    self._enter(Mapping(line), event.anchor)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._leave()
                case yaml.AliasEvent():
                    self._alias(event.anchor, line)
                case _:
                    pass
        if self._root is None or self._is_empty(self._root):
            raise NotYaml(1, "the file is empty", f"a {self._name} that begins with {self._begins}")
        return self._root

    def _is_empty(self, root: Node) -> bool:
        return isinstance(root, Scalar) and root.plain and root.text == ""

    def _check_tag(self, tag: str | None, kind: str, line: int) -> None:
        if tag is None:
            return
        if tag not in _ALLOWED_TAGS or (tag != "!" and not tag.endswith(kind)):
            name = tag.replace("tag:yaml.org,2002:", "!!")
            self.tags.append(
                NotYaml(line, f"tag {shown(name)} is not allowed", f"{_KINDS[kind]} without a tag")
            )

    def _enter(self, node: Sequence | Mapping, anchor: str | None) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise NotYaml(node.line, f"nested deeper than {MAX_DEPTH} levels", f"the shape of a {self._name}")
        if anchor is not None:
            self._anchors[anchor] = None
        self._open.append((node, anchor))
        self._keys.append(None)

    def _leave(self) -> None:
        node, anchor = self._open.pop()
        self._keys.pop()
        self._add(node, anchor, counted=node.weight - 1)

    def _alias(self, name: str | None, line: int) -> None:
        if name is None or name not in self._anchors:
            raise NotYaml(
                line, f"alias {shown('*' + (name or ''))} has no anchor before it", "the anchor above it"
            )
        node = self._anchors[name]
        if node is None:
            raise NotYaml(
                line, f"alias {shown('*' + name)} stands inside its own anchor", "no value inside itself"
            )
        if len(self._open) + node.height > MAX_DEPTH:
            raise NotYaml(line, f"nested deeper than {MAX_DEPTH} levels", f"the shape of a {self._name}")
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None, counted: int = 0) -> None:
        """Hang a finished node into the open collection; `counted` of its weight is spent already."""
        self._spent += node.weight - counted
        if self._spent > MAX_NODES:
            raise NotYaml(
                node.line, f"more than {MAX_NODES} values (aliases expanded)", f"the size of a {self._name}"
            )
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent, _ = self._open[-1]
        parent.weight += node.weight
        parent.height = max(parent.height, node.height + 1)
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = node
            return
        parent.entries.append((key, node))
        self._keys[-1] = None


_HINTS = (
    ("'\\t' that cannot start any token", "a tab is used for indentation", "spaces"),
    (
        "mapping values are not allowed",
        None,
        "quotes around a text that has `: ` in it, or other indentation",
    ),
    ("found unexpected end of stream", None, "a closing quote"),
    ("cannot start any token", None, "quotes around a text that begins with such a character"),
    ("unknown escape character", None, "single quotes, or a doubled backslash"),
    (
        "expected <block end>",
        "the indentation does not fit the lines above",
        "items of one list or mapping in one column",
    ),
    ("could not find expected ':'", None, "`key: value`"),
    ("expected ',' or", None, "a comma or a closing bracket"),
)


def _syntax(error: yaml.MarkedYAMLError) -> NotYaml:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 1
    problem = error.problem or "not readable"
    for needle, says, expected in _HINTS:
        if needle in problem:
            return NotYaml(line, f"YAML syntax: {safe(says or problem)}", expected)
    context = f" {error.context}" if error.context else ""
    return NotYaml(line, f"YAML syntax: {safe(problem + context)}", "valid YAML")
