"""`time.provider` for ntpd and ntpsec: the same criterion over what ntpq shows."""

from __future__ import annotations

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import SECOND, Asked, Says
from cutover_tui.core.checks.clocks.smear import mixture, smeared_by
from cutover_tui.core.checks.provider import provider_island
from cutover_tui.core.checks.provider.provider_boot import (
    FUTURE_NS,
    GOOD_UPDATES,
    GRACE_NS,
    at_boot,
    before_disturbance,
    lasts,
    vouched,
)
from cutover_tui.core.checks.provider.provider_sources import of_ntpd
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Finding
from cutover_tui.core.runbook import HOUR
from probes.facts_ntpd import NtpdFacts, NtpdPeer
from probes.observation import Facts, Observation

UNITS = ("ntp.service", "ntpd.service", "ntpsec.service")
LOCAL_NAMES = ("127.127.1.", "LOCAL(")
LOCAL_REFIDS = frozenset({"LOCL", "LOCAL(0)", "127.127.1.0", "127.127.1.1"})

UPDATE_POLLS = 10
"""ntpd updates the clock by the best of the last 8 answers, so that up to 8 polls bring none (RFC 5905 section 10)."""

LONGEST_NS = 12 * HOUR
"""Without an update for this long nobody keeps a clock, however seldom it is asked to."""


def judged(facts: NtpdFacts, newest: Observation, evidence: Evidence, asked: Asked, says: Says) -> Finding:
    """The finding about an ntpd that answers."""
    used = (newest,)
    selected = next((p for p in facts.peers if p.state == "selected"), None)
    if (selected is not None and _local(selected)) or (
        selected is None and facts.leap != "unsynchronised" and facts.refid in LOCAL_REFIDS
    ):
        return says.fails(
            "local-reference",
            "ntpd follows its own local clock: it calls its own drift the truth.",
            remedy="Give it reachable servers, and take 127.127.1.0 or `refclock local` out of its configuration.",
            used=used,
        )
    if selected is None:
        return _nobody(facts, used, evidence, says)
    if facts.leap == "unsynchronised":
        # Without a drift file ntpd measures its frequency for minutes before it touches the clock.
        return says.unknown(
            "unsynchronised",
            f"ntpd follows {selected.name} and says it is not synchronised (yet).",
            remedy="Wait up to 15 min after its start; then look at `ntpq -pn` and `ntpq -c rv` on the guest.",
            used=used,
        )
    poll_ns = max(1, selected.poll_s) * SECOND
    if facts.ref_time_ns is None or facts.guest_utc_ns is None or selected.last_rx_s is None:
        return says.unknown(
            "no-update-time",
            "ntpd does not say when it last updated the clock.",
            remedy="Wait for its next update.",
            used=used,
        )
    age = facts.guest_utc_ns - facts.ref_time_ns
    if age < -FUTURE_NS:
        return says.unknown(
            "update-in-future",
            f"ntpd's newest sync is {span(-age)} in the guest's future: its clock was set back since.",
            remedy="Find out who set the clock back; wait for ntpd's next update.",
            used=used,
        )
    heard = selected.last_rx_s * SECOND
    polls_ns, ceiling_ns = 3 * poll_ns, asked.ns("silent")
    if heard > min(polls_ns, ceiling_ns) or age > min(UPDATE_POLLS * poll_ns, LONGEST_NS):
        return says.fails(
            "stale-update",
            f"ntpd last heard {selected.name} {span(heard)} ago and last updated the clock {span(age)} ago, "
            f"at polls of {time_amount(poll_ns)}.",
            remedy="Its source is gone; open UDP 123 or configure another."
            if polls_ns <= ceiling_ns
            else "It may be well and only asks this seldom: lower `maxpoll`.",
            used=used,
        )
    good = selected.reach.bit_count()
    if good < GOOD_UPDATES:
        return says.unknown(
            "few-updates",
            f"ntpd has {good} of {GOOD_UPDATES} good updates from {selected.name}.",
            remedy=f"Wait: one comes every {time_amount(poll_ns)}.",
            measured=good,
            used=used,
        )
    # Which answer the clock filter takes next is ntpd's affair; that the source answers since is what is asked.
    if before_disturbance(heard, newest, evidence):
        return says.unknown(
            "no-update-since",
            f"ntpd last heard {selected.name} {span(heard)} ago, before the last disturbance: "
            "whether it still does is not shown.",
            remedy=f"Wait: one comes every {time_amount(poll_ns)}; a restart of ntpd with `iburst` asks at once.",
            measured=good,
            used=used,
        )
    distance = facts.root_delay_ns // 2 + facts.root_dispersion_ns
    unsure = vouched("ntpd", selected.name, distance, good, used, asked, says) or provider_island.judged(
        "ntpd", (selected.name,), selected.stratum, used, evidence, says
    )
    if unsure is not None:
        return unsure
    mixed = mixture(
        (p.name, smeared_by(p.name, refid=p.refid)) for p in facts.peers if p.kind == "u" and p.reach
    )
    if mixed is not None and facts.leap in ("insert", "delete"):
        return says.fails(
            "smear-mixed",
            f"A leap second is announced and of ntpd's sources {mixed.words}: "
            "they will be up to a second apart for hours.",
            remedy="Keep sources of one kind only.",
            measured=good,
            used=used,
        )
    words = (
        f"ntpd ← {selected.name} (stratum {selected.stratum}), "
        f"{good} good of the last 8, last {span(heard)} ago"
    )
    return at_boot(UNITS, words, good, used, evidence, says, mixed, of_ntpd(evidence))


def _nobody(facts: NtpdFacts, used: tuple[Observation, ...], evidence: Evidence, says: Says) -> Finding:
    """What is wrong while ntpd has selected no source."""
    sources = [p for p in facts.peers if p.kind != "p"]  # a pool's own line never answers
    if not sources:
        return says.fails(
            "no-sources",
            "ntpd runs without a single source.",
            remedy="Configure this site's time servers.",
            used=used,
        )
    if all(p.reach == 0 for p in sources):
        # One that has updated the clock before is no new one: its sources are gone.
        if facts.ref_time_ns is None and lasts(evidence, "ntpq", _deaf) < GRACE_NS:
            return says.unknown(
                "no-answer-yet",
                f"ntpd runs; none of its {len(sources)} sources has answered yet.",
                remedy=f"Wait: it counts as a failure after {span(GRACE_NS)}.",
                used=used,
            )
        return says.fails(
            "no-reachable-source",
            f"ntpd runs, but none of its {len(sources)} sources answers.",
            remedy="Open UDP 123 from the guest to its sources, or configure reachable ones.",
            used=used,
        )
    return says.unknown(
        "not-selected",
        "ntpd has not selected a source yet.",
        remedy="Wait some polls; if it stays, its sources disagree.",
        used=used,
    )


def _local(peer: NtpdPeer) -> bool:
    """The local clock driver, as the reference implementation and as ntpsec show it."""
    return peer.kind == "l" or peer.name.startswith(LOCAL_NAMES)


def _deaf(facts: Facts | None) -> bool:
    return isinstance(facts, NtpdFacts) and facts.running and all(p.reach == 0 for p in facts.peers)
