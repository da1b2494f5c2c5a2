"""What an account could not see of a guest, in one place: what is not visible is unknown, and never "no"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probes.facts_clock import KernelClockFacts, RtcFacts
from probes.facts_identity import AgentsFacts, PlatformFacts
from probes.facts_time import ChronyFacts, ServicesFacts, VmToolsFacts
from probes.facts_time_config import TimeConfigFacts
from probes.facts_writers import CronFacts, StepsFacts
from probes.observation import Facts, FailureKind, Observation

_MOST = 3
"""Paths shown of one kind."""


def not_visible(observations: Iterable[Observation]) -> tuple[str, ...]:
    """What the newest reading of each reader could not see, in words, each once."""
    newest: dict[str, Observation] = {}
    for observation in observations:
        if observation.vantage == "guest":
            newest[observation.reader] = observation
    words: dict[str, None] = {}
    for observation in newest.values():
        if observation.failure is not None and observation.failure.kind is FailureKind.DENIED:
            words[f"{observation.reader}: {observation.failure.detail}"] = None
        elif observation.facts is not None:
            words |= dict.fromkeys(_of(observation.facts))
    return tuple(sorted(words))


def _of(facts: Facts) -> Iterator[str]:
    match facts:
        case StepsFacts(sets=None) | KernelClockFacts(tsc_unstable=None):
            yield "the journal"
        case StepsFacts(skipped=count) if count:
            yield f"{'a line' if count == 1 else f'{count} lines'} of the journal about the clock, in unknown words"
        case CronFacts(hidden=paths) if paths:
            yield f"jobs in {_few(paths)}"
        case TimeConfigFacts(hidden=paths) if paths:
            yield f"time sources in {_few(paths)}"
        case ChronyFacts(running=True, conf_visible=False):
            yield "chrony's configuration"
        case VmToolsFacts(conf_visible=False, running=True):
            yield "tools.conf of VMware Tools"
        case ServicesFacts(processes=None):
            yield "processes"
        case RtcFacts(present=True, shown_ns=None) | RtcFacts(present=None):
            yield "the hardware clock"
        case RtcFacts(local=None):
            yield "/etc/adjtime"
        case PlatformFacts(dmi_vendor=None):
            yield "the machine's DMI strings"
        case AgentsFacts(package_tool=None):
            yield "installed packages"
        case _:
            pass


def _few(paths: tuple[str, ...]) -> str:
    rest = len(paths) - _MOST
    return ", ".join(paths[:_MOST]) + (f" and {rest} more" if rest > 0 else "")
