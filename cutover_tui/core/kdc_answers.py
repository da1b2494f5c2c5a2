"""Which KDCs answer the jump host now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cutover_tui.core.addresses import parse_host_port
from cutover_tui.core.runbook import SECOND, Domain
from probes.observation import Instant, Observation

SPEAKS_NS = 100 * SECOND
"""How long one answer, or silence, says how a KDC is: three questions and some."""


def kdcs(domain: Domain) -> tuple[str, ...]:
    """The KDCs of a runbook: its controllers by host. A port beside one is that of its clock."""
    return tuple(dict.fromkeys(parse_host_port(c)[0] for c in domain.controllers))


def newest_answers(observations: Iterable[Observation], now: Instant) -> Mapping[str, Observation]:
    """Each KDC's newest exchange that still speaks for it, by its name; answers and failures alike."""
    newest: dict[str, Observation] = {}
    for o in observations:
        age = o.ended.age_ns(now)
        if o.reader == "kdc" and o.raw and age is not None and 0 <= age <= SPEAKS_NS:
            newest[asked_kdc(o)] = o
    return newest


def asked_kdc(observation: Observation) -> str:
    """The KDC an exchange was with, as the runbook names it."""
    return ":".join(observation.raw[0].argv[2:]) if observation.raw else ""


def all_silent(domain: Domain, observations: Iterable[Observation], now: Instant) -> str | None:
    """What is said of every KDC when not one of them answers; None while one does or has not been asked."""
    newest = newest_answers(observations, now)
    names = kdcs(domain)
    failures = [newest[n].failure for n in names if n in newest]
    if not names or len(failures) < len(names) or any(f is None for f in failures):
        return None
    return "; ".join(f"{n}: {f.detail}" for n, f in zip(names, failures, strict=True) if f is not None)
