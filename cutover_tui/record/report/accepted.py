"""The faults that were accepted with a problem ticket: as they were before the mark, and as they were last."""

from __future__ import annotations

from dataclasses import dataclass, field

from cutover_tui.core.finding import Before, Decision, Finding, Verdict
from cutover_tui.record.events import Acknowledged, BaselineCaptured
from cutover_tui.record.report.text import measured, valued

COLUMNS = ("ticket", "cause", "host", "when accepted", "before the mark", "last decided", "accepted")


@dataclass(frozen=True, slots=True)
class AcceptedPart:
    """One accepted fault on one host, in words. Amounts are with their bounds, empty where there is none."""

    ticket: str
    cause: str
    host: str
    then: str
    before: str
    last: str
    by: str
    reason: str

    def cells(self) -> tuple[str, ...]:
        """In the order of `COLUMNS`."""
        return (
            self.ticket,
            f"{self.cause}: {self.reason}",
            self.host,
            self.then,
            self.before,
            self.last,
            self.by,
        )


@dataclass(slots=True)
class Acceptances:
    """Gathers acknowledgements, and what became of what they accept."""

    _events: list[tuple[str, str, Acknowledged]] = field(default_factory=list)
    _before: dict[tuple[str, str], Before] = field(default_factory=dict)  # host, check
    _last: dict[tuple[str, str], tuple[str, Finding]] = field(default_factory=dict)
    _covered: dict[tuple[str, str, str, str], Finding] = field(default_factory=dict)  # with ticket and code

    def accepted(self, at: str, by: str, body: Acknowledged) -> None:
        self._events.append((at, by, body))

    def baseline(self, body: BaselineCaptured) -> None:
        self._before.update({(body.host, then.check): then for then in body.findings})

    def decided(self, at: str, decision: Decision) -> None:
        for f in decision.findings:
            self._last[f.host, f.check] = at, f
            if f.acknowledged is not None:
                self._covered.setdefault((f.acknowledged, f.check, f.reason_code, f.host), f)

    def parts(self) -> list[AcceptedPart]:
        """One a ticket, cause and host: those that showed it when it was accepted, then those it covered later."""
        parts: dict[tuple[str, str, str, str], AcceptedPart] = {}
        for at, by, body in self._events:
            cause = (body.ticket, body.check, body.reason_code)
            for f in body.findings:
                parts[*cause, f.host] = self._part(body, f, measured(f), f"{at} by {by}")
            for key, f in self._covered.items():
                if key[:3] == cause and key not in parts:
                    parts[key] = self._part(body, f, "", f"{at} by {by}")
        return list(parts.values())

    def _part(self, body: Acknowledged, f: Finding, then: str, by: str) -> AcceptedPart:
        was = self._before.get((f.host, f.check))
        same = was is not None and (was.verdict, was.reason_code) == (Verdict.FAIL, f.reason_code)
        before = valued(was.measured, was.bound, f.criterion.unit) if was is not None and same else ""
        return AcceptedPart(
            ticket=body.ticket,
            cause=f"{f.check} {f.reason_code}",
            host=f.host,
            then=then,
            before=before,
            last=self._lastly(f),
            by=by,
            reason=f.reason,
        )

    def _lastly(self, f: Finding) -> str:
        """The value of the newest decision, and what else it said where it is no longer the accepted fault."""
        at, last = self._last.get((f.host, f.check), ("", None))
        if last is None:
            return "never decided on"
        words = {Verdict.PASS: "passes", Verdict.UNKNOWN: "unknown", Verdict.NA: "na"}
        said = words.get(last.verdict, "" if last.acknowledged is not None else "not accepted any more")
        return ", ".join(part for part in (measured(last), said, at) if part)
