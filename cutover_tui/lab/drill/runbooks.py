"""A runbook as a world is played by: its hosts and references are the world's, reached through a door.

What the runbook leaves out is filled in from the world: `hosts` (every guest), the domain's
`realm`, `site`, `controllers` and `references`, and the change's `window`, which is always around the world's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from cutover_tui.lab.machine.guest import SECOND
from cutover_tui.lab.world.world import World

USER = "ops"


@dataclass(frozen=True, slots=True)
class Access:
    """How the jump host reaches everybody: guests by name → address and port, references by name."""

    guests: Mapping[str, tuple[str, int | None]]
    references: Mapping[str, str]
    key: Path | None = None


def direct(world: World) -> Access:
    """By their own names, as through the virtual door."""
    return Access(
        {name: (guest.address or name, None) for name, guest in world.guests.items()},
        {name: world.full_name(reference) for name, reference in world.references.items()},
    )


def fill(text: str, world: World, access: Access, start_ns: int, title: str = "A drill") -> str:
    """The runbook's text for this world behind that door.

    Args:
        title: of its change, where it names none.

    Raises:
        yaml.YAMLError: it is no YAML. Everything else is for who loads it to say.
    """
    book: Any = yaml.safe_load(text)
    if not isinstance(book, dict):
        return text
    change = book.setdefault("change", {"id": "DRILL", "title": title})
    change["window"] = _window(start_ns)
    domain = book.setdefault("domain", {})
    known = world.references.values()
    domain.setdefault("references", [r.name for r in known if not r.controller])
    domain.setdefault("controllers", [r.name for r in known if r.controller])
    if world.domain is not None:
        domain.setdefault("realm", world.domain.realm)
        domain.setdefault("site", world.domain.site)
    for key in ("references", "controllers"):
        domain[key] = [_server(world, access, name) for name in domain[key]]
    hosts = book.setdefault("hosts", [{"name": name} for name in world.guests])
    for host in hosts:
        reached = access.guests.get(host.get("name"))
        if reached is None:
            continue
        host["address"] = reached[0]
        host.setdefault("user", USER)
        host.setdefault("escalation", "sudo")
        if reached[1] is not None:
            host["port"] = reached[1]
        if access.key is not None:
            host["credential"] = "lab"
    if access.key is not None:
        book["credentials"] = {"lab": {"method": "key", "user": USER, "key": str(access.key)}}
    return yaml.safe_dump(book, sort_keys=False, allow_unicode=True)


def _server(world: World, access: Access, name: str) -> str:
    found = world.reference_at(str(name))
    return access.references[found.name] if found is not None else str(name)


def _window(start_ns: int) -> dict[str, str]:
    start = datetime.fromtimestamp(start_ns // SECOND, UTC) - timedelta(minutes=1)
    end, rollback = start + timedelta(hours=4), start + timedelta(hours=3)
    names = ("start", "end", "rollback_until")
    return {
        n: t.isoformat().replace("+00:00", "Z") for n, t in zip(names, (start, end, rollback), strict=True)
    }
