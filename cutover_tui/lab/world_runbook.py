"""The runbook of a world: a file beside it, one the lab ships, or text in the world itself, filled in.

Placeholders (`string.Template`): `$start`, `$end` and `$rollback` of the window; `$references`
and `$controllers` as YAML lists of where they answer; `$hosts` as the list of hosts;
`$credentials` as a mapping with the one entry `lab`; `$source` and `$target` as platform words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from string import Template

from cutover_tui.lab.world_build import USER
from cutover_tui.lab.world_file import GuestSpec, WorldFile

SHIPPED = "worlds"
_WINDOW = timedelta(hours=4)

Where = Callable[[str], tuple[str, int | None]]
"""Address and port of a guest or reference, by name."""


def exists(name: str, directory: Path) -> bool:
    """Whether there is such a runbook beside the world, or in the lab."""
    return _beside(name, directory).is_file() or _shipped(name) is not None


def template_of(name: str, directory: Path) -> str:
    """The runbook with its placeholders; `name` is what the world file's `runbook` says.

    Raises:
        OSError: it cannot be read.
    """
    if "\n" in name:
        return name
    beside = _beside(name, directory)
    shipped = None if beside.is_file() else _shipped(name)
    return shipped if shipped is not None else beside.read_text(encoding="utf-8")


def render(
    template: str, spec: WorldFile, now_utc_ns: int, *, guest: Where, reference: Where, credential: str
) -> str:
    """The runbook as a file; `credential` is the YAML flow mapping of how to log in.

    The window begins a minute before `now_utc_ns`.

    Raises:
        KeyError, ValueError: a placeholder nobody knows, or a `$` that is none.
    """
    now = datetime.fromtimestamp(now_utc_ns // 1_000_000_000, UTC)
    target = next((g.move.platform for g in spec.guests if g.move is not None), "ahv")
    return Template(template).substitute(
        start=_stamp(now - timedelta(minutes=1)),
        end=_stamp(now + _WINDOW),
        rollback=_stamp(now + timedelta(hours=3)),
        references=_listed(reference(r.name) for r in spec.references if not r.controller),
        controllers=_listed(reference(r.name) for r in spec.references if r.controller),
        hosts="[" + ", ".join(_host(g, *guest(g.name)) for g in spec.guests) + "]",
        credentials="{lab: " + credential + "}",
        source=spec.guests[0].platform,
        target=target,
    )


def _beside(name: str, directory: Path) -> Path:
    return directory / name


def _shipped(name: str) -> str | None:
    if "/" in name or "\\" in name:
        return None
    found = resources.files("cutover_tui.lab").joinpath(SHIPPED, name)
    return found.read_text(encoding="utf-8") if found.is_file() else None


def _listed(places: Iterable[tuple[str, int | None]]) -> str:
    words = [json.dumps(host if port is None else f"{host}:{port}") for host, port in places]
    return "[" + ", ".join(words) + "]"


def _host(spec: GuestSpec, address: str, port: int | None) -> str:
    keys = {
        "name": spec.name,
        "address": address,
        "os": "linux",
        "role": spec.role,
        "user": USER,
        "escalation": "none" if spec.privileges.sudo == "none" else "sudo",
        "credential": "lab",
    }
    return json.dumps(keys | ({} if port is None else {"port": port}))


def _stamp(moment: datetime) -> str:
    return f'"{moment.isoformat().replace("+00:00", "Z")}"'
