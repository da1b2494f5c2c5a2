"""Every reader this version has, for the audit: (name, version) → parse."""

from __future__ import annotations

from cutover_tui.core.checks.registry import unneeded
from cutover_tui.core.runbook import Runbook
from cutover_tui.record.audit import Parsers
from probes import linux
from probes.ad import account, cldap, controller, discovery, records, rootdse, rootdse_guest
from probes.clocks import http_date, ntp, ntp_guest
from probes.exchange import kept as ap_in
from probes.kerberos import kdc
from probes.linux.domain import exchange
from probes.observation import Family
from probes.reader import Reader

DIRECTORY: tuple[Reader, ...] = (
    discovery.READER,
    rootdse.READER,
    rootdse_guest.READER,
    cldap.READER,
    account.READER,
    records.READER,
    controller.READER,
    *linux.OF_DOMAIN,
)
"""Readers of the directory, read only where a runbook asks for it."""

PROOFS: tuple[Reader, ...] = (
    Reader(exchange.NAME, exchange.VERSION, Family.DIRECTORY, (), exchange.parse),
    ap_in.READER,
)
"""Readers that leave a trace: their commands are made for each host, and a person approves them first."""

ALL: tuple[Reader, ...] = (
    *linux.READERS,
    ntp.READER,
    ntp_guest.READER,
    http_date.READER,
    kdc.READER,
    *DIRECTORY,
    *PROOFS,
)


def parsers() -> Parsers:
    """The parse functions by reader name and version."""
    return {(r.name, r.version): r.parse for r in ALL}


def checks_of(runbook: Runbook) -> frozenset[str]:
    """Every check that a gate or a verifier of the runbook names."""
    steps = [s for step in runbook.steps() for s in (step, *step.rollback)]
    gates = {g.check for step in steps for g in step.gate}
    verifiers = {a.verifier for step in steps for a in (*step.actions, *step.provocations)}
    return frozenset(name for name in gates | verifiers if name is not None)


def left_out(runbook: Runbook) -> frozenset[str]:
    """Readers that look only where a check is asked for, and it is not."""
    return unneeded(checks_of(runbook))
