"""Reading a world file: a whole, valid `WorldFile`, or every error of the file with its line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from cutover_tui.core.yaml_model.describe import Description, Json
from cutover_tui.core.yaml_model.problem import BadFile, Problem, Problems, did_you_mean, safe, shown
from cutover_tui.core.yaml_model.shape import Shaper
from cutover_tui.core.yaml_model.yaml_marks import MAX_BYTES, NotYaml, decode, read
from cutover_tui.lab.world_file.keys import WORLD
from cutover_tui.lab.world_file.model import WorldFile
from cutover_tui.lab.world_file.rules import check_world
from cutover_tui.lab.world_file.runbook import shipped_worlds

__all__ = [
    "LoadedWorld",
    "NoSuchWorld",
    "WorldError",
    "load_world",
    "load_world_text",
    "named_world",
    "world_reference",
    "world_schema",
]

_DESCRIPTION = Description(WorldFile, WORLD)


class WorldError(BadFile):
    """The file is no usable world; `errors` holds all that is wrong, in the order of its lines."""


class NoSuchWorld(LookupError):  # noqa: N818 - what was asked for
    """Neither a file nor a world of the lab has that name; `str()` says which is near."""


@dataclass(frozen=True, slots=True)
class LoadedWorld:
    """A valid world with the bytes it came from; `lines` maps a path such as `guests[0].name` to its line."""

    spec: WorldFile
    text: bytes
    digest: str
    name: str
    directory: Path  # where the paths in it are looked up
    lines: Mapping[str, int]


def load_world(path: str | os.PathLike[str]) -> LoadedWorld:
    """Read a world file.

    Raises:
        WorldError: it cannot be read or is not valid.
    """
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WorldError(
            [Problem(safe(name), 1, f"cannot be read: {safe(reason)}", "a readable YAML file")]
        ) from None
    return load_world_text(data, name, Path(name).parent)


def named_world(name: str) -> LoadedWorld:
    """A world by its file, or by the bare name of one that comes with the lab.

    Raises:
        NoSuchWorld: there is neither. WorldError: it cannot be read or is not valid.
    """
    if "/" in name or name.endswith((".yaml", ".yml")) or Path(name).exists():
        return load_world(name)
    shipped = shipped_worlds()
    if name not in shipped:
        raise NoSuchWorld(
            f"no world {shown(name)} comes with the lab; expected the name of a world file, or "
            + did_you_mean(name, shipped)
        )
    return load_world(shipped[name])


def load_world_text(text: bytes | str, name: str, directory: Path) -> LoadedWorld:
    """The same for text at hand; `name` stands where the file's name would in errors.

    Raises:
        WorldError: it is not valid.
    """
    problems = Problems(name)
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    try:
        written = decode(data)
        root, tags = read(written, WORLD.name, WORLD.begins)
    except NotYaml as error:
        raise WorldError([error.problem(problems.file)]) from None
    problems.errors.extend(tag.problem(problems.file) for tag in tags)
    part = Shaper(problems, WORLD).shape(root, WorldFile)
    if part is not None:
        check_world(part, directory, problems, written)
    if problems.errors or part is None:
        raise WorldError(problems.errors)
    lines = dict(part.lines())
    return LoadedWorld(
        spec=_build(part.plain(), problems, lines),
        text=data,
        digest=hashlib.sha256(data).hexdigest(),
        name=name,
        directory=directory,
        lines=MappingProxyType(lines),
    )


def world_schema() -> dict[str, Json]:
    """The JSON Schema (2020-12) of a world file."""
    return _DESCRIPTION.schema()


def world_reference() -> str:
    """Markdown tables of every key, as docs/worlds.md holds them."""
    return "\n".join(_DESCRIPTION.tables()).strip() + "\n"


def _build(plain: object, problems: Problems, lines: Mapping[str, int]) -> WorldFile:
    try:
        return msgspec.convert(plain, WorldFile, dec_hook=_custom)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        path = where.rstrip("`").lstrip(".")
        problems.error(lines.get(path, 1), f"`{safe(path)}`: {safe(what)}", "what docs/worlds.md says")
        raise WorldError(problems.errors) from None


def _custom(cls: type, value: Any) -> object:
    if cls in WORLD.amounts and isinstance(value, int):
        return cls(value)
    raise NotImplementedError(f"{cls} in the world model")
