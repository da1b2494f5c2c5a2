"""The guest's clock, read over one kept channel: a request, an answer, both stamped here.

The guest's reading was taken somewhere between the request and its answer, so the offset
is known to RTT/2 each way, whatever the path does. Programs are tried in the order of what
they cost the guest: a bash that answers by itself, a shell that starts `date`, a small
interpreter, and where nothing better is there whole seconds.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from probes.observation import Failure, FailureKind, Instant, Sample
from probes.seam import Answer, Clock, Guest, LinkError, Loop

_S = 10**9
_HIGHEST_S = 2**33  # the year 2242: int64 nanoseconds hold it
_PYTHON = (
    "import sys,time\n"
    "for t in iter(sys.stdin.readline,''):\n"
    " print('%s %d.%09d'%(t.strip(),*divmod(time.time_ns(),10**9)),flush=True)\n"
)
_PERL = '$|=1;while(<STDIN>){chomp;my($s,$u)=Time::HiRes::gettimeofday();printf("%s %d.%06d\\n",$_,$s,$u)}'
_FATAL = frozenset({FailureKind.UNREACHABLE, FailureKind.DENIED, FailureKind.HOST_KEY, FailureKind.CANCELLED})


class Missed(msgspec.Struct, frozen=True):
    """A sample that was due at `due_ns` (CLOCK_BOOTTIME) and could not be had: a gap, never a value."""

    due_ns: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class _Rung:
    """One way to ask: the program kept, the line sent to it, what it answers."""

    name: str
    argv: tuple[str, ...]
    line: str
    digits: int  # of the fraction of a second

    def reading(self, text: str) -> re.Match[str] | None:
        """Seconds and their fraction in what follows the token."""
        return _READINGS[self.digits].match(text)


# `date +TOKEN_%s` for want of a space: the line must stay one word for the simplest shells.
_READINGS = {
    0: re.compile(r"[ _](\d{1,12})()\s*\Z", re.ASCII),
    6: re.compile(r"[ _](\d{1,12})[.,](\d{6})\s*\Z", re.ASCII),
    9: re.compile(r"[ _](\d{1,12})[.,](\d{9})\s*\Z", re.ASCII),
}


LADDER = (
    _Rung("bash", ("bash", "--noprofile", "--norc"), "echo {token} $EPOCHREALTIME", 6),
    _Rung("date-ns", ("sh",), "date +{token}_%s.%N", 9),
    _Rung("python3", ("python3", "-I", "-u", "-c", _PYTHON), "{token}", 9),
    _Rung("perl", ("perl", "-MTime::HiRes", "-e", _PERL), "{token}", 6),
    _Rung("date-s", ("sh",), "date +{token}_%s", 0),
)


class ClockSampler:
    """One kept channel to one program; ask it for a sample as often as you like, one at a time."""

    def __init__(self, loop: Loop, rung: _Rung, *, timeout_s: float) -> None:
        self._loop = loop
        self._rung = rung
        self._timeout_s = timeout_s
        # A prefix of its own per sampler: an answer to an earlier sampler's question never matches.
        self._tokens = (f"ck{secrets.token_hex(4)}x{n}x" for n in itertools.count())

    @property
    def method(self) -> str:
        """Which program answers: bash, date-ns, python3, perl or date-s."""
        return self._rung.name

    async def sample(self, anchor: Instant) -> Sample:
        """One reading against the timescale of `anchor`.

        Raises:
            LinkError: no answer in time, the channel ended, or the answer is not a time.
        """
        token = next(self._tokens)
        line = self._rung.line.format(token=token)
        answer = await self._loop.ask(line, token=token, timeout_s=self._timeout_s)
        return _sample(anchor, self._rung, token, answer)

    async def close(self) -> None:
        """End the program on the guest."""
        await self._loop.close()


def _sample(anchor: Instant, rung: _Rung, token: str, answer: Answer) -> Sample:
    _, _, told = answer.text.partition(token)
    match = rung.reading(told)
    if match is None:
        raise _misunderstood(f"{rung.name} answered {answer.text[:80]!a}, which is not a time")
    seconds = int(match.group(1))
    if seconds >= _HIGHEST_S:
        raise _misunderstood(f"{rung.name} answered {seconds} s since 1970, which is no date")
    if answer.received_ns < answer.sent_ns:
        raise _misunderstood("the answer was stamped before the question")
    grain_ns = _S // 10**rung.digits
    # The programs cut off what is finer than the grain: the truth is half a grain later, give or take half.
    guest_ns = seconds * _S + int(match.group(2) or "0") * grain_ns + grain_ns // 2
    middle_ns = (answer.sent_ns + answer.received_ns) // 2
    return Sample(
        mono_ns=middle_ns,
        rtt_ns=answer.received_ns - answer.sent_ns,
        offset_ns=guest_ns - anchor.on_timescale(middle_ns),
        grain_ns=grain_ns,
    )


async def open_sampler(guest: Guest, clock: Clock, *, timeout_s: float = 5.0) -> ClockSampler:
    """Open the first program of the ladder that answers with a time.

    Raises:
        LinkError: the guest itself is not to be had, or no program of the ladder answers.
    """
    last = Failure(FailureKind.TOOL_ABSENT, "no program was tried")
    for rung in LADDER:
        try:
            loop = await guest.loop(rung.argv)
        except LinkError as error:
            if error.failure.kind is not FailureKind.TOOL_ABSENT:
                raise  # the guest's trouble, not this program's: no other would fare better
            last = error.failure
            continue
        sampler = ClockSampler(loop, rung, timeout_s=timeout_s)
        opened = False
        try:
            await sampler.sample(clock.now())
            opened = True
        except LinkError as error:
            if error.failure.kind in _FATAL:
                raise
            last = error.failure
        finally:
            if not opened:
                await sampler.close()
        if opened:
            return sampler
    raise LinkError(Failure(last.kind, f"no program on {guest.name} tells its clock: {last.detail}"))


async def run(
    sampler: ClockSampler,
    anchor: Instant,
    clock: Clock,
    phase_ns: int,
    interval_ns: int,
    emit: Callable[[Sample | Missed], None],
) -> None:
    """Sample at every multiple of `interval_ns` plus `phase_ns` (CLOCK_BOOTTIME) until cancelled.

    Give guests different phases, so that they do not queue behind each other. What is due
    while an answer is outstanding, or comes more than half an interval late, is a gap.

    Raises:
        LinkError: the channel is gone; after the gap has been emitted. Open a new sampler.
    """
    due_ns = _next_due(clock.mono_ns(), phase_ns, interval_ns)
    while True:
        await clock.sleep_until(due_ns)
        late_ns = clock.mono_ns() - due_ns
        if late_ns > interval_ns // 2:
            emit(Missed(due_ns, Failure(FailureKind.TIMEOUT, f"asked {late_ns // 10**6} ms too late")))
        else:
            await _ask(sampler, anchor, due_ns, emit)
        due_ns += interval_ns
        for _ in range(_passed(clock.mono_ns(), due_ns, interval_ns)):
            emit(Missed(due_ns, Failure(FailureKind.TIMEOUT, "the answer before was outstanding")))
            due_ns += interval_ns


async def _ask(
    sampler: ClockSampler, anchor: Instant, due_ns: int, emit: Callable[[Sample | Missed], None]
) -> None:
    try:
        sample = await sampler.sample(anchor)
    except LinkError as error:
        emit(Missed(due_ns, error.failure))
        if error.failure.kind not in (FailureKind.TIMEOUT, FailureKind.NOT_UNDERSTOOD):
            raise
    else:
        emit(sample)


def _next_due(now_ns: int, phase_ns: int, interval_ns: int) -> int:
    return now_ns + (phase_ns - now_ns) % interval_ns


def _passed(now_ns: int, due_ns: int, interval_ns: int) -> int:
    """How many due times lie more than half an interval back."""
    return max(0, (now_ns - due_ns + interval_ns // 2) // interval_ns)


def _misunderstood(what: str) -> LinkError:
    return LinkError(Failure(FailureKind.NOT_UNDERSTOOD, what))
