"""The app driven by keys against a scripted session."""

from datetime import UTC

import pytest
from textual.widgets import Button, Input, Static

from cutover_tui.engine.port import Refused, SecretRequest
from screens.app import CutoverApp
from screens.clock import ClockScreen
from screens.dialogs.ask import Ask, AskSecret
from screens.dialogs.confirm import Confirm
from screens.dialogs.dialog import Sentence
from screens.dialogs.help import HelpDialog
from screens.dialogs.refusal import RefusalDialog
from screens.dialogs.why import WhyDialog
from screens.header import TopLine
from screens.overview import OverviewScreen
from screens.palette import CutoverCommands
from screens.step import StepScreen
from screens.widgets.table import HostTable
from tests.tui.scripted_port import ScriptedPort

SIZE = (80, 24)


def app_on(port, step=None, host="app01", **options):
    app = CutoverApp(port, zone=UTC, **options)
    if step is not None:
        app.context.place.step, app.context.place.host = step, host
    return app


async def settle(pilot):
    """Until the workers that do not wait for a person are done."""
    await pilot.pause()
    await pilot.pause()


async def to_step(pilot, step="3.2", host="app01"):
    pilot.app.open_step(step, host)
    await settle(pilot)
    assert isinstance(pilot.app.screen, StepScreen)


def seen(app):
    """The text of the whole screen, as the terminal shows it."""
    return "\n".join(
        "".join(segment.text for segment in line) for line in app.screen._compositor.render_strips(app.size)
    )


async def type_in(pilot, text):
    pilot.app.screen.query_one(Input).value = text
    await settle(pilot)


async def test_enter_opens_the_step_where_work_is_left_and_b_leads_back():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        assert isinstance(pilot.app.screen, OverviewScreen)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)
        assert "3.1 Hand time to chronyd" in seen(pilot.app)
        await pilot.press("b")
        await settle(pilot)
        assert isinstance(pilot.app.screen, OverviewScreen)


async def test_clock_goes_back_to_the_step_it_was_opened_from():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ClockScreen)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)


async def test_step_shows_gate_findings_and_the_selected_one_explained():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        text = seen(pilot.app)
        for wanted in (
            "GATE refused · 2 of 6 checks do not hold",
            "06:12 of 10:00",
            "… soaking      time.offset",
            "✗ FAIL         agent.swap",
            "· na           time.reboot",
            "→ a",
            "apt-get -y purge open-vm-tools",
            "DISRUPTIVE · disturbs time",
            "chronyc -n sources '-v; rm -rf /'",
            " F3 ",
        ):
            assert wanted in text
        table = pilot.app.screen.query_one(HostTable)
        table.move_to("agent.swap@app01")
        await settle(pilot)
        text = " ".join(seen(pilot.app).split())
        for wanted in (
            "the source platform's agent is gone",
            "seen since 01:01Z",
            "would pass: the new agent is",
        ):
            assert wanted in text


async def test_refusal_names_each_missing_check_and_its_action_key():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RefusalDialog)
        text = seen(pilot.app)
        for wanted in (
            "Not done yet: 3.2 Remove VMware Tools on app01",
            "2 of 6 checks do not hold.",
            "… soaking  time.offset",
            "✗ FAIL  agent.swap",
            "since 01:01Z (18:05)",
            "run a Purge open-vm-tools, and look again",
            "A naive checklist would pass here:",
        ):
            assert wanted in text
        assert port.told == [("done", "3.2", "app01", "None")]
        await pilot.press("b")
        await pilot.app.workers.wait_for_complete()
        assert port.status["3.2", "app01"] == "refused"


async def test_refusal_leads_to_the_next_host():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("h")
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)
        assert pilot.app.context.place.host == "app02"
        assert isinstance(pilot.app.screen, StepScreen)


async def test_the_remedy_is_run_from_the_refusal_and_the_open_gate_lets_done_through():
    port = ScriptedPort(soaked=True)
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm)
        await type_in(pilot, "app01")
        await pilot.press("enter")  # leads to the button
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.press("enter")
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)
        assert ("run", "3.2", "app01", "purge") in port.told
        assert "GATE open · 6 of 6" in seen(pilot.app)
        await pilot.press("d")
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)
        text = seen(pilot.app)
        assert "✓ DONE 01:19:05Z" in text
        assert "h on app02" in text
        assert "PgDn to 4.1" in text


