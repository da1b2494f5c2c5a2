"""Between what limits a KDC's clock lies, from answers whose microseconds may mean nothing.

An answer shows `stime` and `susec`. For every KDC its clock then was at least `stime + susec`
and less than the next second; `second_interval` intersects several answers.

The upper limit is tighter where the microseconds are shown to be a clock: MIT krb5 1.16 to
1.21 count them up by one a call within a second (krb5/krb5 PR 1374), Heimdal and Windows
read a clock. MIT's server may run as several processes (`krb5kdc -w`), each with a counter that it
sets right at its first answer of a second: two of them look as one clock, and no number of answers
tells how many there are. So what names itself as MIT's is never taken for a clock. That costs some
aimed questions and nothing else.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cutover_tui.core.checks.clocks.second_interval import USED_NS, SecondInterval, Shown, intersect
from cutover_tui.core.checks.clocks.second_interval import next_flip as flip_of
from cutover_tui.core.runbook import SECOND
from probes.facts_directory import GuestRootDseFacts
from probes.facts_kerberos import KdcFacts
from probes.observation import Instant, Observation

_APART_NS = 5_000_000
"""Two answers this far apart tell a counter from a clock, whatever the path does in between."""


_MIT_STATUS = re.compile(r"[A-Z]+(?:[ _][A-Z]+)*\Z", re.ASCII)
"""MIT's KDC puts its log's word into the e-text: CLIENT_NOT_FOUND, NEEDED_PREAUTH, LOCKED_OUT (src/kdc/do_as_req.c).

Heimdal's is a sentence, Samba's and Windows' is none.
"""


@dataclass(frozen=True, slots=True)
class KdcClock(SecondInterval):
    """The KDC's clock minus the session timescale at `mono_ns`, in [low_ns, high_ns]."""

    microseconds: bool | None = None
    """Whether the KDC's microseconds are a clock; None = not shown yet, or not to be told."""


def kdc_clock(observations: Sequence[Observation], anchor: Instant, now_ns: int) -> KdcClock | None:
    """What the newest answers of *one* KDC allow its clock to be at `now_ns`; None without any.

    From the newest back to the first that contradicts the newer ones, and no farther than USED_NS.
    """
    answers = [f for o in observations if (f := _shows_a_clock(o)) is not None]
    answers = [f for f in answers if now_ns - USED_NS <= f.received_ns <= now_ns]
    if not answers:
        return None
    microseconds = _are_a_clock(answers)
    shown = [_shown(facts, tight=microseconds is True) for facts in answers]
    found = intersect(shown, anchor, now_ns)
    assert found is not None  # noqa: S101 - there are answers
    return KdcClock(now_ns, found.low_ns, found.high_ns, found.answers, found.jumped, microseconds)


def ldap_clock(observations: Sequence[Observation], anchor: Instant, now_ns: int) -> KdcClock | None:
    """As `kdc_clock`, from what a guest was shown of *one* controller by LDAP, in whole seconds.

    The controller was read some time while the guest was asked: that long is what is left open, besides its second.
    """
    shown = [
        Shown(
            o.began.boottime_ns,
            o.ended.boottime_ns,
            o.facts.current_time_ns,
            o.facts.current_time_ns + SECOND,
        )
        for o in observations
        if isinstance(o.facts, GuestRootDseFacts) and now_ns - USED_NS <= o.ended.boottime_ns <= now_ns
    ]
    found = intersect(shown, anchor, now_ns) if shown else None
    if found is None:
        return None
    return KdcClock(now_ns, found.low_ns, found.high_ns, found.answers, found.jumped)


def next_flip(clock: KdcClock, anchor: Instant, from_ns: int) -> int:
    """BOOTTIME not before `from_ns` at which the KDC's second changes if its clock is at the middle.

    An answer given then shows on which side of the middle the clock is.
    """
    return flip_of(clock.middle_ns, anchor, from_ns)


def _shows_a_clock(observation: Observation) -> KdcFacts | None:
    facts = observation.facts
    return facts if isinstance(facts, KdcFacts) and facts.stime_ns is not None else None


def _shown(facts: KdcFacts, *, tight: bool) -> Shown:
    assert facts.stime_ns is not None  # noqa: S101 - see _shows_a_clock
    shown = facts.stime_ns + (facts.susec or 0) * 1000
    latest = shown + 1000 if tight else facts.stime_ns + SECOND
    return Shown(facts.sent_ns, facts.received_ns, shown, latest)


def _are_a_clock(answers: Sequence[KdcFacts]) -> bool | None:
    """Told by two answers within one second of the KDC: a clock moved as far as time did, counters did not."""
    shown = False
    for before, after in itertools.pairwise(answers):
        least, most = after.sent_ns - before.received_ns, after.received_ns - before.sent_ns
        if before.stime_ns != after.stime_ns or least < _APART_NS:
            continue
        moved = ((after.susec or 0) - (before.susec or 0)) * 1000
        if not least <= moved * 2 <= most * 4:  # half and twice: a clock may be slewed meanwhile
            return False  # once a counter, always one
        shown = True
    return True if shown and not any(_MIT_STATUS.match(facts.text) for facts in answers) else None
