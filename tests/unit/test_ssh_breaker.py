"""However many hosts connect at once, one refusal is all an account sees."""

import asyncio

import pytest

from probes.breaker import Breaker
from probes.observation import FailureKind
from probes.seam import LinkError
from tests.unit.loopback_ssh import Behaviour, loopback


async def test_until_accepted_one_at_a_time_then_side_by_side():
    breaker = Breaker()
    first = await breaker.enter("ops")
    waiting = [asyncio.create_task(breaker.enter("ops")) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    first.accepted()
    for turn in await asyncio.gather(*waiting):
        turn.accepted()


async def test_a_refusal_stops_everyone_who_waits_until_reset():
    breaker = Breaker()
    first = await breaker.enter("ops")
    waiting = [asyncio.create_task(breaker.enter("ops")) for _ in range(3)]
    await asyncio.sleep(0)
    first.refused("ops@web1")
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, LinkError)
        assert outcome.failure.kind is FailureKind.DENIED
        assert "ops@web1" in outcome.failure.detail
    await breaker.enter("other")
    breaker.reset("ops")
    (await breaker.enter("ops")).accepted()


async def test_an_abandoned_attempt_lets_the_next_one_try():
    breaker = Breaker()
    first = await breaker.enter("ops")
    second = asyncio.create_task(breaker.enter("ops"))
    first.abandoned()
    first.accepted()  # says nothing any more
    turn = await second
    turn.refused("x")
    assert breaker.refusal("ops") == "x"


async def test_reset_includes_escalation_with_the_same_credential():
    breaker = Breaker()
    (await breaker.enter("ops (sudo)")).refused("sudo")
    breaker.reset("ops")
    breaker.check("ops (sudo)")


async def test_twenty_hosts_and_a_wrong_password_make_one_refused_login(tmp_path):
    async with loopback(tmp_path, Behaviour(password="right", kbdint=[("Password: ", "right")])) as server:
        server.trust()
        server.answers.secrets["password"] = "wrong"
        guests = [server.guest() for _ in range(20)]
        outcomes = await asyncio.gather(*(guest.connect() for guest in guests), return_exceptions=True)
        assert all(isinstance(o, LinkError) and o.failure.kind is FailureKind.DENIED for o in outcomes)
        assert server.does.password_attempts == ["wrong"]
        assert [request.kind for request in server.answers.forgotten] == ["password"]

        server.answers.secrets["password"] = "right"
        with pytest.raises(LinkError, match="reset"):
            await guests[0].connect()
        server.breaker.reset("ops")
        await asyncio.gather(*(guest.connect() for guest in guests))
        assert server.does.logins == 20
        await asyncio.gather(*(guest.close() for guest in guests))


@pytest.mark.parametrize(
    ("then", "now", "may"),
    [
        (False, True, True),
        (False, None, False),
        (False, False, False),
        (True, True, False),
        (None, True, False),
    ],
)
async def test_only_a_refusal_while_clocks_were_apart_is_taken_back_when_they_are_right(
    then: bool | None, now: bool | None, may: bool
):
    breaker = Breaker()
    breaker.clocks(then)
    (await breaker.enter("ops")).refused("ops@web1")
    breaker.clocks(now)
    assert (breaker.refusal("ops") is None) is may


async def test_a_refusal_is_taken_back_once_and_the_next_attempt_is_alone():
    breaker = Breaker()
    breaker.clocks(good=False)
    (await breaker.enter("ops")).refused("ops@web1")
    breaker.clocks(good=True)
    first = await breaker.enter("ops")
    second = asyncio.create_task(breaker.enter("ops"))
    await asyncio.sleep(0)
    assert not second.done()
    first.refused("ops@web1")
    with pytest.raises(LinkError):
        await second
    breaker.clocks(good=True)
    assert breaker.refusal("ops") == "ops@web1", "with good clocks it was the secret"