@pytest.mark.parametrize("keys", [("enter",), ("escape",), ("tab", "enter")])
async def test_a_destructive_action_is_not_run_by_accident(keys):
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("a")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm)
        assert pilot.app.screen.query_one("#yes", Button).disabled
        await pilot.press(*keys)
        await pilot.app.workers.wait_for_complete()
        assert port.told == []


async def test_a_wrong_name_confirms_nothing():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("a")
        await settle(pilot)
        await type_in(pilot, "app02")
        await pilot.press("enter")
        await settle(pilot)
        assert "That is not app01." in seen(pilot.app)
        assert port.told == []


@pytest.mark.parametrize(("key", "runs"), [("enter", False), ("b", False), ("y", True)])
async def test_an_action_that_only_reads_asks_with_cancel_as_default(key, runs):
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("f3")
        await settle(pilot)
        assert pilot.app.screen.query_one("#cancel", Button).has_focus
        await pilot.press(key)
        await pilot.app.workers.wait_for_complete()
        assert (("run", "3.2", "app01", "look") in port.told) is runs


async def test_the_mark_is_asked_for_and_a_plain_start_is_not():
    port = ScriptedPort(status={("2.1", "app01"): "todo", ("4.1", "app01"): "todo"})
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot, "4.1")
        await pilot.press("s")
        await pilot.app.workers.wait_for_complete()
        assert port.told == [("start", "4.1", "app01")]
        await to_step(pilot, "2.1")
        await pilot.press("s")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.press("enter")
        await pilot.app.workers.wait_for_complete()
        assert len(port.told) == 1
        await pilot.press("s")
        await settle(pilot)
        await pilot.press("y")
        await pilot.app.workers.wait_for_complete()
        assert port.told[1:] == [("start", "2.1", "app01")]


async def test_who_sets_the_mark_reads_what_can_never_be_compared_after_it():
    port = ScriptedPort(
        status={("2.1", "app01"): "todo"},
        lacks=("app01: time.rtc will have nothing to compare with: rtc was not read (timed out)",),
    )
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot, "2.1")
        await pilot.press("s")
        await settle(pilot)
        said = " ".join(str(s.render()) for s in pilot.app.screen.query(Static))
        assert "time.rtc will have nothing to compare with: rtc was not read (timed out)." in said


async def test_two_people_are_two():
    port = ScriptedPort(soaked=True, removed=True, two_person=True)
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Ask)
        await type_in(pilot, "Ana ")
        await pilot.press("enter")
        await settle(pilot)
        assert "ana is the first person." in seen(pilot.app)
        await type_in(pilot, "raj")
        await pilot.press("enter")
        await pilot.app.workers.wait_for_complete()
        assert port.told == [("done", "3.2", "app01", "raj")]
        assert port.status["3.2", "app01"] == "done"


async def test_without_recording_nothing_is_done_and_every_screen_says_so():
    port = ScriptedPort(recording="The disk is full (/var/lib/cutover).", soaked=True, removed=True)
    async with app_on(port).run_test(size=SIZE) as pilot:
        for key in ("o", "c"):
            await pilot.press(key)
            await settle(pilot)
            assert "NOT RECORDED: The disk is full" in seen(pilot.app)
        await to_step(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Sentence)
        assert "Nothing is recorded" in seen(pilot.app)
        assert port.told == []


async def test_a_refused_intent_is_shown_with_its_remedy():
    port = ScriptedPort(refuse=Refused("Something changed while measuring.", "Press d again."))
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Sentence)
        assert "Something changed while measuring." in seen(pilot.app)
        assert "Press d again." in seen(pilot.app)


async def test_an_error_in_a_worker_is_told_and_the_app_lives_on():
    port = ScriptedPort(error=OSError("the socket is gone"))
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Sentence)
        assert "the socket is gone" in seen(pilot.app)
        await pilot.press("b")
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)


async def test_secrets_are_masked_asked_one_at_a_time_and_escape_answers_none():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        port.asked = (
            SecretRequest("1", "admin", "Password for ops@app01:"),
            SecretRequest("2", "sudo", "sudo password on app01:"),
        )
        port.changed()
        await settle(pilot)
        assert isinstance(pilot.app.screen, AskSecret)
        await type_in(pilot, "hunter2")
        assert "hunter2" not in seen(pilot.app)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, AskSecret)
        assert pilot.app.screen.request.id == "2"
        await pilot.press("escape")
        await pilot.app.workers.wait_for_complete()
        assert port.answers == [("1", "hunter2"), ("2", None)]


