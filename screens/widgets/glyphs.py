"""State marks, line characters and number formats, in Unicode and in ASCII.

A state is always a glyph *and* a word *and* a colour role, so that it survives NO_COLOR, a colour-blind
reader and a font without the glyph. Numbers are integers in nanoseconds or parts per billion; formatting
rounds, and a bound is rounded up, never down.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec
from rich.cells import cell_len, set_cell_size

_US, _MS, _S = 1_000, 1_000_000, 1_000_000_000
_HOUR_S, _DAY_S, _YEAR_S = 3_600, 86_400, 31_557_600
_CLOCK_FROM_S = 1_000  # from here on an offset reads as h:mm:ss
_DAYS_FROM_S = 100 * _HOUR_S

# C0, C1, separators that break lines, and the bidirectional overrides that reorder what a person reads.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


class State(StrEnum):
    """What a check, a gate or a step can look like."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    SOAKING = "soaking"
    NA = "na"
    ACKNOWLEDGED = "acknowledged"
    WAIVED = "waived"
    TODO = "to do"
    HOLDING = "holding"
    DONE = "done"
    UNVERIFIED = "unverified"
    REGRESSED = "regressed"


class StateMark(msgspec.Struct, frozen=True):
    """A state as it is shown; `role` names a colour and is never the only carrier."""

    glyph: str
    word: str
    role: str

    @property
    def text(self) -> str:
        return f"{self.glyph} {self.word}"


class Charset(msgspec.Struct, frozen=True):
    """Every non-alphanumeric character the interface may use; the caller picks by locale and setting."""

    name: str
    glyphs: dict[State, str]
    plus_minus: str
    micro: str
    ellipsis: str
    dash: str
    arrow: str
    up: str
    down: str
    vertical: str
    tick: str
    time_tick: str
    corner: str
    zero: str
    threshold: str
    mark: str
    level: str  # joins a line's end with its label on the same row,
    falling: str  # below it,
    rising: str  # above it


UNICODE = Charset(
    name="unicode",
    glyphs={
        State.PASS: "✓",
        State.FAIL: "✗",
        State.UNKNOWN: "?",
        State.SOAKING: "…",
        State.NA: "·",
        State.ACKNOWLEDGED: "!",
        State.WAIVED: "~",
        State.TODO: "·",
        State.HOLDING: "…",
        State.DONE: "✓",
        State.UNVERIFIED: "?",
        State.REGRESSED: "✗",
    },
    plus_minus="±",
    micro="µ",
    ellipsis="…",
    dash="—",
    arrow="→",
    up="↑",
    down="↓",
    vertical="│",
    tick="┤",
    time_tick="╵",
    corner="└",
    zero="─",
    threshold="╌",
    mark="┊",
    level="─",
    falling="╲",
    rising="╱",
)
ASCII = Charset(
    name="ascii",
    glyphs={
        State.PASS: "[ok]",
        State.FAIL: "[XX]",
        State.UNKNOWN: "[??]",
        State.SOAKING: "[..]",
        State.NA: "[--]",
        State.ACKNOWLEDGED: "[!!]",
        State.WAIVED: "[~~]",
        State.TODO: "[  ]",
        State.HOLDING: "[..]",
        State.DONE: "[ok]",
        State.UNVERIFIED: "[??]",
        State.REGRESSED: "[XX]",
    },
    plus_minus="+-",
    micro="u",
    ellipsis="~",
    dash="-",
    arrow="->",
    up="^",
    down="v",
    vertical="|",
    tick="+",
    time_tick="'",
    corner="+",
    zero=" ",
    threshold="=",
    mark="!",
    level="-",
    falling="\\",
    rising="/",
)

