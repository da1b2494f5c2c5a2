"""The rules across a world file: names that must exist, changes that say one thing, amounts that fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from cutover_tui.core.durations import format_duration
from cutover_tui.core.yaml_model.part import Part
from cutover_tui.core.yaml_model.problem import Problem, Problems, did_you_mean, one_of, place, shown
from cutover_tui.lab.world.network import ANYBODY, GUESTS_NET, JUMP, REFERENCES_NET
from cutover_tui.lab.world_file.book import book_words
from cutover_tui.lab.world_file.faults import Filling, faults
from cutover_tui.lab.world_file.model import DEFAULT_RUNBOOK, Change, SnapshotChange
from cutover_tui.lab.world_file.play import Play
from cutover_tui.lab.world_file.rules_book import check_against_book
from cutover_tui.lab.world_file.rules_idle import check_idle
from cutover_tui.lab.world_file.runbook import plain_text, shipped_runbooks
from cutover_tui.lab.world_file.twins import path_of

_CHANGES = tuple(field.encode_name for field in msgspec.structs.fields(Change))
_OF_GUESTS = frozenset(_CHANGES) - {"clock", "block", "unblock", "link", "reference", "computer"}


def check_world(world: Part, directory: Path, problems: Problems, text: str) -> None:
    """Report what no single value can say; `text` is the file's."""
    _Rules(world, directory, problems, text).check()