async def test_a_request_that_is_withdrawn_takes_its_prompt_along():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        port.asked = (SecretRequest("1", "admin", "Password:"),)
        port.changed()
        await settle(pilot)
        assert isinstance(pilot.app.screen, AskSecret)
        port.asked = ()
        port.changed()
        await settle(pilot)
        assert isinstance(pilot.app.screen, OverviewScreen)
        assert port.answers == []


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_leaving_is_asked_and_enter_stays(key):
    app = app_on(ScriptedPort())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(key)
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, OverviewScreen)
        await pilot.press(key, "y")
        await settle(pilot)
        assert not app.is_running or app._exit


async def test_note_and_export():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("n")
        await settle(pilot)
        await type_in(pilot, "vCenter shows the VM powered off")
        await pilot.press("enter")
        await pilot.app.workers.wait_for_complete()
        await pilot.press("e")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "3c9d0f3c9d0f" in seen(pilot.app)
        assert port.told == [
            ("note", "vCenter shows the VM powered off", "3.2", "app01"),
            ("export", "evidence/CHG0012345-412"),
        ]


async def test_a_proof_is_shown_in_full_and_run_only_after_a_yes():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        for key in ("o", "c"):  # on every screen
            await pilot.press(key, "x")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Confirm)
            await pilot.press("enter")
            await settle(pilot)
        await to_step(pilot)
        await pilot.press("x")
        await settle(pilot)
        for words in (
            "kinit -k 'APP01$@CORP.EXAMPLE'",
            "rm -rf /run/cutover-exchange-CHG0012345",
            "as root",
            "3 times",
            "from here a fresh ticket of yours for host/app01.corp.example@CORP.EXAMPLE",
        ):
            assert words in seen(pilot.app)
        assert port.told == []
        await pilot.press("y")
        await settle(pilot)
        await pilot.app.workers.wait_for_complete()
        assert port.told == [("prove", "app01", "4")]


async def test_a_proof_that_cannot_be_run_says_why():
    port = ScriptedPort(unproven=Refused("The keytab of app01 cannot be read: no.", "Give it escalation."))
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert "The keytab of app01 cannot be read" in seen(pilot.app)
        assert "Give it escalation." in seen(pilot.app)
        assert port.told == []


async def test_pages_turn_through_the_steps_and_hosts_are_picked():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await to_step(pilot, "3.1")
        await pilot.press("pagedown")
        await settle(pilot)
        assert pilot.app.context.place.step == "3.2"
        await pilot.press("pageup", "pageup")
        await settle(pilot)
        assert pilot.app.context.place.step == "2.1"
        await pilot.press("h")
        await settle(pilot)
        await pilot.press("h", "enter")
        await settle(pilot)
        assert pilot.app.context.place.host == "app02"


@pytest.mark.parametrize("opens", ["question_mark", "f1"])
async def test_help_lists_the_keys_of_this_screen_and_its_actions(opens):
    async with app_on(ScriptedPort()).run_test(size=(100, 50)) as pilot:
        await to_step(pilot)
        await pilot.press(opens)
        await settle(pilot)
        assert isinstance(pilot.app.screen, HelpDialog)
        text = seen(pilot.app)
        for wanted in (
            "May this step be marked done",
            "a  Purge open-vm-tools",
            "d  Decide on the record",
            "? unknown",
        ):
            assert wanted in text


async def test_why_says_everything():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        pilot.app.screen.query_one(HostTable).move_to("time.offset@app01")
        await pilot.press("w")
        await settle(pilot)
        assert isinstance(pilot.app.screen, WhyDialog)
        text = seen(pilot.app)
        for wanted in (
            "measured  +4 ms ± 2",
            "broken by no data for 00:04",
            "seen by   chrony@guest",
            "(https://",
        ):
            assert wanted in text


async def test_the_palette_runs_commands():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+p")
        await settle(pilot)
        await pilot.press(*"clock: is time")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.5)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ClockScreen)


async def test_screens_that_are_not_seen_do_not_look():
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("o")
        await settle(pilot)
        asked = []
        port.step = lambda *a: asked.append(a)
        await pilot.pause(1.2)
        assert asked == []


async def test_behind_a_dialog_the_time_goes_on():
    moments = iter(range(0, 10_000, 30))
    port = ScriptedPort(at=lambda: float(next(moments)))
    async with app_on(port).run_test(size=SIZE) as pilot:
        await pilot.press("q")
        await settle(pilot)
        top = pilot.app.screen_stack[0].query_one(TopLine)
        before = str(top.render())
        await pilot.pause(1.2)
        assert str(top.render()) != before


