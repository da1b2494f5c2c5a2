"""What was refused is tried again by a person and by nobody else: accounts lock."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cutover_tui.core.runbook import HOUR
from cutover_tui.engine.loopback import Loopback
from cutover_tui.engine.messages import Broken
from cutover_tui.engine.watches.probe_loop import Watches
from cutover_tui.engine.watches.watch_guest import GuestWatch
from cutover_tui.record.events import AttemptEnded, Defect, Disturbed
from cutover_tui.record.state import fold
from probes.breaker import Breaker
from probes.linux import KEYTAB
from probes.net import SystemClock
from probes.observation import Family
from tests.unit.honest_guest import Guest
from tests.unit.honest_session import B1, S, Script, Walk, resuming, walking
from tests.unit.test_fold import events
from tests.unit.test_proving import APPROVED, CASES, Prover, attempt, bodies, codes, prove, proving, visited


async def test_a_disturbance_sends_no_refused_credential_again_and_a_key_press_does(tmp_path: Path) -> None:
    script = Script()
    script.guests["app01"] = Guest(B1, "vmware", booted_ns=100 * S)
    async with walking(tmp_path / "session", script) as walk:
        breaker = Breaker()
        (await breaker.enter("ops")).refused("app02")
        watch = GuestWatch(
            "app01", None, (), SystemClock(), walk.anchor, lambda _m: None,  # type: ignore[arg-type]
            reset=partial(breaker.reset, "ops"),
        )  # fmt: skip
        watches = Watches([watch], [], clock=SystemClock(), emit=lambda _message: None)
        walk.probes.on_look, walk.probes.on_retry = watches.look, watches.retry
        await walk.session.start_step("time", "app01")
        await walk.recorder.record(
            Disturbed("app01", (Family.TIME,), "action", "action fix ended", script.now())
        )
        await walk.session.run_action("time", "app01", "fix")
        assert breaker.refusal("ops") == "app02"
        await Loopback(walk.session).look_again("app01")
        assert breaker.refusal("ops") is None


async def later(walk: Walk, ns: int) -> tuple[str, ...]:
    """Which proofs are due after that time, when all that memory forgets is forgotten."""
    walk.script.ns += ns
    walk.probes.on_look = lambda _host: None
    Prover(walk).see("app01", KEYTAB, CASES["keytab/mit-1.20.1/joined"], walk.script.now())
    now_ns = walk.script.now().boottime_ns
    walk.recorder.logs.of("app01").forget(now_ns - 1, now_ns - 1, frozenset())
    Prover(walk).see("app01", KEYTAB, CASES["keytab/mit-1.20.1/joined"], walk.script.now())
    await walk.recorder.settle()
    return tuple(p.name for p in walk.session._proofs()._due("app01"))


async def test_a_refused_account_is_remembered_longer_than_what_was_seen(tmp_path: Path) -> None:
    async with proving(tmp_path, "stale-keytab", "ok") as (walk, _):
        await prove(walk)
        assert await later(walk, 2 * HOUR) == ()
        script = walk.script
    async with resuming(tmp_path / "session", script) as walk:
        walk.connect("app01")
        assert await later(walk, 2 * HOUR) == ()
        walk.probes.attempt = Prover(walk, "ok").attempt  # type: ignore[attr-defined]
        assert await prove(walk) is None
        assert codes(walk)["kerberos.as"] == ("pass", "ok")
        assert await later(walk, 2 * HOUR) == ("exchange",), (
            "it was accepted since: the next one is due by itself"
        )
    assert [b.account for b in bodies(tmp_path, AttemptEnded)] == ["refused", *["accepted"] * 7], (
        "one that failed asks for four more"
    )


async def test_our_own_refused_login_is_remembered_too(tmp_path: Path) -> None:
    async with visited(tmp_path, "login") as (walk, _):
        await prove(walk)
        assert await later(walk, 2 * HOUR) == ("exchange",)
    assert [b.account for b in bodies(tmp_path, AttemptEnded)][-1] == "refused"


@pytest.mark.parametrize(
    ("ends", "refused"),
    [
        (("refused",), True),
        (("refused", None), True),
        (("refused", "accepted"), False),
        (("accepted", "refused"), True),
    ],
)
def test_a_refusal_holds_until_the_account_is_accepted(ends: tuple[str | None, ...], refused: bool) -> None:
    told: list[object] = [APPROVED]
    for account in ends:
        told += [attempt(1), AttemptEnded(len(told) + 2, "x", account=account)]  # type: ignore[arg-type]
    assert (("app01", "exchange") in fold(events(*told)).refused) is refused


async def test_a_defect_is_on_the_screen_and_on_the_record_once(tmp_path: Path) -> None:
    async with walking(tmp_path / "session", Script()) as walk:
        for _ in range(3):
            walk.intake.take([Broken("the watch of app01", "KeyError: 'x'")], 0)
        walk.intake.take([Broken("the watch of app02", "KeyError: 'x'")], 0)
        notices = walk.session.view().notices
        assert [n for n in notices if "app01" in n] == [
            "a defect of this program in the watch of app01: KeyError: 'x'"
        ]
    assert [b.part for b in bodies(tmp_path, Defect)] == ["the watch of app01", "the watch of app02"]
