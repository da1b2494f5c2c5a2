"""`time.provider`: an accepted provider is named, runs, starts at boot and has good recent updates.

"The offset is small" is never enough: a guest is right at minute 0 and nobody keeps it right.
"""

from __future__ import annotations

from cutover_tui.core.amounts import span, time_amount
from cutover_tui.core.checks.check import Asked, Says, no_facts
from cutover_tui.core.checks.clocks.smear import Mixture, mixture, smeared_by
from cutover_tui.core.checks.provider import (
    provider_boot,
    provider_island,
    provider_none,
    provider_ntpd,
    provider_refclock,
    provider_sources,
)
from cutover_tui.core.checks.timekeeping import time_writers
from cutover_tui.core.evidence import Evidence
from cutover_tui.core.finding import Criterion, Finding
from probes.facts_ntpd import NtpdFacts
from probes.facts_time import ChronyFacts, ChronySource, ServicesFacts, TimesyncdFacts
from probes.observation import Facts, FailureKind, Observation

SOONEST_NS = 8_000_000_000
"""Ages are differences of whole seconds, and a daemon may have to wait its turn: polls of a second or two are
given as long as one of chrony's usual shortest (minpoll 3)."""

SILENT_POLLS = 8
"""chronyd keeps a selected source until its reach, eight bits, is empty (chrony's sources.c)."""

LOCAL_REFIDS = frozenset({"7F7F0101", "4C4F434C"})  # chrony's `local`, "LOCL"


def run(evidence: Evidence, asked: Asked, says: Says) -> Finding:
    chrony_at = evidence.latest("chrony")
    timesyncd_at = evidence.latest("timesyncd")
    chrony = evidence.facts("chrony", ChronyFacts)
    timesyncd = evidence.facts("timesyncd", TimesyncdFacts)
    idle = chrony is not None and chrony.running and chrony.controls is False
    if chrony is not None and chrony.running and chrony_at is not None and not idle:
        return _chrony(chrony, chrony_at, evidence, asked, says)
    if timesyncd is not None and timesyncd.running and timesyncd_at is not None:
        return _timesyncd(timesyncd, timesyncd_at, evidence, asked, says)
    ntpd_at = evidence.latest("ntpq")
    ntpd = evidence.facts("ntpq", NtpdFacts)
    if ntpd is not None and ntpd.running and ntpd_at is not None:
        return provider_ntpd.judged(ntpd, ntpd_at, evidence, asked, says)
    for reader, newest in (("chrony", chrony_at), ("timesyncd", timesyncd_at), ("ntpq", ntpd_at)):
        if newest is None or (
            newest.failure is not None and newest.failure.kind is not FailureKind.TOOL_ABSENT
        ):
            return no_facts(says, reader, newest)
    if idle and chrony_at is not None:
        return says.fails(
            "no-control",
            "chronyd runs without control of the clock (-x): it measures how far off the clock is and never sets it.",
            remedy="Take -x out of its options (/etc/default/chrony, OPTIONS in /etc/sysconfig/chronyd, its unit) and "
            "restart it.",
            used=(chrony_at,),
        )
    services = evidence.facts("services", ServicesFacts)
    if services is None:
        return no_facts(says, "services", evidence.latest("services"))
    unread = time_writers.unread(evidence, services)
    if unread:
        return says.unknown(
            "unrecognised-provider",
            f"Unrecognised provider {' and '.join(unread)}: how well it keeps this clock cannot be read.",
            remedy="Use chrony, systemd-timesyncd or ntpd.",
        )
    silent = provider_none.silent(services)
    if silent is not None:
        return says.unknown(
            "not-answering",
            f"{silent} runs but does not answer this account, so nothing is known of its sources.",
            remedy="Let the account ask it (chronyc needs the command port or root, ntpq needs ntpq installed and no `noquery`).",
        )
    seen = (chrony_at, timesyncd_at, ntpd_at, evidence.latest("services"))
    because, by = provider_refclock.gone(evidence)
    used = (*(o for o in seen if o is not None), *by)
    return says.fails(
        "no-provider",
        f"Nothing on this guest keeps its clock right: no chronyd, systemd-timesyncd or ntpd runs.{because}",
        remedy=provider_none.start(services),
        used=used,
    )