HOSTILE = " [red]x[/] [/] \x1b[2J\x1b]0;t\x07 \u202eevil\u2066 [@click=app.exit]go[/]"


@pytest.mark.parametrize(("size", "only_ascii"), [(SIZE, False), (SIZE, True), ((10, 3), False)])
async def test_what_guests_say_is_plain_text(size, only_ascii):
    port = ScriptedPort(hostile=HOSTILE)
    async with app_on(port, ascii=only_ascii).run_test(size=size) as pilot:
        shown = [seen(pilot.app)]
        await to_step(pilot)
        shown.append(seen(pilot.app))
        for keys in (("w", "b"), ("d", "b"), ("a", "escape"), ("c",), ("question_mark", "b")):
            await pilot.press(keys[0])
            await settle(pilot)
            shown.append(seen(pilot.app))
            await pilot.press(*keys[1:])
            await settle(pilot)
        text = "\n".join(shown)
        assert not set(text) & set("\x1b\x07\u202e\u2066")
        assert size[0] < 80 or "[red]x[/]" in text
        assert not only_ascii or text.isascii()


def colours(app):
    """Every colour and background that reaches the terminal."""
    filters = app.get_line_filters()
    strips = app.screen._compositor.render_strips(app.size)
    found = set()
    for strip in strips:
        for filter_ in filters:
            strip = strip.apply_filter(filter_, app.screen.background_colors[1])
        found |= {(s.style.color, s.style.bgcolor) for s in strip if s.style is not None}
    return found


async def test_no_colour_means_none_and_never_black_on_black(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with app_on(ScriptedPort(), theme="ansi-dark").run_test(size=SIZE) as pilot:
        await to_step(pilot)
        assert all(c is None or c.is_default for pair in colours(pilot.app) for c in pair)
        pilot.app.theme = "cutover"
        await settle(pilot)
        assert not any(fg is not None and fg == bg for fg, bg in colours(pilot.app))


async def test_any_size_and_storms_of_sizes():
    async with app_on(ScriptedPort()).run_test(size=(10, 3)) as pilot:
        for keys in (("enter",), ("d",), ("b", "c"), ("h",)):
            await pilot.press(*keys)
            for size in ((1, 1), (200, 50), (3, 60), (40, 2)):
                await pilot.resize_terminal(*size)
        await pilot.press("b")
        await pilot.resize_terminal(*SIZE)
        await settle(pilot)
        assert "CHG0012345" in seen(pilot.app)


@pytest.mark.parametrize("size", [SIZE, (200, 50)])
async def test_enter_on_a_guest_of_the_overview_opens_the_selected_step_there(size):
    async with app_on(ScriptedPort(), "3.2").run_test(size=size) as pilot:
        guests = pilot.app.screen.query_one("#guests", HostTable)
        guests.focus()
        guests.move_to("app02")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, StepScreen)
        assert (pilot.app.context.place.step, pilot.app.context.place.host) == ("3.2", "app02")


async def test_the_overview_names_its_main_key():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert seen(pilot.app).splitlines()[-1].startswith("enter open")


async def test_a_sentence_that_goes_away_lies_over_the_keys_and_over_nothing_measured():
    async with app_on(ScriptedPort()).run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        before = seen(pilot.app).splitlines()
        pilot.app.say_quietly("The note is on the record.")
        await pilot.pause(0.3)
        after = seen(pilot.app).splitlines()
        assert "The note is on the record." in after[-1]
        assert after[4:-1] == before[4:-1]


async def test_the_palette_says_states_as_the_screens_do():
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await settle(pilot)
        texts = [help_text for _, help_text, _ in CutoverCommands(pilot.app.screen)._commands()]
        assert any("app01: started" in text for text in texts)
        assert not any("todo" in text or "*" in text for text in texts)


@pytest.mark.parametrize("hosts", [1, 3, 40])
async def test_overview_never_hides_a_state(hosts):
    port = ScriptedPort(hosts=tuple(f"host{i:02}" for i in range(hosts)), lost=set())
    async with app_on(port).run_test(size=SIZE) as pilot:
        text = seen(pilot.app)
        if hosts > 2:
            assert "REGRESSED" in text
            assert f"1/{hosts} done" in text
        else:
            assert "… started" in text


