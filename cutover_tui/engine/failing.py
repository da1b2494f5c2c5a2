"""How long checks of done steps have failed lately, look by look: what comes and goes adds up."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from cutover_tui.core.runbook import MINUTE
from cutover_tui.record.regression import LASTS_NS

Key = tuple[str, str, str, str, int | None]
"""Step, column, check, guest, and the decision by which the step is done: one that is done anew starts anew."""

WITHIN_NS = 10 * MINUTE
"""Within so long a check fails for `LASTS_NS` in all before its step counts as regressed."""


@dataclass(slots=True)
class Failing:
    """Looks at done steps. One speaks until the next, and no longer than `LASTS_NS`."""

    _looks: dict[Key, list[tuple[int, bool]]] = field(default_factory=dict)

    def look(self, key: Key, at_ns: int, *, fails: bool) -> bool:
        """Take one more look; whether the check fails now and has failed for too long in all."""
        looks = self._looks.setdefault(key, [])
        looks.append((at_ns, fails))
        while len(looks) > 1 and looks[1][0] <= at_ns - WITHIN_NS:
            del looks[0]
        since_ns, total_ns = at_ns - WITHIN_NS, 0
        for (begin_ns, failed), (end_ns, _) in pairwise(looks):
            if failed:
                total_ns += min(end_ns - max(begin_ns, since_ns), LASTS_NS)
        return fails and total_ns >= LASTS_NS