class _Rules:
    def __init__(self, world: Part, directory: Path, problems: Problems, text: str) -> None:
        self._world, self._directory = world, directory
        self._problems, self._report = problems, problems.error
        self._lines = text.split("\n")
        self._guests = [g.text("name") or "" for g in world.each("guests")]
        self._references = [r.text("name") or "" for r in world.each("references")]

    def check(self) -> None:
        self._unique_names()
        self._kdcs()
        for guest in self._world.each("guests"):
            self._guest(guest)
        net = self._world.get("network")
        if net is not None:
            for link in (*net.each("links"), *net.each("blocked")):
                self._ends(link)
        for event in self._world.each("events"):
            self._event(event)
        self._reverts()
        self._play()
        for key in ("expect", "naive"):
            self._expect(self._world.get(key))
        check_idle(self._world, self._problems)
        self._twin()
        self._runbook()

    def _unique_names(self) -> None:
        seen: dict[str, int] = {JUMP: 0}
        for part in (*self._world.each("references"), *self._world.each("guests")):
            name = part.text("name")
            if name is None:
                continue
            if name in seen:
                first = f"the first is in line {seen[name]}" if seen[name] else "`jump` is the jump host"
                self._report(
                    part.line_of("name"), f"name {shown(name)} is taken", f"a name of its own ({first})"
                )
            seen.setdefault(name, part.line_of("name"))
        if len(self._references) != len(set(self._references)) or not self._references:
            return
        addresses: dict[str, int] = {}
        for key, net in (("references", REFERENCES_NET), ("guests", GUESTS_NET)):
            for n, part in enumerate(self._world.each(key), 1):
                if not part.has("address"):
                    addresses.setdefault(f"{net}.{n}", part.line)
        for part in (*self._world.each("references"), *self._world.each("guests")):
            address = part.text("address")
            if address is not None and address in addresses:
                self._report(
                    part.line_of("address"),
                    f"address {shown(address)} is taken",
                    f"an address of its own (the first is in line {addresses[address]})",
                )
            elif address is not None:
                addresses[address] = part.line_of("address")

    def _kdcs(self) -> None:
        for reference in self._world.each("references"):
            if reference.get("kdc") is None or (reference.get("controller") and self._world.has("domain")):
                continue
            self._report(
                reference.line_of("kdc"),
                "`kdc` of what is no controller of a domain",
                "`controller: true` beside it, and a `domain` of the world",
            )

    def _guest(self, guest: Part) -> None:
        system, time = guest.text("os", "debian12"), guest.get("time")
        if time is None:
            return
        if time.get("timesyncd") is not None and system != "debian12":
            self._report(
                time.line_of("timesyncd"),
                f"`timesyncd` on {system}",
                "chrony or ntpd: that system ships no systemd-timesyncd",
            )
        chrony = time.get("chrony")
        if chrony is not None:
            low, high = chrony.integer("minpoll"), chrony.integer("maxpoll")
            if (6 if low is None else low) > (10 if high is None else high):
                self._report(
                    chrony.line_of("minpoll" if low is not None else "maxpoll"),
                    "`minpoll` is above `maxpoll`",
                    "minpoll of at most maxpoll",
                )

    def _ends(self, link: Part) -> None:
        for key in ("from", "to"):
            self._name(link, key, (*self._guests, *self._references, JUMP))

    def _name(self, part: Part, key: str, known: tuple[str, ...]) -> None:
        name = part.text(key, ANYBODY)
        if name is not None and name != ANYBODY and name not in known:
            self._report(
                part.line_of(key),
                f"{place(f'{part.path}.{key}', 'world')} is {shown(name)}",
                did_you_mean(name, known),
            )

    def _event(self, event: Part) -> None:
        self._name(event, "host", tuple(self._guests))
        on = event.text("on")
        if on in ("time", "boot", "mark") and event.has("id"):
            self._report(event.line_of("id"), f"`id` in an event on `{on}`", "no id there: nothing has one")
        if on != "boot" and event.has("nth"):
            self._report(event.line_of("nth"), f"`nth` in an event on `{on}`", "nth only with `on: boot`")
        if event.has("every") != event.has("times"):
            given = "every" if event.has("every") else "times"
            self._report(event.line_of(given), f"`{given}` alone", "`every` and `times`, or neither")
        for change in event.each("do"):
            self._change(change, on)

    def _change(self, change: Part, on: str | None) -> None:
        given = [key for key in _CHANGES if change.has(key)]
        if len(given) != 1:
            what = "no change" if not given else f"{len(given)} changes ({', '.join(given)})"
            self._report(
                change.line, f"{place(change.path, 'world')} has {what}", "exactly " + one_of(_CHANGES)
            )
        for kind in given:
            value = change.get(kind)
            if value is None:
                continue
            if kind in ("block", "unblock", "link"):
                self._ends(value)
            elif kind == "reference":
                self._name(value, "name", tuple(self._references))
            elif kind == "clock":
                self._name(value, "who", (*self._guests, *self._references, JUMP))
                if not any(value.has(key) for key in ("offset", "by", "rate")):
                    self._report(value.line, "a clock changes in no way", "`offset`, `by` or `rate`")
            elif kind in _OF_GUESTS:
                self._name(value, "host", tuple(self._guests))

    def _play(self) -> None:
        play = self._world.get("play")
        if play is None:
            return
        for key in ("actions", "pauses", "acknowledge"):
            for one in play.each(key):
                self._name(one, "host", tuple(self._guests))
        settle, patience = play.integer("settle"), play.integer("patience")
        longest = Play().patience if patience is None else patience
        if settle is not None and settle > longest:
            self._report(
                play.line_of("settle"),
                f"`settle` is above `patience` ({format_duration(longest)})",
                "settle of at most patience",
            )

    def _reverts(self) -> None:
        changes = [change for event in self._world.each("events") for change in event.each("do")]
        default = SnapshotChange().name
        taken = [s.text("name", default) or "" for c in changes if (s := c.get("snapshot")) is not None]
        for change in changes:
            back = change.get("revert")
            name = back.text("name", default) if back is not None else None
            if back is not None and name is not None and name not in taken:
                self._report(
                    back.line_of("name"),
                    f"{place(f'{back.path}.name', 'world')} is {shown(name)}, which no event takes",
                    did_you_mean(name, taken) if taken else "a `snapshot` in an earlier event",
                )

    def _expect(self, expect: Part | None) -> None:
        if expect is None:
            return
        self._name(expect, "host", tuple(self._guests))
        if expect.text("outcome") == "allowed":
            for key in ("step", "host", "findings"):
                if expect.has(key):
                    self._report(expect.line_of(key), f"`{key}` of what is allowed", "`outcome: refused`")

    def _twin(self) -> None:
        name = self._world.text("twin_of")
        if name is None:
            return
        own = Path(self._problems.file).stem
        if name == own or not path_of(name, self._directory).is_file():
            beside = sorted(p.stem for p in self._directory.glob("*.yaml") if p.stem != own)
            self._report(
                self._world.line_of("twin_of"),
                f"twin_of {shown(name)} is {'this world itself' if name == own else 'not there'}",
                f"a world file beside this one, without `.yaml`: {did_you_mean(name, beside)}",
            )

    def _runbook(self) -> None:
        if "runbook" in self._world.unread:
            return
        name = self._world.text("runbook", DEFAULT_RUNBOOK) or DEFAULT_RUNBOOK
        try:
            text = plain_text(name, self._directory)
        except (OSError, ValueError):
            self._report(
                self._world.line_of("runbook"),
                f"runbook {shown(name)} is not there",
                "a file beside this one, the runbook itself over several lines, or one that the lab ships: "
                + did_you_mean(name, shipped_runbooks()),
            )
            return
        wrong = self._faults(name, text)
        self._problems.errors.extend(wrong)
        steps = book_words(text) if not wrong else {}
        if steps:
            check_against_book(self._world, steps, self._problems)

    def _faults(self, name: str, text: str) -> list[Problem]:
        """The errors of the runbook, in its own file or where its text stands in this one."""
        own, first = "\n" in name, self._world.line_of("runbook")
        beside = self._directory / name if not own else None
        file = str(beside) if beside is not None and beside.is_file() else name
        found = faults(text, self._filling(), self._problems.file if own else file)
        return (
            [replace(one, line=self._line_of(text, one.line, first)) for one in found] if own else list(found)
        )

    def _line_of(self, text: str, line: int, first: int) -> int:
        """Where a line of a text that begins below the line `first` stands; `first` where it is not written so."""
        at = first + line
        written, here = text.split("\n")[line - 1 : line], self._lines[at - 1 : at]
        return at if [one.strip() for one in here] == [one.strip() for one in written] else first

    def _filling(self) -> Filling:
        named = [(r.text("name") or "", r.flag("controller")) for r in self._world.each("references")]
        domain = self._world.get("domain")
        return Filling(
            guests=tuple(self._guests),
            references=tuple(name for name, controller in named if not controller),
            controllers=tuple(name for name, controller in named if controller),
            realm=domain.text("realm") if domain is not None else None,
        )