async def test_warnings_about_the_runbook_stay_on_the_overview_and_a_key_reads_them():
    about = "wave3.yaml:41: `naive.ping` is what a usual checklist ticks; expected a measurement"
    async with app_on(ScriptedPort(warnings=(about, about))).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "2 warnings about this runbook  w reads them" in seen(pilot.app)
        await pilot.press("w")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Sentence)
        assert "wave3.yaml:41: `naive.ping` is what a usual" in seen(pilot.app)
    async with app_on(ScriptedPort()).run_test(size=SIZE) as pilot:
        await pilot.press("w")
        await settle(pilot)
        assert isinstance(pilot.app.screen, OverviewScreen)


async def test_after_an_action_that_breaks_rollback_no_screen_promises_one():
    port = ScriptedPort(broken={"app01", "web03"})
    async with app_on(port).run_test(size=SIZE) as pilot:
        await settle(pilot)
        text = seen(pilot.app)
        assert "no rollback on app01: Purge open-vm-tools was run there" in text
        assert "rollback: not app01, web03" in text.splitlines()[0]
        await to_step(pilot)
        assert "rollback: not app01, web03" in seen(pilot.app).splitlines()[0]


async def test_a_mark_after_the_move_is_set_by_typing_the_name_and_says_what_is_lost():
    port = ScriptedPort(arrived=True, status={("2.1", "app01"): "todo"}, lost=set())
    async with app_on(port).run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "app01 on kvm, no mark +" in seen(pilot.app).splitlines()[1]
        await to_step(pilot, "2.1")
        await pilot.press("s")
        await settle(pilot)
        text = seen(pilot.app)
        assert "app01 runs on kvm already: nothing was measured before the move." in text
        assert "all of it from before the move" not in text
        await pilot.press("y", "enter")
        await settle(pilot)
        assert port.told == []
        await type_in(pilot, "app01")
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert port.told == [("start", "2.1", "app01", "moved")]


async def test_a_mark_before_the_move_says_where_the_guest_is_seen():
    port = ScriptedPort(status={("2.1", "app01"): "todo"})
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot, "2.1")
        await pilot.press("s")
        await settle(pilot)
        assert "app01 is seen on kvm now." in seen(pilot.app)
        await pilot.press("y")
        await settle(pilot)
        assert port.told == [("start", "2.1", "app01")]


async def test_the_wide_overview_shows_a_guest_that_was_moved_without_a_mark():
    async with app_on(ScriptedPort(arrived=True)).run_test(size=(200, 50)) as pilot:
        await settle(pilot)
        assert seen(pilot.app).count("NO MARK") == 3


async def test_what_breaks_rollback_is_no_remedy_while_its_step_owes_another():
    owed = "3.1 Hand time to chronyd is not done on app01."
    port = ScriptedPort(owes=owed)
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        assert "→ a" not in seen(pilot.app)
        await pilot.press("d")
        await settle(pilot)
        text = seen(pilot.app)
        assert "Do 3.1 first." in text
        flat = " ".join(text.replace("│", " ").split())
        assert "Only after what this step owes: Remove the old agent." in flat
        assert "Purge open-vm-tools, and look again" not in text
        assert "a Purge open-vm-tools" not in text
        await pilot.press("a")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RefusalDialog)
        await pilot.press("b", "a")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm)
        assert f"NOT YET  {owed}" in seen(pilot.app)


async def hint_line(pilot):
    await settle(pilot)
    return str(pilot.app.screen.query_one("#dialog-hints").render())


@pytest.mark.parametrize("way", ["enter", "tab"])
async def test_the_typed_confirmation_does_what_its_words_say(way):
    port = ScriptedPort()
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        await pilot.press("a")
        assert "enter cancel " in await hint_line(pilot)
        await type_in(pilot, "app")
        assert "enter is not allowed yet" in await hint_line(pilot)
        await type_in(pilot, "app01")
        assert "enter to Run" in await hint_line(pilot)
        await pilot.press(way)
        assert pilot.app.screen.focused.id == "yes"
        assert "enter run " in await hint_line(pilot)
        await pilot.press("enter")
        await pilot.app.workers.wait_for_complete()
        assert port.told == [("run", "3.2", "app01", "purge")]


async def test_without_a_word_to_type_no_stands_first():
    port = ScriptedPort(status={("2.1", "app01"): "todo"})
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot, "2.1")
        await pilot.press("s")
        assert "enter cancel " in await hint_line(pilot)
        await pilot.press("tab")
        assert "enter set mark " in await hint_line(pilot)


