"""Words of a report: moments, amounts, states, and what each event says. Pure.

Everything a guest, a runbook or a person wrote passes `plain` before it stands in a report.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cutover_tui.core.amounts import amount, time_amount
from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.record.events import (
    Acknowledged,
    ActionEnded,
    ActionIntended,
    AttemptEnded,
    AttemptIntended,
    BaselineCaptured,
    ClockRead,
    Decided,
    Defect,
    Disturbed,
    Done,
    Event,
    LinkLost,
    LinkUp,
    Marked,
    Noted,
    ProofApproved,
    Regressed,
    SessionClosed,
    SessionResumed,
    SessionStarted,
    StepStarted,
    VerdictChanged,
)
from probes.observation import Instant
from probes.unsafe_text import without_controls

STATUS = {
    "done": "✓ done",
    "regressed": "✗ REGRESSED",
    "refused": "✗ refused",
    "started": "… started",
    "todo": "· not started",
}
VERDICT = {
    Verdict.PASS: "✓ pass",
    Verdict.FAIL: "✗ FAIL",
    Verdict.UNKNOWN: "? unknown",
    Verdict.NA: "· na",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plain(text: str) -> str:
    """Text without anything a terminal, an editor or a browser acts on; newlines stay."""
    return without_controls(text).replace("\t", " ")


def one_line(text: str) -> str:
    """The same on one line."""
    return " ".join(plain(text).split())


def moment(at: Instant, offset_s: int) -> str:
    """`2026-09-21 14:17:20 UTC (16:17:20 +02:00)`."""
    whole = _utc(at.utc_ns)
    if whole is None:
        return f"{at.utc_ns} ns after 1970 UTC"
    local = whole + timedelta(seconds=offset_s)
    day = f"{local:%Y-%m-%d }" if local.date() != whole.date() else ""
    return f"{whole:%Y-%m-%d %H:%M:%S} UTC ({day}{local:%H:%M:%S} {offset_text(offset_s)})"


def clock_time(utc_ns: int) -> str:
    """`14:17:20`, UTC."""
    whole = _utc(utc_ns)
    return f"{whole:%H:%M:%S}" if whole is not None else "?"


def offset_text(offset_s: int) -> str:
    """`+02:00`."""
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{'-' if offset_s < 0 else '+'}{hours:02}:{minutes:02}"


def _utc(utc_ns: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=utc_ns // 1000)
    except OverflowError:
        return None


def measured(finding: Finding) -> str:
    """`+412 ms ± 3 ms`; empty where nothing was measured."""
    return valued(finding.measured, finding.bound, finding.criterion.unit)


def valued(value: int | None, bound: int | None, unit: str) -> str:
    """The same of a value that was kept without its finding."""
    if value is None:
        return ""
    near = f" ± {time_amount(bound)}" if unit == "ns" and bound is not None else ""
    return f"{amount(value, unit)}{near}"


def verdict_words(finding: Finding) -> str:
    """`✗ FAIL`, or with which ticket a failure was accepted."""
    if finding.acknowledged is not None:
        return f"! acknowledged {finding.acknowledged}"
    return VERDICT[finding.verdict]


def command(argv: Sequence[str]) -> str:
    """An argv as one would type it."""
    return one_line(shlex.join(argv))


def told(event: Event) -> str | None:
    """What an event says, in one line; None for what only machines read (seals)."""
    match event.body:
        case SessionStarted(jump_host=jump, runbook_name=name, tool=tool):
            return one_line(f"session started on {jump} with {name}, cutover {tool}")
        case SessionResumed(notice=notice, operator=who):
            return one_line(f"session resumed by {who}" + (f": {notice}" if notice else ""))
        case SessionClosed():
            return "session closed"
        case StepStarted(step=step, host=host):
            return one_line(f"{step} started on {where(host)}")
        case ActionIntended(step=step, host=host, action=action, argv=argv):
            return one_line(f"action {action} of {step} on {host}: {command(argv)}")
        case ActionEnded(intent=intent, rc=rc, failure=failure):
            return one_line(f"action of event {intent} ended: {failure or f'exit status {rc}'}")
        case ProofApproved(host=host, proof=proof):
            return one_line(f"{proof} approved on {host}")
        case AttemptIntended(host=host, proof=proof, attempt=attempt, of=of):
            return one_line(f"{proof} on {host}: attempt {attempt} of {of}")
        case AttemptEnded(intent=intent, observation=seen, failure=failure):
            return one_line(f"attempt of event {intent} ended: {failure or seen or 'no result'}")
        case Disturbed(host=host, cause=cause, families=families):
            return one_line(f"{host}: {cause}; voids older {', '.join(families)}")
        case Marked(host=host, step=step):
            return one_line(f"{host} marked by {step}: from here on it is after the move")
        case BaselineCaptured(host=host):
            return one_line(f"baseline of {host} captured")
        case Acknowledged(check=check, reason_code=code, host=host, ticket=ticket, findings=found):
            on = ", ".join(f.host for f in found)
            everywhere = ", and wherever else it was before the mark" if host == "*" else ""
            return one_line(f"{check} {code} on {on} accepted with {ticket}{everywhere}")
        case Decided(decision=d, second=second):
            lacks = ", ".join(dict.fromkeys(m.what for m in d.missing))
            by = f", with {second}" if second else ""
            what = f"refused: {lacks}" if d.outcome != "open" else "open"
            return one_line(f"gate of {d.step} on {where(d.host)} {what}{by}")
        case Done(step=step, host=host):
            return one_line(f"{step} DONE on {where(host)}")
        case VerdictChanged(check=check, host=host, verdict=verdict, reason=reason, acknowledged=ticket):
            accepted = f", acknowledged {ticket}" if ticket is not None else ""
            return one_line(f"{check} on {host} is now {verdict}{accepted}: {reason}")
        case Regressed(step=step, host=host, check=check, reason=reason):
            return one_line(f"{step} on {where(host)} REGRESSED: {check}: {reason}")
        case Noted(text=text, step=step, host=host):
            about = " ".join(x for x in (step, host) if x)
            return one_line(f"note{f' on {about}' if about else ''}: {text}")
        case ClockRead(utc_ns=utc, first=first, second=second):
            return one_line(
                f"{first} and {second} read a clock they trust: {clock_time(utc)} UTC, within 2 s"
            )
        case LinkLost(host=host, detail=detail):
            return one_line(f"{host} cannot be measured: {detail}")
        case LinkUp(host=host, host_key=key):
            return one_line(f"{host} connected, host key {key or 'not read'}")
        case Defect(part=part, detail=detail):
            return one_line(f"a defect of this program in {part}: {detail}")
        case _:
            return None


def where(host: str) -> str:
    """A column's name."""
    return "the wave" if host == "*" else host
