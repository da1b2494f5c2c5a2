"""What the scripted engineer of a world does, and what must come out."""

from __future__ import annotations

from typing import Literal

from cutover_tui.core.runbook import MINUTE, Duration, Id
from cutover_tui.lab.world_file.amounts import Length
from cutover_tui.lab.world_file.struct import Struct, Who

Outcome = Literal["allowed", "refused"]


class PlayedAction(Struct, frozen=True, kw_only=True):
    """An action or provocation the engineer runs at a step, before trying to mark it done."""

    step: Id
    action: Id
    host: Who = "*"
    after: Length = Length(0)
    crash: bool = False


class Pause(Struct, frozen=True, kw_only=True):
    """The engineer waits once a step's gate is open, before marking it done."""

    step: Id
    host: Who = "*"
    lasts: Duration


class Acknowledged(Struct, frozen=True, kw_only=True):
    """A pre-existing fault the engineer accepts with a problem ticket."""

    check: str
    host: Who = "*"
    ticket: str = "PRB-1"


class Play(Struct, frozen=True, kw_only=True):
    """The scripted engineer: all steps in order, with this in between."""

    actions: tuple[PlayedAction, ...] = ()
    fix: bool = False
    pauses: tuple[Pause, ...] = ()
    acknowledge: tuple[Acknowledged, ...] = ()
    patience: Duration = Duration(30 * MINUTE)
    settle: Duration | None = None


class ExpectedFinding(Struct, frozen=True, kw_only=True):
    """A check or rule of the gate that does not hold at the refused step, and its reason code."""

    check: str
    reason: str


class Expect(Struct, frozen=True, kw_only=True):
    """What must come out: the outcome, and where refused, as far as it says so, step, host and the exact set of findings."""

    outcome: Outcome
    step: Id | None = None
    host: Who | None = None
    findings: tuple[ExpectedFinding, ...] = ()
