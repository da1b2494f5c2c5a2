"""Keys that would change nothing when a world is played: whoever wrote them thinks they do."""

from __future__ import annotations

from ipaddress import ip_address

from cutover_tui.core.yaml_model.part import Part
from cutover_tui.core.yaml_model.problem import Problems, place, shown
from cutover_tui.lab.world.network import ANYBODY, Rule, covers

_OF_A_REFERENCE = ("down", "leap", "stratum", "kdc_down")
_OF_NO_STRETCH = ("time", "boot", "mark")
"""What an event waits for that has no start before its end."""


def check_idle(world: Part, problems: Problems) -> None:
    """Report them."""
    _Rules(world, problems).check()


class _Rules:
    def __init__(self, world: Part, problems: Problems) -> None:
        self._world, self._report = world, problems.error

    def check(self) -> None:
        for party in (*self._world.each("references"), *self._world.each("guests")):
            self._address(party)
        for guest in self._world.each("guests"):
            self._joined(guest)
        events = self._world.each("events")
        for event in events:
            on = event.text("on")
            if on in _OF_NO_STRETCH and event.text("when") == "started":
                self._report(
                    event.line_of("when"),
                    f"`when: started` in an event on `{on}`",
                    "no `when`: it is one moment",
                )
        changes = [change for event in events for change in event.each("do")]
        for change in changes:
            reference = change.get("reference")
            if reference is not None and not any(reference.has(key) for key in _OF_A_REFERENCE):
                self._report(
                    reference.line, "a reference changes in no way", "`down`, `leap`, `stratum` or `kdc_down`"
                )
        self._unblocks(changes)

    def _address(self, party: Part) -> None:
        address = party.text("address")
        if address is None:
            return
        try:
            ip_address(address)
        except ValueError:
            self._report(
                party.line_of("address"),
                f"{place(f'{party.path}.address', 'world')} is {shown(address)}",
                "an IPv4 or IPv6 address",
            )

    def _joined(self, guest: Part) -> None:
        if not guest.has("joined"):
            return
        why = None
        if guest.text("role") == "standalone":
            why, expected = "of a guest that is `standalone`", "`role: member`"
        elif guest.text("os") == "alpine":
            why, expected = "on alpine", "another system: the lab joins no alpine"
        elif not self._world.has("domain"):
            why, expected = "in a world without a domain", "a `domain` of the world"
        if why is not None:
            self._report(guest.line_of("joined"), f"`joined` {why}", expected)

    def _unblocks(self, changes: list[Part]) -> None:
        network = self._world.get("network")
        blocked = [_rule(one) for one in (network.each("blocked") if network is not None else ())]
        blocked += [_rule(one) for change in changes if (one := change.get("block")) is not None]
        for change in changes:
            lifted = change.get("unblock")
            if lifted is not None and not any(covers(_rule(lifted), one) for one in blocked):
                self._report(
                    lifted.line,
                    "nothing is blocked that this lets through again",
                    "ends, port and protocol of a `block` of this world, or wider ones",
                )


def _rule(part: Part) -> Rule:
    return Rule(
        part.text("from", ANYBODY) or ANYBODY,
        part.text("to", ANYBODY) or ANYBODY,
        part.integer("port"),
        part.text("protocol"),
    )
