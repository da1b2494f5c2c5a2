"""The guest's clock sampler: real programs on a kept channel, and hostile answers from a scripted one."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import pytest

from probes.clocks.clock import LADDER, ClockSampler, Missed, open_sampler, run
from probes.net import SystemClock
from probes.observation import Failure, FailureKind, Identity, Instant, Sample
from probes.seam import LinkError

S = 10**9


@dataclass(frozen=True)
class Said:
    text: str
    sent_ns: int
    received_ns: int


class LocalLoop:
    """A kept channel to a process on this machine."""

    def __init__(self, process, clock):
        self.process, self.clock = process, clock

    async def ask(self, line, *, token, timeout_s):
        sent = self.clock.mono_ns()
        try:
            self.process.stdin.write(line.encode() + b"\n")
            async with asyncio.timeout(timeout_s):
                while token not in (answer := (await self.process.stdout.readline()).decode()):
                    if not answer:
                        raise LinkError(Failure(FailureKind.LOST, "the program ended"))
        except (TimeoutError, OSError) as error:
            raise LinkError(Failure(FailureKind.TIMEOUT, repr(error))) from error
        return Said(answer.rstrip("\n"), sent, self.clock.mono_ns())

    async def close(self):
        self.process.stdin.close()
        await self.process.wait()


class LocalGuest:
    """This machine as a guest; `missing` programs are not installed on it."""

    name = "here"
    identity = Identity()

    def __init__(self, clock, missing=()):
        self.clock, self.missing, self.opened = clock, missing, []

    async def loop(self, argv):
        self.opened.append(argv[0])
        program = "/nonexistent" if argv[0] in self.missing else argv[0]
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", 'exec "$@"', "sh", program, *argv[1:],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        )  # fmt: skip
        return LocalLoop(process, self.clock)


class Scripted:
    """A channel that answers what it is told, at virtual times."""

    def __init__(self, clock, answers):
        self.clock, self.answers, self.tokens, self.closed = clock, iter(answers), [], False

    async def ask(self, line, *, token, timeout_s):
        self.tokens.append(token)
        answer = next(self.answers)
        sent = self.clock.mono_ns()
        if isinstance(answer, LinkError):
            raise answer
        text, rtt_ns = answer
        await self.clock.sleep_until(sent + rtt_ns)
        return Said(text.replace("TOKEN", token), sent, sent + rtt_ns)

    async def close(self):
        self.closed = True


class VirtualClock:
    """A clock that jumps when somebody waits for it."""

    def __init__(self, mono_ns=1000 * S):
        self.at = mono_ns

    def now(self):
        return Instant("boot", self.at, self.at)

    def mono_ns(self):
        return self.at

    async def sleep_until(self, mono_ns):
        self.at = max(self.at, mono_ns)
        await asyncio.sleep(0)


ANCHOR = Instant("boot", 0, 0)


def scripted(clock, *answers, rung="bash"):
    return ClockSampler(Scripted(clock, answers), next(r for r in LADDER if r.name == rung), timeout_s=1.0)


@pytest.mark.parametrize(
    ("missing", "method"),
    [((), "bash"), (("bash",), "date-ns"), (("bash", "sh"), "python3"), (("bash", "sh", "python3"), "perl")],
)
async def test_the_first_program_that_answers_is_kept_and_the_offset_is_within_its_bound(missing, method):
    clock = SystemClock()
    sampler = await open_sampler(LocalGuest(clock, missing), clock)
    assert sampler.method == method
    anchor = clock.now()
    for _ in range(20):
        sample = await sampler.sample(anchor)
        assert abs(sample.offset_ns) <= sample.bound_ns + 50_000  # the anchor itself was read with some error
    await sampler.close()


async def test_whole_seconds_are_the_last_resort_and_say_so():
    clock = SystemClock()
    rung = LADDER[-1]
    guest = LocalGuest(clock)
    sampler = ClockSampler(await guest.loop(rung.argv), rung, timeout_s=5.0)
    sample = await sampler.sample(clock.now())
    await sampler.close()
    assert sample.grain_ns == S
    assert abs(sample.offset_ns) <= sample.bound_ns


async def test_a_guest_that_has_nothing_is_a_failure_that_says_so():
    clock = SystemClock()
    guest = LocalGuest(clock, ("bash", "sh", "python3", "perl"))
    with pytest.raises(LinkError, match="no program on here tells its clock"):
        await open_sampler(guest, clock)
    assert guest.opened == [rung.argv[0] for rung in LADDER]


@pytest.mark.parametrize("kind", [FailureKind.DENIED, FailureKind.HOST_KEY, FailureKind.UNREACHABLE])
async def test_a_refused_guest_is_not_tried_with_the_next_program(kind):
    class Refusing(LocalGuest):
        async def loop(self, argv):
            self.opened.append(argv[0])
            raise LinkError(Failure(kind, "no"))

    guest = Refusing(SystemClock())
    with pytest.raises(LinkError) as caught:
        await open_sampler(guest, SystemClock())
    assert caught.value.failure.kind is kind
    assert guest.opened == ["bash"]


@pytest.mark.parametrize(
    ("text", "guest_ns"),
    [
        ("TOKEN 1800000000.250000", 1800000000_250000500),
        ("TOKEN 1800000000,250000", 1800000000_250000500),
        ("noise TOKEN 0.000000", 500),
        ("TOKEN 4294967296.999999\r", 4294967296_999999500),
        ("TOKEN 5000000000.000000", 5000000000_000000500),
    ],
)
async def test_readings_of_1970_2106_and_either_decimal_mark(text, guest_ns):
    clock = VirtualClock()
    sample = await scripted(clock, (text, 20_000_000)).sample(ANCHOR)
    middle = 1000 * S + 10_000_000
    assert sample == Sample(middle, 20_000_000, guest_ns - middle, 1000)


@pytest.mark.parametrize(
    "text",
    ["TOKEN", "TOKEN ", "TOKEN $EPOCHREALTIME", "TOKEN 12", "TOKEN 12.34", "TOKEN 12.1234567", "TOKEN -5.000000",
     "TOKEN 99999999999.000000", "TOKENx 1800000000.000000", "TOKEN 1800000000.000000 extra", "TOKEN ١٢٣.000000"],
)  # fmt: skip
async def test_what_is_not_a_time_is_not_understood(text):
    with pytest.raises(LinkError) as caught:
        await scripted(VirtualClock(), (text, 1000)).sample(ANCHOR)
    assert caught.value.failure.kind is FailureKind.NOT_UNDERSTOOD


async def test_every_question_has_a_token_of_its_own():
    clock = VirtualClock()
    first = scripted(clock, *itertools.repeat(("TOKEN 1.000000", 1000), 50))
    second = scripted(clock, *itertools.repeat(("TOKEN 1.000000", 1000), 50))
    for sampler in (first, second):
        for _ in range(50):
            await sampler.sample(ANCHOR)
    tokens = first._loop.tokens + second._loop.tokens
    assert len(set(tokens)) == 100
    assert not any(a != b and a in b for a, b in itertools.product(tokens, tokens))


async def sampled(clock, sampler, *, phase_ns=0, interval_ns=S):
    found = []
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.TaskGroup() as group:
            group.create_task(run(sampler, ANCHOR, clock, phase_ns, interval_ns, found.append))
    return found, caught.value.exceptions[0]


LOST = LinkError(Failure(FailureKind.LOST, "gone"))
LATE = LinkError(Failure(FailureKind.TIMEOUT, "no answer"))
FINE = ("TOKEN 1.000000", 2_000_000)


async def test_samples_are_taken_in_phase_and_a_lost_channel_is_a_gap_and_the_end():
    clock = VirtualClock(1000 * S + 5)
    found, error = await sampled(clock, scripted(clock, FINE, FINE, LATE, FINE, LOST), phase_ns=S // 4)
    assert error is LOST
    quarter = S // 4
    assert [x.mono_ns - 1_000_000 for x in found if isinstance(x, Sample)] == [
        1000 * S + quarter, 1001 * S + quarter, 1003 * S + quarter,
    ]  # fmt: skip
    assert [(x.due_ns, x.failure.kind) for x in found if isinstance(x, Missed)] == [
        (1002 * S + quarter, FailureKind.TIMEOUT), (1004 * S + quarter, FailureKind.LOST),
    ]  # fmt: skip


async def test_what_falls_due_while_an_answer_is_outstanding_is_a_gap_each():
    clock = VirtualClock()
    slow = ("TOKEN 1.000000", int(3.7 * S))
    found, _ = await sampled(clock, scripted(clock, slow, FINE, LOST))
    assert [type(x) for x in found] == [Sample, Missed, Missed, Missed, Sample, Missed]
    assert [x.due_ns // S for x in found if isinstance(x, Missed)] == [1001, 1002, 1003, 1005]


async def test_a_stalled_loop_asks_no_stale_question():
    class Stalling(VirtualClock):
        async def sleep_until(self, mono_ns):
            await super().sleep_until(mono_ns + (700_000_000 if mono_ns == 1001 * S else 0))

    clock = Stalling()
    found, _ = await sampled(clock, scripted(clock, FINE, FINE, LOST))
    assert [type(x) for x in found] == [Sample, Missed, Sample, Missed]
    assert "too late" in found[1].failure.detail


async def test_cancellation_leaves_at_once():
    class Telling(SystemClock):
        def __init__(self):
            super().__init__()
            self.waits = asyncio.Event()

        async def sleep_until(self, mono_ns):
            self.waits.set()
            await super().sleep_until(mono_ns)

    clock = Telling()
    sampler = await open_sampler(LocalGuest(clock), clock)
    task = asyncio.create_task(run(sampler, clock.now(), clock, 0, 60 * S, lambda _: None))
    await asyncio.wait_for(clock.waits.wait(), 20)  # for the sample of the next minute
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 6)
    await sampler.close()
