"""Facts about where a guest's time sources come from: what is configured for them, by whom, and what of it resolves."""

from __future__ import annotations

from typing import Literal

import msgspec

Provenance = Literal["static", "dhcp", "default"]
"""*static*: somebody wrote it. *dhcp*: it came with a lease (option 42) and goes with it. *default*: the
distribution's own pool, there because nobody wrote anything.
"""
Service = Literal["chrony", "timesyncd", "ntpd", "lease"]
"""Whose file names it; *lease*: a server that DHCP offered, for whoever asks."""
Kind = Literal["server", "pool", "peer", "refclock", "local", "fallback"]


class TimeSource(msgspec.Struct, frozen=True):
    """One source in one file."""

    service: Service
    kind: Kind
    name: str  # name or address; of a refclock its driver and parameter, "PHC /dev/ptp0"; "" for local
    provenance: Provenance
    file: str


class TimeConfigFacts(msgspec.Struct, frozen=True, tag="time-config"):
    """Configured sources of chrony, systemd-timesyncd and ntpd, and what chronyd made of its own."""

    sources: tuple[TimeSource, ...]
    hidden: tuple[str, ...]  # files and directories that may not be read
    following: tuple[str, ...] | None  # what chronyd has as sources now, by their configured names
    unresolved: int | None  # sources whose names chronyd could not resolve yet

    def of(self, service: str) -> tuple[TimeSource, ...]:
        """What is configured for one service."""
        return tuple(s for s in self.sources if s.service == service)

    def unresolved_names(self) -> tuple[str, ...]:
        """Names in chrony's files that chronyd has no address for; none where that could not be seen."""
        if not self.unresolved or self.following is None:
            return ()
        named = (s.name for s in self.of("chrony") if s.kind in ("server", "pool", "peer"))
        return tuple(dict.fromkeys(n for n in named if n not in self.following))

    def provenance(self) -> Provenance | None:
        """Where *all* of chronyd's present sources come from, if from one place and not all is known to be static.

        None: nothing can be said (a file that may not be read, a source no file names).
        """
        if not self.following or self.hidden:
            return None
        known: dict[str, Provenance] = {}
        for rank in ("dhcp", "default", "static"):  # what somebody wrote stays, whoever else names it too
            known |= {s.name: s.provenance for s in self.sources if s.provenance == rank}
        found = {known.get(name) for name in self.following}
        return found.pop() if len(found) == 1 else None
