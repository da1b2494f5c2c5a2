"""What happened, on the time axis of the guests' clocks: from the journal, from what was read, from the clocks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.evidence import HostLog
from cutover_tui.engine.port import ClockMark
from cutover_tui.record.events import ActionEnded, ActionIntended, Disturbed, Event, Marked
from probes.facts_time import VmToolsFacts

_KINDS = {
    "host-key": "host key changed",
    "machine": "another machine",
    "platform": "another platform",
    "restored": "snapshot restored",
}


@dataclass(slots=True)
class ClockMarks:
    """Events of this boot of the jump host, in no order. `title` names an action of a step."""

    boot_id: str
    title: Callable[[str, str], str]
    _marks: list[ClockMark] = field(default_factory=list)
    _actions: dict[int, tuple[ClockMark, int | None]] = field(default_factory=dict)  # by intent; when ended
    _steps: dict[str, dict[int, int]] = field(default_factory=dict)  # by host: when, how much
    _tools: dict[str, tuple[int, int, bool]] = field(default_factory=dict)  # looked up to, when, there

    def take(self, event: Event) -> None:
        """An event of the journal; most are none of a clock's graph."""
        body = event.body
        match body:
            case Marked():
                self._add("M", "mark", body.host, event.at.boot_id, event.at.boottime_ns)
            case ActionIntended() if event.at.boot_id == self.boot_id:
                label = self.title(body.step, body.action)
                self._actions[event.seq] = ClockMark(event.at.boottime_ns, "A", label, body.host), None
            case ActionEnded() if body.intent in self._actions:
                self._actions[body.intent] = self._actions[body.intent][0], event.at.boottime_ns
            case Disturbed(kind="reboot"):
                self._add("B", "boot", body.host, body.since.boot_id, body.since.boottime_ns)
            case Disturbed() if body.kind != "action":
                label = _KINDS.get(body.kind, body.kind)
                self._add("D", label, body.host, body.since.boot_id, body.since.boottime_ns)
            case _:
                pass

    def _add(self, letter: str, label: str, host: str, boot_id: str, mono_ns: int) -> None:
        if boot_id == self.boot_id:
            self._marks.append(ClockMark(mono_ns, letter, label, host))

    def look_at(self, host: str, log: HostLog) -> None:
        """See in what was read whether VMware Tools have gone.

        They went with the last action that was under way between the readings that still and no longer showed
        them; where there was none, the mark is at the reading.
        """
        upto_ns, seen_ns, there = self._tools.get(host, (-1, -1, False))
        first = bisect_right(log.observations, upto_ns, key=lambda o: o.ended.boottime_ns)
        for o in log.observations[first:]:
            upto_ns = o.ended.boottime_ns
            if isinstance(o.facts, VmToolsFacts):
                if there and o.facts.package is None:
                    self._tools_gone(host, seen_ns, o.began.boottime_ns)
                seen_ns, there = o.began.boottime_ns, o.facts.package is not None
        self._tools[host] = upto_ns, seen_ns, there

    def _tools_gone(self, host: str, there_ns: int, gone_ns: int) -> None:
        """A reading at `there_ns` still showed them: an action that had ended by then was another one."""
        under_way = [
            seq
            for seq, (mark, ended_ns) in self._actions.items()
            if mark.host == host and mark.mono_ns <= gone_ns and (ended_ns is None or ended_ns > there_ns)
        ]
        if under_way:
            mark, ended_ns = self._actions[under_way[-1]]
            mark = msgspec.structs.replace(mark, letter="T", label="Tools removed")
            self._actions[under_way[-1]] = mark, ended_ns
        else:
            self._marks.append(ClockMark(gone_ns, "T", "Tools removed", host))

    def stepped(self, host: str, steps: Collection[tuple[int, int]], settled_ns: int) -> None:
        """Steps (when, how much) that the estimate of a clock knows now; those before `settled_ns` stay known."""
        known = self._steps.setdefault(host, {})
        for mono_ns in [at for at in known if at > settled_ns]:
            del known[mono_ns]
        known.update(steps)

    def between(self, since_ns: int, until_ns: int, hosts: Collection[str]) -> tuple[ClockMark, ...]:
        """The events of these guests in a stretch, oldest first."""
        marks = (*self._marks, *(mark for mark, _ in self._actions.values()))
        found = [m for m in marks if m.host is None or m.host in hosts]
        found += [
            ClockMark(mono_ns, "S", f"step {time_amount(amount_ns, sign=True)}", host)
            for host in hosts
            for mono_ns, amount_ns in self._steps.get(host, {}).items()
        ]
        inside = (m for m in found if since_ns <= m.mono_ns <= until_ns)
        return tuple(sorted(inside, key=lambda m: (m.mono_ns, m.letter)))