async def test_a_value_comes_first_with_its_bound_whole_and_the_sentence_wraps_below():
    async with app_on(ScriptedPort(domain_wrong=True)).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        lines = seen(pilot.app).splitlines()
        row = next(line for line in lines if "soaking" in line and "time.offset" in line)
        assert "+4 ms ± 2 ms, max 5 s" in row
        row = next(line for line in lines if "time.reference" in line)
        assert "+3.20 s ± 12 ms, max 1 s" in row
        assert not row.split("time.reference")[1].strip().endswith("before")
        pilot.app.screen.query_one(HostTable).move_to("time.reference@app01")
        await settle(pilot)
        flat = " ".join(seen(pilot.app).split())
        assert (
            "Tell those who run the domain. Or accept it with a problem ticket: it was there before" in flat
        )
        assert "was so before the mark" in flat


async def test_the_gate_of_a_step_nobody_began_says_what_would_be():
    port = ScriptedPort(status={("3.2", "app01"): "todo"}, soaked=True, removed=True)
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        text = seen(pilot.app)
        assert "· to do  s starts it   gate would be open" in text
        assert "GATE open" not in text
        port.removed = False
        pilot.app.look_now()
        await settle(pilot)
        assert "gate would be refused: 1 of 6 checks does not hold" in seen(pilot.app)


async def test_what_is_owed_is_not_counted_as_a_check():
    async with app_on(ScriptedPort(owes="3.1 is not done on app01.", soaked=True)).run_test(
        size=SIZE
    ) as pilot:
        await to_step(pilot)
        assert "GATE refused · 1 of 6 checks does not hold · 1 thing is owed" in seen(pilot.app)


async def test_a_step_without_checks_stands_on_a_persons_word_and_says_so():
    port = ScriptedPort(ungated={"3.2"}, status={("3.2", "app01"): "started"})
    async with app_on(port).run_test(size=(200, 50)) as pilot:
        await to_step(pilot)
        text = seen(pilot.app)
        assert "NO GATE: a person's word" in text
        assert "GATE open" not in text
        assert "state          check" not in text
        await pilot.press("d")
        await pilot.app.workers.wait_for_complete()
        await settle(pilot)
        text = seen(pilot.app)
        assert "✓ said 01:19:05Z" in text
        assert "DONE" not in text
        await pilot.press("o")
        await settle(pilot)
        row = next(line for line in seen(pilot.app).splitlines() if "Remove VMware Tools" in line)
        assert "✓ said" in row


def said_quietly(app):
    return [n.message for n in app._notifications]


async def test_the_accepting_key_says_why_nothing_may_be_accepted():
    port = ScriptedPort(objections=(("agent.swap", "app01", "agent.swap can never be acknowledged."),))
    async with app_on(port).run_test(size=SIZE) as pilot:
        await to_step(pilot)
        pilot.app.screen.query_one(HostTable).move_to("agent.swap@app01")
        await pilot.press("k")
        await settle(pilot)
        assert said_quietly(pilot.app)[-1] == "Not to be accepted: agent.swap can never be acknowledged."
        pilot.app.screen.query_one(HostTable).move_to("time.offset@app01")
        await pilot.press("k")
        await settle(pilot)
        assert "time.offset is unknown: only a measured fault" in said_quietly(pilot.app)[-1]
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("k")
        await settle(pilot)
        assert isinstance(pilot.app.screen, RefusalDialog)
        assert said_quietly(pilot.app)[-1] == "Not to be accepted: agent.swap can never be acknowledged."


async def test_a_hint_about_the_terminal_stands_on_the_overview_and_covers_no_key():
    hint = "tmux: set -g escape-time 10, window-size smallest, set-clipboard on"
    async with app_on(ScriptedPort(), hints=(hint,)).run_test(size=SIZE) as pilot:
        await settle(pilot)
        text = seen(pilot.app)
        assert hint in text
        assert "enter open h host c clock o overview n note ? help q quit" in text.splitlines()[-1]


async def test_a_terminal_too_small_says_what_it_hides_for_as_long_as_it_hides_it():
    port = ScriptedPort(lost=set(), status={("3.1", "web03"): "started"})
    async with app_on(port).run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        assert "60x15 hides guests" in seen(pilot.app).splitlines()[1]
        await to_step(pilot)
        assert "60x15 hides the rest: w" in seen(pilot.app).splitlines()[1]
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "hides" not in seen(pilot.app)
        await pilot.resize_terminal(60, 15)
        port.lost = {"app02"}
        pilot.app.look_now()
        await settle(pilot)
        assert "app02 LOST 00:41 +" in seen(pilot.app).splitlines()[1]
