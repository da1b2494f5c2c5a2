"""Every check this version knows, by id. A new check is one file and one entry in its family's list."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cutover_tui.core.checks.check import Asked, Check
from cutover_tui.core.checks.entries import controller, directory, identity, kerberos, naive, time
from cutover_tui.core.checks.entries.naive import NAIVE
from cutover_tui.core.checks.spec import Bound
from cutover_tui.core.runbook import GateCheck
from probes.observation import Family

ON_DEMAND = (NAIVE, "ad.", "net.ad-", "kerberos.", "dc.")
"""Checks whose readers look only where a runbook names the check."""

IN_THE_DIRECTORY = frozenset({"account", "dns", "dc"})
"""Readers that look for a guest in the directory and its names."""

FROM_THE_JUMP_HOST = IN_THE_DIRECTORY | {"ap-in"}
"""Readers that look at a guest, and for it, from the jump host: their observations are the guest's."""

_ALL = (
    *time.CHECKS,
    *identity.CHECKS,
    *directory.CHECKS,
    *kerberos.CHECKS,
    *controller.CHECKS,
    *naive.CHECKS,
)

CHECKS: Mapping[str, Check] = {check.spec.id: check for check in _ALL}

READER_FAMILY: Mapping[str, Family] = {
    "chrony": Family.TIME,
    "timesyncd": Family.TIME,
    "services": Family.TIME,
    "timedatectl": Family.TIME,
    "rtc": Family.TIME,
    "ntpq": Family.TIME,
    "kernel-clock": Family.TIME,
    "steps": Family.TIME,
    "time-config": Family.TIME,
    "cron": Family.TIME,
    "ptp": Family.TIME,
    "vmtools": Family.TIME,
    "ntp": Family.TIME,
    "ntp-guest": Family.TIME,
    "http-date": Family.TIME,
    "platform": Family.IDENTITY,
    "boot": Family.IDENTITY,
    "agents": Family.IDENTITY,
    "kdc": Family.DIRECTORY,
    "keytab": Family.DIRECTORY,
    "caches": Family.DIRECTORY,
    "exchange": Family.DIRECTORY,
    "ap-in": Family.DIRECTORY,
    "discovery": Family.DIRECTORY,
    "rootdse": Family.DIRECTORY,
    "rootdse-guest": Family.DIRECTORY,
    "cldap": Family.DIRECTORY,
    "account": Family.DIRECTORY,
    "dns": Family.DIRECTORY,
    "dc": Family.DIRECTORY,
    "sysvol": Family.DIRECTORY,
    "trust": Family.DIRECTORY,
    "addresses": Family.NETWORK,
    "ad-paths": Family.NETWORK,
}
"""The family of each reader's facts; a test holds this against the readers themselves."""


def unneeded(used: Collection[str]) -> frozenset[str]:
    """The readers that only checks of ON_DEMAND name, where none of the checks `used` is one of those."""
    believed = {r for c in _ALL if not c.spec.id.startswith(ON_DEMAND) for r in c.readers}
    asked_for = {r for name in used for r in CHECKS[name].readers}
    return frozenset(r for c in _ALL for r in c.readers) - believed - asked_for


def asked(gate_check: GateCheck) -> Asked:
    """The runbook's numbers over the check's defaults. The runbook was validated when loaded."""
    spec = CHECKS[gate_check.check].spec
    return Asked(
        soak_ns=_or(gate_check.soak, spec.soak),
        attempts=_or(gate_check.attempts, spec.attempts),
        max_age_ns=_or(gate_check.max_age, spec.max_age),
        params={name: gate_check.params.get(name, param.default) for name, param in spec.params.items()},
    )


def versions() -> tuple[tuple[str, int], ...]:
    """Check ids and versions, sorted: the rules a decision was made by."""
    return tuple(sorted((c.spec.id, c.spec.version) for c in CHECKS.values()))


def _or(value: int | None, bound: Bound | None) -> int:
    if value is not None:
        return int(value)  # a Duration from the runbook; records hold plain integers
    return bound.default if bound is not None else 0
