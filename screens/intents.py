"""What a key press becomes: ask the person, tell the session, say what came of it. Runs in workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from textual.screen import Screen

from cutover_tui.core.finding import Decision, Finding
from cutover_tui.core.people import names_problem, typed_utc
from cutover_tui.engine.port import Refused, SessionPort, StepView
from screens.context import WAVE, Context, next_host
from screens.dialogs.acknowledge import AcknowledgeDialog
from screens.dialogs.ask import Ask
from screens.dialogs.confirm import confirm_action, confirm_mark, confirm_proof
from screens.dialogs.dialog import Sentence
from screens.dialogs.refusal import RefusalDialog
from screens.texts.wording import action_of

R = TypeVar("R")


class Stage(Protocol):
    """What intents need of the app."""

    async def show_dialog(self, dialog: Screen[R]) -> R | None:
        """Show it when no other dialog is open, and wait for the answer."""
        ...

    def open_step(self, step: str, host: str) -> None: ...

    def say_quietly(self, text: str) -> None: ...

    def look_now(self) -> None: ...


class Intents:
    """One coroutine an intent. The port decides; nothing here believes that something succeeded."""

    def __init__(self, stage: Stage, context: Context) -> None:
        self._stage = stage
        self._context = context
        self._port: SessionPort = context.port
        self.running: set[tuple[str, str, str]] = set()

    async def start(self, step: str, host: str) -> None:
        """Start a step; where that sets the mark, ask first."""
        view = self._port.step(step, host)
        if view.status != "todo":
            self._stage.say_quietly(f"{step} was started before.")
            return
        if view.mark:
            guests = [h for h in self._port.view().hosts if host in (WAVE, h.name)]
            if not await self._stage.show_dialog(confirm_mark(view, guests)):
                return
        told = await self._port.start_step(step, host, moved=bool(view.arrived))
        await self._told("Not started", told)

    async def mark_done(self, step: str, host: str) -> None:
        """Ask for the decision on the record; a refusal is shown in full."""
        key = (step, host)
        if key in self._context.deciding:
            return
        view = self._port.step(step, host)
        session = self._port.view()
        if session.recording is not None:
            await self._stage.show_dialog(_not_recorded(session.recording))
            return
        if view.status == "done":
            self._stage.say_quietly(f"{step} is done on {_where(host)} already.")
            return
        second: str | None = None
        if view.two_person:
            second = await self._ask_second(view, session.operator)
            if second is None:
                return
        self._context.deciding.add(key)
        self._stage.look_now()
        try:
            answer = await self._port.mark_done(step, host, second)
        finally:
            self._context.deciding.discard(key)
        self._stage.look_now()
        if isinstance(answer, Refused):
            await self._told("Not done", answer)
            return
        if answer.outcome == "open":
            self._context.decided[key] = answer
            self._stage.look_now()
            return
        await self._refused(step, host, answer)

    async def _refused(self, step: str, host: str, decision: Decision) -> None:
        other = next_host(self._port.view(), step, host)
        dialog = RefusalDialog(self._port.step(step, host), decision, other, self._context.charset)
        chosen = await self._stage.show_dialog(dialog)
        if chosen == "host" and other is not None:
            self._stage.open_step(step, other)
        elif isinstance(chosen, Finding):
            await self.acknowledge(step, host, chosen.check, chosen.host)
        elif chosen is not None:
            await self.run_action(step, host, chosen)

    async def acknowledge(self, step: str, host: str, check: str, on: str) -> None:
        """Show the fault as it is now, ask for the problem ticket, and accept its cause wherever it is."""
        view = self._port.step(step, host)
        fault = next((f for f in view.live.findings if (f.check, f.host) == (check, on)), None)
        if fault is None or not fault.acknowledgeable:
            self._stage.say_quietly(f"There is nothing to accept about {check} on {on} now.")
            return
        ticket = await self._stage.show_dialog(AcknowledgeDialog(view, fault, self._context.charset))
        if ticket is None:
            return
        told = await self._port.acknowledge(fault.check, fault.reason_code, WAVE, ticket)
        if await self._told("Not accepted", told):
            self._stage.say_quietly(f"{fault.check} {fault.reason_code} is accepted with {ticket}.")

    async def _ask_second(self, view: StepView, operator: str) -> str | None:
        def problem(name: str) -> str:
            same = name.strip().casefold() == operator.strip().casefold()
            return f"{operator} is the first person." if same else ""

        answer = await self._stage.show_dialog(
            Ask(
                f"Second person for {view.step} {view.title}",
                "This step needs two people. The second engineer types their own name:",
                label="Confirm",
                problem=problem,
            )
        )
        return answer.strip() if answer else None

    async def run_action(self, step: str, host: str, action: str) -> None:
        """Confirm and run; the command's result appears on the step, its effect in the findings."""
        view = self._port.step(step, host)
        chosen = action_of(view, action)
        if chosen is None:
            return
        if chosen.state == "running" or (step, host, action) in self.running:
            self._stage.say_quietly(f"{chosen.title} is running.")
            return
        guest = next((h for h in self._port.view().hosts if h.name == host), None)
        if not await self._stage.show_dialog(confirm_action(view, chosen, guest)):
            return
        self.running.add((step, host, action))
        try:
            refused = await self._port.run_action(step, host, action)
        finally:
            self.running.discard((step, host, action))
        await self._told(f"{chosen.title} did not run", refused)

    async def look_again(self, host: str) -> None:
        """Read everything of a guest, or of all for a step of the wave."""
        names = [h.name for h in self._port.view().hosts] if host == WAVE else [host]
        self._stage.say_quietly(f"Looking again at {', '.join(names)}.")
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._port.look_again(name))

    async def prove(self, host: str) -> None:
        """Show every command of a proof; once approved, make a series and let the findings speak."""
        proof = self._port.proof(host)
        if proof.refused is not None:
            await self._told(f"Nothing can be proven on {host} now", proof.refused)
            return
        if proof.running:
            self._stage.say_quietly(f"A proof is under way on {host}.")
            return
        guest = next((h for h in self._port.view().hosts if h.name == host), None)
        if not await self._stage.show_dialog(confirm_proof(proof, guest)):
            return
        self._stage.say_quietly(f"Proving on {host}: up to {proof.attempts} attempts.")
        await self._told(f"Not proven on {host}", await self._port.prove(host, proof.commands))

    async def read_clock(self) -> None:
        """Who reads, then what the clock shows: Enter is the moment."""
        view = self._port.view()

        def who_problem(text: str) -> str:
            first, plus, second = text.partition("+")
            if not plus:
                return "Two names with a + between them."
            problem = names_problem(first.strip(), second.strip())
            return f"{problem[0].upper()}{problem[1:]}." if problem else ""

        names = await self._stage.show_dialog(
            Ask(
                "A clock read by two people",
                "For a site in which no reference may be asked. Both look at one clock that they trust and that does "
                "not come from this domain; it counts within 2 s, for ten minutes, under these names:",
                value=f"{view.operator} + ",
                label="Next",
                problem=who_problem,
            )
        )
        if names is None:
            return
        first, _, second = names.partition("+")

        def time_problem(text: str) -> str:
            shown = typed_utc(text, self._port.view().now.utc_ns)
            return "" if shown is not None else "UTC as HH:MM:SS, with the day before it if need be."

        text = await self._stage.show_dialog(
            Ask(
                "A clock read by two people",
                "Type the UTC it is about to show, HH:MM:SS, and press Enter in the second in which it does:",
                label="It shows that now",
                problem=time_problem,
            )
        )
        utc_ns = typed_utc(text, self._port.view().now.utc_ns) if text is not None else None
        if utc_ns is None:
            return
        if await self._told("Not taken", await self._port.read_clock(first.strip(), second.strip(), utc_ns)):
            self._stage.say_quietly(
                f"Read by {first.strip()} and {second.strip()}; it counts for ten minutes."
            )

    async def note(self, step: str | None, host: str | None) -> None:
        """A note on the record."""
        about = f"{step} on {_where(host)}" if step is not None and host is not None else "the session"
        text = await self._stage.show_dialog(Ask("Note", f"On the record, about {about}:"))
        if text is not None and await self._told("Not written", await self._port.note(text, step, host)):
            self._stage.say_quietly("The note is on the record.")

    async def export(self, proposed: str, problem: Callable[[str], str] | None = None) -> None:
        """Write the evidence and show the chain head, which is what makes it authentic."""
        where = await self._stage.show_dialog(
            Ask(
                "Export the evidence",
                "Directory to write it to (it must not exist, or be empty):",
                value=proposed,
                label="Export",
                problem=problem,
            )
        )
        if where is None:
            return
        answer = await self._port.export(where.strip())
        if isinstance(answer, Refused):
            await self._told("Not exported", answer)
            return
        await self._stage.show_dialog(
            Sentence(
                f"Exported to {where.strip()}",
                "This chain head is a fingerprint of the whole record: who changes a line changes it. Put it on "
                "the change ticket now; until it stands there, both can be changed:",
                answer,
                bad=False,
            )
        )

    async def _told(self, title: str, refused: Refused | None) -> bool:
        """Show a refusal; whether there was none."""
        self._stage.look_now()
        if refused is None:
            return True
        await self._stage.show_dialog(Sentence(title, refused.reason, refused.remedy))
        return False


def _not_recorded(why: str) -> Sentence:
    return Sentence(
        "Nothing is recorded",
        f"{why} What is not on the record is not done.",
        "Make recording possible again; measuring goes on meanwhile.",
    )


def _where(host: str) -> str:
    return "the wave" if host == WAVE else host