def _deaf(facts: Facts | None) -> bool:
    """A provider that runs and has not heard from any source."""
    if isinstance(facts, ChronyFacts):
        return facts.running and facts.ref_time_ns is None and all(s.reach == 0 for s in facts.sources)
    return isinstance(facts, TimesyncdFacts) and facts.running and facts.packet_count == 0


def _heard(facts: ChronyFacts, selected: ChronySource) -> tuple[str, ...]:
    """Sources besides the selected one that answered lately and may take its place."""
    return tuple(
        s.name
        for s in facts.sources
        if s is not selected
        and s.state in ("combined", "not-combined")
        and s.reach & 0o7
        and s.last_rx_s is not None
        and s.last_rx_s <= 3 << min(max(0, s.poll), 24)
    )


def criterion(asked: Asked) -> Criterion:
    return Criterion(
        "a named provider runs, starts at boot, ≥ 3 good updates since boot, "
        f"last one younger than 3 polls, than {span(asked.ns('silent'))} and than the last disturbance, "
        f"root distance < {time_amount(asked.ns('distance'))}",
        provider_boot.GOOD_UPDATES,
        "count",
    )


def _chrony(facts: ChronyFacts, newest: Observation, evidence: Evidence, asked: Asked, says: Says) -> Finding:
    used = (newest,)
    if facts.refid.upper() in LOCAL_REFIDS:
        return says.fails(
            "local-reference",
            "chronyd follows its own local reference: it calls its own drift the truth.",
            remedy="Give it reachable servers, and take `local` out of its configuration.",
            used=used,
        )
    askable = sum(s.mode != "refclock" for s in facts.sources)
    if facts.offline and facts.offline == len(facts.sources) == askable:
        return says.fails(
            "offline",
            f"chronyd was told to ask none of its {askable} sources (chronyc offline).",
            remedy="`chronyc online`, and find who switched them off: a hook of the network does where there is no "
            "default route.",
            used=used,
        )
    selected = next((s for s in facts.sources if s.state == "selected"), None)
    if selected is None:
        lost = provider_sources.of_chrony(evidence)
        if not facts.sources:
            return says.fails(
                "no-sources",
                f"chronyd runs without a single source{lost.words}.",
                remedy="Configure this site's time servers.",
                used=(*used, *lost.used),
            )
        if all(s.reach == 0 for s in facts.sources):
            # One that has updated the clock before is no new one: its sources are gone.
            if (
                facts.ref_time_ns is None
                and provider_boot.lasts(evidence, "chrony", _deaf) < provider_boot.GRACE_NS
            ):
                return says.unknown(
                    "no-answer-yet",
                    f"chronyd runs; none of its {len(facts.sources)} sources has answered yet.",
                    remedy=f"Wait: it counts as a failure after {span(provider_boot.GRACE_NS)}.",
                    used=used,
                )
            return says.fails(
                "no-reachable-source",
                f"chronyd runs, but none of its {len(facts.sources)} sources answers{lost.words}.",
                remedy="Open UDP 123 (with `nts` TCP 4460 too) from the guest to its sources, or configure reachable ones.",
                used=(*used, *lost.used),
            )
        return says.unknown(
            "not-selected",
            "chronyd has not selected a source yet.",
            remedy="Wait some polls; if it stays, its sources disagree.",
            used=used,
        )
    if facts.leap == "unsynchronised":
        return says.fails(
            "unsynchronised",
            "chronyd says it is not synchronised.",
            remedy="Look at `chronyc sources` and `chronyc tracking` on the guest.",
            used=used,
        )
    poll_ns = 1_000_000_000 << min(max(0, selected.poll), 24)
    if facts.ref_time_ns is None or facts.guest_utc_ns is None or selected.last_rx_s is None:
        what = "updated the clock" if facts.ref_time_ns is None else f"heard {selected.name}"
        return says.unknown(
            "no-update-time",
            f"chronyd does not say when it last {what}.",
            remedy="Wait for its next update.",
            used=used,
        )
    # The time of an update is NTP time; the guest's clock is off it by what chronyd still corrects.
    age = facts.guest_utc_ns - facts.system_offset_ns - facts.ref_time_ns
    if age < -provider_boot.FUTURE_NS:
        return says.unknown(
            "update-in-future",
            f"chronyd's newest sync is {span(-age)} in the guest's future: its clock was set back since.",
            remedy="Find out who set the clock back; wait for chronyd's next update.",
            used=used,
        )
    heard = selected.last_rx_s * 1_000_000_000
    polls_ns, ceiling_ns = max(3 * poll_ns, SOONEST_NS), asked.ns("silent")
    if max(age, heard) > min(polls_ns, ceiling_ns):
        others = _heard(facts, selected)
        if others and age <= (SILENT_POLLS + 3) * poll_ns:
            return says.unknown(
                "source-silent",
                f"chronyd follows {selected.name}, which it last heard {span(age)} ago; "
                f"{', '.join(others)} answer, and it turns to them after {SILENT_POLLS} polls.",
                remedy=f"Wait: a poll is {time_amount(poll_ns)}; `chronyc burst 4/4` makes it sooner.",
                used=used,
            )
        return says.fails(
            "stale-update",
            f"chronyd last heard {selected.name} {span(heard)} ago and last updated the clock {span(age)} ago, "
            f"more than {_limit(poll_ns, polls_ns, ceiling_ns)}.",
            remedy="Its source is gone; open UDP 123 or configure another."
            if polls_ns <= ceiling_ns
            else "It may be well and only asks this seldom: lower `maxpoll`.",
            used=used,
        )
    good = selected.reach.bit_count()
    if good < provider_boot.GOOD_UPDATES:
        return says.unknown(
            "few-updates",
            f"chronyd has {good} of {provider_boot.GOOD_UPDATES} good updates from {selected.name}.",
            remedy=f"Wait: one comes every {time_amount(poll_ns)}.",
            measured=good,
            used=used,
        )
    mixed = _mixed(facts)
    if mixed is not None and facts.leap in ("insert", "delete"):
        return says.fails(
            "smear-mixed",
            f"A leap second is announced and of chronyd's sources {mixed.words}: "
            "they will be up to a second apart for hours.",
            remedy="Keep sources of one kind only in chrony's configuration.",
            used=used,
        )
    if provider_boot.before_disturbance(max(age, heard), newest, evidence):
        return says.unknown(
            "no-update-since",
            f"chronyd last heard {selected.name} {span(max(0, age))} ago, before the last disturbance: "
            "whether it still does is not shown.",
            remedy=f"Wait: one comes every {time_amount(poll_ns)}; `chronyc burst 4/4` asks at once.",
            measured=good,
            used=used,
        )
    distance = abs(facts.root_delay_ns) // 2 + facts.root_dispersion_ns
    unsure = provider_boot.vouched("chronyd", selected.name, distance, good, used, asked, says)
    unsure = unsure or provider_refclock.judged(selected, used, evidence, says)
    unsure = unsure or provider_island.judged(
        "chronyd", (selected.name,), selected.stratum, used, evidence, says
    )
    if unsure is not None:
        return unsure
    words = (
        f"chronyd ← {selected.name}{provider_refclock.host(selected, evidence)} (stratum {selected.stratum}), "
        f"{good} good of the last 8, last {span(max(0, age))} ago"
    )
    origin = provider_sources.of_chrony(evidence)
    return provider_boot.at_boot(provider_none.CHRONY_UNITS, words, good, used, evidence, says, mixed, origin)


