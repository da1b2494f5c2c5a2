"""How long an engineer waits at a gate that stays closed.

What is unknown may come by waiting: he waits as long as he has patience. What fails was
measured: he gives it some time to settle and gives up then. What is on its way by then (a soak, the
second look after a boot) he lets come to its end first, so that what closed the gate does
not depend on the second in which he looked.
"""

from __future__ import annotations

from dataclasses import dataclass

from cutover_tui.core.finding import Decision, Finding, Verdict
from cutover_tui.core.runbook import SECOND
from cutover_tui.lab.world_file.play import Play

SETTLE_NS = 90 * SECOND
"""How long a check may fail where the play does not say: a link, a first poll, an old answer."""

COMES = frozenset(
    {
        *("soaking", "waiting", "few-updates", "no-update-since", "source-silent"),
        *("void", "old", "proving", "not-tried-yet", "few-attempts"),  # exchanges, which he asks for himself
    }
)
"""Reason codes of what is under way and only wants time."""

AGAIN_NS = 10 * SECOND


def settle_of(play: Play) -> int:
    """How long a check may fail, ns."""
    return int(play.settle) if play.settle is not None else min(SETTLE_NS, int(play.patience))


@dataclass(slots=True)
class Patience:
    """His patience with one step on one host; times are BOOTTIME, ns."""

    until: int
    settle: int
    _failing: int | None = None

    @classmethod
    def of(cls, play: Play, now: int) -> Patience:
        """Fresh, as he first wants to mark the step done."""
        return cls(now + int(play.patience), settle_of(play))

    def acted(self) -> None:
        """He did something about it, which is given its time in turn."""
        self._failing = None

    def wait(self, decision: Decision, now: int, *, regressed: bool) -> int | None:
        """How long until he tries again, None = he gives up.

        `regressed`: it is closed by an earlier step that fails now, too.
        """
        coming, fails, others = _sorted(decision)
        if not (fails or regressed):
            self._failing = None
            wait = AGAIN_NS if others else max(coming)
        else:
            self._failing = now if self._failing is None else self._failing
            wait = AGAIN_NS if now - self._failing < self.settle else max(coming, default=0)
        return wait if 0 < wait <= self.until - now else None


def _sorted(decision: Decision) -> tuple[list[int], bool, bool]:
    """What each thing under way still needs, whether something fails, whether something else is unknown."""
    by_reason = {(f.check, f.verdict, f.reason): f for f in decision.findings}
    coming, fails, others = [], False, False
    for missing in decision.missing:
        finding = by_reason.get((missing.what, missing.verdict, missing.reason))
        if missing.verdict is Verdict.FAIL:
            fails = True
        elif finding is not None and finding.reason_code in COMES:
            coming.append(_left(finding))
        else:
            others = True
    return coming, fails, others


def _left(finding: Finding) -> int:
    """What a soak still needs; a look every now and then where that is not known."""
    soak = finding.soak
    return AGAIN_NS if soak is None else max(soak.needed_ns - soak.held_ns, 2 * SECOND)
