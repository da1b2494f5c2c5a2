"""Reading a runbook: a whole, valid `Runbook`, or every error of the file with its line.

A runbook's digest is the SHA-256 of the file's bytes as they were read; a session pins it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import structs

from cutover_tui.core.checks.spec import CheckSpec
from cutover_tui.core.runbook import Duration, Runbook
from cutover_tui.core.runbook_file.keys import RUNBOOK
from cutover_tui.core.runbook_file.rules_gate import check_gates
from cutover_tui.core.runbook_file.rules_hosts import check_hosts
from cutover_tui.core.runbook_file.rules_kerberos import check_kerberos
from cutover_tui.core.runbook_file.rules_steps import check_steps
from cutover_tui.core.yaml_model import scalars
from cutover_tui.core.yaml_model.part import Part
from cutover_tui.core.yaml_model.problem import BadRunbook, Problem, Problems, safe, shown
from cutover_tui.core.yaml_model.shape import Shaper
from cutover_tui.core.yaml_model.yaml_marks import MAX_BYTES, Node, NotYaml, Scalar, decode, read
from cutover_tui.core.yaml_model.yaml_marks import Mapping as MappingNode

__all__ = ["SCHEMA", "BadRunbook", "Loaded", "Problem", "load", "load_text"]

SCHEMA = 1
"""The number of the file format this version reads."""

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_CA_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid runbook with the bytes it came from.

    `lines` maps a path such as `phases[0].steps[1].gate[0].check` to its line, counted from
    1; `warnings` are what is probably not meant; `beside` is the directory that files named in it are relative to.
    """

    runbook: Runbook
    text: bytes
    digest: str
    name: str
    lines: Mapping[str, int]
    warnings: tuple[Problem, ...] = ()
    beside: Path | None = None


def load(path: str | os.PathLike[str], *, specs: Mapping[str, CheckSpec] | None = None) -> Loaded:
    """Read a runbook file. `specs` are the checks it may name, by default all of this version.

    Raises:
        BadRunbook: it cannot be read or is not valid.
    """
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadRunbook(
            [Problem(safe(name), 1, f"cannot be read: {safe(reason)}", "a readable YAML file")]
        ) from None
    beside = Path(name).absolute().parent
    loaded = load_text(data, name, specs=specs, beside=beside)
    problem = _ca_file(loaded)
    if problem is not None:
        raise BadRunbook([problem])
    return loaded


def load_text(
    text: bytes | str,
    name: str,
    *,
    specs: Mapping[str, CheckSpec] | None = None,
    beside: Path | None = None,
) -> Loaded:
    """The same for text at hand; `name` stands where the file's name would in errors.

    Args:
        beside: the directory that files named in it are relative to; none is looked at. None = leave them as written.

    Raises:
        BadRunbook: it is not valid.
    """
    problems = Problems(name)
    try:
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadRunbook([Problem(problems.file, 1, "lone surrogates in the text", "text")]) from None
    try:
        root, tags = read(decode(data), RUNBOOK.name, RUNBOOK.begins)
    except NotYaml as error:
        raise BadRunbook([error.problem(problems.file)]) from None
    problems.errors.extend(tag.problem(problems.file) for tag in tags)
    part = shape(root, problems, specs)
    if problems.errors or part is None:
        raise BadRunbook(problems.errors)
    lines = dict(part.lines())
    return Loaded(
        runbook=_placed(_build(part.plain(), problems, lines), beside),
        text=data,
        digest=hashlib.sha256(data).hexdigest(),
        name=name,
        lines=MappingProxyType(lines),
        warnings=tuple(sorted(problems.warnings, key=lambda p: p.line)),
        beside=beside,
    )


def shape(root: Node, problems: Problems, specs: Mapping[str, CheckSpec] | None = None) -> Part | None:
    """The readable parts of a runbook's nodes; what is wrong with them, each and together, goes to `problems`.

    Raises:
        BadRunbook: it is of another format.
    """
    _refuse_other_schema(root, problems)
    part = Shaper(problems, RUNBOOK).shape(root, Runbook)
    if part is not None:
        check_hosts(part, problems)
        check_kerberos(part, problems)
        check_steps(part, problems)
        check_gates(part, specs if specs is not None else available(), problems)
    return part


def _placed(runbook: Runbook, beside: Path | None) -> Runbook:
    """The runbook with its CA file where that is on this machine."""
    written = runbook.domain.ca_file
    if written is None or beside is None:
        return runbook
    ca_file = str(beside / os.path.expanduser(written))
    return structs.replace(runbook, domain=structs.replace(runbook.domain, ca_file=ca_file))


def _ca_file(loaded: Loaded) -> Problem | None:
    """What keeps the CA file from being read; found here, and not in the window by whoever needs it."""
    ca_file = loaded.runbook.domain.ca_file
    if ca_file is None:
        return None
    try:
        with Path(ca_file).open("rb") as file:
            text = file.read(_CA_BYTES)
        why = None if _CERTIFICATE in text else "has no certificate in it"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        why = f"cannot be read: {safe(reason)}"
    if why is None:
        return None
    return Problem(
        safe(loaded.name),
        loaded.lines["domain.ca_file"],
        f"`domain.ca_file` {shown(ca_file)} {why}",
        "a PEM file of CA certificates, relative to the runbook",
    )


def available() -> Mapping[str, CheckSpec]:
    """The checks of this version."""
    # Imported late: the checks import the runbook, and headless callers may bring specs of their own.
    from cutover_tui.core.checks.registry import CHECKS

    return {name: check.spec for name, check in CHECKS.items()}


def _refuse_other_schema(root: Node, problems: Problems) -> None:
    """A file of another format is told as that alone: all else would be noise."""
    if not isinstance(root, MappingNode):
        return
    for key, value in root.entries:
        if isinstance(key, Scalar) and key.text == "schema" and isinstance(value, Scalar):
            number = scalars.integer(value)
            if number is not None and number != SCHEMA:
                problems.error(key.line, f"schema {number} is not supported", f"`schema: {SCHEMA}`")
                raise BadRunbook(problems.errors)


def _build(plain: object, problems: Problems, lines: Mapping[str, int]) -> Runbook:
    """The model out of builtins; what only the model itself refuses still gets its line."""
    try:
        return msgspec.convert(plain, Runbook, dec_hook=_custom)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        path = where.rstrip("`").lstrip(".")
        problems.error(lines.get(path, 1), f"`{safe(path)}`: {safe(what)}", "what docs/runbook.md says")
        raise BadRunbook(problems.errors) from None


def _custom(cls: type, value: Any) -> object:
    if cls is Duration and isinstance(value, int):
        return Duration(value)
    raise NotImplementedError(f"{cls} in the runbook model")
