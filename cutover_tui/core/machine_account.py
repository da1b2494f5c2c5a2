"""Which principal of a keytab is the machine itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from probes.facts_kerberos import KeytabEntry, KeytabFacts


def machine_principal(keytab: KeytabFacts, realm: str) -> str | None:
    """The machine account (`NAME$@REALM`), else a `host/` principal of the realm, which other directories
    use; the newest where there are several, as after a rename. None where the keytab has neither.
    """
    mine = [e for e in keytab.entries if e.principal.endswith(f"@{realm}")]
    accounts = [e for e in mine if e.principal.removesuffix(f"@{realm}").endswith("$")]
    hosts = [e for e in mine if e.principal.startswith("host/")]
    newest = _newest(accounts) or _newest(hosts)
    return newest.principal if newest is not None else None


def _newest(entries: Iterable[KeytabEntry]) -> KeytabEntry | None:
    return max(entries, key=lambda e: (e.stamp_ns, e.kvno, e.principal), default=None)
