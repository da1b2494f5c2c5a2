"""The corpus as reader cases: what a real tool printed, and the state that had been set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec

from probes.linux import READERS
from probes.linux.domain import exchange
from probes.observation import Facts, Failure, Raw
from probes.reader import Reader

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
BY_NAME = {reader.name: reader for reader in READERS}


@dataclass(frozen=True)
class Case:
    """One recorded or documented case."""

    id: str
    reader: Reader
    raws: tuple[Raw, ...]
    facts: dict[str, object] | None
    failure: str | None
    source: str

    def parse(self) -> Facts | Failure:
        return self.reader.parse(self.raws)


def load(root: Path = CORPUS) -> list[Case]:
    """All cases below a directory, in the order of their paths."""
    return [read(root, str(path.parent.relative_to(root))) for path in sorted(root.glob("*/*/*/case.json"))]


def read(root: Path, name: str) -> Case:
    """One case by its name, TOOL/VERSION/CASE."""
    path = root / name / "case.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    raws = tuple(
        Raw(
            argv=tuple(entry["argv"]),
            rc=entry["rc"],
            out=(path.parent / entry["out"]).read_text(encoding="utf-8") if "out" in entry else "",
            err=(path.parent / entry["err"]).read_text(encoding="utf-8") if "err" in entry else "",
        )
        for entry in document["commands"]
    )
    plan = document.get("plan")
    return Case(
        id=name,
        # An attempt's commands name who asks whom: its reader is made for the case.
        reader=exchange.reader(exchange.Plan(*plan)) if plan else BY_NAME[document["reader"]],
        raws=raws,
        facts=document.get("facts"),
        failure=document.get("failure"),
        source=document["source"],
    )


def plain(facts: Facts) -> object:
    """Facts as JSON shows them: dicts, lists, strings, numbers."""
    return json.loads(msgspec.json.encode(facts))


def value(facts: Facts, dotted: str) -> object:
    """A value by dotted path; a word after a list picks the element of that name."""
    found: object = plain(facts)
    words = dotted.split(".")
    while words:
        word = words.pop(0)
        if isinstance(found, dict):
            found = found[word]
        elif word.isdigit():
            found = found[int(word)]
        else:
            while word not in {element["name"] for element in found}:
                word = f"{word}.{words.pop(0)}"
            found = next(element for element in found if element["name"] == word)
    return found


def differing(facts: Facts, expected: dict[str, object]) -> list[str]:
    """What is not as the state that was set says, one line each; a range holds its ends."""
    found = []
    for dotted, wanted in expected.items():
        got = value(facts, dotted)
        if isinstance(wanted, dict):
            if not (isinstance(got, int) and wanted["from"] <= got <= wanted["to"]):
                found.append(f"{dotted} is {got!r}, not from {wanted['from']} to {wanted['to']}")
        elif got != wanted:
            found.append(f"{dotted} is {got!r}, not {wanted!r}")
    return found
