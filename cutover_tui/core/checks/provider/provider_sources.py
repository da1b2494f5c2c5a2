"""Where a provider's sources come from, in words: what is only there by a lease or a default goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cutover_tui.core.evidence import Evidence
from probes.facts_time_config import Provenance, TimeConfigFacts
from probes.observation import Observation

_MOST = 3
"""Names shown; a configuration may have many."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What `time-config` says of a provider's sources; `provenance` None = somebody wrote them, or it is not known."""

    provenance: Provenance | None
    words: str
    used: tuple[Observation, ...] = ()


UNSAID = Origin(None, "")


def of_chrony(evidence: Evidence) -> Origin:
    """Of chronyd's present sources, and the names it could not resolve."""
    config, seen = _read(evidence)
    if config is None:
        return UNSAID
    lost = config.unresolved_names()
    unresolved = f"; {_few(lost)} of its configuration has no address (DNS)" if lost else ""
    return _said(config.provenance(), unresolved, seen)


def of_timesyncd(evidence: Evidence, server: str | None) -> Origin:
    """Of the server systemd-timesyncd follows; what no file names is compiled in."""
    config, seen = _read(evidence)
    if config is None or server is None or config.hidden:
        return UNSAID
    found = {s.provenance for s in config.of("timesyncd") if s.name == server}
    if "static" in found:
        return UNSAID
    return _said("dhcp" if "dhcp" in found else "default", "", seen)


def of_ntpd(evidence: Evidence) -> Origin:
    """Of all that ntpd's files name: ntpq shows addresses only."""
    config, seen = _read(evidence)
    if config is None or config.hidden:
        return UNSAID
    found = {s.provenance for s in config.of("ntpd") if s.kind != "local"}
    return _said(found.pop() if len(found) == 1 else None, "", seen)


def _read(evidence: Evidence) -> tuple[TimeConfigFacts | None, tuple[Observation, ...]]:
    newest = evidence.latest("time-config")
    return evidence.facts("time-config", TimeConfigFacts), (newest,) if newest is not None else ()


def _said(provenance: Provenance | None, more: str, seen: tuple[Observation, ...]) -> Origin:
    words = {
        "dhcp": "; its sources come from DHCP only (option 42) and go with the lease or the network",
        "default": "; its sources are the distribution's defaults only: nobody chose them for this site",
    }.get(provenance or "", "")
    if not words and not more:
        return UNSAID
    return Origin(provenance if words else None, words + more, seen)


def _few(names: Iterable[str]) -> str:
    shown = list(names)
    rest = len(shown) - _MOST
    return ", ".join(shown[:_MOST]) + (f" and {rest} more" if rest > 0 else "")
