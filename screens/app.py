"""The app: screens, keys that mean the same everywhere, and workers for everything that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import PurePath
from typing import ClassVar, TypeVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import ModalScreen, Screen
from textual.worker import Worker, WorkerState

from cutover_tui.engine.port import SessionPort
from screens.base import PortScreen
from screens.clock import ClockScreen
from screens.context import Context, row_of
from screens.dialogs.ask import AskSecret
from screens.dialogs.confirm import confirm_quit
from screens.dialogs.dialog import Sentence
from screens.dialogs.help import HelpDialog
from screens.dialogs.hosts import HostPicker
from screens.identity import IdentityScreen
from screens.intents import Intents
from screens.messages import (
    Acknowledge,
    LookAgain,
    MarkDone,
    OpenStep,
    Prove,
    ReadClock,
    RunAction,
    StartStep,
    WriteNote,
)
from screens.overview import OverviewScreen
from screens.palette import CutoverCommands
from screens.step import StepScreen
from screens.terminal import DotName
from screens.widgets.ascii_filter import AsciiOnly
from screens.widgets.glyphs import ASCII, UNICODE
from screens.widgets.raster import DOT_SETS
from screens.widgets.themes import CUTOVER

R = TypeVar("R")


class CutoverApp(App[None]):
    """Screens over a session. The session is started and closed by the caller, on the same loop."""

    TITLE = "cutover"
    CSS_PATH = "cutover.tcss"
    COMMANDS: ClassVar = {CutoverCommands, *App.COMMANDS}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (16, "-short"),
        (23, "-normal"),
        (32, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "hosts", "host", id="app.hosts", tooltip="Choose the guest"),
        Binding("c", "go('clock')", "clock", id="app.clock", tooltip="The guests' clocks"),
        Binding(
            "i", "go('identity')", "identity", id="app.identity", tooltip="Who can authenticate to whom?"
        ),
        Binding("o", "go('overview')", "overview", id="app.overview", tooltip="Where are we?"),
        Binding(
            "x",
            "prove",
            "prove",
            show=False,
            id="app.prove",
            tooltip="Show and approve the proof of this guest's tickets",
        ),
        Binding("n", "note", "note", id="app.note", tooltip="Write a note on the record"),
        Binding(
            "e", "export", "export", show=False, id="app.export", tooltip="Write the evidence to a directory"
        ),
        Binding("question_mark,f1", "help", "help", key_display="?", id="app.help", tooltip="This help"),
        Binding("q", "quit", "quit", id="app.quit", tooltip="Leave; asks first"),
        Binding("b,escape", "go_back", "back", show=False, key_display="b", id="app.back", tooltip="Back"),
        Binding(
            "ctrl+q",
            "quit",
            "quit",
            show=False,
            priority=True,
            id="app.quit-now",
            tooltip="Leave; asks first",
        ),
    ]

    def __init__(
        self,
        port: SessionPort,
        *,
        ascii: bool = False,  # noqa: A002 - what the option is called
        dots: DotName | None = None,
        theme: str | None = None,
        zone: tzinfo | None = None,
        hints: Iterable[str] = (),
        lasting: bool = True,
    ) -> None:
        """Args:
        ascii: draw with ASCII only.
        dots: how charts are drawn; None = as `ascii` says.
        theme: a Textual theme; None = our own.
        zone: the zone people read times in beside UTC; None = the system's.
        hints: sentences about the terminal; they stand on the overview.
        lasting: whether the session can be resumed.
        """
        super().__init__()
        self.register_theme(CUTOVER)
        self.theme = theme or CUTOVER.name
        self.context = Context(
            port,
            ASCII if ascii else UNICODE,
            DOT_SETS[dots or ("ascii" if ascii else "braille")],
            zone,
            hints=tuple(hints),
        )
        self._port = port
        self._ascii_only, self._no_color, self._grey = AsciiOnly(), NoColor(), Monochrome()
        self._intents = Intents(self, self.context)
        self._turn = asyncio.Lock()
        self._asking: AskSecret | None = None
        self._lasting = lasting
        self._trail: list[str] = []
        self._stop_listening: Callable[[], None] | None = None
        view = port.view()
        hosts = view.hosts
        # The key works on every runbook and says why there is nothing to see; where there is something, the
        # footer of 80 columns has room for it and not for both.
        self._show_in_footer("i", view.realm is not None)
        self._show_in_footer("n", view.realm is None)
        self.context.place.host = hosts[0].name if hosts else ""
        self.add_mode("overview", lambda: OverviewScreen(self.context))
        self.add_mode("step", lambda: StepScreen(self.context))
        self.add_mode("clock", lambda: ClockScreen(self.context))
        self.add_mode("identity", lambda: IdentityScreen(self.context))

    def _show_in_footer(self, key: str, show: bool) -> None:
        mine = self._bindings.key_to_bindings
        mine[key] = [replace(binding, show=show) for binding in mine[key]]

    # -- life

    async def on_mount(self) -> None:
        self._stop_listening = self._port.subscribe(self._changed)
        await self.switch_mode("overview")
        self._changed()

    def on_unmount(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()

    def _changed(self) -> None:
        """After an event of the session; several in one turn of the loop are one look."""
        if self.is_running:
            self.call_later(self._after_events)

    def _after_events(self) -> None:
        self.look_now()
        asked = {request.id for request in self._port.secrets()}
        if self._asking is not None:
            if self._asking.request.id not in asked and self._asking.is_current:
                self._asking.dismiss(None)
        elif asked:
            self._work(self._ask_secrets(), "secrets", exclusive=True)

    async def _ask_secrets(self) -> None:
        """One at a time, until nothing is asked any more."""
        while self._asking is None and (requests := self._port.secrets()):
            self._asking = AskSecret(requests[0])
            try:
                value = await self.show_dialog(self._asking)
            finally:
                self._asking = None
            if any(r.id == requests[0].id for r in self._port.secrets()):
                await self._port.answer(requests[0].id, value)

    # -- workers

    def _work(self, job: Coroutine[None, None, None], group: str, *, exclusive: bool = False) -> None:
        self.run_worker(job, group=group, exclusive=exclusive, exit_on_error=False)

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            what = f"{type(error).__name__}: {error}".strip(": ")
            self.push_screen(
                Sentence(
                    "This did not work",
                    f"{what}. What the screen called recorded is recorded; nothing else happened for sure.",
                    "Look at the step before you try again.",
                )
            )

    async def show_dialog(self, dialog: Screen[R]) -> R | None:
        """Show it when no other dialog of a worker is open, and wait for the answer."""
        async with self._turn:
            return await self.push_screen_wait(dialog)

    # -- where we are

    def look_now(self) -> None:
        """Draw the full screen anew, whatever is in front of it."""
        for screen in self.screen_stack:
            if isinstance(screen, PortScreen):
                screen.look_now()

    def say_quietly(self, text: str) -> None:
        """A sentence that goes away by itself."""
        self.notify(text, timeout=4, markup=False)

    def open_step(self, step: str, host: str) -> None:
        """Look at a step on a guest."""
        place = self.context.place
        place.step = step
        if host != "*":
            place.host = host
        self.action_go("step")
        self.look_now()

    def action_go(self, mode: str) -> None:
        if mode != self.current_mode:
            self._trail = [m for m in self._trail if m != mode]
            self._trail.append(self.current_mode)
            self.switch_mode(mode)

    def action_go_back(self) -> None:
        beside = ("clock", "identity")
        known = [m for m in self._trail if m in ("overview", "step", *beside)]
        there = known[-1] if known and self.current_mode in beside else "overview"
        if there != self.current_mode:
            self._trail = []
            self.switch_mode(there)

    # -- what is asked of the session

    @on(OpenStep)
    def _open_step(self, event: OpenStep) -> None:
        self.open_step(event.step, event.host)

    @on(StartStep)
    def _start(self, event: StartStep) -> None:
        self._work(self._intents.start(event.step, event.host), "intent")

    @on(MarkDone)
    def _mark_done(self, event: MarkDone) -> None:
        self._work(self._intents.mark_done(event.step, event.host), "intent")

    @on(RunAction)
    def _run_action(self, event: RunAction) -> None:
        self._work(self._intents.run_action(event.step, event.host, event.action), "action")

    @on(Acknowledge)
    def _acknowledge(self, event: Acknowledge) -> None:
        self._work(self._intents.acknowledge(event.step, event.host, event.check, event.on), "intent")

    @on(ReadClock)
    def _read_clock(self) -> None:
        self._work(self._intents.read_clock(), "intent")

    @on(LookAgain)
    def _look_again(self, event: LookAgain) -> None:
        self._work(self._intents.look_again(event.host), "look")

    @on(WriteNote)
    def _write_note(self, event: WriteNote) -> None:
        self._work(self._intents.note(event.step, event.host), "note")

    @on(Prove)
    def _prove(self, event: Prove) -> None:
        self._work(self._intents.prove(event.host), "action")

    def action_prove(self) -> None:
        """Of the guest that is looked at; the overview and the clock look at the chosen one too."""
        self.post_message(Prove(self.context.place.host))

    def action_note(self) -> None:
        place = self.context.place
        row = row_of(self._port.view(), place.step) if self.current_mode == "step" else None
        if row is None:
            self.post_message(WriteNote(None, None))
        else:
            self.post_message(WriteNote(row.id, place.host))

    def action_export(self) -> None:
        view = self._port.view()
        proposed = str(PurePath("evidence") / f"{view.change}-{view.seq}")
        self._work(self._intents.export(proposed), "export")

    def action_hosts(self) -> None:
        view, place = self._port.view(), self.context.place
        many = self.current_mode == "clock"
        row = row_of(view, place.step) if self.current_mode == "step" else None
        if row is not None and all(name == "*" for name, _ in row.states):
            self.say_quietly("This step is done once for the whole wave.")
            return

        def chosen(hosts: tuple[str, ...] | None) -> None:
            if hosts is None:
                return
            if many:
                place.clock_hosts = hosts
            else:
                place.host = hosts[0]
            self.look_now()

        picker = HostPicker(
            view, row, place.host, many=many, chosen=place.clock_hosts, charset=self.context.charset
        )
        self.push_screen(picker, chosen)

    def action_help(self) -> None:
        if not isinstance(self.screen, ModalScreen):
            self.push_screen(HelpDialog(self.screen, self.context.charset))

    async def action_quit(self) -> None:
        """Ask first, whatever key it was."""
        if isinstance(self.screen, ModalScreen):
            return

        def answered(leave: bool | None) -> None:
            if leave:
                self.exit()

        view = self._port.view()
        dialog = confirm_quit(
            len(self._intents.running), view.recording is None, view.session, lasting=self._lasting
        )
        self.push_screen(dialog, answered)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and in ASCII mode one that lets nothing else through.

        Textual chooses how to drop colours when the app is made, by the theme of that moment; grey on a
        terminal's own background can be black on black.
        """
        drop = self._no_color if self.native_ansi_color else self._grey
        filters = [drop if isinstance(f, (NoColor, Monochrome)) else f for f in super().get_line_filters()]
        return [*filters, self._ascii_only] if self.context.charset is ASCII else filters

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own commands, without the one that would leave unasked."""
        for command in super().get_system_commands(screen):
            if command.title not in ("Quit", "Keys", "Maximize", "Minimize"):
                yield command
