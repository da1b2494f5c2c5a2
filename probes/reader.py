"""A reader: simple commands to run, and a pure `parse` of what they printed.

Commands are a tool and its arguments or `cat FILE`; no pipes, no shell text. The parser
gets one `Raw` for each command, in order, and returns facts or a failure. It never
guesses: what it does not recognise is a failure of kind `not-understood`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from probes.observation import Facts, Failure, Family, Raw

Parse = Callable[[tuple[Raw, ...]], Facts | Failure]


@dataclass(frozen=True, slots=True)
class Command:
    """One argv. `elevate` asks for root where the runbook allows it (read without it otherwise).

    `aside`: it may take long; where the link allows a further session it holds nothing else up.
    """

    argv: tuple[str, ...]
    elevate: bool = False
    timeout_s: float = 10.0
    limit: int = 256 * 1024  # bytes kept of stdout and of stderr each
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Named, versioned way to facts. A new version means: same raw text, other facts."""

    name: str
    version: int
    family: Family
    commands: tuple[Command, ...]
    parse: Parse
    interval_s: float = 15.0  # how often it is worth reading in the background
    further: tuple[Command, ...] = ()
    """Run after `commands`, and only where what those printed asks for it (`wanted`): root is not asked without need."""
    wanted: Callable[[tuple[Raw, ...]], bool] = lambda _raws: False
    """Whether `parse` should get the answers to `further` behind those to `commands`."""
