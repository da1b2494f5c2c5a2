"""chronyd that answers root only, and chronyd that was started without control of the clock."""

from __future__ import annotations

import msgspec
import pytest

from probes.facts_time import ChronyFacts
from probes.linux import CHRONY
from probes.observation import Failure, FailureKind, Raw
from tests.unit import corpus

PROCESS = ("pgrep", "-a", "-x", "chronyd")
NOT_ANSWERED = "506 Cannot talk to daemon\n"


def recorded(name: str) -> tuple[Raw, ...]:
    return next(case.raws for case in corpus.load() if case.id.endswith(f"chrony/4.3/{name}"))


def started(*lines: str, of: str = "synchronised") -> tuple[Raw, ...]:
    shown = "".join(f"{pid} {line}\n" for pid, line in enumerate(lines, 400))
    return tuple(
        msgspec.structs.replace(raw, out=shown, rc=0 if lines else 1) if raw.argv == PROCESS else raw
        for raw in recorded(of)
    )


def controls(*lines: str) -> bool | None:
    facts = CHRONY.parse(started(*lines))
    assert isinstance(facts, ChronyFacts), facts
    return facts.controls


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("/usr/sbin/chronyd -F 1", "/usr/sbin/chronyd -F 1"), True),
        (("/usr/sbin/chronyd -x",), False),
        (("/usr/sbin/chronyd -F 1 -x", "/usr/sbin/chronyd -F 1 -x"), False),
        (("/usr/sbin/chronyd -4xd",), False),
        (("/usr/sbin/chronyd -F -x",), True),  # the level of -F, whatever it is
        (("/usr/sbin/chronyd -ux",), True),  # a user called x
        (("/usr/sbin/chronyd -f /etc/x -n", "/usr/sbin/chronyd -x"), True),  # one of a container beside it
        ((), None),
    ],
)
def test_only_the_option_itself_says_that_it_sets_no_clock(lines: tuple[str, ...], expected: bool | None):
    assert controls(*lines) is expected


def test_root_is_asked_only_where_a_daemon_runs_and_does_not_answer():
    answered, silent = started("/usr/sbin/chronyd"), started("/usr/sbin/chronyd", of="not-running")
    assert [CHRONY.wanted(raws) for raws in (answered, silent, started(of="not-running"))] == [
        False,
        True,
        False,
    ]
    assert all(command.elevate for command in CHRONY.further[:-1])


def test_what_root_is_told_is_what_counts():
    silent, answers = started("/usr/sbin/chronyd", of="not-running"), recorded("synchronised")
    by_root = (*answers[:3], answers[4])
    facts, plain = CHRONY.parse((*silent, *by_root)), CHRONY.parse(answers)
    assert isinstance(facts, ChronyFacts)
    assert isinstance(plain, ChronyFacts)
    assert (facts.running, facts.sources, facts.guest_utc_ns) == (True, plain.sources, plain.guest_utc_ns)


def test_where_root_is_not_to_be_had_it_does_not_answer():
    silent = started("/usr/sbin/chronyd", of="not-running")
    denied = Failure(FailureKind.DENIED, "sudo asks for a password")
    facts = CHRONY.parse((*silent, *(Raw(c.argv, None, "", failure=denied) for c in CHRONY.further)))
    assert isinstance(facts, ChronyFacts)
    assert not facts.running
