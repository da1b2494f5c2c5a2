"""Every reader this version has, for the audit: (name, version) → parse."""

from __future__ import annotations

from cutover_tui.record.audit import Parsers
from probes import linux, ntp
from probes.reader import Reader

ALL: tuple[Reader, ...] = (*linux.READERS, ntp.READER)


def parsers() -> Parsers:
    """The parse functions by reader name and version."""
    return {(r.name, r.version): r.parse for r in ALL}
