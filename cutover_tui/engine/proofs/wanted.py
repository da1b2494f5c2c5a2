"""How many attempts a series of a proof has."""

from __future__ import annotations

from cutover_tui.core.checks.kerberos.kerberos_run import run_of
from cutover_tui.core.checks.registry import CHECKS, asked
from cutover_tui.core.gate import WAVE, evidence_of
from cutover_tui.core.runbook import Runbook
from cutover_tui.record.asking import Logs, question
from cutover_tui.record.state import State
from probes.observation import Instant

ATTEMPTS = 3
"""Where no gate asks for more."""


def wanted(runbook: Runbook, state: State, logs: Logs, host: str, proof: str, now: Instant) -> int:
    """As many as the gate that asks for most, and as many as are missing after others failed."""
    first = next(runbook.steps())
    ask = question(runbook, state, logs, first, WAVE, now, upto=state.seq, seals=None)
    subject = next(s for s in ask.subjects if s.host.name == host)
    of = [ATTEMPTS]
    for gate_check in (g for step in runbook.steps() for g in step.gate):
        judged = CHECKS[gate_check.check].judges
        if judged is not None and judged.reader == proof:
            numbers = asked(gate_check)
            of.append(
                max(numbers.attempts, run_of(judged, evidence_of(gate_check, subject, ask), numbers).left)
            )
    return max(of)
