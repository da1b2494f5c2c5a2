"""How a standing reads in the sentence of a finding."""

from __future__ import annotations

from collections.abc import Iterable

from cutover_tui.core.amounts import time_amount
from cutover_tui.core.checks.clocks.references import Consensus, Standing
from cutover_tui.core.checks.clocks.witness import Witness


def name(w: Witness) -> str:
    """A witness by name, and how it was asked where that is not an NTP exchange of the jump host."""
    match w.kind:
        case "ntp" | "http":  # a URL says what it is
            return w.server
        case "guest":
            return f"{w.server} (asked by the guest)"
        case "people":
            return f"a clock read by {w.server}"


def names(witnesses: Iterable[Witness]) -> str:
    """Their names, in order; what a guest asked together."""
    found = list(witnesses)
    if found and all(w.kind == "guest" for w in found):
        return f"{', '.join(sorted(w.server for w in found))} (asked by the guest)"
    return ", ".join(sorted(name(w) for w in found))


def confirmed(consensus: Consensus) -> str:
    """Which coarse witnesses confirm those that speak, and how closely; empty where none does."""
    if not consensus.confirming:
        return ""
    tightest = min(w.bound_at(consensus.mono_ns) for w in consensus.confirming)
    verb = "confirms" if len(consensus.confirming) == 1 else "confirm"
    return f"; {names(consensus.confirming)} {verb} it to ± {time_amount(tightest)}"


def compared_with(standing: Standing) -> str:
    """By whose time guests are judged: `the domain (dc1, dc2)` or `ntp1, ntp2`."""
    guests = standing.guests
    if guests is None:
        return "nobody"
    found = names(guests.agreeing)
    return f"the domain ({found})" if standing.judge == "domain" else found


def caution(standing: Standing, agree_ns: int) -> str:
    """What must not be passed over in silence about the time guests are judged by; empty where it is sound."""
    domain, truth, off = standing.domain, standing.truth, standing.domain_off
    if domain is not None and truth is not None and off is not None and abs(off[0]) > agree_ns:
        whole = (
            "the domain"
            if len(domain.agreeing) + len(domain.confirming) > 1
            else f"{name(domain.agreeing[0])} alone"
        )
        return f"; but {whole} is {time_amount(off[0], sign=True)} off {names(truth.agreeing)}: see time.reference"
    if standing.judge == "domain" and truth is None:
        return "; but no independent reference confirms the domain: see time.reference"
    return ""


def left_out(witnesses: tuple[Witness, ...]) -> str:
    """The ones that are not believed, to follow those that are; empty where there is none."""
    if not witnesses:
        return ""
    return (
        f"; {names(witnesses)} {'disagrees and is' if len(witnesses) == 1 else 'disagree and are'} left out"
    )


def spread(witnesses: Iterable[Witness], middle_ns: int) -> str:
    """Each of them with its distance from a moment."""
    return ", ".join(f"{name(w)} {time_amount(w.offset_ns - middle_ns, sign=True)}" for w in witnesses)