def _limit(poll_ns: int, polls_ns: int, ceiling_ns: int) -> str:
    return f"3 polls of {time_amount(poll_ns)}" if polls_ns <= ceiling_ns else span(ceiling_ns)


def _mixed(facts: ChronyFacts) -> Mixture | None:
    """Smeared and other servers among those that answer; a hardware clock says nothing of its kind."""
    return mixture((s.name, smeared_by(s.name)) for s in facts.sources if s.mode != "refclock" and s.reach)


def _timesyncd(
    facts: TimesyncdFacts, newest: Observation, evidence: Evidence, asked: Asked, says: Says
) -> Finding:
    used = (newest,)
    if facts.packet_count == 0 or facts.server_address is None:
        if provider_boot.lasts(evidence, "timesyncd", _deaf) < provider_boot.GRACE_NS:
            return says.unknown(
                "no-answer-yet",
                "systemd-timesyncd runs; no server has answered yet.",
                remedy=f"Wait: it counts as a failure after {span(provider_boot.GRACE_NS)}.",
                used=used,
            )
        return says.fails(
            "no-reachable-source",
            "systemd-timesyncd runs, but no server has answered since it started.",
            remedy="Open UDP 123 from the guest to its server, or configure a reachable one.",
            used=used,
        )
    if facts.packet_count < provider_boot.GOOD_UPDATES:
        return says.unknown(
            "few-updates",
            f"systemd-timesyncd has {facts.packet_count} of {provider_boot.GOOD_UPDATES} answers.",
            remedy="Wait for its next polls, or restart it to poll at once.",
            measured=facts.packet_count,
            used=used,
        )
    if facts.leap == "unsynchronised" or facts.ignored:
        return says.fails(
            "unsynchronised",
            "The server of systemd-timesyncd is not synchronised itself, or its answer was ignored.",
            remedy="Give it a server that has time.",
            used=used,
        )
    if facts.last_answer_utc_ns is None or facts.guest_utc_ns is None or facts.poll_interval_ns is None:
        return says.unknown(
            "no-update-time",
            "systemd-timesyncd does not say when its server last answered.",
            remedy="Wait for its next poll.",
            used=used,
        )
    age = facts.guest_utc_ns - facts.last_answer_utc_ns
    if age < -provider_boot.FUTURE_NS:
        return says.unknown(
            "update-in-future",
            f"systemd-timesyncd's last answer lies {span(-age)} in the guest's future: "
            "its clock was set back since.",
            remedy="Find out who set the clock back; wait for the next poll.",
            used=used,
        )
    polls_ns, ceiling_ns = 3 * facts.poll_interval_ns, asked.ns("silent")
    if age > min(polls_ns, ceiling_ns):
        return says.fails(
            "stale-update",
            f"systemd-timesyncd last heard its server {span(age)} ago, "
            f"more than {_limit(facts.poll_interval_ns, polls_ns, ceiling_ns)}.",
            remedy="It may be well and only asks this seldom: lower `PollIntervalMaxSec`."
            if polls_ns > ceiling_ns
            else "Its server is gone; open UDP 123 or configure another.",
            used=used,
        )
    if provider_boot.before_disturbance(age, newest, evidence):
        return says.unknown(
            "no-update-since",
            f"systemd-timesyncd last heard its server {span(max(0, age))} ago, before the last disturbance: "
            "whether it still does is not shown.",
            remedy="Wait for its next poll, or restart it to poll at once.",
            measured=facts.packet_count,
            used=used,
        )
    server = facts.server_name or facts.server_address
    distance, good = facts.root_distance_ns or 0, facts.packet_count
    names = (server, facts.server_address)
    unsure = provider_boot.vouched(
        "systemd-timesyncd", server, distance, good, used, asked, says
    ) or provider_island.judged("systemd-timesyncd", names, facts.stratum, used, evidence, says)
    if unsure is not None:
        return unsure
    words = (
        f"systemd-timesyncd ← {server} (stratum {facts.stratum}), "
        f"{facts.packet_count} answers, last {span(max(0, age))} ago"
    )
    origin = provider_sources.of_timesyncd(evidence, facts.server_name)
    return provider_boot.at_boot(
        provider_none.TIMESYNCD_UNITS, words, facts.packet_count, used, evidence, says, origin=origin
    )
