"""What screens ask of the app. Screens never await the port; the app does, in workers."""

from __future__ import annotations

from textual.message import Message


class StepMessage(Message):
    """About one step on one host (`*` = the wave)."""

    def __init__(self, step: str, host: str) -> None:
        super().__init__()
        self.step = step
        self.host = host


class StartStep(StepMessage):
    """Begin a step; asks first where that sets the mark."""


class MarkDone(StepMessage):
    """Seal, decide, and record `done` if the gate is open."""


class OpenStep(StepMessage):
    """Look at this step."""


class RunAction(StepMessage):
    """Confirm and run one action."""

    def __init__(self, step: str, host: str, action: str) -> None:
        super().__init__(step, host)
        self.action = action


class Acknowledge(StepMessage):
    """Accept a fault of this step's gate that was there before the mark; asks for the problem ticket."""

    def __init__(self, step: str, host: str, check: str, on: str) -> None:
        super().__init__(step, host)
        self.check = check
        self.on = on  # the guest whose finding it is: a step of the wave has several


class LookAgain(Message):
    """Read everything of this host now."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host


class Prove(Message):
    """Show what the proof of this guest's exchanges runs, and run it once it is approved."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host


class ReadClock(Message):
    """Two people read a clock they trust; asks who, and what it shows."""


class WriteNote(Message):
    """Write a note, about a step and host or the session."""

    def __init__(self, step: str | None, host: str | None) -> None:
        super().__init__()
        self.step = step
        self.host = host
