"""How long a look without a session waits for KDCs: until each has shown itself, or met with silence everywhere."""

from __future__ import annotations

import pytest

from cutover_tui.core.runbook import Domain, Host
from cutover_tui.engine.checking import Look
from cutover_tui.engine.messages import Seen
from probes.observation import Failure, FailureKind, Observation
from tests.unit.evidence_builders import at
from tests.unit.kerberos_builders import DOMAIN, REALM, kdc
from tests.unit.test_kdc_answers import discovered, from_guest

UNREACHED = Failure(FailureKind.UNREACHABLE, "dc2 port 88/tcp from app01: Connection refused")
EITHER = Host(name="app01", address="app01")
ONLY_US = Host(name="app01", address="app01", vantage=("jump",))
ONLY_GUEST = Host(name="app01", address="app01", vantage=("guest",))
DC1 = kdc("dc1", 1)
SILENT = kdc("dc2", 2, silent=True)


@pytest.mark.parametrize(
    ("host", "seen", "told"),
    [
        (EITHER, [], False),
        (EITHER, [DC1], False),
        (EITHER, [DC1, kdc("dc2", 2)], True),
        (EITHER, [DC1, SILENT], False),
        (EITHER, [DC1, SILENT, from_guest(kdc("dc2", 3))], True),
        (EITHER, [DC1, SILENT, from_guest(SILENT, UNREACHED)], True),
        (ONLY_US, [DC1, SILENT], True),
        (ONLY_GUEST, [from_guest(DC1), from_guest(SILENT, UNREACHED)], True),
    ],
)
def test_a_guest_that_may_ask_is_waited_for(host: Host, seen: list[Observation], told: bool) -> None:
    look = Look()
    look.take([Seen(o) for o in seen], 0)
    assert look.kdcs_told(DOMAIN, [host], at(5)) is told


def test_what_dns_says_is_waited_for_and_its_silence_is_enough() -> None:
    domain, look = Domain(realm=REALM, site="Linz"), Look()
    assert not look.kdcs_told(domain, [EITHER], at(5))
    look.take([Seen(discovered(1, outcome="timeout"))], 0)
    assert look.kdcs_told(domain, [EITHER], at(5))
    look.take([Seen(discovered(2, "0 1 88 dc1.corp.example"))], 0)
    assert not look.kdcs_told(domain, [EITHER], at(5))
    look.take([Seen(kdc("dc1.corp.example", 3))], 0)
    assert look.kdcs_told(domain, [EITHER], at(5))
