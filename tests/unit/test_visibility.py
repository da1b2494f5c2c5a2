"""What an account could not see is named once, by the newest reading of each reader."""

from __future__ import annotations

import pytest
from msgspec import structs

from cutover_tui.cli.check import show
from cutover_tui.core.loading import load_text
from cutover_tui.core.visibility import not_visible
from cutover_tui.engine.checking import Looked
from probes.facts_time import ServicesFacts
from probes.facts_writers import CronFacts, StepsFacts
from probes.observation import JUMP, Failure, FailureKind
from tests.unit import evidence_builders as b
from tests.unit.corpus import load

CRON = CronFacts((), ("/etc/cron.d/a", "/etc/cron.d/b", "/etc/cron.d/c", "/var/spool/cron/crontabs"))
JOURNAL = StepsFacts(None, False, None)


def test_everything_seen_is_nothing_said() -> None:
    facts = [
        b.chrony(1),
        b.services("chronyd"),
        b.platform(),
        b.tools(),
        StepsFacts((), False, 1),
        CronFacts((), ()),
    ]
    names = ["chrony", "services", "platform", "vmtools", "steps", "cron"]
    assert not_visible(b.observed(n, 1, f) for n, f in zip(names, facts, strict=True)) == ()


def test_what_was_not_seen_is_named() -> None:
    seen = [
        b.observed("steps", 1, JOURNAL),
        b.observed("cron", 1, CRON),
        b.observed("journal", 1, StepsFacts((), False, 1, skipped=2)),
        b.observed("services", 1, ServicesFacts("other", (), None)),
        b.observed("chrony", 1, structs.replace(b.chrony(1), conf_visible=False)),
        b.observed("vmtools", 1, b.tools(conf_visible=False)),
        b.observed("ptp", 1, Failure(FailureKind.DENIED, "/sys/class/ptp/ptp0/clock_name may not be read")),
        b.observed("timesyncd", 1, b.ABSENT),
    ]
    assert not_visible(seen) == (
        "2 lines of the journal about the clock, in unknown words",
        "chrony's configuration",
        "jobs in /etc/cron.d/a, /etc/cron.d/b, /etc/cron.d/c and 1 more",
        "processes",
        "ptp: /sys/class/ptp/ptp0/clock_name may not be read",
        "the journal",
        "tools.conf of VMware Tools",
    )


def test_only_the_newest_reading_counts_and_only_the_guests() -> None:
    assert (
        not_visible([b.observed("steps", 1, JOURNAL), b.observed("steps", 2, StepsFacts((), False, 1))]) == ()
    )
    assert not_visible([b.observed("steps", 1, JOURNAL, host=JUMP)]) == ()


def test_a_headless_look_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    loaded = load_text(b.RUNBOOK, "test.yaml")
    show(Looked((), (("app01", ("the journal", "processes")),)), loaded)
    assert capsys.readouterr().out == "app01: not visible to this account: the journal; processes\n"


def test_every_unprivileged_case_of_the_corpus_has_something_that_is_not_visible() -> None:
    cases = [c for c in load() if c.id.endswith(("/unprivileged", "/unreadable", "/conf-unreadable"))]
    assert len(cases) >= 5
    for case in cases:
        found = case.parse()
        assert not_visible([b.observed(case.reader.name, 1, found)]), case.id
