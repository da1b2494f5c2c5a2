"""The runbook of a world: a file beside it, one the lab ships, or text in the world itself.

It may leave out `source` and `target`, which are then the world's, and everything that
`cutover_tui.lab.drill.runbooks` fills in: window, hosts, references, controllers, credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from cutover_tui.lab.world_file.model import WorldFile

SHIPPED = "worlds"
"""Folder of the lab with the runbooks and worlds that come with it."""


def plain_text(name: str, directory: Path) -> str:
    """The text of a runbook as it is written: `name` is a file's, or the text itself.

    Raises:
        OSError: it cannot be read. UnicodeDecodeError: it is no UTF-8.
    """
    if "\n" in name:
        return name
    beside = directory / name
    shipped = None if beside.is_file() else _shipped(name)
    return shipped if shipped is not None else beside.read_text(encoding="utf-8")


def shipped_runbooks() -> tuple[str, ...]:
    """The names of the runbooks that come with the lab."""
    return tuple(name for name, text in _all_shipped() if "\nschema:" in text)


def shipped_worlds() -> Mapping[str, Path]:
    """The files of the worlds that come with the lab, by their bare names."""
    folder = Path(str(resources.files("cutover_tui.lab"))) / SHIPPED
    return {
        name.removesuffix(".yaml"): folder / name
        for name, text in _all_shipped()
        if "\nworld:" in f"\n{text}"
    }


def _all_shipped() -> Iterator[tuple[str, str]]:
    folder = resources.files("cutover_tui.lab").joinpath(SHIPPED)
    for name in sorted(one.name for one in folder.iterdir() if one.name.endswith(".yaml")):
        yield name, _shipped(name) or ""


def runbook_text(spec: WorldFile, directory: Path) -> str:
    """The text of a world's runbook; `directory` is where the world file lies.

    Raises:
        OSError: it cannot be read.
    """
    text = plain_text(spec.runbook, directory)
    target = next((g.move.platform for g in spec.guests if g.move is not None), spec.guests[0].platform)
    return _with(_with(text, "source", spec.guests[0].platform), "target", target)


def _with(text: str, key: str, platform: str) -> str:
    if re.search(rf"^{key}:", text, re.MULTILINE):
        return text
    return f"{text.rstrip()}\n{key}: {{platform: {platform}}}\n"


def _shipped(name: str) -> str | None:
    if "/" in name or "\\" in name:
        return None
    found = resources.files("cutover_tui.lab").joinpath(SHIPPED, name)
    return found.read_text(encoding="utf-8") if found.is_file() else None
