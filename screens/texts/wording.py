"""How views are said: states, times, gates. Pure functions from port structs to text.

Whatever came from a guest passes `clean` and becomes `Content` without markup, so that it can neither move
the cursor nor colour itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from textual.content import Content

from cutover_tui.core.finding import Finding, Verdict
from cutover_tui.engine.port import ActionView, StepView
from cutover_tui.record.state import Status
from probes.observation import Instant
from screens.widgets.glyphs import UNICODE, Charset, State, StateMark, clean, duration, mark

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND
DAY = 24 * HOUR

STYLES = {
    "ok": "$success",
    "bad": "$error bold",
    "unknown": "$warning",
    "wait": "$secondary",
    "quiet": "dim",
    "warn": "$warning",
    "strong": "bold",
    "": "",
}
"""The colour roles of `glyphs.ROLES` as Textual styles; they follow the theme."""

STATUS_STATE: dict[Status, State] = {
    "todo": State.TODO,
    "started": State.HOLDING,
    "refused": State.FAIL,
    "done": State.DONE,
    "regressed": State.REGRESSED,
}
STATUS_WORD: dict[Status, str] = {
    "todo": "to do",
    "started": "started",
    "refused": "refused",
    "done": "done",
    "regressed": "REGRESSED",
}
WORST_FIRST: tuple[Status, ...] = ("regressed", "refused", "started", "todo", "done")

Part = str | tuple[str, str]
"""Text, or text with a colour role."""


def say(*parts: Part) -> Content:
    """Content of cleaned text in colour roles; nothing in it is read as markup."""
    return Content.assemble(
        *(
            clean(part) if isinstance(part, str) else (clean(part[0]), STYLES.get(part[1], part[1]))
            for part in parts
        )
    )


def lines(contents: Iterable[Content]) -> Content:
    """One below the other."""
    return Content("\n").join(contents)


def status_mark(status: Status, charset: Charset = UNICODE, *, gated: bool = True) -> StateMark:
    """A step's state as glyph, word and role; without a gate it was never measured, somebody said so."""
    shown = mark(STATUS_STATE[status], charset)
    if status == "done" and not gated:
        return StateMark(shown.glyph, "said", "")
    return StateMark(shown.glyph, STATUS_WORD[status], shown.role)


def finding_state(finding: Finding) -> State:
    """What a finding looks like: a verdict, an unknown that only needs more time, or an accepted failure."""
    if finding.acknowledged is not None:
        return State.ACKNOWLEDGED
    if finding.verdict is Verdict.UNKNOWN and finding.reason_code in ("soaking", "waiting"):
        return State.SOAKING
    return State(finding.verdict.value)


def closing_counts(view: StepView) -> tuple[int, int, int]:
    """How many of the gate's checks do not hold, how many there are, and how many rules are owed besides."""
    checks = {f.check for f in view.live.findings}
    owed = sum(1 for m in view.live.missing if m.what not in checks)
    return len(view.live.missing) - owed, len(view.live.findings), owed


def since_of(view: StepView, check: str, host: str) -> Instant | None:
    """Since when this verdict of the check has been seen, in whatever step."""
    return next((at for name, on, at in view.since if (name, on) == (check, host)), None)


def acknowledged_count(view: StepView) -> int:
    """How many of the gate's checks fail and are accepted with a ticket."""
    return sum(f.acknowledged is not None for f in view.live.findings)


def action_of(view: StepView, action: str | None) -> ActionView | None:
    """The step's action of that id."""
    return next((a for a in view.actions if a.id == action), None)


def coarse(ns: int) -> str:
    """A stretch to plan by: `2h41`, `41 min`, below ten minutes `mm:ss`, from two days `2 d 05 h`; never negative."""
    ns = max(0, ns)
    if ns >= 2 * DAY:
        return f"{ns // DAY} d {ns % DAY // HOUR:02} h"
    if ns >= HOUR:
        return f"{ns // HOUR}h{ns % HOUR // MINUTE:02}"
    return f"{ns // MINUTE} min" if ns >= 10 * MINUTE else duration(ns)


def utc_time(utc_ns: int, *, seconds: bool = True) -> str:
    """`01:20:11Z`."""
    at = datetime.fromtimestamp(utc_ns // SECOND, UTC)
    return at.strftime("%H:%M:%SZ" if seconds else "%H:%MZ")


def both_times(utc_ns: int, zone: tzinfo | None, now_ns: int) -> str:
    """`01:20Z (02:20 local)`, with a date in front where it is not today's; `zone` None is the terminal's own."""
    at, now = (datetime.fromtimestamp(ns // SECOND, UTC) for ns in (utc_ns, now_ns))
    local = at.astimezone(zone)
    day = f"{at:%Y-%m-%d} " if at.date() != now.date() else ""
    other = f"{local:%m-%d} " if local.date() != at.date() else ""
    return f"{day}{at:%H:%MZ} ({other}{local:%H:%M} local)"


def ago(then: Instant | None, now: Instant) -> str:
    """`04:12` since `then`; what was before a reboot of the jump host has no age."""
    age = then.age_ns(now) if then is not None else None
    return duration(age) if age is not None else "?"


def quoted(argv: Sequence[str]) -> str:
    """The command as it could be typed, with the dangerous characters made visible."""
    return " ".join(_quote(clean(word)) for word in argv)


def _quote(word: str) -> str:
    plain = word and all(c.isascii() and (c.isalnum() or c in "@%+=:,./-_") for c in word)
    return word if plain else "'" + word.replace("'", "'\"'\"'") + "'"


TIER_WORDS = {"R": "reads only", "N": "changes, no interruption", "D": "DISRUPTIVE"}


def action_traits(action: ActionView) -> list[str]:
    """What running it does besides its purpose, in words."""
    traits = [TIER_WORDS[action.tier]]
    if action.disturbs:
        traits.append("disturbs " + ", ".join(action.disturbs))
    if action.breaks_rollback:
        traits.append("BREAKS ROLLBACK")
    if action.provocation:
        traits.append("provocation")
    return traits


def action_state(action: ActionView) -> tuple[str, str]:
    """Its last result and the role it is shown in. An exit code proves nothing, so 0 is not green."""
    match action.state:
        case "not run":
            return "not run", "quiet"
        case "running":
            return "running", "wait"
        case "unfinished":
            return "began, no result", "unknown"
        case "ended":
            if action.rc is None:
                return "ended without exit code", "unknown"
            return (f"ran, exit {action.rc}", "" if action.rc == 0 else "bad")


_SPELLED = str.maketrans(
    {
        "±": "+-",
        "≤": "<=",
        "≥": ">=",
        "→": "->",
        "←": "<-",
        "−": "-",
        "–": "-",
        "×": "x",
        "µ": "u",
        "·": "-",
        "…": "...",
    }
)


def spell(text: str, charset: Charset) -> str:
    """`text` with the signs that carry meaning written out where the terminal has no glyph for them."""
    return text if charset.name == "unicode" else text.translate(_SPELLED)


def dot(charset: Charset) -> str:
    """What stands between two facts on one line."""
    return " · " if charset.name == "unicode" else " - "


def words(charset: Charset, *parts: str) -> str:
    """Parts with a separator the terminal can show."""
    return dot(charset).join(p for p in parts if p)