_WORDS = {
    State.FAIL: "FAIL",
    State.REGRESSED: "REGRESSED",
}
_ROLES = {
    State.PASS: "ok",
    State.FAIL: "bad",
    State.UNKNOWN: "unknown",
    State.SOAKING: "wait",
    State.NA: "quiet",
    State.ACKNOWLEDGED: "warn",
    State.WAIVED: "warn",
    State.TODO: "quiet",
    State.HOLDING: "wait",
    State.DONE: "ok",
    State.UNVERIFIED: "unknown",
    State.REGRESSED: "bad",
}
ROLES = ("ok", "bad", "unknown", "wait", "quiet", "warn")
"""The colour roles of states, worst-first order not implied."""


def mark(state: State | str, charset: Charset = UNICODE) -> StateMark:
    """Glyph, word and role of `state`; accepts a verdict's value. Raises ValueError for an unknown one."""
    known = State(state)
    return StateMark(charset.glyphs[known], _WORDS.get(known, known.value), _ROLES[known])


def clean(text: str) -> str:
    """`text` without anything that moves a cursor, breaks a line or reorders characters."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def narrow(text: str) -> str:
    """`text`, cleaned, with every character that is not exactly one cell wide replaced: length = cells."""
    text = clean(text)
    if text.isascii():
        return text
    return "".join(char if cell_len(char) == 1 else "\N{REPLACEMENT CHARACTER}" for char in text)


def fit(text: str, width: int, *, align: str = "left", ellipsis: str = "…") -> str:
    """`text`, cleaned, in exactly `width` terminal cells; what is cut off shows as `ellipsis`."""
    if width <= 0:
        return ""
    text = clean(text)
    length = cell_len(text)
    if length == width:
        return text
    if length > width:
        return set_cell_size(text, width - 1) + ellipsis if width > 1 else ellipsis
    return " " * (width - length) + text if align == "right" else text + " " * (width - length)


def duration(ns: int) -> str:
    """`mm:ss`, from an hour on `h:mm:ss`; whole seconds, rounded towards zero."""
    seconds = abs(ns) // _S
    sign = "-" if ns < 0 and seconds else ""
    hours, rest = divmod(seconds, _HOUR_S)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes:02}:{seconds:02}"


def decimal(value: int, unit: int, places: int, *, plus: bool = True) -> str:
    """`value / unit` with exactly `places` decimals, rounded half away from zero, in integer arithmetic."""
    scaled = (2 * abs(value) * 10**places + unit) // (2 * unit)
    whole, part = divmod(scaled, 10**places)
    sign = "" if not scaled else "-" if value < 0 else "+" if plus else ""
    return f"{sign}{whole}.{part:0{places}}" if places else f"{sign}{whole}"


def _places(size: int, unit: int) -> int:
    """Decimals that give `size / unit` three significant digits."""
    return 0 if size >= 100 * unit else 1 if size >= 10 * unit else 2


def _unit(size: int) -> int:
    """The largest unit in which `size` still reads as one or more after rounding to three digits."""
    for unit, above in ((1, _US), (_US, _MS), (_MS, _S)):
        if 2 * size < 1999 * unit or (unit == 1 and size < above):
            return unit
    return _S


def unit_name(unit: int, charset: Charset = UNICODE) -> str:
    """The symbol of a unit given in nanoseconds: ns, µs, ms or s."""
    return {1: "ns", _US: charset.micro + "s", _MS: "ms"}.get(unit, "s")


def _bound(bound: int, unit: int) -> tuple[str, int]:
    """`bound` rounded up to one significant digit (two after a leading 1) and the decimals that took."""
    places = -len(str(bound // unit)) + 1 if bound >= unit else 1
    while places > 0 and bound * 10**places < unit:
        places += 1
    lead = bound * 10**places // unit if places >= 0 else bound // (unit * 10**-places)
    if lead == 1:
        places += 1
    if places <= 0:
        step = unit * 10**-places
        return str(-(-bound // step) * 10**-places), 0
    ceiled = -(-bound * 10**places // unit)
    text = f"{ceiled // 10**places}.{ceiled % 10**places:0{places}}"
    return text.rstrip("0").rstrip("."), places


def offset(value_ns: int, bound_ns: int | None = None, charset: Charset = UNICODE) -> str:
    """A clock offset: `+412 ms ± 3`, `+9.81 s ± 0.004`, `-1:00:03 ± 2 ms`.

    Three significant digits, fewer where the bound makes them meaningless; the bound is in the value's unit
    unless the value reads as a clock time. From 1,000 s on whole seconds are shown, from 100 h days or years.
    """
    size = abs(value_ns)
    if 2 * size >= (2 * _CLOCK_FROM_S - 1) * _S:
        text = _long(value_ns)
        if bound_ns is None:
            return text
        return f"{text} {charset.plus_minus} {_own_bound(bound_ns, charset)}"
    if bound_ns is None:
        unit = _unit(size)
        places = 0 if unit == 1 else _places(size, unit)
        return f"{decimal(value_ns, unit, places)} {unit_name(unit, charset)}"
    unit = _unit(max(size, bound_ns))
    places = 0 if unit == 1 else _places(max(size, bound_ns), unit)
    text, limit = _bound(bound_ns, unit) if bound_ns > 0 else ("0", places)
    shown = decimal(value_ns, unit, min(places, limit))
    return f"{shown} {unit_name(unit, charset)} {charset.plus_minus} {text}"


def _own_bound(bound_ns: int, charset: Charset) -> str:
    own = _unit(bound_ns)
    if own < _S and _bound(bound_ns, own)[0] == "1000":  # rounded up into the next unit
        own *= 1000
    return f"{_bound(bound_ns, own)[0]} {unit_name(own, charset)}"


def bounded(value_ns: int, bound_ns: int | None = None, charset: Charset = UNICODE) -> str:
    """The same with the bound in a unit of its own, for a sentence: `+22.8 s ± 7 ms`."""
    if not bound_ns:
        return offset(value_ns, bound_ns, charset)
    text = offset(value_ns, bound_ns, charset).partition(f" {charset.plus_minus} ")[0]
    return f"{text} {charset.plus_minus} {_own_bound(bound_ns, charset)}"


def interval(low_ns: int, high_ns: int, charset: Charset = UNICODE) -> str:
    """What a clock's offset lies in: `-0.41..+3.10 ms`; the ends are rounded outwards, never inwards."""
    size = max(abs(low_ns), abs(high_ns))
    if 2 * size >= (2 * _CLOCK_FROM_S - 1) * _S:
        return offset((low_ns + high_ns) // 2, (high_ns - low_ns + 1) // 2, charset)
    unit = _unit(size)
    places = 0 if unit == 1 else _places(size, unit)
    step = max(1, unit // 10**places)
    low, high = low_ns // step * step, -(-high_ns // step) * step
    return f"{decimal(low, unit, places)}..{decimal(high, unit, places)} {unit_name(unit, charset)}"


OFFSET_WIDTH = 9
"""Cells `offset` without a bound needs at most; layouts reserve them so that a value never moves a column."""


def _long(value_ns: int) -> str:
    sign = "-" if value_ns < 0 else "+"
    seconds = (2 * abs(value_ns) + _S) // (2 * _S)
    if seconds < _DAYS_FROM_S:
        hours, rest = divmod(seconds, _HOUR_S)
        return f"{sign}{hours}:{rest // 60:02}:{rest % 60:02}"
    unit, name = (_DAY_S, "d") if seconds < 1_000 * _DAY_S else (_YEAR_S, "y")
    return f"{sign}{decimal(seconds, unit, _places(seconds, unit), plus=False)} {name}"


def drift(ppb: int) -> str:
    """A frequency error in ppm with three significant digits: `+31,400 ppm`, `-0.120 ppm`."""
    size = abs(ppb)
    if not size:
        return "0 ppm"
    if size < 1_000_000:
        places = 3 if size < 1_000 else _places(size, 1_000)
        return f"{decimal(ppb, 1_000, places)} ppm"
    step = 10 ** (len(str(size)) - 3)
    rounded = (size + step // 2) // step * step // 1_000
    return f"{'-' if ppb < 0 else '+'}{rounded:,} ppm"
