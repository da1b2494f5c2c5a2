"""What a real sssd says of itself: online at any skew, online until it is asked, offline and answering from its cache."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.nodes.domain import ADMINISTRATOR, Domain
from tests.system.nodes.firewall import deaf
from tests.system.nodes.lab import SystemLab
from tests.system.nodes.sssd import GuestSssd
from tests.system.test_kerberos_for_real import RUNBOOK, SECOND, sitting

KNOWN = ADMINISTRATOR.lower()
BOOK = RUNBOOK[: RUNBOOK.index("          - check: kdc.clock")] + "          - check: ad.trust\n"
WITH_PROOF = BOOK + "          - check: kerberos.as\n"


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with SystemLab() as lab:
        lab.reference("ntp1")
        lab.reference("ntp2")
        made = Domain.provision(lab)
        made.join(lab.guest("app01", vendor="QEMU"))
        yield made


@pytest.fixture(scope="module")
def sssd(domain: Domain) -> GuestSssd:
    made = GuestSssd.start(domain, domain.members["app01"])
    assert made.knows(KNOWN)
    return made


@pytest.fixture(autouse=True)
def in_order(domain: Domain) -> Iterator[None]:
    yield
    domain.members["app01"].clock.set_offset(0)


async def test_online_passes_by_its_own_word_and_better_with_a_fresh_exchange_beside_it(
    domain: Domain, sssd: GuestSssd, tmp_path: Path
):
    assert sssd.status() == "Online status: Online"
    async with sitting(domain, tmp_path, WITH_PROOF) as at:
        found = await at.says("ad.trust", "pass", "ok")
        assert found.reason.startswith(f"connected to {domain.controller.name}, by its service's own word")
        await at.prove()
        found = await at.says("ad.trust", "pass", "ok")
        assert "APP01$@CORP.EXAMPLE got fresh tickets without the library's correction" in found.reason
        assert (await at.session.mark_done("tickets", "app01")).outcome == "open"


async def test_at_600_s_sssd_goes_on_saying_online_and_does_not_pass_with_it(
    domain: Domain, sssd: GuestSssd, tmp_path: Path
):
    domain.members["app01"].clock.set_offset(600 * SECOND)
    assert not sssd.knows("somebody-new")  # asked of the controller, over a connection that is up
    assert sssd.status() == "Online status: Online"
    async with sitting(domain, tmp_path, WITH_PROOF) as at:
        await at.says("ad.trust", "pass", "ok")  # nothing else is known yet, and the sentence says so
        await at.prove()
        found = await at.says("ad.trust", "fail", "exchange-refused")
        assert f"says connected to {domain.controller.name}" in found.reason
        assert "error 37: Clock skew too great" in found.reason
        assert (await at.session.mark_done("tickets", "app01")).outcome == "refused"


async def test_offline_it_answers_from_its_cache_and_is_named(
    domain: Domain, sssd: GuestSssd, tmp_path: Path
):
    with deaf(domain.controller.node):
        assert sssd.status() == "Online status: Online"  # nobody has asked it anything new
        until = time.monotonic() + 60
        n = 0
        while sssd.status() != "Online status: Offline":
            assert time.monotonic() < until
            n += 1
            assert not sssd.knows(f"nobody{n}")
        assert sssd.knows(KNOWN)
        async with sitting(domain, tmp_path, BOOK) as at:
            found = await at.says("ad.trust", "fail", "offline")
            assert found.reason == (
                "sssd is offline: logins come from its cache, and stop for whoever is not in it."
            )
            assert (await at.session.mark_done("tickets", "app01")).outcome == "refused"
