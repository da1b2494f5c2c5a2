"""A guest asks the reference that a firewall keeps from the jump host: real chronyd, real bash, a clock that is off."""

from __future__ import annotations

import asyncio

import pytest

from cutover_tui.core.checks.clocks.references import standing_at
from cutover_tui.core.checks.clocks.witness import COARSE_NS, seen_from_guest
from cutover_tui.engine.watches.watch_from_guest import GuestReferences
from probes.clocks import clock, ntp, ntp_guest
from probes.facts_time import GuestNtpFacts
from probes.net import SystemClock, SystemNetwork
from probes.observation import Failure, FailureKind, Identity, Observation, Sample
from probes.ssh import SshGuest
from tests.system.nodes.lab import SystemLab
from tests.system.test_probes_for_real import connected

NS = 1_000_000_000
SLACK_NS = 50_000  # UTC against BOOTTIME on this machine


def asking(ours: SshGuest, server: str) -> GuestReferences:
    return GuestReferences(
        "app01", ours, lambda: [server], lambda _server: True, SystemClock(), lambda _seen: None
    )


async def ask(ours: SshGuest, server: str) -> Observation:
    return await asking(ours, server).ask(server, Identity)


@pytest.mark.parametrize("shell", ["bash", "dash", "busybox"])
async def test_the_guest_shows_what_the_jump_host_cannot_ask(jump_network: SystemLab, shell: str):
    reference = jump_network.reference("ntp1").address
    guest = jump_network.guest("app01", offset_s=-301, drift_ppm=200, shell=shell)
    jump_network.jump.run("ip", "route", "add", "blackhole", reference)
    refused = ntp.parse((await ntp.query(SystemNetwork(), SystemClock(), reference),))
    assert isinstance(refused, Failure)

    anchor = SystemClock().now()
    samples: list[Sample] = []
    async with connected(jump_network, guest) as ours:
        sampler = await clock.open_sampler(ours, SystemClock())
        samples.append(await sampler.sample(anchor))
        seen = await ask(ours, reference)
        samples.append(await sampler.sample(anchor))
        await sampler.close()

    assert isinstance(seen.facts, GuestNtpFacts), seen.failure
    assert (seen.facts.by, seen.facts.stratum) == ("sntp", 8)
    assert abs(seen.facts.apart_ns - guest.clock.offset_ns()) <= seen.facts.bound_ns + 2_000_000
    found = seen_from_guest(seen, samples, anchor)
    assert found is not None
    assert found.bound_ns < COARSE_NS
    assert abs(found.offset_ns) <= found.bound_ns + SLACK_NS, "the reference is right, whatever the guest is"
    assert standing_at(found.mono_ns, [found], NS, frozenset({reference})).independents == (found,)


@pytest.mark.parametrize("wrong_by_s", [0, 42])
async def test_without_bash_the_guests_chronyd_says_the_same_within_its_bound_and_sets_nothing(
    jump_network: SystemLab, wrong_by_s: int
):
    reference = jump_network.reference("ntp1", wrong_by_s=wrong_by_s).address
    guest = jump_network.guest("app01", offset_s=7)
    async with connected(jump_network, guest, escalation="none") as ours:
        watch = asking(ours, reference)
        watch._no_bash = True
        seen = await watch.ask(reference, Identity)
    assert isinstance(seen.facts, GuestNtpFacts), seen.failure
    assert seen.facts.by == "chronyd"
    assert abs(seen.facts.apart_ns - (7 - wrong_by_s) * NS) <= seen.facts.bound_ns
    assert abs(guest.clock.offset_ns() - 7 * NS) < NS // 100


async def test_nobody_there_and_no_way_to_ask_are_told_apart(jump_network: SystemLab):
    nobody = jump_network.reference("ntp1")
    guest = jump_network.guest("app01")
    guest.node.run("ip", "route", "add", "blackhole", nobody.address)
    async with connected(jump_network, guest) as ours:
        for server, kind in (
            (nobody.address, FailureKind.UNREACHABLE),
            ("nosuch.invalid", FailureKind.UNREACHABLE),
        ):
            async with asyncio.timeout(15):
                seen = await ask(ours, server)
            assert seen.failure is not None
            assert seen.failure.kind is kind, seen.failure
        seen = await ask(ours, f"{guest.address}:9")
        assert seen.failure is not None
        assert seen.failure.kind is FailureKind.UNREACHABLE
        assert ntp_guest.parse(seen.raw) == seen.failure
